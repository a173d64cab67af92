//! The signing key is rotated by command: what was sealed before and after verifies with either key, and whatever stops
//! half-way is finished by the next command.

use std::{fs, path::Path};

use exhibit_ledger::note::SigningKey;
use serde_json::Value;

use super::{Place, ends_with, json, output};

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

#[test]
fn old_and_new_bundles_verify_with_old_and_new_keys() {
    let place = Place::new();
    let look = place.join("look");
    let dir = look.to_str().expect("UTF-8").to_owned();
    let (key_file, pin, rotations) =
        (look.join("keys/log.key"), look.join("keys/log.pub"), look.join("keys/log.rotations"));
    let repository = Path::new(REPOSITORY);
    let demo = || json(0, repository, &["demo", "--dir", &dir, "--format", "json"]);
    let command = |code: i32, words: &[&str]| ends_with(code, place.path(), &[words, &["--dir", &dir]].concat());
    let bundle = |made: &Value| made["report"]["bundle"].as_str().expect("a path").to_owned();

    let before = bundle(&demo());
    let (old_secret, old_pin) = (read(&key_file), read(&pin));
    command(2, &["key", "rotate"]);
    command(2, &["key", "rotate", "--reason", " "]);
    command(2, &["key", "rotate", "--reason", "why", "--new-key", "env:NEXT"]);
    let told = command(0, &["key", "rotate", "--reason", "the yearly change", "--format", "json"]);
    let told: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(told["keys"][0]["key"], old_pin.trim());
    assert_eq!(told["keys"][1]["key"], read(&pin).trim());
    assert_eq!(told["keys"][1]["reason"], "the yearly change");
    assert_eq!(told["keys"][0]["until_size"], told["keys"][1]["from_size"]);
    let (new_secret, new_pin) = (read(&key_file), read(&pin));
    assert!(old_secret != new_secret && old_pin != new_pin);
    assert_eq!(names(&look.join("keys")), ["log.key", "log.pub", "log.rotations"], "no secret lies beside");
    let after = bundle(&demo());

    let rotations_file = rotations.to_str().expect("UTF-8");
    for (bundle, pinned, more, code) in [
        (&before, &old_pin, &[][..], 0),
        (&before, &new_pin, &[], 1),
        (&before, &new_pin, &["--rotations", rotations_file], 0),
        (&before, &new_pin, &["--dir", &dir], 0),
        (&after, &old_pin, &[], 0),
        (&after, &new_pin, &[], 0),
    ] {
        ends_with(code, place.path(), &[&["verify", bundle, "--key", pinned.trim()], more].concat());
    }
    for bundle in [&before, &after] {
        command(0, &["verify", bundle]);
    }
    command(0, &["fsck"]);
    assert!(command(0, &["key", "show"]).contains("the yearly change"));

    a_rotation_that_was_interrupted_is_finished(&look, &command, [&old_secret, &new_secret, &old_pin, &new_pin]);
    a_configured_key_is_followed_by_a_named_one(&look, &command, place.path());
    command(0, &["fsck"]);
    for bundle in [&before, &after] {
        command(0, &["verify", bundle]);
        ends_with(0, place.path(), &["verify", bundle, "--key", old_pin.trim()]);
    }
}

/// Killed at any point behind the ledger's entry: the files are brought to what the ledger says.
fn a_rotation_that_was_interrupted_is_finished(
    look: &Path,
    command: &dyn Fn(i32, &[&str]) -> String,
    [old_secret, new_secret, old_pin, new_pin]: [&str; 4],
) {
    let keys = look.join("keys");
    let write = |name: &str, text: &str| fs::write(keys.join(name), text).expect("written");
    // Before the files are exchanged; and between that and the pin.
    for next_waits in [true, false] {
        write("log.pub", old_pin);
        fs::remove_file(keys.join("log.rotations")).expect("removed");
        if next_waits {
            write("log.key", old_secret);
            write("log.key.next", new_secret);
        }
        command(0, &["archive", "list"]);
        assert_eq!((read(&keys.join("log.key")), read(&keys.join("log.pub"))), (new_secret.into(), new_pin.into()));
        assert_eq!(names(&keys), ["log.key", "log.pub", "log.rotations"]);
    }
    // The retired key alone, as from an old backup.
    write("log.key", old_secret);
    let told = output(look, &["run", "--dir", "."]);
    let said = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(told.status.code() == Some(2) && said.contains("was rotated") && said.contains("backup"), "{said}");
    command(2, &["fsck"]);
    write("log.key", new_secret);
    // A key that waits, but whose rotation never got into the ledger, changes nothing until somebody rotates.
    write("log.key.next", &secret(new_pin, 9));
    command(0, &["archive", "list"]);
    assert_eq!(read(&keys.join("log.key")), new_secret);
    command(0, &["key", "rotate", "--reason", "again"]);
    assert_eq!(read(&keys.join("log.key")).trim(), secret(new_pin, 9).trim());
}

fn a_configured_key_is_followed_by_a_named_one(look: &Path, command: &dyn Fn(i32, &[&str]) -> String, folder: &Path) {
    let configuration = look.join("exhibit.toml");
    let text = read(&configuration);
    let name = |file: &str| {
        fs::write(&configuration, format!("{text}\n[signing]\nkey = \"file:{file}\"\n")).expect("written");
    };
    name("keys/log.key");
    fs::write(folder.join("next.key"), secret(&read(&look.join("keys/log.pub")), 10)).expect("written");
    command(2, &["key", "rotate", "--reason", "named"]);
    let reference = format!("file:{}", folder.join("next.key").display());
    command(0, &["key", "rotate", "--reason", "named", "--new-key", &reference]);
    command(2, &["run"]);
    command(0, &["key", "rotate", "--reason", "named", "--new-key", &reference]);
    name(folder.join("next.key").to_str().expect("UTF-8"));
    let keys: Value = serde_json::from_str(&command(0, &["key", "show", "--format", "json"])).expect("JSON");
    assert_eq!(keys["keys"].as_array().map(Vec::len), Some(4), "{keys}");
    command(0, &["run"]);
}

/// The secret text of a key of the log whose public key this is.
fn secret(public: &str, seed: u8) -> String {
    let origin = public.split('+').next().expect("a name");
    SigningKey::from_seed(origin, &[seed; 32]).expect("a key").to_secret_text().to_string()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect();
    names.sort();
    names
}
