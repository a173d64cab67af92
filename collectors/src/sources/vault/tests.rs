//! A vault that answers what a test tells it to. The stories on the real server lie in `tests/sources`.

use super::super::settings::{self, tests::FixedClock};
use super::*;
use crate::remote::fake::{Asked, FakeServer, Reply};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Reads everything through a vault at `address`.
fn with<T>(address: &str, further: &str, work: impl FnOnce(&dyn Source) -> T) -> T {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("token"), "canary-4711-token\n").expect("written");
    let text = format!("[[c]]\nenvironment='staging'\nvault={{address='{address}',{further}}}");
    let table: toml::Table = toml::from_str(&text).expect("TOML");
    let read = settings::read(&table["c"], "c").expect("valid");
    let root = Root::folder(folder.path());
    let source = read[0].open(&Surroundings { root: &root, clock: &FixedClock }).expect("opened");
    work(source.as_ref())
}

const TOKEN: &str = "token='file:token'";

fn json(text: &str) -> Reply {
    Reply::Answer(200, vec![("content-type", "application/json".to_owned())], text.as_bytes().to_vec())
}

fn error(status: u16, words: &str) -> Reply {
    Reply::Answer(status, Vec::new(), format!("{{\"errors\":[\"{words}\"]}}").into_bytes())
}

/// A vault of so many secrets, in ten folders.
fn large(asked: &Asked, count: usize) -> Reply {
    let target = asked.target.split('?').next().unwrap_or_default();
    let each = count / 10;
    if let Some(folder) = target.strip_prefix("/v1/secret/metadata") {
        let names: Vec<String> = match folder.trim_matches('/') {
            "" => (0..10).map(|at| format!("\"f{at}/\"")).collect(),
            _ => (0..each).map(|at| format!("\"s{at}\"")).collect(),
        };
        return json(&format!("{{\"data\":{{\"keys\":[{}]}}}}", names.join(",")));
    }
    let Some(path) = target.strip_prefix("/v1/secret/data/") else { return error(403, "permission denied") };
    json(&format!(
        "{{\"data\":{{\"data\":{{\"PASSWORD\":\"canary-{path}\"}},\
         \"metadata\":{{\"version\":3,\"created_time\":\"2026-01-02T03:04:05.123456789Z\"}}}}}}"
    ))
}

#[test]
fn five_thousand_secrets_are_read_a_few_at_a_time_though_the_vault_throttles() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let throttled = Arc::new(AtomicUsize::new(0));
    let (counter, peak, refused) = (Arc::clone(&now), Arc::clone(&most), Arc::clone(&throttled));
    let vault = FakeServer::plain(move |asked, number| {
        peak.fetch_max(counter.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        // For everybody who would come meanwhile.
        std::thread::sleep(Duration::from_millis(1));
        let reply = if number % 500 == 499 {
            refused.fetch_add(1, Ordering::SeqCst);
            Reply::Answer(429, vec![("retry-after", "0".to_owned())], Vec::new())
        } else {
            large(asked, 5000)
        };
        counter.fetch_sub(1, Ordering::SeqCst);
        reply
    });
    with(&vault.url, &format!("{TOKEN},at_once=4"), |source| {
        let reading = source.read().expect("read");
        assert_eq!((reading.examined, reading.credentials.len()), (5000, 5000));
        assert_eq!(source.listing(), Ok(Listing { names: 5000 }));
        let version = reading.credentials[0].version.as_ref().expect("known");
        assert_eq!(version.id.as_deref(), Some("3"));
        assert_eq!(version.since.map(|since| since.to_string()).as_deref(), Some("2026-01-02T03:04:05.123456Z"));
    });
    assert_eq!(most.load(Ordering::SeqCst), 4, "as many as allowed, and no more");
    assert!(throttled.load(Ordering::SeqCst) >= 10);
}

