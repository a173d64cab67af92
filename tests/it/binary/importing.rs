//! Results of scanners that ran elsewhere, handed in as files: judged by what was examined, and taken in once.

use std::{
    fs::{self, File},
    path::Path,
    time::{Duration, SystemTime},
};

use serde_json::{Value, json as value};

use super::{Place, ends_with, json, output};

const CONFIGURATION: &str = r#"
[deployment]
name = "Scans of a pipeline"
time_zone = "UTC"
data_dir = "data"

[environments.production]
title = "Production"

[[jobs]]
id = "scans-of-the-pipeline"
collector = "dependency_scan"
environments = ["production"]
schedule = "23 4 * * *"
pushed = true
"#;

/// A deployment that takes results of others, and the files of these cases beside it.
fn deployment() -> Place {
    let place = Place::new();
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../collectors/dependency_scan/cases");
    for (from, to) in [
        ("fail/input/requirements.txt", "requirements.txt"),
        ("fail/input/result.json", "found.json"),
        ("vacuous-skipped-all/input/result.json", "passed-over.json"),
        ("npm-error-object/input/result.json", "no-service.json"),
    ] {
        fs::copy(cases.join(from), place.join(to)).expect("copied");
    }
    fs::write(place.join("exhibit.toml"), CONFIGURATION).expect("written");
    place
}

fn importing<'a>(file: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let order = ["evidence", "import", file, "--collector", "dependency_scan", "--subject", "shop", "--format", "json"];
    [&order, more].concat()
}

#[test]
fn a_result_is_judged_by_what_was_examined_and_taken_in_once() {
    let place = deployment();
    let lockfile = ["--lockfile", "requirements.txt"];
    let counts = |taken: &Value| taken["population"].clone();

    // All was passed over, and the scanner called that clean: no pass, and no finding either.
    let passed_over = json(1, place.path(), &importing("passed-over.json", &lockfile));
    assert_eq!((&passed_over["outcome"], &passed_over["findings"]), (&"error".into(), &0.into()));
    assert_eq!(counts(&passed_over), value!({"total": 4, "examined": 0, "excluded": 4}));
    let shown = ends_with(0, place.path(), &["evidence", "show", passed_over["id"].as_str().expect("an id")]);
    assert!(shown.contains("vacuous: None of 4 packages was examined"), "{shown}");

    let named = [lockfile.as_slice(), &["--format-of", "pip-audit"]].concat();
    let found = json(0, place.path(), &importing("found.json", &named));
    assert_eq!((&found["outcome"], &found["findings"]), (&"fail".into(), &1.into()));
    assert_eq!(counts(&found), value!({"total": 4, "examined": 4, "excluded": 0}));
    let listed = json(0, place.path(), &["evidence", "list", "--format", "json"]);
    assert_eq!(listed.as_array().expect("a list").len(), 2);
    assert!(listed.as_array().expect("a list").iter().all(|piece| piece["trigger"] == "pushed"), "{listed}");

    // Once more is the same piece, whatever the file is called.
    fs::rename(place.join("found.json"), place.join("again.json")).expect("renamed");
    let again = json(0, place.path(), &importing("again.json", &named));
    assert_eq!((&again["id"], &again["already"]), (&found["id"], &true.into()));
    let listed = json(0, place.path(), &["evidence", "list", "--format", "json"]);
    assert_eq!(listed.as_array().expect("a list").len(), 2);
    ends_with(0, place.path(), &["fsck"]);
}

