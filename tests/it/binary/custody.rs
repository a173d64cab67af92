//! `exhibit custody canary` from outside: the drill opens what it wrote, and the key is nowhere but where it was.

use std::fs;

use exhibit_tests::Needles;

use super::{Place, ends_with, json, output, searched};

const KEY: &str = "6e0f5b92c47a13d8af30429be5816c7d0d94f7b1832e6ac55fb8c90e7a41d326";
const NEXT: &str = "13c70a9ed2584f6bb1e8057c3fa96d24e07b5c819f42d63a08ce71b5942d6af0";

const CONFIGURATION: &str = r#"
[deployment]
name = "Example"
time_zone = "UTC"
data_dir = "data"

[environments.production]
title = "Production"

[[jobs]]
id = "custody"
collector = "key_custody"
schedule = "0 5 * * *"
environments = ["production"]

[[jobs.source.keys]]
environment = "production"
name = "ENCRYPTION_KEY"
bytes = 32
running = [{ name = "backend", dotenv = "backend.env" }, { name = "worker", dotenv = "worker.env" }]
copies = [{ name = "vault", site = "vault", dotenv = "vault.env" }, { name = "backup", site = "backup", dotenv = "backup.env" }]

[[jobs]]
id = "drill"
collector = "key_custody"
schedule = "0 7 1 * *"
environments = ["production"]

[[jobs.source.keys]]
environment = "production"
name = "ENCRYPTION_KEY"
bytes = 32
drills = [{ name = "from-backup", method = "aes-256-gcm", canary = "canaries/1.txt", copy = { name = "backup", dotenv = "backup.env" } }]
"#;

#[test]
fn a_canary_is_written_once_and_opens_with_the_key_that_ran() {
    let place = Place::new();
    fs::write(place.join("exhibit.toml"), CONFIGURATION).expect("written");
    let put = |names: &[&str], key: &str| {
        names.iter().for_each(|name| fs::write(place.join(name), format!("ENCRYPTION_KEY={key}\n")).expect("written"));
    };
    put(&["backend.env", "worker.env", "vault.env", "backup.env"], KEY);
    ends_with(0, place.path(), &["check"]);

    // What is not so is told before anything is written.
    ends_with(2, place.path(), &["custody", "canary", "no-such-job"]);
    ends_with(2, place.path(), &["custody", "canary", "custody"]);
    ends_with(2, place.path(), &["custody", "canary", "drill", "--drill", "another"]);
    ends_with(2, place.path(), &["custody", "canary", "drill", "--from", "nowhere"]);
    put(&["worker.env"], NEXT);
    let differs = output(place.path(), &["custody", "canary", "drill"]);
    let said = String::from_utf8_lossy(&differs.stderr).into_owned();
    assert_eq!((differs.status.code(), said.contains("worker runs with another")), (Some(1), true), "{said}");
    assert!(!place.join("canaries").exists());
    put(&["worker.env"], KEY);

    let mut told = Vec::new();
    let mut command = |code: i32, arguments: &[&str]| {
        let done = output(place.path(), arguments);
        assert_eq!(done.status.code(), Some(code), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        told.extend([done.stdout.clone(), done.stderr].concat());
        done.stdout
    };
    let made = command(0, &["custody", "canary", "drill", "-vv", "--format", "json"]);
    let made: serde_json::Value = serde_json::from_slice(&made).expect("JSON");
    assert_eq!(made["current_for"], serde_json::json!(["backend", "worker"]));
    assert_eq!((made["place"].as_str(), made["drill"].as_str()), (Some("backend"), Some("from-backup")));
    let canary = fs::read(place.join("canaries/1.txt")).expect("written");
    command(2, &["custody", "canary", "drill", "-vv"]);
    assert_eq!(fs::read(place.join("canaries/1.txt")).expect("there"), canary, "nothing is written over");

    let verdict = |expected: &str| {
        let done = output(place.path(), &["run", "drill", "--format", "json"]);
        let done: serde_json::Value = serde_json::from_slice(&done.stdout).expect("JSON");
        assert_eq!(done["slots"][0]["verdict"], expected, "{done}");
    };
    verdict("pass");
    // The key was rotated, the backup followed, and what was written before can't be read with it any more.
    put(&["backend.env", "worker.env", "backup.env"], NEXT);
    verdict("fail");
    fs::write(place.join("canaries/1.txt.json"), "{}").expect("written");
    verdict("error");

    let needles = Needles::new(&[KEY, NEXT].map(str::to_owned));
    assert_eq!(needles.found_in(&told), Vec::<&str>::new());
    let (bytes, found) = searched(place.path(), &needles, |path| path.extension().is_some_and(|end| end == "env"));
    assert!(bytes > 1_000_000 && found.is_empty(), "{found:?}");
    assert_eq!(json(0, place.path(), &["fsck", "--format", "json"])["clean"], true);
}
