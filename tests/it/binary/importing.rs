//! Results of scanners that ran elsewhere, handed in as files: judged by what was examined, and taken in once.

use std::{fs, path::Path};

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

#[test]
fn what_no_scanner_wrote_is_refused_and_nothing_is_recorded() {
    let place = deployment();
    for (file, more, said) in [
        ("no-service.json", &[][..], "npm audit (`--json`) says that it failed: status 405"),
        ("requirements.txt", &[], "expected what a scanner prints as JSON"),
        ("not-there.json", &[], "not-there.json"),
        ("found.json", &["--format-of", "no-such-form"], "expected one of pip-audit"),
        ("found.json", &["--job", "another"], "no job another of dependency_scan"),
        ("found.json", &["--environment", "staging"], "job scans-of-the-pipeline is about production"),
    ] {
        let ran = output(place.path(), &importing(file, more));
        let error = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(2), "{file}: {error}");
        assert!(error.contains(said) && ran.stdout.is_empty(), "{file}: {error}");
    }
    assert_eq!(json(0, place.path(), &["evidence", "list", "--format", "json"]), value!([]));
}
