//! Against answers in the form that AWS's documentation shows, from a fake server: what an emulator seldom does. One is asked in
//! `tests/sources`.

use std::time::Duration;

use super::super::recorded::Recorded;
use super::*;
use crate::remote::RealPace;
use crate::remote::fake::{FakeServer, Reply};

fn read(server: &FakeServer) -> (Result<Passed, Left>, Recorded) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("id"), "fake-id").expect("written");
    std::fs::write(folder.path().join("secret"), "canary4711").expect("written");
    let settings = format!(
        "group = '/aws/lambda/api'\nstreams = '2026/'\nhours = 1\naws = {{ region = 'eu-central-1', endpoint = '{}', \
         keys = {{ access_key_id = 'file:id', secret_access_key = 'file:secret' }} }}",
        server.url
    );
    let settings: CloudWatchSettings = toml::from_str(&settings).expect("settings");
    assert_eq!(settings.problem(), None);
    let bounds = Bounds {
        begun: "2026-11-20T12:00:00.000000Z".parse().expect("an instant"),
        pace: Arc::new(RealPace::new()),
        time_limit: Duration::from_secs(60),
        most: 1_000_000,
        seed: 1,
    };
    let source = CloudWatch::new(settings, folder.path().to_owned(), bounds);
    let mut listing = source.list().expect("listed");
    let mut recorded = Recorded::default();
    let passed = listing.pieces[0].read(&mut recorded);
    if let Err(left) = &passed {
        assert!(!left.reason.contains("canary"), "{left:?}");
    }
    (passed, recorded)
}

fn page(messages: &[&str], next: &str) -> Reply {
    let events: Vec<serde_json::Value> = messages
        .iter()
        .enumerate()
        .map(|(number, message)| {
            serde_json::json!({
                "logStreamName": "2026/11/20/[$LATEST]1", "timestamp": 1_795_172_400_000_u64 + number as u64,
                "message": message, "ingestionTime": 1_795_172_401_000_u64, "eventId": number.to_string(),
            })
        })
        .collect();
    let mut page = serde_json::json!({ "events": events, "searchedLogStreams": [] });
    if !next.is_empty() {
        page["nextToken"] = next.into();
    }
    Reply::ok(page.to_string())
}

#[test]
fn pages_are_read_to_the_last_and_an_empty_one_is_not_the_last() {
    let server = FakeServer::plain(|asked, _| {
        let asked: serde_json::Value = serde_json::from_slice(&asked.body).expect("JSON");
        match asked["nextToken"].as_str() {
            None => page(&["START RequestId", "two\nlines"], "a"),
            Some("a") => page(&[], "b"),
            _ => page(&["END"], ""),
        }
    });
    let (passed, recorded) = read(&server);
    assert_eq!(passed.expect("read").lines, 3);
    assert_eq!(recorded.entries, ["/aws/lambda/api"; 3]);
    assert_eq!(recorded.documents[0].2, b"START RequestId\ntwo\nlines\nEND\n");
    let asked = &server.asked()[0];
    assert_eq!(asked.header("x-amz-target"), Some("Logs_20140328.FilterLogEvents"));
    let authorization = asked.header("authorization").expect("signed");
    assert!(authorization.contains("Credential=fake-id/20261120/eu-central-1/logs/aws4_request"), "{authorization}");
    let body: serde_json::Value = serde_json::from_slice(&asked.body).expect("JSON");
    // An hour before it began, and what passed since then.
    let start = body["startTime"].as_u64().expect("a number");
    assert!((1_795_172_400_000..1_795_172_460_000).contains(&start), "{start}");
    assert_eq!(body["logStreamNamePrefix"], "2026/");
}

#[test]
fn what_the_service_refuses_or_does_not_end_is_an_error() {
    let denied = FakeServer::plain(|_, _| {
        let body = br#"{"__type":"UnrecognizedClientException","message":"canary4711"}"#;
        Reply::Answer(400, Vec::new(), body.to_vec())
    });
    let left = read(&denied).0.expect_err("denied");
    assert!(left.code == "refused" && left.reason.contains("UnrecognizedClientException"), "{left:?}");
    let endless = FakeServer::plain(|_, _| page(&["again"], "same"));
    assert_eq!(read(&endless).0.expect_err("endless").code, "not-understood");
    let strange = FakeServer::plain(|_, _| Reply::ok("canary4711"));
    assert_eq!(read(&strange).0.expect_err("strange").code, "not-understood");
    let throttled = FakeServer::plain(|_, before| match before {
        0 => Reply::Answer(400, Vec::new(), br#"{"__type":"ThrottlingException"}"#.to_vec()),
        _ => page(&["one"], ""),
    });
    assert_eq!(read(&throttled).0.expect("asked again").lines, 1);
}
