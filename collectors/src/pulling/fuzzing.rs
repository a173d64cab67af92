//! What registries answer, from any bytes; opened to `fuzz/` alone.

use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tempfile::TempDir;

use super::manifest::{self, Document, Platform};
use super::name::{Name, is_digest};
use super::{Manner, Pull, PullError, Registry, challenge, standing};
use crate::packages::image;
use crate::remote::fake::{Asked, FakeServer, Reply};
use crate::remote::{Patience, RealPace};

/// What no error may repeat.
const PASSWORD: &str = "canary-4711";

/// What is answered, one after another: status, headers, and a body.
type Answers = Vec<(u16, Vec<(&'static str, String)>, Vec<u8>)>;

struct Stage {
    server: FakeServer,
    answers: Arc<Mutex<Answers>>,
    folder: TempDir,
}

static STAGE: LazyLock<Mutex<Stage>> = LazyLock::new(|| {
    let answers = Arc::<Mutex<Answers>>::default();
    let told = Arc::clone(&answers);
    let server = FakeServer::plain(move |_: &Asked, _| {
        let mut left = told.lock().unwrap_or_else(PoisonError::into_inner);
        if left.is_empty() {
            return Reply::status(404);
        }
        let (status, headers, body) = left.remove(0);
        Reply::Answer(status, headers, body)
    });
    let folder = TempDir::new().expect("a folder");
    std::fs::write(folder.path().join("password"), PASSWORD).expect("written");
    Mutex::new(Stage { server, answers, folder })
});

/// The first byte says what the others are: a reference; a header that asks who is asking; a manifest or an index, behind a
/// line with its media type; or the answers of a registry to one pull or one look, NUL between them, each behind a line with
/// status, media type, and what else is to be said (a challenge of 401, a place of 307, the range of 206, a digest of 200). Reading ends, what comes of it is in order,
/// and no error repeats the password or what a terminal would obey.
///
/// # Panics
/// When that does not hold.
pub fn registry(bytes: &[u8]) {
    let Some((what, rest)) = bytes.split_first() else { return };
    let text = String::from_utf8_lossy(rest);
    match what % 5 {
        0 => named(&text),
        1 => drop(challenge::read(&text)),
        2 => {
            let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            let media_type = String::from_utf8_lossy(&rest[..end]);
            document(rest.get(end + 1..).unwrap_or_default(), &media_type);
        }
        3 => pulled(rest),
        _ => looked(rest),
    }
}

fn named(text: &str) {
    let Ok(name) = Name::read(text) else { return };
    let digest = name.digest.as_ref().map(|digest| format!("@{digest}")).unwrap_or_default();
    let again = format!("{}/{}:{}{digest}", name.host, name.repository, name.tag);
    assert_eq!(Name::read(&again), Ok(name), "{again}");
}

fn document(bytes: &[u8], media_type: &str) {
    match manifest::read(bytes, Some(media_type)) {
        Ok(Document::Image(manifest)) => {
            let blobs = manifest.blobs();
            assert!(blobs.iter().all(|blob| is_digest(&blob.digest)));
            let most = manifest.bytes();
            assert!(manifest.admit(most).is_ok() && (most == 0 || manifest.admit(most - 1).is_err()));
        }
        Ok(Document::Index(index)) => match manifest::choose(&index, &Platform::usual()) {
            Ok((one, _)) => assert!(is_digest(&one.digest)),
            Err(error) => shows_nothing(&error),
        },
        Err(error) => shows_nothing(&error),
    }
}

/// The stage, with these answers.
fn staged(bytes: &[u8]) -> MutexGuard<'static, Stage> {
    let stage = STAGE.lock().unwrap_or_else(PoisonError::into_inner);
    let answers = bytes.split(|byte| *byte == 0).take(16).map(answer).collect();
    *stage.answers.lock().unwrap_or_else(PoisonError::into_inner) = answers;
    stage
}

fn looked(bytes: &[u8]) {
    let stage = staged(bytes);
    let host = stage.server.url.rsplit('/').next().unwrap_or_default();
    let source = format!(
        "[[targets]]\npull = '{host}/shop/web:1.4'\n[[registries]]\nhost = '{host}'\nplain_http = true\nusername = 'ci'\n\
         password = 'file:password'"
    );
    for named in standing::all_in(&toml::from_str(&source).expect("settings in order")) {
        match standing::standing(&named, stage.folder.path()) {
            Ok(found) => assert!(is_digest(&found.digest)),
            Err(error) => shows_nothing(&error),
        }
    }
}

fn pulled(bytes: &[u8]) {
    let stage = staged(bytes);
    let host = stage.server.url.rsplit('/').next().unwrap_or_default();
    let settings =
        format!("host = '{host}'\nplain_http = true\nusername = 'ci'\npassword = 'file:password'\nmost_mib = 1");
    let registry: Registry = toml::from_str(&settings).expect("settings in order");
    let reference = format!("{host}/shop/web:1.4");
    let at = "2026-11-20T12:00:00.000000Z".parse().expect("an instant in the one form");
    let pull = Pull::of(Some(&reference), None, std::slice::from_ref(&registry), at).expect("it is named");
    let patience = Patience { tries: 1, open_after: u32::MAX, open_for: Duration::ZERO, ..Patience::default() };
    let within = TempDir::new_in(stage.folder.path()).expect("a folder");
    let manner = Manner { pace: Arc::new(RealPace::new()), patience, within: Some(within.path().to_owned()) };
    match pull.pull_by(stage.folder.path(), manner) {
        // What was pulled is what it is called by, whether or not it is an image that can be read.
        Ok(pulled) => assert!(is_whole(pulled.layout(), &pulled.facts.manifest)),
        Err(error) => shows_nothing(&error),
    }
    assert_eq!(std::fs::read_dir(within.path()).expect("a folder").count(), 0, "nothing is left");
}

/// Whether an image of this digest lies there, or one that only can't be read as one.
fn is_whole(layout: &Path, manifest: &str) -> bool {
    match image::open(layout, None) {
        Ok(opened) => opened.image.manifest.as_deref() == Some(manifest),
        Err(error) => !matches!(error, image::ImageError::Other { .. }),
    }
}

/// `STATUS MEDIA-TYPE MORE`, and the body below.
fn answer(bytes: &[u8]) -> (u16, Vec<(&'static str, String)>, Vec<u8>) {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let line: String = String::from_utf8_lossy(&bytes[..end]).chars().filter(|letter| !letter.is_control()).collect();
    let mut words = line.splitn(3, ' ');
    let status = words.next().and_then(|word| word.parse().ok()).filter(|status| (200..600).contains(status));
    let status = status.unwrap_or(200);
    let mut headers = vec![("Content-Type", words.next().unwrap_or_default().to_owned())];
    match (status, words.next()) {
        (200, Some(more)) if is_digest(more) => headers.push(("Docker-Content-Digest", more.to_owned())),
        (206, Some(more)) => headers.push(("Content-Range", more.to_owned())),
        (401, Some(more)) => headers.push(("WWW-Authenticate", more.to_owned())),
        // Nobody is asked but the stage itself.
        (300..=399, Some(more)) if more.starts_with("/v2/") => headers.push(("Location", more.to_owned())),
        _ => {}
    }
    (status, headers, bytes.get(end + 1..).unwrap_or_default().to_vec())
}

fn shows_nothing(error: &PullError) {
    let told = error.to_string();
    assert!(!told.contains("4711") && !told.chars().any(char::is_control), "{told:?}");
}
