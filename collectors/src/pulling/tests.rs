//! Pulling from fake registries: what each of them does is wrong in one way, or right in one way.

mod looking;
mod nesting;
mod resuming;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use exhibit_evidence::Digest;
use tempfile::TempDir;

use super::*;
use crate::packages::image::making::{Form, Layer, Packed, Recipe};
use crate::packages::image::{self, Image};
use crate::remote::NoWaiting;
use crate::remote::fake::{Asked, FakeServer, Reply};

const OCI: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const STATUS: &str = "Package: zlib1g\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:1.2.13\n\n";
/// What may stand nowhere.
const PASSWORD: &str = "canary-4711";

/// An image as a registry keeps it.
#[derive(Clone)]
struct Kept {
    image: Image,
    manifest: String,
    /// Manifest, configuration and layers by digest.
    blobs: BTreeMap<String, Vec<u8>>,
    /// The layers' digests.
    layers: Vec<String>,
}

impl Kept {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let layer = |path: &str, text: &str, packed| Layer {
            files: BTreeMap::from([(path.to_owned(), text.to_owned())]),
            packed,
            ..Layer::default()
        };
        let layers = vec![
            layer("etc/os-release", "ID=debian\nVERSION_ID=12\n", Packed::Gzip),
            layer("var/lib/dpkg/status", STATUS, Packed::Plain),
        ];
        let recipe = Recipe { form: Form::Layout, layers, damage: None };
        recipe.make(folder.path(), &folder.path().join("image")).expect("made");
        let image = image::open(&folder.path().join("image"), None).expect("an image").image;
        let blobs = fs::read_dir(folder.path().join("image/blobs/sha256")).expect("blobs").map(|entry| {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (format!("sha256:{name}"), fs::read(path).expect("readable"))
        });
        let blobs: BTreeMap<_, _> = blobs.collect();
        let manifest = image.manifest.clone().expect("a layout has one");
        let read: serde_json::Value = serde_json::from_slice(&blobs[&manifest]).expect("JSON");
        let layers = read["layers"].as_array().expect("layers").iter();
        let layers = layers.map(|layer| layer["digest"].as_str().expect("a digest").to_owned()).collect();
        Self { image, manifest, blobs, layers }
    }

    /// An index with this image for linux/amd64.
    fn index(&self) -> Vec<u8> {
        let size = self.blobs[&self.manifest].len();
        serde_json::json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [
            {"mediaType": OCI, "digest": self.manifest, "size": size, "platform": {"os": "linux", "architecture": "amd64"}},
            {"mediaType": OCI, "digest": format!("sha256:{}", "0".repeat(64)), "size": 1,
             "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}},
        ]})
        .to_string()
        .into_bytes()
    }

    /// What a registry that does everything right answers.
    fn answer(&self, asked: &Asked) -> Reply {
        let path = asked.target.strip_prefix("/v2/shop/web/").unwrap_or_default();
        let typed =
            |media_type: &str, bytes: Vec<u8>| Reply::Answer(200, vec![("Content-Type", media_type.to_owned())], bytes);
        match path.split_once('/') {
            Some(("manifests", "1.4")) => typed(OCI, self.blobs[&self.manifest].clone()),
            Some(("manifests", "many")) => typed(INDEX, self.index()),
            Some(("manifests", digest)) if digest == Digest::of(&self.index()).to_string() => {
                typed(INDEX, self.index())
            }
            Some(("manifests", digest)) if self.blobs.contains_key(digest) => typed(OCI, self.blobs[digest].clone()),
            Some(("blobs", digest)) if self.blobs.contains_key(digest) => Reply::ok(self.blobs[digest].clone()),
            _ => said(404, "NAME_UNKNOWN"),
        }
    }
}