/// What a pipeline's log needs, and what a person sees.
#[test]
fn what_comes_of_it_is_told_by_check_and_by_the_scanners_own_word() {
    let place = deployment();
    let alone = json(1, place.path(), &importing("passed-over.json", &[]));
    assert_eq!(alone["population"], value!({"total": null, "examined": 0, "excluded": 4}));
    let checks = alone["checks"].as_array().expect("a list");
    let of = |check: &str| checks.iter().find(|one| one["id"] == check).expect("the check");
    let complete = of("dependency-scan.complete-population");
    assert_eq!(complete["outcome"], "vacuous");
    let words = complete["words"].as_str().expect("words");
    assert!(words.starts_with("None of 4 packages that the scanner names was examined: the scanner passed over it"));
    let shown = ends_with(0, place.path(), &["evidence", "show", alone["id"].as_str().expect("an id")]);
    for line in
        ["examined 0; how many there are is not known", "4: the scanner passed over it", "what pip-audit said, "]
    {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    let order = importing("found.json", &["--lockfile", "requirements.txt"]);
    let table: Vec<&str> = order.iter().map(|word| if *word == "json" { "table" } else { word }).collect();
    let printed = ends_with(0, place.path(), &table);
    assert!(printed.contains("fail: ") && printed.contains("4 of 4, 0 left out"), "{printed}");
}

#[test]
fn what_was_handed_in_and_says_nothing_is_an_error_that_says_why() {
    let place = deployment();
    let lockfile = ["--lockfile", "requirements.txt"];
    let whole = fs::read(place.join("found.json")).expect("read");
    for (file, bytes) in [
        ("cut.json", &whole[..100]),
        ("empty.json", b""),
        ("page.json", b"<!DOCTYPE html><title>502</title>"),
        ("newer.json", br#"{"SchemaVersion":3,"Results":[]}"#),
    ] {
        fs::write(place.join(file), bytes).expect("written");
    }
    let cases: [(&str, &[&str], &str); 6] = [
        ("no-service.json", &[], "npm audit (`--json`) says that it failed: status 405"),
        ("cut.json", &[], "it ends in the middle, after 100 bytes"),
        ("empty.json", &["--format-of", "trivy"], "it is empty: expected what trivy"),
        ("page.json", &["--format-of", "npm-audit"], "what looks like an HTML or XML page is no JSON"),
        ("newer.json", &["--format-of", "trivy"], "its `SchemaVersion` is 3"),
        ("found.json", &["--format-of", "grype"], "it is what pip-audit"),
    ];
    for (file, more, said) in cases {
        let taken = json(1, place.path(), &importing(file, &[&lockfile, more].concat()));
        assert_eq!((&taken["outcome"], &taken["findings"]), (&"error".into(), &0.into()), "{file}: {taken}");
        assert_eq!(taken["population"], value!({"total": 4, "examined": 0, "excluded": 4}), "{file}");
        let problem = taken["problems"][0].as_str().unwrap_or_else(|| panic!("{file}: {taken}"));
        assert!(problem.starts_with(file) && problem.contains(said), "{file}: {problem}");
        let shown =
            json(0, place.path(), &["evidence", "show", taken["id"].as_str().expect("an id"), "--format", "json"]);
        let printed = fs::read(place.join(file)).expect("read");
        let observation = &shown["record"]["body"]["observation"];
        let kept = &observation["artifacts"][0];
        assert_eq!((&kept["size"], &kept["masked"]), (&printed.len().into(), &0.into()), "{file}: {observation}");
        assert_eq!(json(1, place.path(), &importing(file, &[&lockfile, more].concat()))["id"], taken["id"], "{file}");
    }
    let listed = json(0, place.path(), &["evidence", "list", "--format", "json"]);
    assert_eq!(listed.as_array().map(Vec::len), Some(cases.len()));
    ends_with(0, place.path(), &["fsck"]);
}

#[test]
fn what_nobody_says_a_scanner_wrote_is_refused_and_nothing_is_recorded() {
    let place = deployment();
    fs::write(place.join("nothing"), "\n").expect("written");
    fs::copy(place.join("found.json"), place.join("ahead.json")).expect("copied");
    let ahead = SystemTime::UNIX_EPOCH + Duration::from_secs(5_000_000_000);
    File::options().append(true).open(place.join("ahead.json")).and_then(|file| file.set_modified(ahead)).expect("set");
    for (file, more, said) in [
        ("requirements.txt", &[][..], "expected what a scanner prints as JSON"),
        ("requirements.txt", &[], "With `--format-of`"),
        ("nothing", &[], "it is empty"),
        (".", &["--format-of", "trivy"], "directory"),
        ("not-there.json", &["--format-of", "trivy"], "not-there.json"),
        ("not-there.json", &[], "not-there.json"),
        ("found.json", &["--format-of", "no-such-form"], "expected one of pip-audit"),
        ("found.json", &["--job", "another"], "no job another of dependency_scan"),
        ("found.json", &["--environment", "staging"], "job scans-of-the-pipeline is about production"),
        ("found.json", &["--observed-at", "2126-11-16T04:00:00Z"], "it is said to have been written at"),
        ("ahead.json", &[], "say when it was written"),
    ] {
        let ran = output(place.path(), &importing(file, more));
        let error = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(2), "{file}: {error}");
        assert!(error.contains(said) && ran.stdout.is_empty(), "{file}: {error}");
    }
    assert_eq!(json(0, place.path(), &["evidence", "list", "--format", "json"]), value!([]));
}
