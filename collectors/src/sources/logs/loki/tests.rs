//! Against answers in the form that Loki's documentation shows, from a fake server that holds lines: no real Loki was asked.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::super::recorded::Recorded;
use super::*;
use crate::remote::RealPace;
use crate::remote::fake::{Asked, FakeServer, Reply};

/// 2026-11-20T12:00:00Z.
const NOW: i128 = 1_795_176_000_000_000_000;

/// Answers as Loki documents it, from these lines: nanoseconds before now, service, text.
fn recorded_loki(lines: Vec<(i128, &'static str, &'static str)>, counted: usize) -> FakeServer {
    FakeServer::plain(move |asked, _| {
        let of = |name: &str| parameter(asked, name);
        if asked.target.starts_with("/loki/api/v1/query?") {
            let sample = match counted {
                0 => String::new(),
                count => format!(r#"{{"metric":{{}},"value":[1795176000,"{count}"]}}"#),
            };
            return Reply::ok(format!(
                r#"{{"status":"success","data":{{"resultType":"vector","result":[{sample}]}}}}"#
            ));
        }
        let number = |name: &str| of(name).expect("given").parse::<i128>().expect("a number");
        let (start, end, limit) = (number("start"), number("end"), number("limit"));
        let within = lines.iter().filter(|(ago, ..)| (start..end).contains(&(NOW - ago)));
        let page: Vec<_> = within.take(usize::try_from(limit).expect("small")).collect();
        let streams: Vec<String> = ["api", "web"]
            .iter()
            .map(|name| {
                let own = page.iter().filter(|(_, service, _)| service == name);
                let values: Vec<String> = own
                    .map(|(ago, _, text)| {
                        format!(r#"["{}",{},{{"trace":"t{ago}"}}]"#, NOW - ago, serde_json::json!(text))
                    })
                    .collect();
                format!(r#"{{"stream":{{"app":"{name}","level":"info"}},"values":[{}]}}"#, values.join(","))
            })
            .collect();
        Reply::ok(format!(
            r#"{{"status":"success","data":{{"resultType":"streams","result":[{}],"stats":{{}}}}}}"#,
            streams.join(",")
        ))
    })
}

fn parameter(asked: &Asked, name: &str) -> Option<String> {
    let (_, query) = asked.target.split_once('?')?;
    let found = query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")))?;
    Some(found.to_owned())
}

fn bounds() -> Bounds {
    Bounds {
        begun: "2026-11-20T12:00:00.000000Z".parse().expect("an instant"),
        pace: Arc::new(RealPace::new()),
        time_limit: Duration::from_secs(60),
        most: 1_000_000,
        seed: 1,
    }
}

fn read(server: &FakeServer, more: &str, folder: &Path, bounds: Bounds) -> (Result<Passed, Left>, Recorded) {
    let text = format!("url = '{}'\nquery = '{{app=~\"api|web\"}}'\nhours = 2\n{more}", server.url);
    let settings: LokiSettings = toml::from_str(&text).expect("settings");
    assert_eq!(settings.problem(), None);
    let source = Loki::new(settings, folder.to_owned(), bounds);
    let mut listing = source.list().expect("listed");
    let mut recorded = Recorded::default();
    let piece = listing.pieces[0].as_mut();
    let passed = piece.count().and_then(|_| piece.read(&mut recorded));
    if let Err(left) = &passed {
        assert!(!left.reason.contains("canary"), "{left:?}");
    }
    (passed, recorded)
}

fn here() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn every_line_is_read_once_over_pages_that_end_within_an_instant() {
    // Fifteen thousand lines, three at each nanosecond: no page ends where an instant does.
    let lines: Vec<_> = (0..15_000_i128)
        .rev()
        .map(|number| (number / 3 + 1, if number % 2 == 0 { "api" } else { "web" }, "request done"))
        .collect();
    let server = recorded_loki(lines, 15_000);
    let (passed, recorded) = read(&server, "", here().path(), bounds());
    let passed = passed.expect("read");
    assert_eq!((passed.lines, recorded.entries.len()), (15_000, 15_000));
    assert_eq!(recorded.entries.iter().filter(|place| *place == "api").count(), 7_500);
    let text = String::from_utf8(recorded.documents[0].2.clone()).expect("text");
    assert_eq!((text.matches("request done\n").count(), text.matches("trace=t").count()), (15_000, 15_000));
    let asked = server.asked();
    assert!(asked.len() >= 5, "several pages: {}", asked.len());
    let count = parameter(&asked[0], "query").expect("a query");
    assert_eq!(count, "sum%28count_over_time%28%7Bapp%3D~%22api%7Cweb%22%7D%5B7200s%5D%29%29");
}

#[test]
fn what_loki_counts_and_gives_must_agree() {
    let lines = || vec![(9, "api", "one"), (8, "web", "two"), (7, "api", "three")];
    for (counted, told) in [(3, 3), (4, 4), (2, 2), (0, 0)] {
        let passed = read(&recorded_loki(lines(), counted), "", here().path(), bounds()).0.expect("read");
        assert_eq!(passed.lines, told, "the count stands, and what was examined is held against it");
    }
    // Lines that came in meanwhile are no difference.
    let counts = AtomicUsize::new(0);
    let growing = FakeServer::plain(move |asked, _| {
        if asked.target.starts_with("/loki/api/v1/query?") {
            let count = [1, 3][counts.fetch_add(1, Ordering::SeqCst).min(1)];
            return Reply::ok(format!(r#"{{"data":{{"resultType":"vector","result":[{{"value":[1,"{count}"]}}]}}}}"#));
        }
        let at = |ago: i128| NOW - ago;
        let values = format!(r#"[["{}","one"],["{}","two"]]"#, at(9), at(8));
        Reply::ok(format!(r#"{{"data":{{"resultType":"streams","result":[{{"stream":{{}},"values":{values}}}]}}}}"#))
    });
    let (passed, recorded) = read(&growing, "", here().path(), bounds());
    assert_eq!((passed.expect("read").lines, recorded.entries), (2, vec!["loki".to_owned(); 2]));
}

#[test]
fn who_asks_is_told_to_loki_alone() {
    let folder = here();
    std::fs::write(folder.path().join("secret"), "canary4711").expect("written");
    let server = recorded_loki(vec![(9, "api", "one")], 1);
    let basic = "tenant = 'shop'\nusername = 'audit'\npassword = 'file:secret'";
    read(&server, basic, folder.path(), bounds()).0.expect("read");
    read(&server, "token = 'file:secret'", folder.path(), bounds()).0.expect("read");
    let asked = server.asked();
    assert_eq!(asked[0].header("x-scope-orgid"), Some("shop"));
    assert_eq!(asked[0].header("authorization"), Some("Basic YXVkaXQ6Y2FuYXJ5NDcxMQ=="));
    assert_eq!(asked[2].header("authorization"), Some("Bearer canary4711"));
}

#[test]
fn what_can_not_be_read_whole_is_an_error() {
    let code =
        |server: &FakeServer, bounds: Bounds| read(server, "", here().path(), bounds).0.expect_err("refused").code;
    let denied = FakeServer::plain(|_, _| Reply::Answer(401, Vec::new(), b"canary4711".to_vec()));
    assert_eq!(code(&denied, bounds()), "denied");
    for body in [
        "canary4711",
        r#"{"data":{"resultType":"matrix","result":[]}}"#,
        r#"{"data":{"resultType":"vector","result":[{"value":[1,"canary"]}]}}"#,
    ] {
        let server = FakeServer::plain(move |_, _| Reply::ok(body));
        assert_eq!(code(&server, bounds()), "not-understood", "{body}");
    }
    let outside = recorded_loki(vec![(9, "api", "one")], 1);
    let early = Bounds { begun: "2020-11-20T12:00:00.000000Z".parse().expect("an instant"), ..bounds() };
    assert_eq!(read(&outside, "", here().path(), early).0.expect("nothing there").lines, 1, "and a count that differs");
    let crowded = recorded_loki(vec![(9, "api", "one"); PAGE + 1], PAGE + 1);
    assert_eq!(code(&crowded, bounds()), "page-too-small");
    let large = recorded_loki(vec![(9, "api", "one"); 100], 100);
    assert_eq!(code(&large, Bounds { most: 50, ..bounds() }), "too-large");
    assert_eq!(code(&large, Bounds { time_limit: Duration::ZERO, ..bounds() }), "too-long");
}