/// An error as registries write it.
fn said(status: u16, code: &str) -> Reply {
    let body = format!(r#"{{"errors":[{{"code":"{code}","message":"{PASSWORD}","detail":null}}]}}"#);
    Reply::Answer(status, vec![("Content-Type", "application/json".to_owned())], body.into_bytes())
}

/// A registry that answers as it is told to where that says something, and else as it should.
struct FakeRegistry(FakeServer);

impl FakeRegistry {
    fn new(kept: &Kept, instead: impl Fn(&Asked, usize) -> Option<Reply> + Send + Sync + 'static) -> Self {
        let kept = kept.clone();
        Self(FakeServer::plain(move |asked, before| instead(asked, before).unwrap_or_else(|| kept.answer(asked))))
    }

    fn host(&self) -> &str {
        self.0.url.split_once("//").expect("a URL").1
    }

    fn paths(&self) -> Vec<String> {
        self.0.asked().into_iter().map(|asked| asked.target).collect()
    }

    /// Pulls `shop/web` and what follows, with further settings of the registry.
    fn pull(&self, rest: &str, platform: Option<&str>, further: &str) -> Result<Pulled, String> {
        let work = TempDir::new().expect("a folder");
        let pulled = pull_from(self.host(), rest, platform, &format!("plain_http = true\n{further}"), work.path());
        let left = fs::read_dir(work.path()).expect("a folder").count();
        assert_eq!(left, usize::from(pulled.is_ok()), "a folder is left, or taken away too early");
        pulled.map(|pulled| {
            // What a test looks at outlives the folder that it is in.
            let kept = Scratch::new(For::Image).expect("a folder");
            let layout = kept.folder("image").expect("made");
            copy(pulled.layout(), &layout);
            Pulled { _folder: kept, layout, facts: pulled.facts.clone() }
        })
    }
}

impl FakeRegistry {
    /// Pulls with a limit that settings can't have.
    fn pull_whatever_size(&self, rest: &str) -> Result<Pulled, String> {
        let work = TempDir::new().expect("a folder");
        let all = format!("host = '{}'\nplain_http = true\nmost_mib = {}", self.host(), i64::MAX);
        let registry: Registry = toml::from_str(&all).expect("settings");
        let manner = Manner {
            pace: Arc::new(NoWaiting::default()),
            patience: Patience::default(),
            within: Some(work.path().to_owned()),
        };
        let reference = format!("{}/shop/web{rest}", self.host());
        let at = "2026-11-20T12:00:00.000000Z".parse().expect("an instant");
        let pull = Pull::of(Some(&reference), None, std::slice::from_ref(&registry), at).expect("named");
        pull.pull_by(work.path(), manner).map_err(|error| error.to_string())
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let to = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            fs::create_dir(&to).expect("made");
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).expect("copied");
        }
    }
}

/// Pulls, and holds whatever is told against the password.
fn pull_from(host: &str, rest: &str, platform: Option<&str>, further: &str, work: &Path) -> Result<Pulled, String> {
    let base = TempDir::new().expect("a folder");
    fs::write(base.path().join("password"), PASSWORD).expect("written");
    let registry: Registry = toml::from_str(&format!("host = '{host}'\n{further}")).expect("settings");
    assert_eq!(problems(std::slice::from_ref(&registry)), vec![]);
    let patience = Patience { tries: 3, ..Patience::default() };
    let manner = Manner { pace: Arc::new(NoWaiting::default()), patience, within: Some(work.to_owned()) };
    let reference = format!("{host}/shop/web{rest}");
    let at = "2026-11-20T12:00:00.000000Z".parse().expect("an instant");
    let pull = Pull::of(Some(&reference), platform, std::slice::from_ref(&registry), at).expect("named");
    let pulled = pull.pull_by(base.path(), manner);
    if let Err(error) = &pulled {
        assert!(!format!("{error} {error:?}").contains("4711"), "{error:?}");
    }
    pulled.map_err(|error| error.to_string())
}

const LOGIN: &str = "username = 'ci'\npassword = 'file:password'";

#[test]
fn an_image_comes_whole_and_is_the_one_that_the_registry_has() {
    let kept = Kept::new();
    let registry = FakeRegistry::new(&kept, |_, _| None);
    let index = Digest::of(&kept.index()).to_string();
    for (rest, platform, led_to, taken) in [
        (":1.4".to_owned(), None, &kept.manifest, None),
        (":1.4".to_owned(), Some("linux/amd64"), &kept.manifest, None),
        (format!("@{}", kept.manifest), None, &kept.manifest, None),
        (format!(":moved@{}", kept.manifest), None, &kept.manifest, None),
        (":many".to_owned(), None, &index, Some("linux/amd64")),
        (format!("@{index}"), Some("linux/amd64"), &index, Some("linux/amd64")),
    ] {
        let pulled = registry.pull(&rest, platform, "").unwrap_or_else(|why| panic!("{rest}: {why}"));
        let facts = &pulled.facts;
        assert_eq!(
            (&facts.digest, &facts.manifest, facts.platform.as_deref()),
            (led_to, &kept.manifest, taken),
            "{rest}"
        );
        assert_eq!(
            (facts.pinned, facts.signed_in, facts.registry.as_str()),
            (rest.contains('@'), false, registry.host())
        );
        assert_eq!(facts.reference, format!("{}/shop/web{rest}", registry.host()));
        let opened = image::open(pulled.layout(), None).expect("an image");
        assert_eq!(opened.image, Image { names: vec![facts.reference.clone()], ..kept.image.clone() });
        let contents = opened.contents(&globset::GlobSet::empty()).expect("its layers are whole");
        assert_eq!(contents.databases.len(), 1);
        let all: usize = kept.blobs.iter().filter(|(digest, _)| **digest != kept.manifest).map(|one| one.1.len()).sum();
        assert_eq!(facts.bytes, all as u64);
    }
}

