//! What every vault has to do: one table of cases, run over every implementation.
//!
//! The cases block their thread until the store answers, so they run on one that no async runtime owns.
#![expect(clippy::unwrap_used, reason = "these are tests, that other rooms run too")]

use std::future::Future;
use std::sync::LazyLock;

use exhibit_evidence::{Digest, Timestamp};
use tokio::runtime::{Builder, Runtime};

use crate::{Aspect, Chunks, Content, Depth, Done, ObjectKey, PutOptions, Vault, VaultError, VaultFuture, Version};

/// For stores that wait.
static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap());

/// The answer of a future, whether it waits or not.
pub(crate) fn now<T>(future: impl Future<Output = T>) -> T {
    RUNTIME.block_on(future)
}

/// An object's key.
pub(crate) fn key(text: &str) -> ObjectKey {
    ObjectKey::parse(text).unwrap()
}

/// An instant of that year, of whole seconds: not every store has finer ones.
pub(crate) fn at(year: i32) -> Timestamp {
    format!("{year}-03-01T12:00:00.000000Z").parse().unwrap()
}

/// A put in 2026, kept until that year.
pub(crate) fn options(until: i32) -> PutOptions {
    PutOptions { put_at: at(2026), retain_until: at(until), media_type: "text/plain".to_owned() }
}

/// A content that comes in pieces, and may be another than it says.
#[derive(Clone)]
struct Pieces {
    pieces: Vec<Vec<u8>>,
    digest: Digest,
    size: u64,
    breaks_off: bool,
}

impl Pieces {
    fn of(pieces: &[&[u8]]) -> Self {
        let whole = pieces.concat();
        let pieces = pieces.iter().map(|piece| piece.to_vec()).collect();
        Self { pieces, digest: Digest::of(&whole), size: whole.len() as u64, breaks_off: false }
    }
}

impl Content for Pieces {
    fn digest(&self) -> Digest {
        self.digest
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn open(&self) -> Box<dyn Chunks + '_> {
        Box::new(Left { pieces: self.pieces.iter(), breaks_off: self.breaks_off })
    }
}

struct Left<'a> {
    pieces: std::slice::Iter<'a, Vec<u8>>,
    breaks_off: bool,
}

impl Chunks for Left<'_> {
    fn next(&mut self) -> VaultFuture<'_, Option<Vec<u8>>> {
        let next = self.pieces.next().cloned();
        let broken = next.is_none() && self.breaks_off;
        Box::pin(async move {
            if broken { Err(VaultError::unread(std::io::Error::other("it broke off"))) } else { Ok(next) }
        })
    }
}

/// A name, and what has to hold of an empty vault.
pub type Case = (&'static str, fn(&dyn Vault));

fn code<T>(result: Result<T, VaultError>) -> &'static str {
    result.err().map_or("fine", |error| error.code())
}

