//! Inner readers, opened to `fuzz/` and to nothing else: what servers and programs answer, from any bytes.

use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use exhibit_evidence::{Clock, Timestamp};
use tempfile::TempDir;

use crate::remote::RealPace;
use crate::remote::fake::{Asked, FakeServer, Reply};
use crate::sources::logs::cloudwatch::{CloudWatch, CloudWatchSettings};
use crate::sources::logs::loki::{Loki, LokiSettings};
use crate::sources::logs::paged::Bounds;
use crate::sources::logs::{LogSource, Sink, s3};
use crate::sources::{Root, Source, Surroundings, settings};

pub use crate::key_custody::fuzzing::restic;
pub use crate::packages::image::fuzzing::images;
pub use crate::pulling::fuzzing::registry;
pub use crate::references::fuzzing::references;
pub use crate::remote::aws::fuzzing::aws_keys;
pub use crate::scanners::fuzzing::{adapters, scanner_answers};
pub use crate::sources::command::fuzzing::command;
pub use crate::vulnerable::fuzzing::{exploited, statements};

/// What no error may repeat; seeds hold it wherever a value stands.
pub(crate) const CANARY: &str = "canary";

/// How sources are configured that ask a server, with `URL` in place of its address.
const SOURCES: [&str; 5] = [
    "vault={address='URL',token='file:one',at_once=2}",
    "vault={address='URL',kv=1,mount='kv',path='app',approle={role_id='r',secret_id='file:one'},at_once=2}",
    "infisical={address='URL',project='p',slug='prod',client_id='file:one',client_secret='file:one'}",
    "secrets_manager={region='eu-central-1',under='app/',endpoint='URL',keys={access_key_id='file:one',secret_access_key='file:one'}}",
    "parameter_store={region='eu-central-1',endpoint='URL',keys={access_key_id='file:one',secret_access_key='file:one'}}",
];

const ACCESS: &str =
    "region='eu-central-1',endpoint='URL',keys={access_key_id='file:one',secret_access_key='file:one'}";

/// Holds what is told to what may be told: no value, nothing that a terminal would obey, and no more than a page.
///
/// # Panics
/// When it is something else.
pub(crate) fn hold(told: &str) {
    assert!(!told.is_empty() && !told.contains(CANARY), "{told:?}");
    assert!(!told.contains(exhibit_evidence::letters::steers) && told.len() < 20_000, "{told:?}");
}

struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        "2026-11-20T12:00:00.000000Z".parse().expect("an instant in the one form")
    }
}

/// What is answered, by a part of what is asked.
type Answers = Vec<(String, Vec<u8>)>;

/// A server on this machine, and a folder with a file whose content serves as every secret.
struct Stage {
    server: FakeServer,
    answers: Arc<Mutex<Answers>>,
    folder: TempDir,
}

static STAGE: LazyLock<Mutex<Stage>> = LazyLock::new(|| {
    let answers = Arc::<Mutex<Answers>>::default();
    let told = Arc::clone(&answers);
    let server = FakeServer::plain(move |asked, _| answer(asked, &told.lock().unwrap_or_else(PoisonError::into_inner)));
    let folder = TempDir::new().expect("a folder");
    std::fs::write(folder.path().join("one"), "one").expect("written");
    Mutex::new(Stage { server, answers, folder })
});

/// The same path and action get the same answer, whatever the query; who has none gets 403, which nobody asks again.
fn answer(asked: &Asked, answers: &Answers) -> Reply {
    let path = asked.target.split('?').next().unwrap_or_default();
    let question = format!("{} {path} {}", asked.method, asked.header("x-amz-target").unwrap_or_default());
    let found = answers.iter().find(|(part, _)| question.contains(part));
    found.map_or_else(|| Reply::status(403), |(_, body)| Reply::ok(body.clone()))
}

