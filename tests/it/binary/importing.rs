//! Results of scanners that ran elsewhere, handed in as files: judged by what was examined, and taken in once.

use std::{
    fs::{self, File},
    path::Path,
    time::{Duration, SystemTime},
};

use serde_json::{Value, json as value};
use sha2::{Digest as _, Sha256};

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

#[test]
fn what_the_scanner_printed_is_printed_again() {
    let place = deployment();
    let printed = fs::read(place.join("found.json")).expect("read");
    let taken = json(0, place.path(), &importing("found.json", &["--lockfile", "requirements.txt"]));
    let shown = ends_with(0, place.path(), &["evidence", "show", taken["id"].as_str().expect("an id")]);
    let kept = shown.lines().find(|line| line.contains("what pip-audit said, ")).expect("it is named");
    let digest = kept.split_whitespace().find(|word| word.starts_with("sha256:")).expect("its digest");
    let order = ["evidence", "artifact", digest];
    assert!(output(place.path(), &order).stdout == printed, "every byte, and no other");
    for _ in 0..2 {
        let nothing = ends_with(0, place.path(), &[order.as_slice(), &["--output", "again.json"]].concat());
        assert_eq!(nothing, "");
        assert!(fs::read(place.join("again.json")).expect("written") == printed);
        fs::write(place.join("again.json"), "something else, which is replaced").expect("written");
    }

    // What was not kept has its reason.
    let file = fs::read_to_string(place.join("exhibit.toml")).expect("read");
    let file = file.replace("pushed = true\n", "pushed = true\nsource = { keep_results_mib = 0 }\n");
    fs::write(place.join("exhibit.toml"), file).expect("written");
    json(0, place.path(), &importing("passed-over.json", &["--lockfile", "requirements.txt"]));
    let left_out =
        format!("sha256:{}", hex::encode(Sha256::digest(fs::read(place.join("passed-over.json")).expect("read"))));
    for (digest, more, said) in [
        (left_out.as_str(), &[][..], "what pip-audit said is not kept here: "),
        (left_out.as_str(), &["--output", "nothing.json"], "the job keeps none"),
        (&format!("sha256:{}", "0".repeat(64)), &[], "no artifact is kept under sha256:000"),
        (digest, &["--output", "."], "is a folder"),
        (digest, &["--output", "no/such/folder.json"], "writing no/such/folder.json"),
        ("sha256:00", &[], "sha256:00"),
    ] {
        let ran = output(place.path(), &[&["evidence", "artifact", digest], more].concat());
        let error = String::from_utf8_lossy(&ran.stderr);
        assert_eq!((ran.status.code(), ran.stdout.len()), (Some(2), 0), "{digest}: {error}");
        assert!(error.contains(said), "{digest}: {error}");
    }
    assert!(!place.join("nothing.json").exists());
}

const JOB_OF_BILLS: &str = r#"
[[jobs]]
id = "bills-of-the-pipeline"
collector = "sbom"
environments = ["production"]
schedule = "47 4 * * *"
pushed = true
source = { keep_results_mib = 4 }
"#;

/// A bill of materials comes in by the same door: recognised, held against the lockfile, once; and what is none is told.
#[test]
fn a_bill_of_materials_is_taken_in_like_a_scanners_result() {
    let place = deployment();
    fs::write(place.join("exhibit.toml"), format!("{CONFIGURATION}{JOB_OF_BILLS}")).expect("written");
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("../collectors/sbom/cases/pass-folder/input");
    fs::copy(case.join("bill.cdx.json"), place.join("shop.json")).expect("copied");
    fs::copy(case.join("shop/requirements.txt"), place.join("requirements.txt")).expect("copied");
    let order = |file: &'static str, more: &[&'static str]| {
        let order = ["evidence", "import", file, "--collector", "sbom", "--subject", "shop", "--format", "json"];
        [&order, more].concat()
    };
    let lockfile = ["--lockfile", "requirements.txt", "--observed-at", "2026-11-19T04:00:00Z"];
    let taken = json(0, place.path(), &order("shop.json", &lockfile));
    assert_eq!((&taken["findings"], &taken["problems"]), (&0.into(), &value!([])), "{taken}");
    assert_eq!(taken["population"]["examined"], taken["population"]["total"], "{taken}");
    let again = json(0, place.path(), &order("shop.json", &lockfile));
    assert_eq!((&again["id"], &again["already"]), (&taken["id"], &true.into()));
    let shown = ends_with(0, place.path(), &["evidence", "show", taken["id"].as_str().expect("an id")]);
    for line in ["bill of materials, shop.json", "No earlier bill of it is in evidence."] {
        assert!(shown.contains(line), "{line}: {shown}");
    }

    fs::write(place.join("page.json"), "<!DOCTYPE html><title>502</title>").expect("written");
    let page = json(1, place.path(), &order("page.json", &[&lockfile[..], &["--format-of", "spdx"]].concat()));
    assert_eq!((&page["outcome"], &page["findings"]), (&"error".into(), &0.into()));
    assert!(page["problems"][0].as_str().is_some_and(|told| told.starts_with("page.json: expected a bill")), "{page}");
    let wrong = json(1, place.path(), &order("shop.json", &[&lockfile[..], &["--format-of", "spdx"]].concat()));
    assert!(wrong["problems"][0].as_str().is_some_and(|told| told.contains("handed in as spdx")), "{wrong}");
    for (file, more, said) in [
        ("page.json", &[][..], "expected a bill of materials"),
        ("shop.json", &["--format-of", "pip-audit"], "bills of materials are in one of cyclonedx and spdx"),
    ] {
        let ran = output(place.path(), &order(file, more));
        let error = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(2), "{file}: {error}");
        assert!(error.contains(said) && ran.stdout.is_empty(), "{file}: {error}");
    }
    ends_with(0, place.path(), &["fsck"]);
}
