//! A job of `unique_credentials` from outside: its settings as text, what it observed, what was judged.

use std::path::Path;

use exhibit_collectors::sources::{Listing, Reading, Root, SourceError, Surroundings, settings};
use exhibit_collectors::{Registry, Scope, Settings};
use exhibit_evidence::assessment::Judgement;
use exhibit_evidence::deployment::Environment;
use exhibit_evidence::{Clock, EnvironmentId, Observation, Timestamp, Verdict};

/// The time as it is: who signs requests needs it.
pub(crate) struct Now;

impl Clock for Now {
    #[expect(clippy::disallowed_methods, reason = "a test's rim: real servers look at the time")]
    fn now(&self) -> Timestamp {
        Timestamp::new(chrono::Utc::now())
    }
}

/// So many days from now.
pub(crate) struct In(pub(crate) i64);

impl Clock for In {
    fn now(&self) -> Timestamp {
        Now.now().plus(chrono::TimeDelta::days(self.0))
    }
}

/// What one source gives: its own count, and what is read.
pub(crate) fn read(base: &Path, kind: &str) -> (Result<Listing, SourceError>, Result<Reading, SourceError>) {
    let table: toml::Table = toml::from_str(&format!("[[c]]\nenvironment = 'production'\n{kind}")).expect("TOML");
    let settings = settings::read(&table["c"], "c").expect("settings that can be meant");
    let root = Root::folder(base);
    let source = settings[0].open(&Surroundings { root: &root, clock: &Now }).expect("opened");
    (source.listing(), source.read())
}

/// Names and values, as text, sorted.
pub(crate) fn shown(reading: &Reading) -> Vec<String> {
    let values = reading.credentials.iter().map(|found| {
        let value = found.value.text().unwrap_or("(bytes)");
        format!("{}={value}", found.name)
    });
    let mut shown: Vec<_> =
        values.chain(reading.unread.iter().map(|unread| format!("{}: {}", unread.name, unread.code))).collect();
    shown.sort();
    shown
}

/// What a run over staging and production gives.
pub(crate) fn run(base: &Path, source: &str, policy: &str) -> (Observation, Vec<Judgement>) {
    run_at(&Now, base, source, policy)
}

/// What it gives at another time.
pub(crate) fn run_at(clock: &dyn Clock, base: &Path, source: &str, policy: &str) -> (Observation, Vec<Judgement>) {
    let environments: Vec<Environment> = ["staging", "production"]
        .into_iter()
        .map(|id| EnvironmentId::new(id).expect("an id"))
        .map(|id| Environment { title: id.to_string(), id, disposable: false })
        .collect();
    let registry = Registry::built_in().expect("in order");
    let collector = &registry.get("unique_credentials").expect("it is there").collector;
    let table = |text: &str| toml::from_str(text).expect("TOML");
    let settings = Settings { source: table(source), policy: table(policy) };
    collector.check_settings(&settings).expect("settings that can be meant");
    let engine = exhibit_detect::Engine::builtin();
    let scope = Scope {
        base,
        environments: &environments,
        clock,
        run_key: &[7; 32],
        engine,
        own: exhibit_collectors::own::Own::default(),
    };
    let observed = collector.collect(&scope, &settings).expect("collected").observation;
    let judged = collector.judge(&observed, &environments, &settings.policy).expect("judged");
    (observed, judged)
}

/// The verdict of one check.
pub(crate) fn verdict(judged: &[Judgement], check: &str) -> Verdict {
    let found = judged.iter().find(|judgement| judgement.check.as_str() == format!("unique-credentials.{check}"));
    found.expect("a check").verdict()
}

/// The worst of all verdicts.
pub(crate) fn worst(judged: &[Judgement]) -> Verdict {
    Verdict::roll_up(judged.iter().map(Judgement::verdict))
}

/// Nothing that leaves a run holds any of the values.
pub(crate) fn assert_clean(ran: &(Observation, Vec<Judgement>), values: &[&str]) {
    let told = [
        serde_json::to_string(&ran.0).expect("JSON"),
        serde_json::to_string(&ran.1).expect("JSON"),
        format!("{ran:?}"),
    ];
    for value in values {
        assert!(told.iter().all(|told| !told.contains(value)), "{value} left");
    }
}