#[test]
fn what_a_registry_answers_instead_is_told_in_clear_words() {
    type Instead = fn(&Asked) -> Option<Reply>;
    let cases: [(&str, Instead, &str); 14] = [
        (":none", |_| None, "has no shop/web:none (404): it is not there"),
        (
            ":1.4",
            |_| Some(said(403, "DENIED")),
            "refuses shop/web:1.4 (403): without a password, and the settings name none",
        ),
        (
            ":1.4",
            |_| Some(Reply::Answer(401, vec![("WWW-Authenticate", "Basic realm=x".to_owned())], vec![])),
            "refuses shop/web:1.4 (401): without a password",
        ),
        (":1.4", |_| Some(Reply::status(401)), "neither a token nor a password would do"),
        (
            ":1.4",
            |_| Some(Reply::Answer(429, vec![("Retry-After", "3600".to_owned())], vec![])),
            "answered 429, and asks to wait 3600 s",
        ),
        (":1.4", |_| Some(said(503, "UNKNOWN")), "answered 503, UNKNOWN"),
        (
            ":1.4",
            |_| Some(Reply::Answer(200, vec![("Content-Type", "text/html".to_owned())], b"<html>".to_vec())),
            "a page of HTML",
        ),
        (":1.4", |_| Some(Reply::ok("{}")), "JSON that is no manifest"),
        (":1.4", |_| Some(Reply::ok(vec![b' '; 5 << 20])), "more than 4194304 bytes"),
        (":1.4", |_| Some(Reply::Close), "the connection broke"),
        (
            ":1.4",
            |_| Some(Reply::Answer(307, vec![("Location", "ftp://store.example/x".to_owned())], vec![])),
            "expected an `https://` URL",
        ),
        (":1.4", |_| Some(Reply::Answer(307, vec![], vec![])), "does not say where to"),
        (
            ":1.4",
            |asked| Some(Reply::Answer(307, vec![("Location", asked.target.clone())], vec![])),
            "more than three times",
        ),
        (
            ":1.4",
            |asked| asked.target.contains("/blobs/").then(|| said(404, "BLOB_UNKNOWN")),
            "has no the configuration",
        ),
    ];
    let kept = Kept::new();
    for (rest, instead, expected) in cases {
        let registry = FakeRegistry::new(&kept, move |asked, _| instead(asked));
        let why = registry.pull(rest, None, "").map(|_| "pulled").expect_err(expected);
        assert!(why.contains(expected), "{expected}: {why}");
    }
}

