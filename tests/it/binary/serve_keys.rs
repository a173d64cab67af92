//! The signing key is rotated while a service runs: it goes on, and signs by the next key without being told.

use std::{fs, time::Duration};

use exhibit_collectors::Registry;
use exhibit_ledger::{checkpoint::SignedCheckpoint, note::VerifierKey};
use exhibit_tests::Example;
use nix::sys::signal::Signal;
use serde_json::Value;

use super::{
    Place, asking, ends_with, json,
    serve::{Serving, quarter, token, until},
};

const CONFIGURATION: &str = "\
[deployment]
name = \"Rotated\"
data_dir = \"data\"

[service]
listen = \"127.0.0.1:0\"

[environments.production]

[[jobs]]
id = \"ci\"
collector = \"ci_secrets\"
schedule = \"* * * * *\"
environments = [\"production\"]
source = { repositories = [{ id = \"app\", path = \"ci/app\", ci_paths = [\".ci/run\"] }] }
";

/// The last checkpoint that was kept beside the data, if this key signed it: the size it covers.
fn covered(place: &Place, key: &VerifierKey) -> Option<u64> {
    let notes = fs::read_dir(place.join("data/checkpoints")).ok()?.map(|entry| entry.expect("an entry").path());
    let last = notes.filter(|path| path.extension().is_some_and(|end| end == "note")).max()?;
    let signed = SignedCheckpoint::parse(&fs::read(last).ok()?).expect("a checkpoint");
    signed.verify(key.name(), [key]).ok().map(|checkpoint| checkpoint.size)
}

#[test]
fn a_service_goes_on_with_the_next_key() {
    let place = Place::new();
    let example = Example::new("ci", "ci_secrets", "pass");
    example.lay_out(&Registry::built_in().expect("in order"), place.path());
    fs::write(place.join("exhibit.toml"), CONFIGURATION).expect("written");
    let mut service = Serving::start(&place, "log", &[]);
    service.until_it_serves();
    let address = service.address("evidence API listening");
    let token = token(&place, "operator");
    let ask = |method: &str, path: &str, body: &str| {
        let (status, text) = asking::plainly(&address, method, path, Some(&token), body);
        assert!(status < 300, "{status} {text}");
        serde_json::from_str::<Value>(&text).expect("JSON")
    };
    // A run that is asked for is performed at once; the schedule's own come beside it.
    let performed = || {
        let asked = ask("POST", "/api/v1/runs", "{\"job\":\"ci\"}");
        let path = format!("/api/v1/runs/requests/{}", asked["id"].as_str().expect("an id"));
        until("a run that was asked for", || ask("GET", &path, "")["state"] == "performed");
    };
    let pinned = || {
        let text = fs::read_to_string(place.join("data/keys/log.pub")).expect("a key");
        VerifierKey::parse(text.trim()).expect("a key")
    };

    performed();
    let old = pinned();
    until("a checkpoint", || covered(&place, &old).is_some());
    let told = json(0, place.path(), &["key", "rotate", "--reason", "the yearly change", "--format", "json"]);
    let handed_over = told["keys"][1]["from_size"].as_u64().expect("a size");
    let new = pinned();
    assert_ne!(new, old);
    service.until_it_says("its successor signs from now on");
    performed();
    until("a checkpoint by the next key alone", || {
        covered(&place, &new).is_some_and(|size| size > handed_over) && covered(&place, &old).is_none()
    });

    service.send(Signal::SIGTERM);
    let ended = service.ended_within(Duration::from_secs(10)).expect("it ends within ten seconds");
    assert_eq!(ended.code(), Some(0), "{}", service.log());
    assert_eq!(json(0, place.path(), &["fsck", "--format", "json"])["clean"], true);
    let evidence = json(0, place.path(), &["evidence", "list", "--format", "json"]);
    let day = evidence.to_string();
    let day = day.split("\"observed_to\":\"").nth(1).expect("a time");
    ends_with(0, place.path(), &["report", "render", "--period", &quarter(&day[..10]), "--out", "report"]);
    for key in [old, new] {
        ends_with(0, place.path(), &["verify", "report/bundle.tar", "--key", &key.to_string()]);
    }
}
