//! What another system hands in to a service that runs: judged and sealed by it, and whatever secret it brings is in no file
//! of the deployment, no answer and no line of the log.

use std::fs;

use exhibit_tests::Needles;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::{
    Place, asking, ends_with, json, searched,
    serve::{Serving, token, until},
};

const CONFIGURATION: &str = "\
[deployment]
name = \"Handed in\"
data_dir = \"data\"

[service]
listen = \"127.0.0.1:0\"

[environments.production]

[[jobs]]
id = \"theirs\"
collector = \"unique_credentials\"
schedule = \"0 4 * * *\"
environments = [\"production\"]
pushed = true
";

/// An observation of one credential, made in this hour, that brings the secret along wherever there is a text.
fn observation(secret: &str, observed: &str) -> Value {
    let subject = json!({"environment": "production", "id": "shop"});
    json!({
        "observed_from": observed,
        "observed_to": observed,
        "subjects": [subject],
        "population": [{"subject": subject, "unit": "credential", "exist": 1, "counted_by": format!("list of {secret}"),
            "examined": 0}],
        "method": {"kind": "all"},
        "tool": {"name": "partner-scan", "version": "4.2"},
        "rights": format!("reads with {secret}"),
        "blind_spots": [format!("all that {secret} does not open")],
        "facts": {"version": 1, "subject": "shop", "sources": [], "credentials": [], "unseen": []},
    })
}

#[test]
fn a_service_seals_what_is_handed_in_and_keeps_no_secret_of_it() {
    let place = Place::new();
    fs::write(place.join("exhibit.toml"), CONFIGURATION).expect("written");
    let mut service = Serving::start(&place, "log", &["-vv"]);
    service.until_it_serves();
    let address = service.address("evidence API listening");
    let (ingest, auditor) = (token(&place, "ingest"), token(&place, "auditor"));
    let secret = ["ghp", "_", "Zq7vX9kQ2Wm4Ht6Rb8Yc1Nd3Lf5Gj0SaPe2U"].concat();
    let mut answers = Vec::new();
    let mut hand_in = |key: &str, body: &Value| {
        let answer = asking::handing_in(&address, "/api/v1/evidence", &ingest, key, &body.to_string());
        answers.push(answer.1.clone());
        answer
    };
    // By the service's own clock, which is this machine's.
    let now = log_time(&service.log());
    let good = json!({"job": "theirs", "host": format!("h {secret}"), "observation": observation(&secret, &now)});

    let (status, taken) = hand_in("night-1", &good);
    assert_eq!(status, 202, "{taken}");
    assert_eq!(hand_in("night-1", &good).0, 202, "the same again is the same");
    for (key, body, expected) in [
        ("night-2", json!({"job": secret, "observation": {}}), 404),
        ("night-3", json!({"job": "theirs", "observation": {"facts": secret}}), 422),
        ("night-4", json!({"job": "theirs", secret.clone(): 1}), 400),
        (&secret, good.clone(), 400),
    ] {
        let (status, text) = hand_in(key, &body);
        assert_eq!(status, expected, "{text}");
    }
    let taken: Value = serde_json::from_str(&taken).expect("JSON");
    let id = taken["id"].as_str().expect("an id");
    let ask = |token: &str, path: String| {
        let (status, text) = asking::plainly(&address, "GET", &path, Some(token), "");
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str::<Value>(&text).expect("JSON")
    };
    until("what was handed in, sealed", || {
        ask(&ingest, format!("/api/v1/evidence/submissions/{id}"))["state"] == "sealed"
    });
    let piece = ask(&auditor, format!("/api/v1/evidence/{id}"));
    assert_eq!(piece["evidence"]["record"]["body"]["run"]["trigger"], "pushed");
    assert_eq!(ask(&auditor, "/api/v1/evidence?job=theirs".to_owned())["items"].as_array().map(Vec::len), Some(1));
    answers.push(piece.to_string());

    service.send(Signal::SIGTERM);
    let ended = service.ended_within(std::time::Duration::from_secs(10)).expect("it ends within ten seconds");
    assert_eq!(ended.code(), Some(0), "{}", service.log());
    let listed = json(0, place.path(), &["evidence", "list", "--format", "json"]);
    assert!(listed.to_string().contains(id), "{listed}");
    ends_with(0, place.path(), &["fsck"]);

    let needles = Needles::new(&[secret]);
    for answer in &answers {
        assert_eq!(needles.found_in(answer.as_bytes()), Vec::<&str>::new(), "{answer}");
    }
    let (bytes, found) = searched(place.path(), &needles, |_| false);
    assert!(bytes > 1_000_000, "only {bytes} bytes were searched: {}", service.log());
    assert_eq!(found, Vec::<String>::new());
}

/// When the log's last line was written, as records have times.
fn log_time(log: &str) -> String {
    let line = log.lines().last().expect("a line");
    let time = line.split_whitespace().next().expect("a time").trim_end_matches('Z');
    let (seconds, fraction) = time.split_once('.').unwrap_or((time, "0"));
    format!("{seconds}.{:0<6}Z", &fraction[..fraction.len().min(6)])
}
