//! Scanners for secrets, whose results may hold none; and hadolint.

use exhibit_collectors::scanners::{LooksAt, Said};

use super::{Place, fenced, json, settings, text};
use crate::scanners::TOKEN;

#[test]
fn gitleaks_and_kingfisher_name_places_and_no_values() {
    let place =
        Place::new(&[("shop/deploy.sh", &format!("export GITHUB_TOKEN={TOKEN}\n")), ("clean/readme", "nothing\n")]);
    // What a folder says of itself is not asked.
    place.write("shop/.gitleaks.toml", b"[extend]\nuseDefault = true\n[allowlist]\npaths = ['.*']\n");
    for scanner in ["gitleaks", "kingfisher"] {
        let settings = settings(&place, scanner, &[]);
        let mut done = place.scan(&settings, LooksAt::Folder, "shop").expect(scanner);
        assert!(fenced(&done) && done.facts.version.is_some(), "{scanner}: {:?}", done.facts);
        assert!(done.facts.in_force.no_network, "{scanner} has nobody to ask");
        let told = text(&mut done);
        assert!(told.contains("deploy.sh"), "{scanner}: {told}");
        assert!(!told.contains(TOKEN), "{scanner} repeats the secret");
        assert_eq!(done.said, Said::Findings, "{scanner}");
        let done = place.scan(&settings, LooksAt::Folder, "clean").expect(scanner);
        assert_eq!(done.said, Said::Clean, "{scanner}");
    }
}

#[test]
fn hadolint_reads_a_dockerfile() {
    let place = Place::new(&[("Dockerfile", "FROM debian:latest\nRUN cd /tmp\n"), ("Good", "FROM debian:12.5\n")]);
    let settings = settings(&place, "hadolint", &[]);
    let mut done = place.scan(&settings, LooksAt::File, "Dockerfile").expect("it reads");
    assert_eq!((done.said, done.facts.version.as_deref(), fenced(&done)), (Said::Findings, Some("2.15.1"), true));
    let found = json(&mut done);
    let codes: Vec<&str> = found.as_array().into_iter().flatten().filter_map(|one| one["code"].as_str()).collect();
    assert!(codes.contains(&"DL3007"), "{codes:?}");
    assert_eq!(place.scan(&settings, LooksAt::File, "Good").expect("it reads").said, Said::Clean);
    let error = place.scan(&settings, LooksAt::File, "Absent").expect_err("no file");
    assert_eq!(error.code(), "scanner-no-result", "{error}");
}
