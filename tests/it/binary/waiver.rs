//! A finding that may stay open for a time, by commands alone.

use serde_json::Value;

use super::{Place, ends_with, json, output};

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer} in {value}"))
}

#[test]
fn two_persons_waive_a_finding_and_the_report_tells_both_counts() {
    let place = Place::new();
    let look = place.join("look");
    let dir = look.to_str().expect("UTF-8");
    let repository = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    json(0, repository, &["demo", "--dir", dir, "--format", "json"]);
    let nothing = json(0, repository, &["waiver", "list", "--dir", dir, "--format", "json"]);
    assert_eq!(nothing, serde_json::json!([]));

    let token = |person: &str, role: &str| {
        let until = super::serve::tomorrow();
        let arguments = ["token", "create", "--person", person, "--role", role, "--expires"];
        let made = json(0, repository, &[&arguments[..], &[&until, "--dir", dir, "--format", "json"]].concat());
        let file = place.join(&format!("{person}.token"));
        std::fs::write(&file, text(&made, "/token")).expect("written");
        file.display().to_string()
    };
    let (ada, bob) = (token("Ada", "officer"), token("Bob", "administrator"));
    let view = |name: &str| -> Value {
        let out = place.join(name);
        let out = out.to_str().expect("UTF-8");
        let quarter = super::leaks::quarter();
        let made = json(
            0,
            repository,
            &["report", "render", "--period", &quarter, "--out", out, "--dir", dir, "--format", "json"],
        );
        serde_json::from_slice(&std::fs::read(text(&made, "/json")).expect("the view")).expect("JSON")
    };
    let before = view("before");
    let finding = text(&before, "/deviations/0/findings/0/fingerprint");

    let request = |finding: &str, until: &str, file: &str| {
        let arguments = ["waiver", "request", finding, "--until", until, "--reason", "CHG-1041", "--token-file", file];
        output(repository, &[&arguments[..], &["--dir", dir, "--format", "json"]].concat())
    };
    let nobody = format!("sha256:{}", "0".repeat(64));
    let tomorrow = super::serve::tomorrow();
    for (finding, until, told) in [
        (nobody.as_str(), tomorrow.as_str(), "no finding"),
        (finding, "2020-01-01", "within 366 days"),
        ("sha256:12", tomorrow.as_str(), "FINGERPRINT"),
    ] {
        let refused = request(finding, until, &ada);
        let words = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(refused.status.code() == Some(2) && refused.stdout.is_empty() && words.contains(told), "{words}");
    }
    let asked = request(finding, &tomorrow, &ada);
    assert_eq!(asked.status.code(), Some(0), "{}", String::from_utf8_lossy(&asked.stderr));
    let asked: Value = serde_json::from_slice(&asked.stdout).expect("JSON");
    let id = text(&asked, "/waiver");
    assert_eq!((text(&asked, "/standing"), text(&asked, "/requested/by")), ("pending", "Ada"));

    let approve = |file: &str| {
        output(repository, &["waiver", "approve", id, "--token-file", file, "--dir", dir, "--format", "json"])
    };
    let alone = approve(&ada);
    let told = String::from_utf8_lossy(&alone.stderr).into_owned();
    assert!(alone.status.code() == Some(2) && told.contains("a second, different person"), "{told}");
    assert!(alone.stdout.is_empty() && told.contains("exhibit waiver list"), "{told}");
    let both: Value = serde_json::from_slice(&approve(&bob).stdout).expect("JSON");
    assert_eq!((text(&both, "/standing"), text(&both, "/approved/by")), ("in-force", "Bob"));

    let after = view("after");
    assert_eq!(text(&after, "/waivers/0/standing"), "in-force");
    assert_eq!(after["deviations"][0]["findings"][0]["waived"]["waiver"], id);
    let sum = |view: &Value, key: &str| -> u64 {
        let lines = view["totals"]["severities"].as_array().expect("a list");
        lines.iter().map(|line| line[key].as_u64().expect("a number")).sum()
    };
    assert_eq!(sum(&after, "count"), sum(&before, "count"), "totals before waivers never change");
    assert_eq!((sum(&before, "waived"), sum(&after, "waived")), (0, 1));

    let withdraw = ["waiver", "withdraw", id, "--reason", "it is mended", "--token-file", &bob, "--dir", dir];
    let gone = ends_with(0, repository, &[&withdraw[..], &["--format", "table"]].concat());
    assert!(gone.contains("withdrawn") && gone.contains("by Bob: it is mended"), "{gone}");
    assert_eq!(output(repository, &withdraw).status.code(), Some(2), "it is over");
    let listed = json(0, repository, &["waiver", "list", "--dir", dir, "--format", "json"]);
    assert_eq!((listed.as_array().map(Vec::len), text(&listed, "/0/withdrawn/reason")), (Some(1), "it is mended"));
    let table = ends_with(0, repository, &["waiver", "list", "--dir", dir, "--format", "table"]);
    assert!(table.contains(id) && table.contains("withdrawn"), "{table}");

    ends_with(0, repository, &["rebuild", "--dir", dir]);
    assert_eq!(json(0, repository, &["waiver", "list", "--dir", dir, "--format", "json"]), listed);
    assert_eq!(json(0, repository, &["fsck", "--dir", dir, "--format", "json"])["clean"], true);
}
