//! Trivy, with a database of ours.

use exhibit_collectors::scanners::{Database, LooksAt, Said};

use super::{Place, fenced, json, settings};
use crate::scanners::{NPM_LOCK, trivy};

/// Puts Trivy's database into `db`.
pub(super) fn with_database(place: &Place) {
    trivy::database(&place.path("db"), "2026-11-20T06:00:00Z");
}

/// What it found, as `package version: advisory`.
pub(super) fn found(result: &serde_json::Value) -> Vec<String> {
    let results = result["Results"].as_array().into_iter().flatten();
    let found = results.flat_map(|one| one["Vulnerabilities"].as_array().cloned().unwrap_or_default());
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    found
        .map(|one| {
            format!("{} {}: {}", text(&one["PkgName"]), text(&one["InstalledVersion"]), text(&one["VulnerabilityID"]))
        })
        .collect()
}

#[test]
fn trivy_finds_what_its_database_knows_and_says_how_old_that_is() {
    let place = Place::new(&[("shop/package-lock.json", NPM_LOCK)]);
    with_database(&place);
    let lockfile = settings(&place, "trivy", &[("database", "db")]);
    let mut settings = lockfile.clone();
    settings.mode = Some("fs".to_owned());
    let mut done = place.scan(&settings, LooksAt::Folder, "shop").expect("it scans");
    assert_eq!(done.facts.version.as_deref(), Some("0.76.0"), "{:?}", done.facts.version_unknown);
    assert_eq!(
        done.facts.database,
        Database::Updated { at: "2026-11-20T06:00:00.000000Z".parse().expect("an instant") }
    );
    assert_eq!((done.said, done.format.name(), fenced(&done)), (Said::Either, "trivy", true));
    let result = json(&mut done);
    assert_eq!(found(&result), ["minimist 1.2.5: CVE-2021-44906"]);
    assert_eq!(result["Results"][0]["Packages"].as_array().map(Vec::len), Some(2), "it lists what it examined");

    // A lockfile alone.
    let mut done = place.scan(&lockfile, LooksAt::File, "shop/package-lock.json").expect("it scans");
    assert_eq!(found(&json(&mut done)), ["minimist 1.2.5: CVE-2021-44906"]);
}

#[test]
fn without_its_database_trivy_fails_and_says_so() {
    let place = Place::new(&[("shop/package-lock.json", NPM_LOCK), ("db/README", "nothing yet")]);
    let mut settings = settings(&place, "trivy", &[("database", "db")]);
    settings.mode = Some("fs".to_owned());
    let error = place.scan(&settings, LooksAt::Folder, "shop").expect_err("no database");
    assert_eq!(error.code(), "scanner-failed", "{error}");
    assert!(
        error.to_string().starts_with("trivy ended with status 1, which means that it failed; it said: "),
        "{error}"
    );
}

#[test]
fn trivy_reads_configuration_with_the_rules_that_it_brings() {
    let place = Place::new(&[("shop/Dockerfile", "FROM debian:latest\nRUN apt-get update\nUSER root\n")]);
    with_database(&place);
    let mut settings = settings(&place, "trivy", &[("database", "db")]);
    settings.mode = Some("config".to_owned());
    let result = json(&mut place.scan(&settings, LooksAt::Folder, "shop").expect("it scans"));
    let failed = result["Results"][0]["Misconfigurations"].as_array().map_or(0, Vec::len);
    assert!(failed >= 2, "{result}");
}
