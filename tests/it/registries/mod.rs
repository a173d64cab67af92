//! Registries of images: the Distribution project's own, as Debian packages it, open, behind passwords, and behind tokens that
//! it verifies; and what is pushed to it.

mod road;
mod tokens;

use std::{
    fs,
    io::Write as _,
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use exhibit_collectors::remote::{Client, HeaderName, HeaderValue, Limits, Method, Patience, RealPace, Request, Url};
use serde_json::{Value, json};
use sha2::Digest as _;
use tempfile::TempDir;

use crate::{
    certificates::certificates,
    debian::Program,
    logins::free_port,
    scanners::image::{FLAWED, Image, hex, with_file},
};
pub(crate) use road::{Road, Trouble};
pub(crate) use tokens::Tokens;

const REGISTRY: Program = Program { package: "docker-registry", path: "usr/bin/docker-registry" };

/// Who may pull, besides whom the tests let in.
pub(crate) const USER: &str = "ci";
/// With what.
pub(crate) const PASSWORD: &str = "canary-registry-4711";
/// What the registry keeps of it (bcrypt).
const KEPT: &str = "ci:$2b$05$abcdefghijklmnopqrstuuGBIfqmHo0GUM.JNNzAGSWTZA6btKTQ2\n";

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Whom a registry lets in.
pub(crate) enum Guard<'t> {
    /// Anybody.
    Nobody,
    /// [`USER`] with [`PASSWORD`], over TLS.
    Passwords,
    /// Who has a token.
    Tokens(&'t Tokens),
}

/// A registry that runs; gone when dropped.
pub(crate) struct Registry {
    /// Host and port.
    pub(crate) host: String,
    /// The certificate of the authority that its own is from, PEM, where it speaks TLS.
    pub(crate) authority: PathBuf,
    folder: TempDir,
    process: Child,
}

impl Registry {
    /// Starts one. What is pushed to it is kept in a folder of its own.
    pub(crate) fn start(guard: &Guard<'_>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (port, process) = run(folder.path(), guard);
        let authority = folder.path().join("authority.pem");
        Self { host: format!("127.0.0.1:{port}"), authority, folder, process }
    }

    /// Pushes an image and tags it: the digest of its manifest. It comes in by a door that asks nobody, to the same storage.
    pub(crate) fn push(&self, repository: &str, tag: &str, image: &Image) -> String {
        self.by_the_back_door(|door| door.image(repository, tag, image))
    }

    /// Pushes an image of this platform within an index of several, and tags that: the digests of the index and of the image.
    pub(crate) fn push_index(&self, repository: &str, tag: &str, image: &Image) -> (String, String) {
        self.by_the_back_door(|door| {
            let own = door.image(repository, "own", image);
            // A registry takes an index only when it has everything in it.
            let config = String::from_utf8(image.config.clone()).expect("text").replace("amd64", "arm64");
            let other = Image { config: config.into_bytes(), layer: image.layer.clone() };
            let other = door.image(repository, "other", &other);
            let entry = |(digest, size): &(String, usize), architecture| {
                json!({"mediaType": MANIFEST, "digest": digest, "size": size, "platform": {"os": "linux", "architecture": architecture}})
            };
            let both = [door.sized(repository, &other), door.sized(repository, &own)];
            let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry(&both[0], "arm64"), entry(&both[1], "amd64")]});
            (door.manifest(repository, tag, INDEX, &index), own)
        })
    }

    /// Writes something else over a blob that it has.
    pub(crate) fn change_blob(&self, bytes: &[u8]) {
        let hex = hex(bytes);
        let path = format!("storage/docker/registry/v2/blobs/sha256/{}/{hex}/data", &hex[..2]);
        let path = self.folder.path().join(path);
        let mut changed = fs::read(&path).expect("it has the blob");
        changed[20] ^= 1;
        fs::write(&path, changed).expect("written");
    }

    fn by_the_back_door<T>(&self, push: impl FnOnce(&Door) -> T) -> T {
        let (port, process) = run(self.folder.path(), &Guard::Nobody);
        let limits = Limits { patience: Patience { tries: 1, ..Patience::default() }, ..Limits::default() };
        let client = Client::new(limits, std::sync::Arc::new(RealPace::new()), 7).expect("a client");
        let door = Door { client, address: format!("http://127.0.0.1:{port}"), process };
        push(&door)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An image with a flaw, and so many bytes that can't be packed.
pub(crate) fn large(bytes: usize) -> Image {
    let blocks = (0_u64..).flat_map(|number| sha2::Sha256::digest(number.to_le_bytes()));
    with_file(FLAWED, &blocks.take(bytes).collect::<Vec<u8>>())
}

/// The packed form of an image's layer, as it is pushed.
pub(crate) fn packed(image: &Image) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&image.layer).expect("in memory");
    packed.finish().expect("in memory")
}

