//! npm, pnpm and yarn 4, against a registry of ours and against none: npm 6 and pnpm print the first of npm's forms, npm 11 the
//! second, yarn one of its own.

use exhibit_collectors::results::{self, Format};
use exhibit_collectors::scanners::{Database, LooksAt, Said, ScannerSettings};

use exhibit_evidence::Verdict;

use super::{Place, fenced, observed, read, settings};
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

const LOCK_YARN: &str = "__metadata:\n  version: 8\n  cacheKey: 10c0\n\n\"left-pad@npm:1.3.0\":\n  version: 1.3.0\n  resolution: \"left-pad@npm:1.3.0\"\n  \
                         languageName: node\n  linkType: hard\n\n\"minimist@npm:VERSION\":\n  version: VERSION\n  resolution: \
                         \"minimist@npm:VERSION\"\n  languageName: node\n  linkType: hard\n\n\"shop@workspace:.\":\n  version: 0.0.0-use.local\n  \
                         resolution: \"shop@workspace:.\"\n  dependencies:\n    left-pad: \"npm:1.3.0\"\n    minimist: \"npm:VERSION\"\n  languageName: \
                         unknown\n  linkType: soft\n";

/// What would have the finding passed over, and the project's own code run.
const SETTINGS_OF_YARN: &str = "npmAuditIgnoreAdvisories: [\"1097678\"]\nyarnPath: ./own.js\nplugins: [./own.js]\n";

fn yarn(place: &Place, registry: &str) -> ScannerSettings {
    let mut settings = manager(place, "yarn-npm-audit", "yarn-npm-audit", registry);
    settings.parameters.insert("unencrypted".to_owned(), "127.0.0.1".to_owned());
    settings
}

#[test]
fn yarn_tells_what_the_registry_knows_and_its_silence_names_nothing_that_it_examined() {
    let place = place("yarn.lock", LOCK_YARN);
    place.write("shop/.yarnrc.yml", SETTINGS_OF_YARN.as_bytes());
    place.write("shop/own.js", b"process.stdout.write('own code ran'); process.exit(0)");
    let settings = yarn(&place, &npm::serve());
    let done = place.scan(&settings, LooksAt::Project, "shop").expect("scanned");
    assert_eq!((done.said, &done.facts.database, fenced(&done)), (Said::Findings, &Database::Service, true));
    assert_eq!(done.facts.version.as_deref(), Some("4.12.0"));
    let found = read(&done);
    let [one] = found.vulnerabilities.as_slice() else { panic!("{found:?}") };
    assert_eq!((one.package.name(), one.package.version()), ("minimist", Some("1.2.5")));
    assert!(one.ids.iter().any(|id| id.as_str() == "GHSA-xvch-5gv4-984h"), "{:?}", one.ids);
    assert_eq!(found.packages_examined(), None);

    let done = place.scan(&settings, LooksAt::Project, "good").expect("scanned");
    assert_eq!((done.said, done.result_bytes), (Said::Silent, 0));

    // A lockfile that is cut, or none, is told in words, which are no result.
    std::fs::remove_file(place.path("good/yarn.lock")).expect("removed");
    for folder in ["cut", "good"] {
        let told = place
            .scan(&settings, LooksAt::Project, folder)
            .map(|done| (done.said, results::reading("yarn", &done, Some(done.format)).map(|_| ())));
        assert!(matches!(told, Err(_) | Ok((Said::Findings, Err(_)))), "{folder}: {told:?}");
    }
}

#[test]
fn without_its_registry_yarn_tells_nothing_as_clean() {
    let place = place("yarn.lock", LOCK_YARN);
    let mut done = place.scan(&yarn(&place, &http::nobody()), LooksAt::Project, "shop").expect("it ends");
    // It says in words why, where its result would stand.
    let told = super::text(&mut done);
    assert!(results::reading("yarn", &done, Some(done.format)).is_err());
    assert!(done.said == Said::Findings && told.contains("ECONNREFUSED"), "{told}");
}

#[test]
fn what_a_project_sets_hides_nothing() {
    let registry = npm::serve();
    // Left out, not asked for, passed over: npm and pnpm then count the package as examined all the same.
    let ignored = PROJECT.replace("}}", r#"},"pnpm":{"auditConfig":{"ignoreCves":["CVE-2021-44906"]}}}"#);
    let developing =
        |text: &str| text.replace(r#","minimist":"VERSION"}"#, r#"},"devDependencies":{"minimist":"VERSION"}"#);
    let development = developing(LOCK_3).replace(r#"{"version":"VERSION""#, r#"{"version":"VERSION","dev":true"#);
    for (adapter, lockfile, text, file, set) in [
        ("npm-audit", "package-lock.json", development.as_str(), ".npmrc", "omit=dev\n"),
        ("npm-audit", "package-lock.json", LOCK_3, ".npmrc", "offline=true\n"),
        ("pnpm-audit", "pnpm-lock.yaml", LOCK_PNPM, "package.json", ignored.as_str()),
    ] {
        let place = place(lockfile, text);
        let project = if text == development { developing(PROJECT) } else { PROJECT.to_owned() };
        place.write("shop/package.json", project.replace("VERSION", "1.2.5").as_bytes());
        place.write(&format!("shop/{file}"), set.replace("VERSION", "1.2.5").as_bytes());
        let settings = manager(&place, adapter, adapter, &registry);
        // By itself, it obeys.
        let told = place.scan(&settings, LooksAt::Project, "shop");
        let told = told
            .map(|done| results::reading(adapter, &done, Some(done.format)).map(|found| found.vulnerabilities.len()));
        assert!(matches!(told, Ok(Ok(0))), "{set}: {told:?}");
        let read: Vec<String> = settings.read.iter().map(|path| format!("'{path}'")).collect();
        let source = format!(
            "[[targets]]\nid = 'shop'\nfolder = 'shop'\n[[targets.scans]]\nscanner = {{ adapter = '{adapter}', program = '{}', read = [{}], parameters = {{ registry = '{registry}' }} }}",
            settings.program.as_deref().unwrap_or_default(),
            read.join(", ")
        );
        let (judged, collected) = observed(&place, "dependency_scan", &source, "");
        let known =
            judged.iter().find(|one| one.check.as_str() == "dependency-scan.known-vulnerabilities").expect("judged");
        assert_eq!(
            known.verdict(),
            Verdict::Fail,
            "{adapter}, {set}: {:?} {:?}",
            known.subjects,
            collected.observation.problems
        );
    }
}