#[test]
fn what_is_not_what_its_digest_or_size_says_is_refused() {
    let kept = Kept::new();
    let last = kept.layers[1].clone();
    let layer = kept.blobs[&last].clone();
    let raw = |length: usize, bytes: &[u8]| {
        [format!("HTTP/1.1 200 x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n").as_bytes(), bytes].concat()
    };
    let changed = |change: fn(&mut Vec<u8>)| {
        let mut bytes = layer.clone();
        change(&mut bytes);
        let length = bytes.len();
        raw(length, &bytes)
    };
    let (whole, half) = (layer.len(), layer.len() / 2);
    for (reply, expected, times) in [
        (changed(|bytes| bytes[0] ^= 1), "layer 2 of 2 has the digest sha256:".to_owned(), 1),
        (changed(|bytes| bytes.truncate(100)), format!("layer 2 of 2 ended after 100 of {whole} bytes"), 3),
        (changed(|bytes| bytes.push(0)), format!("layer 2 of 2 has more than the {whole} bytes"), 1),
        (changed(|bytes| bytes.extend(vec![0; 200_000])), format!("layer 2 of 2 has more than the {whole} bytes"), 1),
        (raw(whole, &layer[..half]), format!("layer 2 of 2 ended after {half} of {whole} bytes"), 3),
    ] {
        let blob = last.clone();
        let registry =
            FakeRegistry::new(&kept, move |asked, _| asked.target.ends_with(&blob).then(|| Reply::Raw(reply.clone())));
        let why = registry.pull(":1.4", None, "").map(|_| "pulled").expect_err(&expected);
        assert!(why.contains(&expected), "{expected}: {why}");
        let tries = registry.paths().iter().filter(|path| path.ends_with(&last)).count();
        assert_eq!(tries, times, "{expected}");
    }

    // One that breaks off once comes whole the next time.
    let (blob, cut) = (last.clone(), raw(whole, &layer[..half]));
    let broke = std::sync::atomic::AtomicBool::new(false);
    let registry = FakeRegistry::new(&kept, move |asked, _| {
        let first = asked.target.ends_with(&blob) && !broke.swap(true, std::sync::atomic::Ordering::SeqCst);
        first.then(|| Reply::Raw(cut.clone()))
    });
    registry.pull(":1.4", None, "").expect("pulled");

    // A pinned digest, and the digest that the registry says itself, are what counts.
    let pinned = format!(":1.4@sha256:{}", "1".repeat(64));
    let other = kept.clone();
    let registry = FakeRegistry::new(&kept, move |asked, _| {
        let other = Reply::ok(other.blobs[&other.manifest].clone());
        asked.target.contains("/manifests/sha256:1111").then_some(other)
    });
    let why = registry.pull(&pinned, None, "").map(|_| "pulled").expect_err("another");
    assert!(why.contains(&format!("the manifest has the digest {}", kept.manifest)), "{why}");
    let own = kept.clone();
    let registry = FakeRegistry::new(&kept, move |_, _| {
        let told = vec![("Docker-Content-Digest", format!("sha256:{}", "2".repeat(64)))];
        Some(Reply::Answer(200, told, own.blobs[&own.manifest].clone()))
    });
    let why = registry.pull(":1.4", None, "").map(|_| "pulled").expect_err("another");
    assert!(why.contains("is named by sha256:2222"), "{why}");
}

#[test]
fn nothing_is_begun_that_is_too_large_or_for_another_platform() {
    let kept = Kept::new();
    let big = String::from_utf8(kept.blobs[&kept.manifest].clone()).expect("text");
    let size = kept.blobs[&kept.layers[1]].len();
    let big = big.replace(&format!("\"size\":{size}"), "\"size\":5368709120");
    let registry =
        FakeRegistry::new(&kept, move |asked, _| asked.target.ends_with("1.4").then(|| Reply::ok(big.clone())));
    let why = registry.pull(":1.4", None, "").map(|_| "pulled").expect_err("too large");
    assert!(why.contains("bytes, and at most 4294967296 are pulled: `most_mib`"), "{why}");
    assert_eq!(registry.paths(), ["/v2/shop/web/manifests/1.4"]);

    // As much as the settings allow, and more than any disk of this machine has room for.
    let big = String::from_utf8(kept.blobs[&kept.manifest].clone()).expect("text");
    let size_of_all = 1_u64 << 62;
    let parts = kept.blobs.iter().filter(|(digest, _)| ![&kept.manifest, &kept.layers[1]].contains(digest));
    let rest_of_it: u64 = parts.map(|(_, bytes)| bytes.len() as u64).sum();
    let big = big.replace(&format!("\"size\":{size}"), &format!("\"size\":{size_of_all}"));
    let registry =
        FakeRegistry::new(&kept, move |asked, _| asked.target.ends_with("1.4").then(|| Reply::ok(big.clone())));
    let why = registry.pull_whatever_size(":1.4").map(|_| "pulled").expect_err("too large");
    let free = why.split_once("has room for ").and_then(|(_, rest)| rest.split_once(':')).expect("the figure").0;
    assert!(why.contains(&format!("the image has {} bytes", size_of_all + rest_of_it)), "{why}");
    assert!(free.parse::<u64>().is_ok_and(|free| free > 0 && free < size_of_all), "{why}");
    assert_eq!(registry.paths(), ["/v2/shop/web/manifests/1.4"]);

    let registry = FakeRegistry::new(&kept, |_, _| None);
    for (rest, platform, expected) in [
        (":1.4", "linux/arm64", "the image is for linux/amd64, and linux/arm64 is wanted"),
        (":many", "windows/amd64", "no image for windows/amd64: there are linux/amd64, linux/arm64/v8"),
    ] {
        let why = registry.pull(rest, Some(platform), "").map(|_| "pulled").expect_err(expected);
        assert!(why.contains(expected), "{why}");
    }
    assert!(!registry.paths().iter().any(|path| path.ends_with(&kept.layers[0])));
}

