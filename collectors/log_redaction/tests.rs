//! The cases beside this file, and what holds whatever the case.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use exhibit_evidence::{EnvironmentId, Verdict, deployment::Environment, observation::Method};

use super::facts::Facts;
use super::sample::{self, Frame};
use super::{LogRedaction, conditions};
use crate::cases::{self, Case, CaseClock};
use crate::remote::fake::{FakeServer, Reply};
use crate::{Collected, Collector as _, Scope, Settings};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("log_redaction")
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
        LogRedaction.check_settings(&case.settings).expect("settings are in order");
        case.check(&LogRedaction, scratch.path(), write).unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn the_self_test_passes() {
    let result = LogRedaction.self_test(exhibit_detect::Engine::builtin());
    assert!(result.passed, "{}", result.detail);
}

fn collect(base: &Path, source: &str) -> (Collected, Vec<(Verdict, String)>) {
    let environments =
        [Environment { id: EnvironmentId::new("production").expect("an id"), title: String::new(), disposable: false }];
    let scope = Scope { base, environments: &environments, clock: &CaseClock, run_key: &[9; 32], engine: exhibit_detect::Engine::builtin(), own: crate::own::Own::default() };
    let settings = Settings { source: toml::from_str(source).expect("TOML"), policy: toml::Table::new() };
    let collected = LogRedaction.collect(&scope, &settings).expect("collected");
    let judged = LogRedaction.judge(&collected.observation, &environments, &settings.policy).expect("judged");
    let said = judged.iter().map(|one| (one.verdict(), one.subjects[0].reason.clone())).collect();
    (collected, said)
}

#[test]
fn no_value_and_no_line_leaves() {
    for case in ["fail", "pass", "marker-missing", "known", "known-in-sample", "personal-data"] {
        let case = Case::read(&folder().join("cases").join(case)).expect("the case reads");
        let scratch = tempfile::tempdir().expect("a folder");
        let base = LogRedaction.prepare_case(&case.folder.join("input"), scratch.path(), cases::instant()).expect("prepared");
        let scope = Scope {
            base: &base,
            environments: &case.environments,
            clock: &CaseClock,
            run_key: &[7; 32],
            engine: exhibit_detect::Engine::builtin(), own: crate::own::Own::default(),
        };
        let collected = LogRedaction.collect(&scope, &case.settings).expect("collected");
        let judged =
            LogRedaction.judge(&collected.observation, &case.environments, &case.settings.policy).expect("judged");
        let told = format!(
            "{}{}{:?}",
            serde_json::to_string(&collected.observation).expect("JSON"),
            serde_json::to_string(&judged).expect("JSON"),
            collected.observation
        );
        for planted in ["FakeExhibitValue0", "Pa55w0rd", "Zq-Fake", "WnEtRmFrZ", "mona.example", "4532", "exhibit-marker-", "calling upstream", "orders"] {
            assert!(!told.contains(planted), "{planted} in {told}");
        }
        // The canaries' own values, as the application logged them.
        let log = fs::read_to_string(base.join("logs/api.log")).unwrap_or_default();
        for secret in log.lines().filter_map(|line| line.split_once("password=")).map(|(_, value)| value) {
            assert!(secret.starts_with('[') || !told.contains(secret));
        }
    }
}

/// The application: it logs what it is sent, with the password as it is or redacted, a moment after it answered.
fn application(log: PathBuf, redacts: bool) -> FakeServer {
    FakeServer::plain(move |asked, _| {
        let sent: serde_json::Value = serde_json::from_slice(&asked.body).expect("JSON");
        let password = if redacts { "[REDACTED]" } else { sent["password"].as_str().expect("text") };
        let line = format!("login refused user={} pass_word={password}\n", sent["user"].as_str().expect("text"));
        let log = log.clone();
        // Applications log when they get to it.
        std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(300));
            let mut text = fs::read(&log).unwrap_or_default();
            text.extend_from_slice(line.as_bytes());
            fs::write(&log, text).expect("written");
        });
        Reply::status(401)
    })
}

#[test]
fn a_canary_by_http_is_waited_for_and_its_marker_decides() {
    let tried = |redacts: bool, wait: u64| {
        let place = tempfile::tempdir().expect("a folder");
        let log = place.path().join("app.log");
        fs::write(&log, "request done\n").expect("written");
        let server = application(log, redacts);
        let body = r#"{"user":"{{marker}}","password":"{{secret}}"}"#;
        let source = format!(
            "logs = [{{ id = 'a', files = 'app.log', canaries = [{{ id = 'login', redacted = '[REDACTED]', wait = {wait}, \
             http = {{ url = '{}/login', body = '{body}' }} }}] }}]",
            server.url
        );
        let (collected, said) = collect(place.path(), &source);
        let sent: serde_json::Value = serde_json::from_slice(&server.asked()[0].body).expect("JSON");
        let told = serde_json::to_string(&collected.observation).expect("JSON");
        assert!(!told.contains(sent["password"].as_str().expect("text")), "the synthetic secret is told");
        said[2].clone()
    };
    // A long time to wait, of which next to nothing is used.
    assert_eq!(tried(true, 3600).0, Verdict::Pass);
    assert_eq!(tried(false, 3600).0, Verdict::Fail);
    let (verdict, reason) = tried(true, 0);
    assert_eq!(verdict, Verdict::Error, "read before anything was logged: {reason}");
    let place = tempfile::tempdir().expect("a folder");
    fs::write(place.path().join("app.log"), "request done\n").expect("written");
    let gone = "logs = [{ id = 'a', files = 'app.log', canaries = [{ id = 'login', wait = 3600, \
                http = { url = 'http://127.0.0.1:1/', body = '{{marker}}{{secret}}' } }] }]";
    let said = collect(place.path(), gone).1;
    assert_eq!(said[2].0, Verdict::Error, "{}", said[2].1);
    assert!(said[2].1.contains("could not be sent"), "{}", said[2].1);
}

