//! npm and pnpm, against a registry of ours and against none: npm 6 and pnpm print the first of npm's forms, npm 11 the second.

use exhibit_collectors::results::{self, Format};
use exhibit_collectors::scanners::{Database, LooksAt, Said, ScannerSettings};

use super::{Place, fenced, read, settings};
use crate::scanners::{http, npm, program};

const PROJECT: &str = r#"{"name":"shop","version":"1.0.0","dependencies":{"left-pad":"1.3.0","minimist":"VERSION"}}"#;

const LOCK_3: &str = r#"{"name":"shop","version":"1.0.0","lockfileVersion":3,"requires":true,"packages":{
"":{"name":"shop","version":"1.0.0","dependencies":{"left-pad":"1.3.0","minimist":"VERSION"}},
"node_modules/left-pad":{"version":"1.3.0"},"node_modules/minimist":{"version":"VERSION"}}}"#;

const LOCK_1: &str = r#"{"name":"shop","version":"1.0.0","lockfileVersion":1,"requires":true,"dependencies":{
"left-pad":{"version":"1.3.0"},"minimist":{"version":"VERSION"}}}"#;

const LOCK_PNPM: &str = "lockfileVersion: '9.0'\n\nimporters:\n\n  .:\n    dependencies:\n      left-pad:\n        specifier: 1.3.0\n        \
                         version: 1.3.0\n      minimist:\n        specifier: VERSION\n        version: VERSION\n\npackages:\n\n  left-pad@1.3.0:\n    \
                         resolution: {integrity: sha512-AA==}\n\n  minimist@VERSION:\n    resolution: {integrity: sha512-AA==}\n\nsnapshots:\n\n  \
                         left-pad@1.3.0: {}\n\n  minimist@VERSION: {}\n";

/// A manager, the adapter that runs it, and its lockfile.
const MANAGERS: [(&str, &str, &str, &str); 3] = [
    ("npm-audit", "npm-audit", "package-lock.json", LOCK_3),
    ("npm-6", "npm-audit", "package-lock.json", LOCK_1),
    ("pnpm-audit", "pnpm-audit", "pnpm-lock.yaml", LOCK_PNPM),
];

/// Three projects: one with a package that the registry knows, one without, one whose lockfile is cut.
fn place(lockfile: &str, text: &str) -> Place {
    let place = Place::new(&[]);
    for (folder, version) in [("shop", "1.2.5"), ("good", "1.2.8"), ("cut", "1.2.5")] {
        let text = text.replace("VERSION", version);
        let text = if folder == "cut" { &text[..text.len() / 2] } else { &text };
        place.write(&format!("{folder}/package.json"), PROJECT.replace("VERSION", version).as_bytes());
        place.write(&format!("{folder}/{lockfile}"), text.as_bytes());
    }
    place
}

fn manager(place: &Place, name: &str, adapter: &str, registry: &str) -> ScannerSettings {
    let program = program(name, &place.path(""));
    ScannerSettings {
        program: Some(program.path.display().to_string()),
        read: program.read,
        ..settings(place, adapter, &[("registry", registry)])
    }
}

#[test]
fn npm_and_pnpm_tell_what_the_registry_knows() {
    let registry = npm::serve();
    for (name, adapter, lockfile, text) in MANAGERS {
        let place = place(lockfile, text);
        let settings = manager(&place, name, adapter, &registry);
        let done = place.scan(&settings, LooksAt::Project, "shop").unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(
            (done.said, &done.facts.database, fenced(&done)),
            (Said::Findings, &Database::Service, true),
            "{name}"
        );
        assert!(done.facts.version.is_some(), "{name}: {:?}", done.facts.version_unknown);
        let found = read(&done);
        let [one] = found.vulnerabilities.as_slice() else { panic!("{name}: {found:?}") };
        assert_eq!(one.package.name(), "minimist", "{name}");
        let names: Vec<&str> = one.ids.iter().map(|id| id.as_str()).collect();
        assert!(names.contains(&"GHSA-XVCH-5GV4-984H") || names.contains(&"GHSA-xvch-5gv4-984h"), "{name}: {names:?}");
        assert_eq!(found.packages_examined(), Some(2), "{name}");

        let done = place.scan(&settings, LooksAt::Project, "good").unwrap_or_else(|error| panic!("{name}: {error}"));
        let found = read(&done);
        assert_eq!(
            (done.said, found.vulnerabilities.len(), found.packages_examined()),
            (Said::Clean, 0, Some(2)),
            "{name}"
        );

        // Of half a lockfile it tells nothing, or that it examined no package: pnpm does, and ends well.
        let cut = place.scan(&settings, LooksAt::Project, "cut");
        let told =
            cut.map(|done| results::reading(name, &done, Some(done.format)).map(|found| found.packages_examined()));
        assert!(matches!(told, Err(_) | Ok(Err(_) | Ok(Some(0)))), "{name}: {told:?}");
    }
}

#[test]
fn without_its_registry_npm_tells_nothing_as_clean() {
    let place = place("package-lock.json", LOCK_3);
    let settings = manager(&place, "npm-audit", "npm-audit", &http::nobody());
    let done = place.scan(&settings, LooksAt::Project, "shop");
    let error = done.map(|done| results::reading("npm", &done, Some(Format::NpmAudit)).map(|_| ()));
    let told = match error {
        Err(error) => error.to_string(),
        Ok(Err(error)) => error.to_string(),
        Ok(Ok(())) => panic!("it tells something"),
    };
    assert!(told.contains("ECONNREFUSED"), "{told}");
}
