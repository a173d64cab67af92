//! The operating test of `unique_credentials` at real servers: a Postgres and Debian's Redis, which these tests start.

pub(crate) mod postgres;
pub(crate) mod redis;

use std::{fs, net::TcpListener, path::Path};

use exhibit_collectors::{Registry, Scope, Settings};
use exhibit_evidence::{
    Clock, EnvironmentId, Observation, Timestamp, Verdict, assessment::Judgement, deployment::Environment,
};
use exhibit_tests::Needles;

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        "2026-11-20T12:00:00.000000Z".parse().expect("an instant")
    }
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port()
}

/// What the test saw and what it means.
struct Seen {
    observation: Observation,
    judged: Vec<Judgement>,
}

/// Runs the collector over `staging.env` and `production.env` in `place`, and looks whether any of `secrets` left it.
fn look(place: &Path, staging: &str, production: &str, servers: &str, secrets: &[&str]) -> Seen {
    fs::write(place.join("staging.env"), staging).expect("written");
    fs::write(place.join("production.env"), production).expect("written");
    let source = format!(
        "[operating_test]\nenabled = true\ntimeout_seconds = 10\npause_milliseconds = 0\n{servers}\n\
         [[credentials]]\nenvironment = 'staging'\ndotenv = 'staging.env'\n\
         [[credentials]]\nenvironment = 'production'\ndotenv = 'production.env'\n"
    );
    let settings = Settings { source: toml::from_str(&source).expect("TOML"), ..Settings::default() };
    let environment =
        |id: &str| Environment { id: EnvironmentId::new(id).expect("an id"), title: String::new(), disposable: false };
    let environments = ["staging", "production"].map(environment);
    let scope = Scope {
        base: place,
        environments: &environments,
        clock: &Noon,
        run_key: &[7; 32],
        engine: exhibit_detect::Engine::builtin(),
        own: exhibit_collectors::own::Own::default(),
    };
    let registry = Registry::built_in().expect("the collectors are in order");
    let entry = registry.get("unique_credentials").expect("there is one");
    entry.collector.check_settings(&settings).expect("settings are in order");
    let observation = entry.collector.collect(&scope, &settings).expect("observed").observation;
    let judged = entry.collector.judge(&observation, &environments, &settings.policy).expect("judged");
    let needles = Needles::new(&secrets.iter().map(|&secret| secret.to_owned()).collect::<Vec<_>>());
    for (what, text) in [
        ("the observation", serde_json::to_string(&observation).expect("JSON")),
        ("the judgements", serde_json::to_string(&judged).expect("JSON")),
        ("Debug", format!("{observation:?} {judged:?}")),
    ] {
        assert_eq!(needles.found_in(text.as_bytes()), Vec::<&str>::new(), "{what}");
    }
    Seen { observation, judged }
}

impl Seen {
    fn check(&self, check: &str) -> &Judgement {
        let check = format!("unique-credentials.{check}");
        self.judged.iter().find(|one| one.check.as_str() == check).expect("it is judged")
    }

    /// Production's verdict and its reason.
    fn verdict(&self, check: &str) -> (Verdict, &str) {
        let outcomes = &self.check(check).subjects;
        let own = outcomes.iter().find(|one| one.subject.environment.as_str() == "production").expect("judged");
        (own.verdict, own.reason.as_str())
    }

    fn details(&self, check: &str) -> Vec<&str> {
        self.check(check).findings.iter().map(|one| one.detail.as_str()).collect()
    }

    /// A server's facts in one line each: the question without a password, the control, the attempts by name.
    fn said(&self, server: &str) -> Vec<String> {
        let servers = self.observation.facts["operating_test"].as_array().expect("a list");
        let server = servers.iter().find(|one| one["id"] == server).expect("it is there");
        let answer = |answer: &serde_json::Value| {
            let word = |key: &str| answer[key].as_str().unwrap_or("-").to_owned();
            format!("{} {}", word("outcome"), word("class"))
        };
        let mut lines = vec![format!("without: {}", answer(&server["without_password"]))];
        lines.push(format!("well-known: {}", answer(&server["well_known"])));
        lines.push(format!("own: {}", answer(&server["own"]["answer"])));
        for attempt in server["attempts"].as_array().into_iter().flatten() {
            lines.push(format!("{}: {}", attempt["name"].as_str().expect("a name"), answer(&attempt["answer"])));
        }
        lines
    }
}
