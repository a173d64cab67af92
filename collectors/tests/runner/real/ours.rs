//! A scanner that nobody has heard of, by an adapter that lies beside the configuration: what `README.md` tells a new user to write.

use std::fs;

use exhibit_collectors::results;
use exhibit_collectors::scanners::{LooksAt, Said, ScannerSettings};

use super::Place;

const SCANNER: &str = r##"#!/bin/sh
[ "$1" = --version ] && { echo "our-scanner version 4.2 (of June)"; exit 0; }
[ "$1 $2 $4" = "check --rules --sarif" ] || { echo "usage" >&2; exit 64; }
grep -q forbidden "$3/words" || exit 2
found=$(grep -rl forbidden "$6") || { echo '{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"ours"}},"results":[]}]}' > "$5"; exit 0; }
printf '{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"ours"}},"results":[{"ruleId":"W1","level":"error","message":{"text":"a word"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"%s"},"region":{"startLine":1}}}]}]}]}' "$(basename "$found")" > "$5"
exit 3
"##;

/// The block of the README that a new user copies.
fn adapter_of_the_readme() -> String {
    let readme = include_str!("../../../README.md");
    let (_, behind) = readme.split_once("### Adding a scanner that prints SARIF").expect("the section");
    let (_, block) = behind.split_once("```toml\n").expect("the block");
    block.split_once("```").expect("its end").0.to_owned()
}

#[test]
fn a_scanner_that_prints_sarif_takes_a_file_and_no_code() {
    let place = Place::new(&[
        ("tools/our-scanner", SCANNER),
        ("scanners/ours.toml", &adapter_of_the_readme()),
        ("rules/words", "forbidden\n"),
        ("shop/page.html", "a forbidden word\n"),
        ("clean/page.html", "words\n"),
    ]);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(place.path("tools/our-scanner"), mode).expect("made a program");
    let settings: ScannerSettings =
        toml::from_str("adapter = \"scanners/ours.toml\"\nparameters = { rules = \"rules\" }").expect("settings");
    let done = place.scan(&settings, LooksAt::Folder, "shop").expect("it scans");
    assert_eq!((done.said, done.facts.version.as_deref()), (Said::Findings, Some("4.2")));
    let read = results::reading("ours", &done, Some(done.format)).expect("it is read");
    assert_eq!(read.findings.len(), 1, "{read:?}");
    assert_eq!((read.findings[0].rule.as_str(), read.findings[0].file.as_deref()), ("W1", Some("page.html")));
    assert_eq!(place.scan(&settings, LooksAt::Folder, "clean").expect("it scans").said, Said::Clean);

    // Not in order any more.
    place.write("rules/words", b"nothing");
    let error = place.scan(&settings, LooksAt::Folder, "shop").expect_err("its rules are not there");
    assert_eq!(error.to_string(), "ours ended with status 2, which means that it failed");
}
