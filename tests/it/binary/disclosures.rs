//! A name is listed, shown with its evidence, and erased, by commands alone.

use std::path::Path;

use serde_json::Value;

use super::{Place, ends_with, json, output};

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer} in {value}"))
}

#[test]
fn a_name_is_erased_and_everything_still_holds() {
    let place = Place::new();
    let look = place.join("look");
    let dir = look.to_str().expect("UTF-8");
    let repository = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let made = json(0, repository, &["demo", "--dir", dir, "--format", "json"]);

    let groups = json(0, repository, &["disclosures", "list", "--dir", dir, "--format", "json"]);
    let groups = groups.as_array().expect("a list");
    let kinds: Vec<&str> = groups.iter().map(|group| text(group, "/kind")).collect();
    assert_eq!(kinds, ["host", "principal"], "one person on one host: {groups:?}");
    let (group, name) = (text(&groups[0], "/group"), text(&groups[0], "/value"));
    let listed = json(0, repository, &["evidence", "list", "--dir", dir, "--format", "json"]);
    let evidence = text(&listed, "/0/id");
    let shown = json(0, repository, &["evidence", "show", evidence, "--dir", dir, "--format", "json"]);
    assert_eq!(text(&shown, "/disclosures/0/value"), name);

    // Nothing is erased without a reason, or for one that would name it for ever.
    let token = |person: &str, role: &str| {
        let arguments = ["token", "create", "--person", person, "--role", role, "--expires"];
        let until = super::serve::tomorrow();
        let made = json(0, repository, &[&arguments[..], &[&until, "--dir", dir, "--format", "json"]].concat());
        let file = place.join(&format!("{role}.token"));
        std::fs::write(&file, text(&made, "/token")).expect("written");
        file.display().to_string()
    };
    let (officer, auditor) = (token("Ada", "officer"), token("Eve", "auditor"));
    let by = |token: &str, reason: &str| {
        let arguments = ["disclosures", "erase", "--group", group, "--reason", reason, "--dir", dir, "--token-file"];
        output(repository, &[&arguments[..], &[token]].concat()).status.code()
    };
    let erase = |reason: &str| by(&officer, reason);
    assert_eq!(by(&auditor, "request 117"), Some(2), "an auditor erases nothing");
    let naming = format!("the host {name} was sold");
    for refused in ["", "  ", naming.as_str()] {
        assert_eq!(erase(refused), Some(2), "{refused:?}");
    }
    assert_eq!(erase("request 117"), Some(0));
    assert_eq!(erase("request 117"), Some(2), "erased already");

    let after = json(0, repository, &["disclosures", "show", group, "--dir", dir, "--format", "json"]);
    assert_eq!((&after["value"], text(&after, "/erased/reason")), (&Value::Null, "request 117"));
    let told = json(0, repository, &["evidence", "show", evidence, "--dir", dir, "--format", "json"]);
    assert_eq!(told["disclosures"][0]["value"], Value::Null);
    assert_eq!(told["disclosures"][0]["pseudonym"], shown["disclosures"][0]["pseudonym"]);
    assert_eq!((&told["record"], &told["digest"]), (&shown["record"], &shown["digest"]));
    let printed = ends_with(0, repository, &["evidence", "show", evidence, "--dir", dir]);
    assert!(printed.contains(text(&told, "/disclosures/0/pseudonym")) && printed.contains("erased"), "{printed}");

    ends_with(0, repository, &["archive", "check", "--dir", dir]);
    assert_eq!(json(0, repository, &["fsck", "--dir", dir, "--format", "json"])["clean"], true);
    ends_with(0, repository, &["verify", text(&made, "/report/bundle"), "--dir", dir]);
}