/// A registry that asks nobody who he is.
struct Door {
    client: Client,
    address: String,
    process: Child,
}

impl Drop for Door {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Door {
    fn url(&self, path: &str) -> Url {
        self.client.url(&format!("{}/v2/{path}", self.address)).expect("a URL")
    }

    fn blob(&self, repository: &str, bytes: &[u8]) -> Value {
        let begin = Request::new("pushing", Method::POST, self.url(&format!("{repository}/blobs/uploads/")));
        let begun = self.client.fetch(&begin).expect("it takes blobs");
        let place = begun.headers["location"].to_str().expect("text");
        let mut url = Url::parse(place).unwrap_or_else(|_| self.url(place.trim_start_matches("/v2/")));
        let digest = format!("sha256:{}", hex(bytes));
        url.query_pairs_mut().append_pair("digest", &digest);
        let put = Request::new("pushing", Method::PUT, url).body("application/octet-stream", bytes.to_vec().into());
        self.client.fetch(&put).expect("it takes the blob");
        json!({"digest": digest, "size": bytes.len()})
    }

    fn image(&self, repository: &str, tag: &str, image: &Image) -> String {
        let mut config = self.blob(repository, &image.config);
        config["mediaType"] = "application/vnd.oci.image.config.v1+json".into();
        let mut layer = self.blob(repository, &packed(image));
        layer["mediaType"] = "application/vnd.oci.image.layer.v1.tar+gzip".into();
        let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]});
        self.manifest(repository, tag, MANIFEST, &manifest)
    }

    fn manifest(&self, repository: &str, tag: &str, media_type: &'static str, manifest: &Value) -> String {
        let bytes = manifest.to_string().into_bytes();
        let digest = format!("sha256:{}", hex(&bytes));
        let put = Request::new("pushing", Method::PUT, self.url(&format!("{repository}/manifests/{tag}")));
        self.client.fetch(&put.body(media_type, bytes.into())).expect("it takes the manifest");
        digest
    }

    /// A manifest that is there, with its size.
    fn sized(&self, repository: &str, digest: &str) -> (String, usize) {
        let (accept, accepted) = (HeaderName::from_static("accept"), HeaderValue::from_static(MANIFEST));
        let get =
            Request::get("reading", self.url(&format!("{repository}/manifests/{digest}"))).header(accept, accepted);
        (digest.to_owned(), self.client.fetch(&get).expect("it is there").body.len())
    }
}

/// Starts one over the storage in this folder, and waits until it listens.
fn run(folder: &Path, guard: &Guard<'_>) -> (u16, Child) {
    let port = free_port();
    let mut config = json!({
        "version": "0.1",
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": folder.join("storage")}},
        "http": {"addr": format!("127.0.0.1:{port}")},
    });
    match guard {
        Guard::Nobody => {}
        Guard::Passwords => {
            let (authority, own, key) = certificates();
            for (name, text) in
                [("authority.pem", authority.as_str()), ("own.pem", &own), ("key.pem", &key), ("passwords", KEPT)]
            {
                fs::write(folder.join(name), text).expect("written");
            }
            config["http"]["tls"] = json!({"certificate": folder.join("own.pem"), "key": folder.join("key.pem")});
            config["auth"] = json!({"htpasswd": {"realm": "tests", "path": folder.join("passwords")}});
        }
        Guard::Tokens(tokens) => {
            fs::write(folder.join("tokens.pem"), &tokens.certificate).expect("written");
            config["auth"] = json!({"token": {
                "realm": format!("{}/token", tokens.address), "service": tokens::SERVICE, "issuer": tokens::ISSUER,
                "rootcertbundle": folder.join("tokens.pem"),
            }});
        }
    }
    // JSON is YAML.
    let file = folder.join(format!("registry-{port}.yml"));
    fs::write(&file, config.to_string()).expect("written");
    let said = fs::File::create(folder.join(format!("registry-{port}.log"))).expect("a log");
    let mut process = Command::new(REGISTRY.find())
        .arg("serve")
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(said)
        .spawn()
        .expect("the registry starts");
    let deadline = Instant::now() + Duration::from_secs(60);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        let said = || fs::read_to_string(folder.join(format!("registry-{port}.log"))).unwrap_or_default();
        assert!(process.try_wait().expect("known").is_none(), "the registry ended by itself: {}", said());
        assert!(Instant::now() < deadline, "the registry gets ready");
        std::thread::sleep(Duration::from_millis(50));
    }
    (port, process)
}
