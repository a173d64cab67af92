//! What looks at code and configuration, with rules of its own or of ours: Semgrep and Checkov.

use exhibit_collectors::scanners::{Database, LooksAt, Said};

use super::{Place, fenced, read, settings};
use crate::scanners::RULES;

#[test]
fn semgrep_holds_code_against_our_rules() {
    let place = Place::new(&[
        ("rules/shell.yml", RULES),
        ("shop/run.py", "import subprocess\n\nsubprocess.run(\"ls \" + name, shell=True)\n"),
        ("shop/plain.py", "print(1)\n"),
        ("empty/none", ""),
        (
            "broken/half.py",
            "import subprocess\nsubprocess.run(\"x\", shell=True)\ndef f(:\n  pass ) ] \"\"\"\n\nsubprocess.run(\n",
        ),
        ("no-rules/README", "nothing yet\n"),
    ]);
    let settings = |rules: &str| settings(&place, "semgrep", &[("rules", rules)]);
    let done = place.scan(&settings("rules"), LooksAt::Folder, "shop").expect("it scans");
    assert_eq!((done.said, done.facts.version.as_deref(), fenced(&done)), (Said::Findings, Some("1.157.0"), true));
    assert_eq!((&done.facts.database, done.facts.in_force.no_network), (&Database::None, true));
    let found = read(&done);
    let [finding] = found.findings.as_slice() else { panic!("{found:?}") };
    assert_eq!((finding.rule.as_str(), finding.line), ("no-shell", Some(3)));
    assert_eq!(finding.message.as_deref(), Some("a shell is started"));
    assert!(finding.file.as_ref().is_some_and(|file| file.ends_with("shop/run.py")), "{finding:?}");
    // It names what it looked at.
    assert_eq!((found.files.len(), found.errors().count()), (2, 0), "{found:?}");

    // Nothing that its rules are about is nothing examined.
    let done = place.scan(&settings("rules"), LooksAt::Folder, "empty").expect("it scans");
    assert_eq!((done.said, read(&done).files.len()), (Said::Clean, 0));
    // What it could not read to its end it calls scanned, and warns.
    let found = read(&place.scan(&settings("rules"), LooksAt::Folder, "broken").expect("it scans"));
    let [skipped] = found.skipped.as_slice() else { panic!("{found:?}") };
    assert!(skipped.name.ends_with("broken/half.py") && skipped.reason.starts_with("PartialParsing"), "{skipped:?}");

    let error = place.scan(&settings("no-rules"), LooksAt::Folder, "shop").expect_err("no rules");
    assert_eq!(error.code(), "scanner-failed", "{error}");
}

#[test]
fn checkov_holds_configuration_against_its_policies() {
    let place = Place::new(&[
        ("shop/Dockerfile", "FROM debian:latest\nRUN apt-get update\n"),
        ("one/Dockerfile", "FROM debian:12.5\nUSER nobody\nHEALTHCHECK CMD true\n"),
        ("none/plain.py", "print(1)\n"),
    ]);
    // What a folder says of itself is not asked.
    place.write("shop/.checkov.yaml", b"skip-check: [CKV_DOCKER_2, CKV_DOCKER_3, CKV_DOCKER_7]\n");
    let settings = settings(&place, "checkov", &[]);
    let done = place.scan(&settings, LooksAt::Folder, "shop").expect("it scans");
    assert_eq!((done.said, done.facts.version.as_deref(), fenced(&done)), (Said::Findings, Some("3.3.30"), true));
    assert!(done.facts.in_force.no_network);
    let found = read(&done);
    let latest =
        found.findings.iter().find(|finding| finding.rule == "CKV_DOCKER_7").expect("an image without a version");
    assert_eq!((latest.file.as_deref(), latest.line), (Some("/Dockerfile"), Some(1)));

    let done = place.scan(&settings, LooksAt::File, "one/Dockerfile").expect("it scans");
    assert_eq!((done.said, read(&done).findings.len()), (Said::Clean, 0));
    // Nothing that its policies are about: it says so by a count of nothing.
    let done = place.scan(&settings, LooksAt::Folder, "none").expect("it scans");
    assert!(read(&done).counts.iter().all(|count| count.count == 0));
}
