//! Tokens from the command line: shown once, kept nowhere.

use std::{fs, os::unix::fs::PermissionsExt as _};

use super::{Place, ends_with, exhibit, json, output, searched};

#[test]
fn a_token_is_shown_once_and_can_be_revoked() {
    let place = Place::new();
    fs::write(
        place.join("exhibit.toml"),
        "[deployment]\nname = \"Example\"\ntime_zone = \"Europe/Berlin\"\ndata_dir = \"data\"\n\n[environments.production]\n",
    )
    .expect("written");
    let create = |more: &[&str]| {
        let first = ["token", "create", "--person", "ada@example.com", "--role"];
        exhibit(place.path(), &[&first[..], more].concat()).output().expect("it starts")
    };
    let refused: [(&[&str], &str); 7] = [
        (&["chief", "--expires", "2099-01-01"], "is no role"),
        (&["officer"], "--expires"),
        (&["officer", "--expires", "2020-01-01"], "is over"),
        (&["officer", "--expires", "2099-01-01"], "at most 400 days"),
        (&["officer", "--expires", "tomorrow"], "expected a day"),
        (&["auditor", "--expires", "2027-01-01", "--environment", "staging"], "there is no \"staging\""),
        (&["officer", "--expires", "2027-01-01", "--environment", "production"], "can't be limited"),
    ];
    for (more, expected) in refused {
        let told = create(more);
        let said = String::from_utf8_lossy(&told.stderr).into_owned();
        assert_eq!(told.status.code(), Some(2), "{more:?}: {said}");
        assert!(said.contains(expected), "{more:?}: {said}");
    }
    let limits = ["--environment", "production", "--period", "2026-Q4", "--framework", "soc2-2017", "--format", "json"];
    let told = create(&[&["auditor", "--expires", "2027-01-31"], &limits[..]].concat());
    let said = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(told.status.success(), "{said}");
    let made: serde_json::Value = serde_json::from_slice(&told.stdout).expect("JSON");
    let token = made["token"].as_str().expect("a token");
    assert!(token.starts_with("exh_") && token.len() == 40);
    assert_eq!(made["expires_at"], "2027-01-31T23:00:00.000000Z", "to the end of that day in Berlin");

    let listed = json(0, place.path(), &["token", "list", "--format", "json"]);
    assert_eq!(listed[0]["id"], made["id"]);
    assert_eq!(listed[0]["scope"]["frameworks"][0], "soc2-2017");
    let id = made["id"].as_str().expect("an id");
    ends_with(0, place.path(), &["token", "revoke", id, "--reason", "she left"]);
    ends_with(2, place.path(), &["token", "revoke", "01890000-0000-7000-8000-000000000000", "--reason", "x"]);
    let table = output(place.path(), &["token", "list"]);
    let table = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!(table.contains("revoked") && table.contains("production; 2026-Q4; soc2-2017"), "{table}");

    let key = place.join("data/keys/token.key");
    assert_eq!(fs::metadata(key).expect("a key").permissions().mode() & 0o777, 0o600);
    let needles = exhibit_tests::Needles::new(&[token.to_owned()]);
    let (bytes, found) = searched(place.path(), &needles, |_| false);
    assert!(
        found.is_empty() && bytes > 1_000_000,
        "the database's own files are searched too: {bytes} bytes, {found:?}"
    );
    assert!(!said.contains(token) && !table.contains(token) && !listed.to_string().contains(token));
}