#[test]
fn it_is_over_when_the_time_is() {
    struct Slow(NoWaiting);
    impl Pace for Slow {
        fn elapsed(&self) -> Duration {
            self.0.sleep(Duration::from_secs(20));
            self.0.elapsed()
        }
        fn sleep(&self, wait: Duration) {
            self.0.sleep(wait);
        }
    }
    let kept = Kept::new();
    let registry = FakeRegistry::new(&kept, |_, _| None);
    let settings: Registry =
        toml::from_str(&format!("host = '{}'\nplain_http = true\nminutes = 1", registry.host())).expect("settings");
    let reference = format!("{}/shop/web:1.4", registry.host());
    let manner = Manner { pace: Arc::new(Slow(NoWaiting::default())), patience: Patience::default(), within: None };
    let at = "2026-11-20T12:00:00.000000Z".parse().expect("an instant");
    let pull = Pull::of(Some(&reference), None, std::slice::from_ref(&settings), at).expect("named");
    let why = pull.pull_by(Path::new("/"), manner).map(|_| "pulled").expect_err("too slow");
    assert_eq!(why, PullError::TooLong(1));
}

/// What a registry does that wants a password for itself, or a token of somebody else.
fn guarded(kept: &Kept, realm: Option<String>) -> FakeRegistry {
    let challenge = realm.as_ref().map_or_else(
        || "Basic realm=\"registry\"".to_owned(),
        |realm| format!("Bearer realm=\"{realm}\",service=\"registry\",scope=\"repository:shop/web:pull\""),
    );
    let expected = if realm.is_some() { "Bearer tick-et".to_owned() } else { "Basic Y2k6Y2FuYXJ5LTQ3MTE=".to_owned() };
    FakeRegistry::new(kept, move |asked, _| {
        let known = asked.header("authorization") == Some(expected.as_str());
        (!known).then(|| Reply::Answer(401, vec![("WWW-Authenticate", challenge.clone())], b"{}".to_vec()))
    })
}

/// Gives tokens to who knows the password.
fn tokens(answer: &'static str) -> FakeServer {
    FakeServer::plain(move |asked, _| match asked.header("authorization") {
        Some("Basic Y2k6Y2FuYXJ5LTQ3MTE=") => Reply::ok(answer),
        _ => Reply::status(401),
    })
}

#[test]
fn a_password_goes_to_the_registry_or_to_who_gives_its_tokens_and_only_when_asked_for() {
    let kept = Kept::new();
    let registry = guarded(&kept, None);
    let pulled = registry.pull(":1.4", None, LOGIN).expect("pulled");
    assert!(pulled.facts.signed_in);
    assert_eq!(registry.0.asked()[0].header("authorization"), None);

    for answer in [r#"{"token":"tick-et","expires_in":60}"#, r#"{"access_token":"tick-et"}"#] {
        let giver = tokens(answer);
        let registry = guarded(&kept, Some(format!("{}/token?x=1", giver.url)));
        let pulled = registry.pull(":1.4", None, LOGIN).expect("pulled");
        assert!(pulled.facts.signed_in);
        let asked = giver.asked();
        assert_eq!(asked[0].target, "/token?x=1&service=registry&scope=repository%3Ashop%2Fweb%3Apull");
        assert_eq!(asked.len(), 1, "once for all");
        let basic = |asked: &Asked| asked.header("authorization").is_some_and(|value| value.starts_with("Basic"));
        assert!(!registry.0.asked().iter().any(basic), "the registry itself never gets it");
    }
}