#[test]
fn what_goes_wrong_has_a_steady_code_and_shows_nothing() {
    type Answers = fn(&Asked, usize) -> Reply;
    let cases: [(&str, Answers); 8] = [
        ("sealed", |_, _| error(503, "Vault is sealed")),
        ("denied", |_, _| error(403, "permission denied canary-4711")),
        ("not-there", |asked, _| match asked.target.contains("internal") {
            true => error(404, ""),
            false => error(404, "no handler for route \\\"secret/metadata\\\""),
        }),
        ("not-understood", |_, _| json("canary-4711")),
        ("not-understood", |asked, number| match number {
            0 => error(403, ""),
            1 => json("{\"data\":{\"keys\":[\"a\"]}}"),
            _ if asked.target.contains("/data/") => json("{\"data\":{\"data\":\"canary-4711\"}}"),
            _ => Reply::status(404),
        }),
        ("remote-settings", |_, _| json("{\"data\":{\"type\":\"kv\",\"options\":{\"version\":\"1\"}}}")),
        ("remote-settings", |_, _| json("{\"data\":{\"type\":\"transit\",\"options\":null}}")),
        ("unreachable", |_, _| Reply::Close),
    ];
    for (code, answers) in cases {
        let vault = FakeServer::plain(answers);
        with(&vault.url, TOKEN, |source| {
            let error = source.read().expect_err(code);
            assert_eq!(error.code(), code, "{error}");
            assert!(!error.to_string().contains("4711"), "{error}");
        });
    }
}

/// A token that ran out while secrets were read is denied everything, which is not the same as a token that may not read.
#[test]
fn a_token_that_ran_out_is_an_error() {
    for (valid, code) in [(true, None), (false, Some("denied"))] {
        let vault = FakeServer::plain(move |asked, _| match asked.target.as_str() {
            "/v1/secret/metadata?list=true" => json("{\"data\":{\"keys\":[\"a\",\"b\"]}}"),
            "/v1/auth/token/lookup-self" if valid => json("{}"),
            _ => error(403, "permission denied"),
        });
        with(&vault.url, TOKEN, |source| match code {
            Some(code) => assert_eq!(source.read().expect_err("ran out").code(), code),
            None => {
                let reading = source.read().expect("listed");
                assert_eq!((reading.examined, reading.unread.len()), (0, 2));
                assert!(reading.unread.iter().all(|unread| unread.code == "not-permitted"));
            }
        });
    }
}

#[test]
fn the_token_goes_nowhere_but_into_its_header() {
    let vault = FakeServer::plain(|asked, _| large(asked, 10));
    with(&vault.url, &format!("{TOKEN},namespace='team'"), |source| {
        source.read().expect("read");
        for asked in vault.asked() {
            assert_eq!(asked.header("x-vault-token"), Some("canary-4711-token"));
            assert_eq!(asked.header("x-vault-namespace"), Some("team"));
            assert!(!asked.target.contains("canary") && asked.body.is_empty());
        }
    });
}

#[test]
fn fields_of_any_depth_are_told_by_their_path() {
    let answer = "{\"data\":{\"B\":\"x\",\"n\":{\"port\":5432,\"list\":[\"y\",null]},\"no good\":true}}";
    let vault = FakeServer::plain(move |asked, _| match asked.target.as_str() {
        "/v1/kv/?list=true" | "/v1/kv?list=true" => json("{\"data\":{\"keys\":[\"s\"]}}"),
        "/v1/kv/s" => json(answer),
        _ => error(403, ""),
    });
    with(&vault.url, &format!("{TOKEN},kv=1,mount='kv'"), |source| {
        let reading = source.read().expect("read");
        let names: Vec<_> =
            reading.credentials.iter().map(|found| (found.name.as_str(), found.place.to_string())).collect();
        let place = |key: &str| format!("vault kv/s ({key})");
        assert_eq!(
            names,
            [
                ("B", place("B")),
                ("s.n.port", place("n.port")),
                ("s.n.list.0", place("n.list.0")),
                ("s.unnamed", place("unnamed")),
            ]
        );
        assert!(reading.credentials.iter().all(|found| found.version.is_none()));
    });
}