/// What servers answer. The first byte says who asks; then come answers, NUL between them: a line with a part of the question, and
/// the body. What can be read and counted gives the same number, reading ends, and no error repeats a value.
///
/// # Panics
/// When that does not hold.
pub fn answers(bytes: &[u8]) {
    let Some((who, rest)) = bytes.split_first() else { return };
    let stage = STAGE.lock().unwrap_or_else(PoisonError::into_inner);
    let parts = rest.split(|byte| *byte == 0).map(|part| {
        let end = part.iter().position(|byte| *byte == b'\n').unwrap_or(part.len());
        let body = part.get(end + 1..).unwrap_or_default().to_vec();
        (String::from_utf8_lossy(&part[..end]).into_owned(), body)
    });
    *stage.answers.lock().unwrap_or_else(PoisonError::into_inner) = parts.collect();
    let base = stage.folder.path();
    let url = |text: &str| text.replace("URL", &stage.server.url);
    match usize::from(*who) % (SOURCES.len() + 3) {
        5 => listing(base, &url(&format!("{{{ACCESS}}}"))),
        6 => entries(&loki(base, &url("url='URL'\nquery='{app=\"api\"}'"))),
        7 => entries(&cloudwatch(base, &url(&format!("group='g'\naws={{{ACCESS}}}")))),
        at => with_source(base, &url(SOURCES[at])),
    }
}

/// Reads and counts the source of this kind in the folder `base`, and holds one against the other.
///
/// # Panics
/// When both are had and differ, or an error repeats a value.
pub fn with_source(base: &Path, kind: &str) {
    let table: toml::Table = toml::from_str(&format!("[[c]]\nenvironment='production'\n{kind}")).expect("TOML");
    let settings = settings::read(&table["c"], "c").expect("settings that can be meant");
    let root = Root::folder(base);
    let source = settings[0].open(&Surroundings { root: &root, clock: &FixedClock }).expect("opened");
    compare(source.as_ref());
}

fn compare(source: &dyn Source) {
    let (listing, reading) = (source.listing(), source.read());
    for error in [listing.as_ref().err(), reading.as_ref().err()].into_iter().flatten() {
        assert!(!format!("{error} {error:?}").contains(CANARY), "{error}");
    }
    if let (Ok(listing), Ok(reading)) = (listing, reading) {
        assert_eq!(listing.names, reading.examined + reading.unread.len() as u64);
    }
}

fn listing(base: &Path, access: &str) {
    let table: toml::Table = toml::from_str(&format!("aws = {access}")).expect("TOML");
    let access = table["aws"].clone().try_into().expect("settings that can be meant");
    let begun = FixedClock.now();
    let log = s3::S3Log::new(
        access,
        "logs".to_owned(),
        "a/".to_owned(),
        base.to_owned(),
        begun,
        Arc::new(RealPace::new()),
        1,
    );
    if let Ok(listing) = log.list() {
        let names: std::collections::BTreeSet<&str> = listing.pieces.iter().map(|piece| piece.name()).collect();
        assert_eq!(names.len(), listing.pieces.len(), "each object once");
    }
}

fn bounds() -> Bounds {
    let pace = Arc::new(RealPace::new());
    Bounds { begun: FixedClock.now(), pace, time_limit: Duration::from_secs(20), most: 1 << 20, seed: 1 }
}

fn loki(base: &Path, text: &str) -> impl LogSource + use<> {
    let settings: LokiSettings = toml::from_str(text).expect("settings that can be meant");
    Loki::new(settings, base.to_owned(), bounds())
}

fn cloudwatch(base: &Path, text: &str) -> impl LogSource + use<> {
    let settings: CloudWatchSettings = toml::from_str(text).expect("settings that can be meant");
    CloudWatch::new(settings, base.to_owned(), bounds())
}

/// Counts what it is handed.
#[derive(Default)]
struct Count {
    entries: u64,
    documents: [u64; 2],
}

impl Sink for Count {
    fn begin(&mut self, _name: &str, _place: &str) {
        self.documents[0] += 1;
    }

    fn entry(&mut self, _place: &str) {
        self.entries += 1;
    }

    fn feed(&mut self, _bytes: &[u8]) {}

    fn end(&mut self) {
        self.documents[1] += 1;
    }
}

fn entries(source: &dyn LogSource) {
    let Ok(mut listing) = source.list() else { return };
    for piece in &mut listing.pieces {
        let counted = piece.count();
        let mut count = Count::default();
        let read = piece.read(&mut count);
        assert_eq!(count.documents[0], count.documents[1], "what began has ended");
        for left in [counted.err(), read.as_ref().err().cloned()].into_iter().flatten() {
            assert!(!left.reason.contains(CANARY), "{left:?}");
        }
        // Loki counts by itself too.
        if let (Ok(passed), "cloudwatch") = (read, source.kind()) {
            assert_eq!(passed.lines, count.entries);
        }
    }
}
