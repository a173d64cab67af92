//! The test of the collector by itself, before every run: a known-bad and a known-good fixture through the same readers,
//! the same proofs and the same judge.

use exhibit_evidence::{
    Clock, EnvironmentId, Timestamp, Verdict, assessment::Judgement, deployment::Environment, observation::SelfTest,
};

use super::collect::{Run, observe};
use super::judge::{CHECKS, judge};
use super::settings::{Source, count};
use crate::sources::Root;

const GOOD: &[(&str, &str)] = &[
    ("backend.env", "ENCRYPTION_KEY=6e0f5b92c47a13d8af30429be5816c7d0d94f7b1832e6ac55fb8c90e7a41d326\n"),
    ("worker.env", "ENCRYPTION_KEY=6e0f5b92c47a13d8af30429be5816c7d0d94f7b1832e6ac55fb8c90e7a41d326\n"),
    ("vault.key", "bg9bksR6E9ivMEKb5YFsfQ2U97GDLmrFX7jJDnpB0yY=\n"),
    ("backup.key", "6E0F5B92C47A13D8AF30429BE5816C7D0D94F7B1832E6AC55FB8C90E7A41D326\n"),
    ("old.key", "13c70a9ed2584f6bb1e8057c3fa96d24e07b5c819f42d63a08ce71b5942d6af0\n"),
    ("canary", CANARY),
];

/// The same, with what can go wrong.
const BAD: &[(&str, &str)] = &[
    ("backend.env", "ENCRYPTION_KEY=6e0f5b92c47a13d8af30429be5816c7d0d94f7b1832e6ac55fb8c90e7a41d326\n"),
    ("worker.env", "ENCRYPTION_KEY=0000000000000000000000000000000000000000000000000000000000000000\n"),
    ("vault.key", "E8cKntJYT2ux6AV8P6ltJOB7XIGfQtY6CM5xtZQtavA=\n"),
    ("canary", CANARY),
];

/// Encrypted with the key above.
const CANARY: &str = "AAECAwQFBgcICQoLbGsQd//I2aGbIichZPu03Y8ocgZKcYbQAnRWAmOzOwUz1vWZcqSuOg==";

const SOURCE: &str = r#"
[[keys]]
environment = "self-test"
name = "ENCRYPTION_KEY"
bytes = 32
running = [{ name = "backend", dotenv = "backend.env" }, { name = "worker", dotenv = "worker.env" }]
copies = [
  { name = "vault", site = "vault", file = "vault.key", encoding = "base64" },
  { name = "backup", site = "backup", file = "backup.key" },
]
older = [{ version = "1", copies = [{ name = "backup", file = "old.key" }] }]
drills = [{ name = "vault", method = "aes-256-gcm", canary = "canary", expect = "exhibit self-test canary", copy = { name = "vault", file = "vault.key", encoding = "base64" } }]
"#;

/// The checks that the fixtures, which have neither files nor a vault's versions, say nothing of.
const OUT_OF_REACH: [&str; 5] = [
    "key-custody.apart-from-data",
    "key-custody.backup-age",
    "key-custody.rotation",
    "key-custody.access",
    "key-custody.vault-snapshot",
];

struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(0).expect("the beginning of the epoch is an instant")
    }
}

/// Runs both fixtures.
pub(super) fn run() -> SelfTest {
    let (passed, detail) = match outcome() {
        Ok(detail) => (true, detail),
        Err(detail) => (false, detail),
    };
    SelfTest { passed, detail }
}

fn outcome() -> Result<String, String> {
    let with = |judgements: Vec<Judgement>, verdict: Verdict| -> Vec<String> {
        let known = judgements.iter().filter(|one| !OUT_OF_REACH.contains(&one.check.as_str()));
        known.filter(|one| one.verdict() != verdict).map(|one| one.check.as_str().to_owned()).collect()
    };
    let bad = judged(BAD)?;
    let findings: usize = bad.iter().map(|judgement| judgement.findings.len()).sum();
    let silent = with(bad, Verdict::Fail);
    if !silent.is_empty() {
        return Err(format!("the known-bad fixture was not noted by {}", silent.join(", ")));
    }
    let loud = with(judged(GOOD)?, Verdict::Pass);
    if !loud.is_empty() {
        return Err(format!("the known-good fixture was noted by {}", loud.join(", ")));
    }
    let tried = CHECKS.len() - OUT_OF_REACH.len();
    Ok(format!(
        "known-bad fixture: {findings} deviations noted by {tried} checks; known-good fixture: none; {} checks need more than a fixture",
        OUT_OF_REACH.len()
    ))
}

fn judged(files: &'static [(&'static str, &'static str)]) -> Result<Vec<Judgement>, String> {
    let id = EnvironmentId::new("self-test").map_err(|error| error.to_string())?;
    let environments = [Environment { title: id.to_string(), id, disposable: false }];
    let table: toml::Table = toml::from_str(SOURCE).map_err(|_| "its settings are not TOML")?;
    let source = Source::read(&table).map_err(|_| "its settings were refused")?;
    let run = Run {
        root: Root::Memory(files),
        environments: &environments,
        clock: &FixedClock,
        run_key: &[1; 32],
        source: &source,
        counted: &count(&table),
        attestations: None,
    };
    judge(&observe(&run), &toml::Table::new()).map_err(|error| error.to_string())
}
