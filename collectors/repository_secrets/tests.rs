//! The cases beside this file, and what holds whatever the case.

use std::fs;
use std::path::{Path, PathBuf};

use exhibit_evidence::{EnvironmentId, Fingerprint, Verdict, assessment::Judgement, deployment::Environment};

use super::conditions::{self, Kind};
use super::facts::{Facts, Stands};
use super::{RepositorySecrets, look};
use crate::cases::{self, Case, CaseClock};
use crate::ci_secrets::fixture::{self, CommitDescription, Description};
use crate::{Collected, Collector as _, Scope, Settings};

const TOKEN: &str = "ghp_FakeExhibitValue0NotARealKey70ABCDEF";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("repository_secrets")
}

/// Set `EXHIBIT_WRITE_CASES` to record what is found as what is expected.
#[test]
fn cases_give_what_they_say() {
    let write = std::env::var_os("EXHIBIT_WRITE_CASES").is_some();
    let cases = cases::list(&folder()).expect("cases");
    assert!(cases.len() >= 12);
    for case in cases {
        let scratch = tempfile::tempdir().expect("a folder");
        let case = Case::read(&case).expect("the case reads");
        RepositorySecrets.check_settings(&case.settings).expect("settings are in order");
        case.check(&RepositorySecrets, scratch.path(), write).unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn the_self_test_passes() {
    let result = RepositorySecrets.self_test(exhibit_detect::Engine::builtin());
    assert!(result.passed, "{}", result.detail);
}

fn observe(base: &Path, source: &str) -> (Collected, Vec<Judgement>) {
    let environments =
        [Environment { id: EnvironmentId::new("production").expect("an id"), title: String::new(), disposable: false }];
    let scope = Scope {
        base,
        environments: &environments,
        clock: &CaseClock,
        run_key: &[9; 32],
        engine: exhibit_detect::Engine::builtin(),
        own: crate::own::Own::default(),
    };
    let settings = Settings { source: toml::from_str(source).expect("TOML"), policy: toml::Table::new() };
    let collected = RepositorySecrets.collect(&scope, &settings).expect("collected");
    let judged = RepositorySecrets.judge(&collected.observation, &environments, &settings.policy).expect("judged");
    (collected, judged)
}

const APP: &str = "repositories = [{ id = 'app', path = 'app' }]";

fn build(base: &Path, versions: &[(&str, &str)]) {
    let commit = |(path, text): &(&str, &str)| CommitDescription {
        files: [((*path).to_owned(), (*text).to_owned())].into(),
        ..CommitDescription::default()
    };
    let description = Description { commits: versions.iter().map(commit).collect(), ..Description::default() };
    fixture::build(&description, &base.join("app")).expect("built");
}

fn facts(collected: Collected) -> Facts {
    serde_json::from_value(collected.observation.facts).expect("facts")
}

#[test]
fn no_value_and_no_line_leaves() {
    for case in ["fail", "history", "bundle", "allowed", "shallow", "example-company"] {
        let case = Case::read(&folder().join("cases").join(case)).expect("the case reads");
        let scratch = tempfile::tempdir().expect("a folder");
        let base = RepositorySecrets.prepare_case(&case.folder.join("input"), scratch.path(), cases::instant()).expect("prepared");
        let scope = Scope {
            base: &base,
            environments: &case.environments,
            clock: &CaseClock,
            run_key: &[7; 32],
            engine: exhibit_detect::Engine::builtin(),
            own: crate::own::Own::default(),
        };
        let collected = RepositorySecrets.collect(&scope, &case.settings).expect("collected");
        let judged =
            RepositorySecrets.judge(&collected.observation, &case.environments, &case.settings.policy).expect("judged");
        let told = format!(
            "{}{}{:?}",
            serde_json::to_string(&collected.observation).expect("JSON"),
            serde_json::to_string(&judged).expect("JSON"),
            collected.observation
        );
        for planted in [
            "FakeExhibitValue0",
            "HarbourLaneShopToken",
            "FakeGangway",
            "FakeBollard",
            "NotAReal",
            "S3EtTm90QVJlYWw",
            "capstan",
            "hQ7vHalyard",
            "dinghy",
            "import requests",
            "in a hurry",
            "staging only",
        ] {
            assert!(!told.contains(planted), "{planted} in {told}");
        }
        assert!(!told.contains(&*base.to_string_lossy()), "the machine's own path in {told}");
    }
}

#[test]
fn a_leak_is_one_finding_however_often_and_stays_it_when_lines_move() {
    let place = tempfile::tempdir().expect("a folder");
    let text = format!("token {TOKEN}\n").repeat(10_000);
    build(place.path(), &[("a.txt", &text)]);
    let (collected, judged) = observe(place.path(), APP);
    let group = &facts(collected).repositories[0].groups[0];
    assert_eq!((group.hits, group.values, group.examples.len()), (10_000, 1, 1));
    assert_eq!(judged[0].findings.len(), 1);
    let carriers = judged[0].findings[0].place.carriers.as_ref().expect("commits");
    assert_eq!((judged[0].findings[0].instances, carriers.count), (10_000, 1));

    let prints = |judged: &[Judgement], at: usize| -> Vec<Fingerprint> {
        judged[at].findings.iter().map(|finding| finding.fingerprint).collect()
    };
    let later = tempfile::tempdir().expect("a folder");
    build(later.path(), &[("a.txt", "nothing"), ("a.txt", &format!("\n\n\n{text}"))]);
    let (_, moved) = observe(later.path(), APP);
    assert_eq!(prints(&moved, 0), prints(&judged, 0));

    // Taken out, it is a finding of history, the same one whatever line it stood in.
    let mut of_history = Vec::new();
    for before in ["", "\n\n"] {
        let place = tempfile::tempdir().expect("a folder");
        build(place.path(), &[("a.txt", &format!("{before}{text}")), ("a.txt", "nothing")]);
        let (_, judged) = observe(place.path(), APP);
        assert_eq!((judged[0].verdict(), judged[1].verdict()), (Verdict::Pass, Verdict::Fail));
        of_history.push(prints(&judged, 1));
    }
    assert_eq!(of_history[0], of_history[1]);
}

#[test]
fn what_no_reference_keeps_alive_is_counted_and_searched() {
    let place = tempfile::tempdir().expect("a folder");
    build(place.path(), &[("a.txt", "nothing")]);
    let repository = git2::Repository::open(place.path().join("app")).expect("opened");
    repository.blob(format!("token {TOKEN}\n").as_bytes()).expect("written");
    let (collected, judged) = observe(place.path(), APP);
    let blobs = collected.observation.population.iter().find(|one| one.unit == look::BLOB).expect("blobs");
    assert_eq!((blobs.exist, blobs.examined), (Some(2), 2));
    assert_eq!((judged[0].verdict(), judged[1].verdict()), (Verdict::Pass, Verdict::Fail));
    let facts = facts(collected);
    assert_eq!((facts.repositories[0].unreferenced, facts.repositories[0].groups[0].stands), (1, Stands::Unreferenced));
}

#[test]
fn a_bundle_that_is_built_again_keeps_its_finding() {
    let mut prints = Vec::new();
    for name in ["main.3f2a91c0.js", "main.77aa01bc.js"] {
        let place = tempfile::tempdir().expect("a folder");
        fs::create_dir(place.path().join("dist")).expect("a folder");
        fs::write(place.path().join("dist").join(name), format!("var t='{TOKEN}'")).expect("written");
        let (_, judged) = observe(place.path(), "bundles = [{ id = 'web', files = ['dist/**/*.js'] }]");
        assert_eq!(
            judged.iter().map(Judgement::verdict).collect::<Vec<_>>(),
            [Verdict::NotApplicable, Verdict::NotApplicable, Verdict::Fail]
        );
        prints.push(judged[2].findings[0].fingerprint);
    }
    assert_eq!(prints[0], prints[1]);
}

/// Objects are taken away from under the reader: neither is it a pass, nor is it silent.
#[test]
fn a_blob_that_is_missing_or_damaged_is_no_pass() {
    for damage in [true, false] {
        let place = tempfile::tempdir().expect("a folder");
        build(place.path(), &[("a.txt", "nothing"), ("b.txt", "something")]);
        let id = git2::Oid::hash_object(git2::ObjectType::Blob, b"something").expect("an id").to_string();
        let object = place.path().join("app/.git/objects").join(&id[..2]).join(&id[2..]);
        fs::remove_file(&object).expect("it lies there");
        if damage {
            fs::write(&object, b"x\x9cnot zlib").expect("written");
        }
        let (collected, judged) = observe(place.path(), APP);
        assert_eq!((judged[0].verdict(), judged[1].verdict()), (Verdict::Error, Verdict::Error), "{damage}");
        let blobs = collected.observation.population.iter().find(|one| one.unit == look::BLOB).expect("blobs");
        assert_eq!(blobs.examined, 1, "{blobs:?}");
    }
}

#[test]
fn every_condition_is_an_authored_id() {
    for kind in [Kind::Token, Kind::Named, Kind::Known] {
        for stands in [Stands::Tracked, Stands::History, Stands::Unreferenced, Stands::Bundle] {
            let text = conditions::of(kind, stands);
            assert_eq!(conditions::id(text).to_string(), text);
            assert!(conditions::condition(text).steps.len() >= 4);
        }
    }
}

/// A configuration that holds a literal under a name that promises a secret is refused.
#[test]
fn names_of_settings_promise_no_secret() {
    for name in [
        "repositories",
        "bundles",
        "id",
        "path",
        "files",
        "environment",
        "minimum_confidence",
        "severities",
        "rule",
        "where",
        "severity",
        "honour_remarks",
        "allow",
        "repository",
        "bundle",
        "subject",
        "place",
        "reason",
        "until",
        "rotated",
        "by",
        "reference",
        "allow_excluded",
    ] {
        assert_eq!(exhibit_detect::sensitive_key(name), None, "{name}");
    }
}
