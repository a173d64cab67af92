//! The signing key is rotated by command: what was sealed before and after verifies with either key, and whatever stops
//! half-way is finished by the next command.

use std::{fs, path::Path, process::Command};

use exhibit_ledger::note::SigningKey;
use exhibit_tests::fresh_verifier;
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

/// The key changes three times; what was sealed in each of the four eras verifies offline by the first key and by the last,
/// by both programs, bundle by bundle and as one archive.
#[test]
fn entries_of_every_era_verify_after_three_rotations() {
    let place = Place::new();
    let look = place.join("look");
    let dir = look.to_str().expect("UTF-8");
    let pin = || read(&look.join("keys/log.pub")).trim().to_owned();
    let demo = || json(0, Path::new(REPOSITORY), &["demo", "--dir", dir, "--format", "json"]);
    let bundle = |made: &Value| made["report"]["bundle"].as_str().expect("a path").to_owned();

    let mut bundles = vec![bundle(&demo())];
    let first = pin();
    for time in 1..=3 {
        ends_with(0, place.path(), &["key", "rotate", "--reason", &format!("change {time}"), "--dir", dir]);
        bundles.push(bundle(&demo()));
    }
    let last = pin();
    let rotations = look.join("keys/log.rotations");
    let archive = look.join("archive").to_str().expect("UTF-8").to_owned();
    let ours = |code: i32, words: &[&str]| ends_with(code, place.path(), &[&["verify"], words].concat());
    let small = |code: i32, words: &[&str]| {
        let told = Command::new(fresh_verifier()).args(words).current_dir(place.path()).output().expect("it runs");
        let printed = String::from_utf8_lossy(&told.stdout).into_owned();
        let said = String::from_utf8_lossy(&told.stderr);
        assert_eq!(told.status.code(), Some(code), "{words:?}\n{printed}\n{said}");
        printed
    };
    for key in [&first, &last] {
        for bundle in bundles.iter().chain([&archive]) {
            let words = [bundle, "--key", key, "--rotations", rotations.to_str().expect("UTF-8"), "--format", "json"];
            let (one, other) = (ours(0, &words), small(0, &words));
            let told = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
            assert_eq!(told(&one)["proven"], told(&other)["proven"], "both programs say the same");
        }
    }
    // An archive tells of its rotations itself; a bundle of the first era can't know the last key.
    assert!(small(0, &[&archive, "--key", &last]).contains("hold all"));
    small(1, &[&bundles[0], "--key", &last]);

    // A checkpoint that was noted down in the second era, and one that says something else.
    let notes = names(&look.join("checkpoints"));
    let noted = look.join("checkpoints").join(&notes[notes.len() / 2]);
    let held = ["--checkpoint", noted.to_str().expect("UTF-8"), "--key", &first];
    assert!(small(0, &[&[archive.as_str()], &held[..]].concat()).contains("that you hold"));
    assert!(ours(0, &[&[bundles[3].as_str()], &held[..]].concat()).contains("that you hold"));

    // What lies in an archive, changed or gone.
    let disclosures = look.join("archive/disclosures");
    let object = disclosures.join(&names(&disclosures)[0]);
    let good = fs::read(&object).expect("an object");
    let unlocked = |bytes: Option<&[u8]>| {
        let _ = fs::remove_file(&object);
        bytes.into_iter().for_each(|bytes| fs::write(&object, bytes).expect("written"));
    };
    unlocked(Some(&good[..good.len() - 1]));
    assert!(small(1, &[&archive, "--key", &first]).contains("disclosures/"));
    unlocked(None);
    assert!(small(1, &[&archive, "--key", &first]).contains("no such file"));
    unlocked(Some(&good));
    small(0, &[&archive, "--key", &first]);
    small(2, &[place.path().to_str().expect("UTF-8"), "--key", &first]);
    small(2, &[&archive]);
    small(2, &[&archive, "--key"]);
    small(2, &["--nonsense"]);
    assert!(small(0, &["--help"]).contains("Example:"));
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