#[test]
fn who_does_not_get_in_is_told_so() {
    let kept = Kept::new();
    for (answer, login, expected) in [
        (r#"{"token":"tick-et"}"#, "", "(401): without a password, and the settings name none for this registry"),
        (r#"{"token":"other"}"#, LOGIN, "(401): with the user and password that the settings name"),
        (r#"{"token":""}"#, LOGIN, "expected a token in JSON"),
        ("<html>", LOGIN, "expected a token in JSON"),
    ] {
        let giver = tokens(answer);
        let registry = guarded(&kept, Some(giver.url.clone()));
        let why = registry.pull(":1.4", None, login).map(|_| "pulled").expect_err(expected);
        assert!(why.contains(expected), "{why}");
    }
    let registry = guarded(&kept, None);
    let wrong = "username = 'other'\npassword = 'file:password'";
    let why = registry.pull(":1.4", None, wrong).map(|_| "pulled").expect_err("wrong");
    assert!(why.contains("(401): with the user and password"), "{why}");
    let none = "username = 'ci'\npassword = 'file:none'";
    let why = registry.pull(":1.4", None, none).map(|_| "pulled").expect_err("no file");
    assert!(why.contains("the file none is not there"), "{why}");
    let relative = guarded(&kept, Some("/token".to_owned()));
    let why = relative.pull(":1.4", None, LOGIN).map(|_| "pulled").expect_err("no URL");
    assert!(why.contains("not given out at an `https://` URL"), "{why}");
}

#[test]
fn elsewhere_a_blob_is_had_without_a_password() {
    let kept = Kept::new();
    let own = kept.clone();
    let store = FakeServer::plain(move |asked, _| {
        let digest = asked.target.rsplit('/').next().unwrap_or_default();
        own.blobs.get(digest).map_or_else(|| Reply::status(404), |bytes| Reply::ok(bytes.clone()))
    });
    let url = store.url.clone();
    let registry = FakeRegistry::new(&kept, move |asked, _| match asked.header("authorization") {
        None => Some(Reply::Answer(401, vec![("WWW-Authenticate", "Basic realm=x".to_owned())], vec![])),
        Some(_) if asked.target.contains("/blobs/") => {
            let digest = asked.target.rsplit('/').next().unwrap_or_default();
            let page = vec![b'x'; 2000];
            Some(Reply::Answer(307, vec![("Location", format!("{url}/store/{digest}"))], page))
        }
        Some(_) => None,
    });
    registry.pull(":1.4", None, LOGIN).expect("pulled");
    let asked = store.asked();
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|asked| asked.header("authorization").is_none()));
    assert!(registry.0.asked().iter().skip(1).all(|asked| asked.header("authorization").is_some()));

    // A store that wants to know who asks gets nothing; one that has lost it says so.
    for (status, expected) in [(401, "asks who is asking"), (404, "a blob at"), (403, "a blob at")] {
        let store = FakeServer::plain(move |_, _| {
            Reply::Answer(status, vec![("WWW-Authenticate", "Basic realm=x".to_owned())], vec![])
        });
        let url = store.url.clone();
        let registry = FakeRegistry::new(&kept, move |asked, _| {
            let blob = asked.target.contains("/blobs/");
            blob.then(|| Reply::Answer(302, vec![("Location", format!("{url}/x"))], vec![]))
        });
        let why = registry.pull(":1.4", None, LOGIN).map(|_| "pulled").expect_err(expected);
        assert!(why.contains(expected), "{why}");
        assert!(store.asked().iter().all(|asked| asked.header("authorization").is_none()));
    }
}

#[test]
fn over_tls_nothing_leads_to_what_is_not() {
    let kept = Kept::new();
    let plain = FakeServer::plain(|_, _| Reply::ok(r#"{"token":"x"}"#));
    let to = plain.url.clone();
    let own = kept.clone();
    let challenge = format!("Bearer realm=\"{to}/token\"");
    for (instead, expected) in
        [("redirect", "expected an `https://` URL"), ("challenge", "not given out at an `https://`"), ("", "")]
    {
        let (own, to, challenge) = (own.clone(), to.clone(), challenge.clone());
        let server = FakeServer::tls(move |asked, _| match instead {
            "redirect" => Reply::Answer(302, vec![("Location", format!("{to}/x"))], vec![]),
            "challenge" => Reply::Answer(401, vec![("WWW-Authenticate", challenge.clone())], vec![]),
            _ => own.answer(asked),
        });
        let host = server.url.split_once("//").expect("a URL").1.to_owned();
        let work = TempDir::new().expect("a folder");
        fs::write(work.path().join("ca.pem"), server.authority.as_ref().expect("TLS")).expect("written");
        let authorities = format!("authorities = '{}'\n{LOGIN}", work.path().join("ca.pem").display());
        match (instead, pull_from(&host, ":1.4", None, &authorities, work.path()).map(|_| ())) {
            ("", pulled) => assert_eq!(pulled, Ok(())),
            (_, pulled) => assert!(pulled.as_ref().is_err_and(|why| why.contains(expected)), "{pulled:?}"),
        }
        // Without the authority nothing is believed.
        let why = pull_from(&host, ":1.4", None, LOGIN, work.path()).map(|_| "pulled").expect_err("not trusted");
        assert!(why.contains("not one that is trusted here"), "{why}");
    }
    assert_eq!(plain.asked().len(), 0, "neither password nor question went out readable");
}
