//! The demo, twice, and what anyone can check afterwards. The names in its JSON and the exit codes are steady.

use std::{fs, path::Path};

use exhibit_tests::{Example, Needles};
use serde_json::Value;

use super::{Place, ends_with, json, output, searched};

/// The demo looks at the repository it is started in: this one.
const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

#[test]
fn a_demo_can_be_checked_by_anyone() {
    let place = Place::new();
    let look = place.join("look");
    let dir = look.to_str().expect("UTF-8");
    let repository = Path::new(REPOSITORY);

    let first = json(0, repository, &["demo", "--dir", dir, "--format", "json"]);
    let second = json(0, repository, &["demo", "--dir", dir, "--format", "json"]);
    for made in [&first, &second] {
        assert_eq!(made["verified"], true);
        assert!(Path::new(text(made, "/dir")).is_dir());
        for form in ["md", "html", "json", "bundle"] {
            let path = text(made, &format!("/report/{form}"));
            assert!(fs::metadata(path).is_ok_and(|file| file.len() > 0), "{form}: {path}");
        }
        let outcomes = made["outcomes"].as_object().expect("a count for each outcome");
        assert!(outcomes["fail"].as_u64() > Some(0), "the example company has faults: {outcomes:?}");
        both_keys_are_told(text(made, "/report/md"));
        let words: Vec<&str> = outcomes.keys().map(String::as_str).collect();
        assert_eq!(words, ["error", "fail", "missing", "not-applicable", "pass", "stale", "vacuous", "waived"]);
    }
    assert_eq!(first["dir"], second["dir"]);
    assert_eq!(origin(&first), origin(&second), "the same ledger");
    assert!(second["ledger"]["size"].as_u64() > first["ledger"]["size"].as_u64(), "a second demo adds to it");
    assert_ne!(first["report"]["id"], second["report"]["id"]);
    assert!(Path::new(text(&first, "/report/bundle")).is_file(), "what was archived stays");

    // Everything agrees, and everybody can see it.
    let checked = json(0, repository, &["fsck", "--dir", dir, "--format", "json"]);
    assert_eq!(checked["clean"], true);
    let bundle = text(&second, "/report/bundle");
    ends_with(0, repository, &["verify", bundle, "--re-render", "--dir", dir]);
    let key = look.join("keys/log.pub");
    ends_with(0, repository, &["verify", bundle, "--key", key.to_str().expect("UTF-8")]);
    ends_with(0, repository, &["verify", text(&first, "/report/bundle"), "--dir", dir]);

    // Without a key from outside nothing is proven; another log's key proves that it is another log's.
    ends_with(2, place.path(), &["verify", bundle]);
    ends_with(2, place.path(), &["verify", "no-such-file", "--dir", dir]);
    ends_with(2, place.path(), &["fsck", "--dir", "no-such-folder"]);

    no_canary_left_the_company(&look, &repository_output(repository, dir));
    a_changed_byte_is_found(&place, bundle, dir);
    a_rewritten_checkpoint_is_found(&look, dir);
    an_exchanged_key_is_found(&look, dir, bundle);
}

/// The key that is well kept and the one that is not; and what the credentials' files do not tell is an error in one check,
/// as what the company's scanners did not examine is in others.
fn both_keys_are_told(report: &str) {
    let report = fs::read_to_string(report).expect("the report can be read");
    let of_check = |check: &str| {
        let (_, rest) = report.split_once(&format!("### {check} (job ")).unwrap_or_else(|| panic!("no {check}"));
        rest.split_once("\n### ").expect("more follows").0
    };
    let outcomes = |check: &str| {
        let said = of_check(check);
        ["orders", "uploads"].map(|key| {
            let row = said.lines().find(|line| line.contains(&format!("| production / {key}-encryption-key | **")));
            row.and_then(|row| row.split("**").nth(1)).unwrap_or("nothing").to_owned()
        })
    };
    assert_eq!(outcomes("key-custody.same-as-running"), ["pass", "fail"]);
    assert_eq!(outcomes("key-custody.apart-from-data"), ["pass", "fail"]);
    assert_eq!(outcomes("key-custody.restore-drill"), ["pass", "not-applicable"]);
    assert_eq!(outcomes("key-custody.backup-age"), ["pass", "pass"], "its files are as old as they are in the case");
    let errors = report.split("\n### ").filter(|part| part.contains("| **error** could not be found out |"));
    let errors: Vec<&str> = errors.filter_map(|part| part.split_once(" (job ")).map(|(check, _)| check).collect();
    // Two of the company's three scans examined nothing and ended well.
    let dependencies = ["complete-population", "fresh-database", "known-vulnerabilities", "remediation-in-time"];
    let told: Vec<String> = dependencies.iter().map(|check| format!("dependency-scan.{check}")).collect();
    assert_eq!(errors, [vec!["unique-credentials.rotation"], told.iter().map(String::as_str).collect()].concat());
}

