//! The program with a bucket for an archive, on a real server that enforces Object Lock.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use serde_json::Value;

use super::{Place, output};
use crate::object_lock::server::{Bucket, SERVICE, server};

/// A deployment without jobs, whose archive is this bucket.
fn deployment(bucket: &Bucket) -> Place {
    let place = Place::new();
    for (name, value) in [("s3-id", SERVICE.id), ("s3-secret", SERVICE.secret)] {
        fs::write(place.join(name), value).expect("written");
        fs::set_permissions(place.join(name), fs::Permissions::from_mode(0o600)).expect("it is ours");
    }
    let text = format!(
        "[deployment]\nname = \"Example Company\"\n\n[archive.s3]\nbucket = \"{}\"\nregion = \"us-east-1\"\n\
         endpoint = \"http://{}\"\nprefix = \"evidence/\"\naccess_key_id = \"file:s3-id\"\n\
         secret_access_key = \"file:s3-secret\"\n",
        bucket.name,
        server().s3
    );
    fs::write(place.join("exhibit.toml"), text).expect("written");
    place
}

/// Runs the program; gives how it ended, and what it printed and said.
fn told(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = output(folder, arguments);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it prints UTF-8");
    let (printed, said) = (text(output.stdout), text(output.stderr));
    assert!(!format!("{printed}{said}").contains(SERVICE.secret), "{arguments:?} shows a secret");
    (output.status.code(), printed, said)
}

fn in_runtime<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().expect("a runtime").block_on(future)
}

#[test]
fn a_bucket_is_the_archive_and_the_doctor_looks_at_it() {
    let bucket = in_runtime(Bucket::locked());
    let place = deployment(&bucket);
    let (code, printed, said) = told(place.path(), &["run"]);
    assert_eq!(code, Some(0), "{printed}\n{said}");
    let listing = in_runtime(bucket.administer("GET", "?versions&prefix=", &[], b"")).text();
    assert!(listing.contains("<Key>evidence/checkpoints/"), "the checkpoint is kept there: {listing}");
    let (_, printed, said) = told(place.path(), &["doctor", "--probe-rights", "--format", "json"]);
    let found: Value = serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}\n{said}"));
    let state = |code: &str| {
        let findings = found.as_array().expect("a list");
        let finding = findings.iter().find(|finding| finding["code"] == code);
        finding.unwrap_or_else(|| panic!("{code}: {printed}"))["state"].clone()
    };
    for (code, expected) in [
        ("archive.kind", "ok"),
        ("bucket.reach", "ok"),
        ("bucket.versioning", "ok"),
        ("bucket.object-lock", "ok"),
        ("bucket.default-retention", "warn"),
        ("bucket.clock", "ok"),
        ("bucket.tls", "warn"),
        ("bucket.rights", "warn"),
        ("checkpoints.archived", "ok"),
    ] {
        assert_eq!(state(code), expected, "{code}: {printed}");
    }
    let (_, printed, said) = told(place.path(), &["archive", "check", "--format", "json"]);
    let checked: Value = serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}\n{said}"));
    let store = checked["store"].as_array().expect("the store's settings");
    assert!(
        store.iter().any(|one| one["aspect"] == "default-retention" && one["standing"] == "weak"),
        "it tells what the attestation tells: {checked}"
    );
}

#[test]
fn a_bucket_that_can_lock_nothing_is_no_archive() {
    let bucket = in_runtime(Bucket::plain());
    let place = deployment(&bucket);
    let (code, printed, said) = told(place.path(), &["run"]);
    assert!(code.is_some_and(|code| code != 0) && printed.is_empty(), "{printed}\n{said}");
    assert!(said.contains("can't be an archive") && said.contains("has no Object Lock"), "{said}");
    let (code, printed, _) = told(place.path(), &["doctor", "--format", "json"]);
    assert_eq!(code, Some(1), "{printed}");
    assert!(printed.contains("bucket.object-lock") && printed.contains("has no Object Lock"), "{printed}");
}

#[test]
fn the_bucket_gives_a_lost_database_back() {
    let bucket = in_runtime(Bucket::locked());
    let place = deployment(&bucket);
    let ask = |code: i32, command: &[&str]| {
        let (ended, printed, said) = told(place.path(), &[command, &["--format", "json"]].concat());
        assert_eq!(ended, Some(code), "{command:?}: {printed}\n{said}");
        serde_json::from_str::<Value>(&printed).unwrap_or_else(|error| panic!("{command:?}: {error}: {printed}"))
    };
    ask(0, &["run"]);
    let covered = ask(0, &["archive", "flush"])["entries_in_the_archive"].clone();
    super::restore::lose_the_database(&place.join(".exhibit"));
    let restored = ask(0, &["archive", "restore"]);
    assert_eq!((&restored["entries"], &restored["fsck_clean"]), (&covered, &Value::Bool(true)), "{restored}");
    ask(0, &["run"]);
    // The service's rights here do not let it see all of the bucket's settings: what was not found out is no success.
    let checked = ask(2, &["archive", "check"]);
    let objects = checked["objects"].as_array().expect("objects");
    assert!(!objects.is_empty() && objects.iter().all(|object| object["as_receipted"] == true), "{checked}");
    let store = checked["store"].as_array().expect("settings");
    assert!(store.iter().any(|one| one["standing"] == "unknown"), "{checked}");
    assert_eq!(ask(0, &["fsck"])["clean"], true);
}
