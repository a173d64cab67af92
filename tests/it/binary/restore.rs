//! The database is gone, and the archive alone gives the ledger back: with what is lost said in numbers.

use std::{fs, path::Path};

use serde_json::Value;

use super::{Place, ends_with, json, output};

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

struct Demo<'a> {
    place: &'a Place,
    dir: String,
}

impl Demo<'_> {
    fn ask(&self, code: i32, command: &[&str]) -> Value {
        json(code, Path::new(REPOSITORY), &[command, &["--dir", &self.dir, "--format", "json"]].concat())
    }

    fn lose_the_database(&self) {
        let dir = self.place.join("demo");
        lose_the_database(&dir);
        fs::remove_dir_all(dir.join("reports")).expect("removed");
    }
}

/// Leaves nothing of a data folder but its keys and its archive.
pub(super) fn lose_the_database(data: &Path) {
    let postgres = match fs::read_to_string(data.join("postgres-is-in")) {
        Ok(elsewhere) => Path::new(elsewhere.trim_end_matches('\n')).to_owned(),
        Err(_) => data.join("postgres"),
    };
    assert!(postgres.is_dir(), "{}", postgres.display());
    fs::remove_dir_all(postgres).expect("removed");
    fs::remove_dir_all(data.join("checkpoints")).expect("removed");
}

fn demo(place: &Place) -> Demo<'_> {
    let dir = place.join("demo").display().to_string();
    json(0, Path::new(REPOSITORY), &["demo", "--dir", &dir, "--format", "json"]);
    Demo { place, dir }
}

#[test]
fn the_archive_alone_gives_the_ledger_back_and_it_goes_on() {
    let place = Place::new();
    let demo = demo(&place);
    let covered = demo.ask(0, &["archive", "flush"])["entries_in_the_archive"].as_u64().expect("a number");
    let before = demo.ask(0, &["evidence", "list"]);
    let reports = demo.ask(0, &["report", "list"]);
    demo.lose_the_database();
    let refused = output(Path::new(REPOSITORY), &["run", "--dir", &demo.dir]);
    assert_eq!(refused.status.code(), Some(2), "an empty database beside a ledger that was signed is no start");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("archive restore"), "{said}");

    let restored = demo.ask(0, &["archive", "restore"]);
    assert_eq!(
        (restored["entries"].as_u64(), &restored["fsck_clean"]),
        (Some(covered), &Value::Bool(true)),
        "{restored}"
    );
    assert_eq!((restored["lost_entries"].as_u64(), &restored["missing"]), (Some(0), &Value::Array(Vec::new())));
    assert!(
        restored["lost_names"].as_u64().is_some_and(|names| names > 0),
        "their keys were in the database: {restored}"
    );
    assert_eq!((restored["segments"].as_u64(), restored["reports"].as_u64()), (Some(1), Some(1)), "{restored}");

    let checked = demo.ask(0, &["fsck"]);
    assert_eq!((&checked["clean"], checked["entries"].as_u64()), (&Value::Bool(true), Some(covered)), "{checked}");
    assert_eq!(checked["names_lost_in_a_restoration"], restored["lost_names"]);
    assert_eq!(demo.ask(0, &["evidence", "list"]), before);
    assert_eq!(demo.ask(0, &["report", "list"]), reports);

    let again = output(Path::new(REPOSITORY), &["archive", "restore", "--dir", &demo.dir]);
    assert_eq!(again.status.code(), Some(2), "nothing is written over what is there");
    // It goes on, and archives nothing twice.
    ends_with(0, Path::new(REPOSITORY), &["demo", "--dir", &demo.dir]);
    demo.ask(0, &["archive", "flush"]);
    assert_eq!(demo.ask(0, &["fsck"])["clean"], true);
    let objects = demo.ask(0, &["archive", "list"]);
    let keys: Vec<&str> = objects.as_array().expect("a list").iter().filter_map(|one| one["key"].as_str()).collect();
    let mut once = keys.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), keys.len(), "{keys:?}");
}

#[test]
fn what_was_signed_after_the_last_segment_is_lost_and_said() {
    let place = Place::new();
    let demo = demo(&place);
    let covered = demo.ask(0, &["archive", "flush"])["entries_in_the_archive"].as_u64().expect("a number");
    ends_with(0, Path::new(REPOSITORY), &["demo", "--dir", &demo.dir]);
    let size = demo.ask(0, &["fsck"])["entries"].as_u64().expect("a number");
    demo.lose_the_database();

    let restored = demo.ask(1, &["archive", "restore"]);
    assert_eq!(
        (restored["entries"].as_u64(), &restored["fsck_clean"]),
        (Some(covered), &Value::Bool(true)),
        "{restored}"
    );
    assert_eq!(restored["lost_entries"].as_u64(), Some(size - covered), "{restored}");
    // What is there can be read, and nothing goes on as if the rest had never been.
    assert!(!demo.ask(0, &["evidence", "list"]).as_array().expect("a list").is_empty());
    let refused = output(Path::new(REPOSITORY), &["run", "--dir", &demo.dir, "worm-archive"]);
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("was signed"), "{said}");
    assert_eq!(demo.ask(1, &["fsck"])["clean"], false, "the lost entries are a difference for ever");
}