/// What the program says when it is asked to say everything.
fn repository_output(repository: &Path, dir: &str) -> Vec<u8> {
    let told = output(repository, &["run", "-vv", "--dir", dir, "unique-credentials-of-harbour-lane"]);
    assert!(told.status.success() && !told.stderr.is_empty(), "{told:?}");
    [told.stdout, told.stderr].concat()
}

/// Every file that the demo made, Postgres's own included, and every word it said; but the example company's own files.
fn no_canary_left_the_company(look: &Path, said: &[u8]) {
    let of = |collector: &str| Example::new("company", collector, "example-company").canaries();
    let needles = Needles::new(&[of("unique_credentials"), of("key_custody")].concat());
    let mut found: Vec<String> = needles.found_in(said).into_iter().map(|form| format!("said: {form}")).collect();
    let (bytes, in_files) = searched(look, &needles, |path| path.ends_with("example-company"));
    found.extend(in_files);
    assert!(bytes > 1_000_000, "only {bytes} bytes were searched");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Bytes at several places of the bundle, one at a time.
fn a_changed_byte_is_found(place: &Place, bundle: &str, dir: &str) {
    let whole = fs::read(bundle).expect("the bundle can be read");
    let copy = place.join("tampered.tar");
    for part in 1..8 {
        let mut bytes = whole.clone();
        let at = first_letter_after(&bytes, bytes.len() * part / 8);
        bytes[at] ^= 1;
        fs::write(&copy, &bytes).expect("a copy");
        let printed =
            ends_with(1, place.path(), &["verify", copy.to_str().expect("UTF-8"), "--dir", dir, "--format", "json"]);
        let told: Value = serde_json::from_str(&printed).expect("JSON");
        assert_eq!(told["verified"], false);
        assert!(
            told["differences"].as_array().is_some_and(|named| !named.is_empty()),
            "byte {at}: each difference is named"
        );
    }
}

/// A letter, so that no padding is hit: changed padding is found too, but says less.
fn first_letter_after(bytes: &[u8], from: usize) -> usize {
    from + bytes[from..].iter().position(u8::is_ascii_alphabetic).expect("a bundle ends in text and padding")
}

fn a_rewritten_checkpoint_is_found(look: &Path, dir: &str) {
    let folder = look.join("checkpoints");
    let note =
        fs::read_dir(&folder).expect("checkpoints lie beside the data").next().expect("one").expect("a file").path();
    let text = fs::read_to_string(&note).expect("a note");
    let lines: Vec<&str> = text.lines().collect();
    let other_size = format!("{}1", lines[1]);
    fs::write(&note, text.replacen(lines[1], &other_size, 1)).expect("written");
    let told = json(1, look, &["fsck", "--dir", dir, "--format", "json"]);
    assert_eq!(told["clean"], false);
    fs::write(&note, text).expect("written");
    ends_with(0, look, &["fsck", "--dir", dir]);
}

fn an_exchanged_key_is_found(look: &Path, dir: &str, bundle: &str) {
    let pinned = look.join("keys/log.pub");
    let own = fs::read(&pinned).expect("the pinned key");
    fs::remove_file(&pinned).expect("removed");
    ends_with(2, look, &["verify", bundle, "--dir", dir]);
    ends_with(2, look, &["fsck", "--dir", dir]);
    fs::write(&pinned, own).expect("written");
    ends_with(0, look, &["verify", bundle, "--dir", dir]);
}

fn text<'a>(made: &'a Value, pointer: &str) -> &'a str {
    made.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer} is named in {made}"))
}

/// The log's name: the first line of its checkpoint.
fn origin(made: &Value) -> &str {
    text(made, "/ledger/checkpoint").lines().next().expect("a note has lines")
}