#[test]
fn a_leak_is_one_finding_however_often_and_wherever_rotation_put_it() {
    let place = tempfile::tempdir().expect("a folder");
    let line = "token ghp_FakeExhibitValue0NotARealKey70ABCDEF\n";
    fs::write(place.path().join("app.log"), line.repeat(10_000)).expect("written");
    fs::write(place.path().join("app.log.1"), line).expect("written");
    let (collected, said) = collect(place.path(), "logs = [{ id = 'a', files = 'app.log' }]");
    let facts: Facts = serde_json::from_value(collected.observation.facts).expect("facts");
    assert_eq!((facts.logs[0].groups.len(), facts.logs[0].groups[0].hits), (1, 10_001));
    assert_eq!(facts.logs[0].groups[0].values, 1);
    assert!(facts.logs[0].groups[0].examples.len() <= 3);
    assert_eq!(said[0].0, Verdict::Fail);
    assert_eq!((said[1].0, said[2].0), (Verdict::Pass, Verdict::NotApplicable));
}

#[test]
fn one_line_of_a_million_words_is_read() {
    let place = tempfile::tempdir().expect("a folder");
    let text = format!("{} ghp_FakeExhibitValue0NotARealKey70ABCDEF {}", "word ".repeat(1_000_000), "\u{0}".repeat(100));
    fs::write(place.path().join("app.log"), text).expect("written");
    let (collected, said) = collect(place.path(), "logs = [{ id = 'a', files = 'app.log' }]");
    assert_eq!(said[0].0, Verdict::Fail, "{}", said[0].1);
    let facts: Facts = serde_json::from_value(collected.observation.facts).expect("facts");
    assert_eq!(facts.logs[0].groups[0].examples[0].offset, Some(5_000_001));
}

#[test]
fn a_sample_can_be_drawn_again_and_is_about_even() {
    let mut frame = Frame::default();
    frame.add("a.log", 100, 700, &"0".repeat(64));
    frame.add("b.log", 50, 300, &"1".repeat(64));
    let drawn = sample::draw("00ff00ff00ff00ff", &frame, 200);
    assert_eq!(drawn.len(), 200);
    assert!(drawn.iter().all(|line| *line < 1000));
    assert_eq!(drawn, sample::draw("00ff00ff00ff00ff", &frame, 200));
    assert_ne!(drawn, sample::draw("10ff00ff00ff00ff", &frame, 200));
    assert_eq!(sample::draw("00", &frame, 5_000), (0..1000).collect::<BTreeSet<u64>>());
    let mut counts = [0_u64; 10];
    for seed in 0..200 {
        for line in sample::draw(&format!("{seed:016x}"), &frame, 50) {
            counts[usize::try_from(line / 100).expect("small")] += 1;
        }
    }
    // 10,000 draws, 1,000 to be expected in each tenth with a deviation of 30.
    assert!(counts.iter().all(|count| (850..1150).contains(count)), "{counts:?}");
}

#[test]
fn a_sample_states_what_it_shows() {
    let place = tempfile::tempdir().expect("a folder");
    fs::write(place.path().join("app.log"), "nothing\n".repeat(5_000)).expect("written");
    let source = "logs = [{ id = 'a', files = 'app.log', sample = { above = 1000, size = 1000 } }]";
    let (collected, said) = collect(place.path(), source);
    let Method::Sample { size: 1000, statement, seed } = collected.observation.method else { panic!("a sample") };
    assert!(statement.contains("fewer than 1 in 334 lines") && seed.len() == 64, "{statement}");
    assert_eq!(said[0].0, Verdict::Pass);
    assert!(said[0].1.contains("95 % confidence"), "{}", said[0].1);
    let few = "logs = [{ id = 'a', files = 'app.log', sample = { above = 5000, size = 1000 } }]";
    assert_eq!(collect(place.path(), few).0.observation.method, Method::All);
}

#[test]
fn every_condition_is_an_authored_id() {
    for text in [
        conditions::TOKEN,
        conditions::NAMED,
        conditions::KNOWN,
        conditions::PERSONAL,
        conditions::LEAKED,
        conditions::NOT_REDACTED,
    ] {
        assert_eq!(conditions::id(text).to_string(), text);
        assert!(!conditions::condition(text).steps.is_empty());
    }
}
