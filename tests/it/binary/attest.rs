//! What two persons attest, by commands alone.

use serde_json::Value;

use super::{Place, ends_with, json, output};

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer} in {value}"))
}

#[test]
fn two_persons_attest_and_one_alone_does_not() {
    let place = Place::new();
    let look = place.join("look");
    let dir = look.to_str().expect("UTF-8");
    let repository = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let demo = json(0, repository, &["demo", "--dir", dir, "--format", "json"]);
    let nothing = json(0, repository, &["attest", "list", "--dir", dir, "--format", "json"]);
    assert_eq!(nothing, serde_json::json!([]));

    let token = |person: &str, role: &str| {
        let until = super::serve::tomorrow();
        let arguments = ["token", "create", "--person", person, "--role", role, "--expires"];
        let made = json(0, repository, &[&arguments[..], &[&until, "--dir", dir, "--format", "json"]].concat());
        let file = place.join(&format!("{person}.token"));
        std::fs::write(&file, text(&made, "/token")).expect("written");
        file.display().to_string()
    };
    let (ada, bob, eve) = (token("Ada", "officer"), token("Bob", "administrator"), token("Eve", "auditor"));
    let make = |file: &str, environment: &str, format: &str| {
        let arguments = ["attest", "key-custody", "--key", "ENCRYPTION_KEY", "--environment", environment];
        let further =
            ["--location", "safe in the office", "--statement", "I opened it: it is there", "--token-file", file];
        output(repository, &[&arguments[..], &further, &["--dir", dir, "--format", format]].concat())
    };
    let unknown = make(&ada, "moon", "json");
    let told = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert!(unknown.status.code() == Some(2) && told.contains("no environment moon"), "{told}");
    assert_eq!(make(&eve, "production", "json").status.code(), Some(2), "an auditor attests nothing");
    let made = make(&ada, "production", "json");
    assert_eq!(made.status.code(), Some(0), "{}", String::from_utf8_lossy(&made.stderr));
    let made: Value = serde_json::from_slice(&made.stdout).expect("JSON");
    let id = text(&made, "/attestation");
    assert_eq!(
        (text(&made, "/standing"), text(&made, "/made/by"), &made["confirmed"]),
        ("pending", "Ada", &Value::Null)
    );
    assert_eq!(text(&made, "/statement"), "I opened it: it is there");

    let confirm = |file: &str| {
        output(repository, &["attest", "confirm", id, "--token-file", file, "--dir", dir, "--format", "json"])
    };
    let alone = confirm(&ada);
    let told = String::from_utf8_lossy(&alone.stderr).into_owned();
    assert!(alone.status.code() == Some(2) && told.contains("a second, different person"), "{told}");
    assert!(alone.stdout.is_empty() && told.contains("exhibit attest list"), "{told}");
    let both: Value = serde_json::from_slice(&confirm(&bob).stdout).expect("JSON");
    assert_eq!((text(&both, "/standing"), text(&both, "/confirmed/by")), ("in-force", "Bob"));
    let table = ends_with(0, repository, &["attest", "list", "--dir", dir, "--format", "table"]);
    assert!(table.contains(id) && table.contains("in-force") && table.contains("safe in the office"), "{table}");

    let withdraw = ["attest", "withdraw", id, "--reason", "the safe was moved", "--token-file", &bob, "--dir", dir];
    let gone = ends_with(0, repository, &[&withdraw[..], &["--format", "table"]].concat());
    assert!(gone.contains("withdrawn") && gone.contains("by Bob: the safe was moved"), "{gone}");
    assert_eq!(output(repository, &withdraw).status.code(), Some(2), "it is over");
    let listed = json(0, repository, &["attest", "list", "--dir", dir, "--format", "json"]);
    assert_eq!(
        (listed.as_array().map(Vec::len), text(&listed, "/0/withdrawn/reason")),
        (Some(1), "the safe was moved")
    );

    ends_with(0, repository, &["rebuild", "--dir", dir]);
    assert_eq!(json(0, repository, &["attest", "list", "--dir", dir, "--format", "json"]), listed);
    assert_eq!(json(0, repository, &["fsck", "--dir", dir, "--format", "json"])["clean"], true);
    ends_with(0, repository, &["verify", text(&demo, "/report/bundle"), "--dir", dir]);
}