/// The cases. Each wants a vault of its own, empty. Retentions reach into the next century: no store may let one end
/// while this is in use.
pub const CASES: [Case; 17] = [
    ("what was put is read back", |vault| {
        let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
        let put = now(vault.put_once(&key("a/b/c.bin"), &bytes, &options(2093))).unwrap();
        assert_eq!((put.done, put.size, put.digest), (Done::Stored, 100_000, Digest::of(&bytes)));
        let back = now(vault.read_back(&key("a/b/c.bin"), &put.version)).unwrap();
        assert_eq!((back.digest, back.size, back.version), (put.digest, put.size, put.version.clone()));
        assert_eq!((back.put_at, back.retain_until, back.legal_hold), (at(2026), at(2093), false));
        assert_eq!((back.media_type.as_str(), back.key), ("text/plain", key("a/b/c.bin")));
        assert_eq!(now(vault.get(&key("a/b/c.bin"), &put.version)).unwrap(), bytes);
    }),
    ("what comes in pieces is one object", |vault| {
        let whole: Vec<u8> = (0..=255).cycle().take(70_000).collect();
        let pieces = Pieces::of(&[&whole[..1], &whole[1..40_000], &whole[40_000..]]);
        let put = now(vault.put(&key("a"), &pieces, &options(2093))).unwrap();
        assert_eq!((put.done, put.size, put.digest), (Done::Stored, 70_000, Digest::of(&whole)));
        assert_eq!(now(vault.get(&key("a"), &put.version)).unwrap(), whole);
        let again = now(vault.put_once(&key("a"), &whole, &options(2093))).unwrap();
        assert_eq!((again.done, again.version), (Done::AlreadyThere, put.version));
    }),
    ("a content that is another than announced, or breaks off, is not stored", |vault| {
        let good = Pieces::of(&[b"one", b"two"]);
        for (bad, expected) in [
            (Pieces { digest: Digest::of(b"other"), ..good.clone() }, "archive.bad-options"),
            (Pieces { size: 5, ..good.clone() }, "archive.bad-options"),
            (Pieces { size: 7, ..good.clone() }, "archive.bad-options"),
            (Pieces { breaks_off: true, ..good.clone() }, "archive.unread"),
        ] {
            let refused = now(vault.put(&key("a"), &bad, &options(2093)));
            assert_eq!(code(refused), expected);
        }
        assert_eq!(now(vault.list("")).unwrap(), []);
        let put = now(vault.put(&key("a"), &good, &options(2093))).unwrap();
        assert_eq!(now(vault.get(&key("a"), &put.version)).unwrap(), b"onetwo");
    }),
    ("nothing is an object too", |vault| {
        let put = now(vault.put_once(&key("empty"), b"", &options(2093))).unwrap();
        assert_eq!(now(vault.get(&key("empty"), &put.version)).unwrap(), b"");
    }),
    ("the same bytes again are success and the same version", |vault| {
        let first = now(vault.put_once(&key("a"), b"1", &options(2093))).unwrap();
        let again = now(vault.put_once(&key("a"), b"1", &options(2093))).unwrap();
        assert_eq!((again.done, again.version), (Done::AlreadyThere, first.version));
    }),
    ("other bytes stop the line and change nothing", |vault| {
        let first = now(vault.put_once(&key("a"), b"1", &options(2093))).unwrap();
        let error = now(vault.put_once(&key("a"), b"2", &options(2110))).unwrap_err();
        let VaultError::OtherBytes { kept, offered, .. } = &error else { panic!("{error}") };
        assert_eq!((*kept, *offered), (Digest::of(b"1"), Digest::of(b"2")));
        assert!(error.is_difference() && error.to_string().contains("archive key a already holds"));
        let back = now(vault.read_back(&key("a"), &first.version)).unwrap();
        assert_eq!((back.digest, back.retain_until), (Digest::of(b"1"), at(2093)));
    }),
    ("a put never shortens the retention, and may make it longer", |vault| {
        let put = now(vault.put_once(&key("a"), b"1", &options(2093))).unwrap();
        for (asked, kept) in [(2090, 2093), (2100, 2100), (2093, 2100), (2101, 2101)] {
            now(vault.put_once(&key("a"), b"1", &options(asked))).unwrap();
            let back = now(vault.read_back(&key("a"), &put.version)).unwrap();
            assert_eq!((back.retain_until, back.put_at), (at(kept), at(2026)), "asked for {asked}");
        }
    }),
    ("a retention is made longer, never shorter", |vault| {
        let put = now(vault.put_once(&key("a"), b"1", &options(2093))).unwrap();
        for (asked, kept) in [(2087, 2093), (2095, 2095), (2094, 2095)] {
            let holds = now(vault.retain_at_least(&key("a"), &put.version, at(asked), at(2087))).unwrap();
            assert_eq!(holds, at(kept));
            assert_eq!(now(vault.read_back(&key("a"), &put.version)).unwrap().retain_until, at(kept));
        }
        let nowhere = now(vault.retain_at_least(&key("b"), &put.version, at(2095), at(2087)));
        assert_eq!(code(nowhere), "archive.not-found");
    }),
    ("a legal hold is placed and released as often as asked, and leaves the retention alone", |vault| {
        let put = now(vault.put_once(&key("a"), b"1", &options(2093))).unwrap();
        for on in [true, true, false, false, true] {
            assert_eq!(now(vault.set_legal_hold(&key("a"), &put.version, on, at(2087))).unwrap(), on);
            assert_eq!(now(vault.legal_hold(&key("a"), &put.version)).unwrap(), on);
            let back = now(vault.read_back(&key("a"), &put.version)).unwrap();
            assert_eq!((back.legal_hold, back.retain_until, back.put_at), (on, at(2093), at(2026)));
        }
        now(vault.retain_at_least(&key("a"), &put.version, at(2095), at(2087))).unwrap();
        now(vault.put_once(&key("a"), b"1", &options(2096))).unwrap();
        let back = now(vault.read_back(&key("a"), &put.version)).unwrap();
        assert_eq!((back.legal_hold, back.retain_until), (true, at(2096)), "neither takes the hold away");
        assert_eq!(code(now(vault.set_legal_hold(&key("b"), &put.version, true, at(2087)))), "archive.not-found");
        assert_eq!(code(now(vault.legal_hold(&key("b"), &put.version))), "archive.not-found");
    }),
    ("nothing that was just put is masked, and the store's own checksum is none or the right one", |vault| {
        let put = now(vault.put_once(&key("a"), b"1", &options(2093))).unwrap();
        let back = now(vault.read_back(&key("a"), &put.version)).unwrap();
        assert!(!back.masked && back.stored_checksum.is_none_or(|sum| sum == Digest::of(b"1")));
        let listed = now(vault.list("")).unwrap();
        assert!(listed.iter().all(|item| !item.masked && item.others.is_empty()));
    }),
    ("examining says one thing of every aspect and changes nothing", |vault| {
        let first = now(vault.examine(at(2026), Depth::Asking)).unwrap();
        let aspects: Vec<Aspect> = first.iter().map(|observation| observation.aspect).collect();
        assert_eq!(aspects, Aspect::ALL);
        assert!(first.iter().all(|seen| !seen.value.is_empty() && seen.sentence.ends_with('.')));
        let again = now(vault.examine(at(2026), Depth::Asking)).unwrap();
        let steady = |seen: &[crate::Observation]| -> Vec<_> {
            seen.iter().map(|seen| (seen.aspect, seen.standing, seen.value.clone())).collect()
        };
        assert_eq!(steady(&first), steady(&again), "no drift is seen where nothing drifted");
        assert_eq!(now(vault.list("")).unwrap(), []);
    }),
    ("a retention of fractions of a second is not cut, and the put's own time stays exact", |vault| {
        let instant = |text: &str| text.parse::<Timestamp>().unwrap();
        for (name, until) in [("a", "2093-12-31T23:59:59.999999Z"), ("b", "2096-02-29T23:59:59.000001Z")] {
            let put_at = instant("2026-02-28T23:59:59.123456Z");
            let asked = PutOptions { put_at, retain_until: instant(until), ..options(2093) };
            let put = now(vault.put_once(&key(name), b"1", &asked)).unwrap();
            let back = now(vault.read_back(&key(name), &put.version)).unwrap();
            let longer = back.retain_until.since(asked.retain_until).num_microseconds().unwrap();
            assert!((0..1_000_000).contains(&longer), "{until} became {}", back.retain_until);
            assert_eq!(back.put_at, put_at);
        }
    }),
    ("what is not there is not found", |vault| {
        let version = Version::new("sha256:00");
        assert_eq!(code(now(vault.read_back(&key("no/thing"), &version))), "archive.not-found");
        assert_eq!(code(now(vault.get(&key("nothing"), &version))), "archive.not-found");
        assert_eq!(now(vault.list("")).unwrap(), []);
    }),
    ("another version is refused, naming the one that is kept", |vault| {
        let put = now(vault.put_once(&key("a"), b"1", &options(2093))).unwrap();
        let other = Version::new(Digest::of(b"2").to_string());
        for result in [
            code(now(vault.read_back(&key("a"), &other))),
            code(now(vault.get(&key("a"), &other))),
            code(now(vault.retain_at_least(&key("a"), &other, at(2110), at(2087)))),
            code(now(vault.set_legal_hold(&key("a"), &other, true, at(2087)))),
        ] {
            assert_eq!(result, "archive.no-such-version");
        }
        let error = now(vault.get(&key("a"), &other)).unwrap_err().to_string();
        assert!(error.contains(put.version.as_str()), "{error}");
    }),
    ("lists are by prefix and in order", |vault| {
        for name in ["r/2026-Q4/b", "r/2026-Q4/a", "r/2026-Q3/z", "s"] {
            now(vault.put_once(&key(name), name.as_bytes(), &options(2093))).unwrap();
        }
        let names = |prefix: &str| {
            let list = now(vault.list(prefix)).unwrap();
            assert!(list.iter().all(|item| item.present && item.version.is_some()));
            list.into_iter().map(|item| item.key.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(names(""), ["r/2026-Q3/z", "r/2026-Q4/a", "r/2026-Q4/b", "s"]);
        assert_eq!(names("r/2026-Q4"), ["r/2026-Q4/a", "r/2026-Q4/b"]);
        assert_eq!(names("r/2026-Q4/b/"), [""; 0]);
    }),
    ("senseless puts are refused with nothing stored", |vault| {
        let put = options(2093);
        for bad in [
            PutOptions { retain_until: put.put_at, ..put.clone() },
            PutOptions { retain_until: at(2020), ..put.clone() },
            PutOptions { retain_until: Timestamp::new(chrono::DateTime::<chrono::Utc>::MAX_UTC), ..put.clone() },
            PutOptions { media_type: "text".to_owned(), ..put.clone() },
            PutOptions { media_type: "text/plain\r\nx: y".to_owned(), ..put.clone() },
        ] {
            assert_eq!(code(now(vault.put_once(&key("a"), b"1", &bad))), "archive.bad-options", "{bad:?}");
        }
        assert_eq!(now(vault.list("")).unwrap(), []);
    }),
    ("a key is an object or a folder, not both", |vault| {
        now(vault.put_once(&key("a/b"), b"1", &options(2093))).unwrap();
        assert_eq!(code(now(vault.put_once(&key("a"), b"1", &options(2093)))), "archive.key-conflict");
        assert_eq!(code(now(vault.put_once(&key("a/b/c"), b"1", &options(2093)))), "archive.key-conflict");
        let folder = now(vault.read_back(&key("a"), &Version::new("x")));
        assert_eq!(code(folder), "archive.not-found");
        // Names that look like one another's records or folders are apart.
        for name in ["a/b.1.json", "a/1.json", "meta/a", "lock", "incoming/part"] {
            now(vault.put_once(&key(name), b"1", &options(2093))).unwrap();
        }
        assert_eq!(now(vault.list("")).unwrap().len(), 6);
    }),
];

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::{InMemoryVault, WriteOnceDirectory};

    #[test]
    fn the_write_once_directory_conforms() {
        for (name, case) in CASES {
            let folder = tempfile::tempdir().unwrap();
            case(&WriteOnceDirectory::open(folder.path().join("vault")).unwrap());
            println!("{name}");
        }
    }

    #[test]
    fn the_vault_in_memory_conforms() {
        for (name, case) in CASES {
            case(&InMemoryVault::new());
            println!("{name}");
        }
    }

    #[test]
    fn neither_claims_to_be_regulatory_worm() {
        let folder = tempfile::tempdir().unwrap();
        let directory = WriteOnceDirectory::open(folder.path()).unwrap();
        let vaults: [&dyn Vault; 2] = [&directory, &InMemoryVault::new()];
        assert!(vaults.iter().all(|vault| !vault.describe().regulatory_worm));
        assert_eq!(directory.describe().kind, "write-once-directory");
        assert!(directory.describe().statement.contains("tamper-evident, not regulatory WORM"));
    }

    #[test]
    fn local_stores_do_not_wait() {
        let folder = tempfile::tempdir().unwrap();
        let vaults: [Box<dyn Vault>; 2] =
            [Box::new(WriteOnceDirectory::open(folder.path()).unwrap()), Box::new(InMemoryVault::new())];
        for vault in vaults {
            let (key, options) = (key("a"), options(2093));
            let mut put = pin!(vault.put_once(&key, b"1", &options));
            assert!(matches!(put.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(_))));
        }
    }
}
