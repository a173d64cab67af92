//! The test of the collector by itself, before every run: a known-bad and a known-good fixture
//! through the same readers, the same facts and the same judge.

use super::collect::{Run, observe};
use super::judge::judge;
use super::settings::{Policy, SourceSettings};
use crate::sources::Root;
use exhibit_detect::RunKey;
use exhibit_evidence::assessment::Judgement;
use exhibit_evidence::deployment::Environment;
use exhibit_evidence::observation::SelfTest;
use exhibit_evidence::{Clock, EnvironmentId, Timestamp, Verdict};

/// Two environments with every fault that there is a check for.
const BAD: &[(&str, &str)] = &[
    (
        "a.env",
        "POSTGRES_PASSWORD=self-test-Qm7vK2xT9bLw4RzN\n\
         REDIS_URL=redis://:self-test-Qm7vK2xT9bLw4RzN@cache:6379\n\
         SMTP_PASSWORD=postgres\n\
         ENCRYPTION_KEY=changeme-replace_me\n\
         JWT_SECRET=Qv7xK2m\n\
         SESSION_SECRET=self-test-Wd5gH8pY3cVn-1\n\
         ONLY_HERE_TOKEN=self-test-Jk2mZ6tB8qXr\n",
    ),
    (
        "b.yml",
        "services:\n  app:\n    environment:\n      \
         DATABASE_URL: postgres://app:self-test-Qm7vK2xT9bLw4RzN@db/app\n      \
         SESSION_SECRET: self-test-Wd5gH8pY3cVn-2\n      \
         API_KEY: ${API_KEY:-self-test-Rt4nC7yM2wQe}\n",
    ),
];

/// The same with a separate, strong value for each.
const GOOD: &[(&str, &str)] = &[
    (
        "a.env",
        "POSTGRES_PASSWORD=self-test-Fh3kP8vZ2mXc\nDATABASE_URL=postgres://app:${POSTGRES_PASSWORD}@db/app\n\
         REDIS_PASSWORD=self-test-Bn6rT1wQ9dLs\n",
    ),
    (
        "b.yml",
        "services:\n  app:\n    environment:\n      POSTGRES_PASSWORD: ${PG}\n      \
         DATABASE_URL: postgres://app:${PG}@db/app\n      REDIS_PASSWORD: ${RD:?}\n",
    ),
    ("b.env", "PG=self-test-Yx5gM7cV4tHj\nRD=self-test-Kp2zN8bW6qRf\n"),
];

const SOURCE: &str = "[[credentials]]\nenvironment = 'a'\ndotenv = 'a.env'\n\
                      [[credentials]]\nenvironment = 'b'\ncompose = 'b.yml'\n";

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
    let bad = judged(BAD, SOURCE)?;
    let silent: Vec<_> = bad
        .iter()
        .filter(|judgement| judgement.verdict() != Verdict::Fail)
        .map(|judgement| judgement.check.as_str().to_owned())
        .collect();
    if !silent.is_empty() {
        return Err(format!("the known-bad fixture was not noted by {}", silent.join(", ")));
    }
    let with_variables = format!("{SOURCE}env_file = 'b.env'\n");
    let good = judged(GOOD, &with_variables)?;
    let loud: Vec<_> = good
        .iter()
        .filter(|judgement| judgement.verdict() != Verdict::Pass)
        .map(|judgement| judgement.check.as_str().to_owned())
        .collect();
    if !loud.is_empty() {
        return Err(format!("the known-good fixture was noted by {}", loud.join(", ")));
    }
    let findings: usize = bad.iter().map(|judgement| judgement.findings.len()).sum();
    Ok(format!(
        "known-bad fixture: {findings} deviations noted by {} of {} checks; known-good fixture: none",
        bad.len(),
        bad.len()
    ))
}

fn judged(files: &'static [(&'static str, &'static str)], source: &str) -> Result<Vec<Judgement>, String> {
    let environment =
        |id: &str| EnvironmentId::new(id).map(|id| Environment { title: id.to_string(), id, disposable: false });
    let environments: Vec<Environment> =
        ["a", "b"].into_iter().map(environment).collect::<Result<_, _>>().map_err(|e| e.to_string())?;
    let table: toml::Table = toml::from_str(source).map_err(|_| "its settings are not TOML")?;
    let source = SourceSettings::read(&table).map_err(|_| "its settings were refused")?;
    let run = Run {
        root: Root::Memory(files),
        environments: &environments,
        clock: &FixedClock,
        run_key: RunKey::new([1; 32]),
        source,
        policy: Policy::default(),
    };
    let observation = observe(&run);
    judge(&observation, &environments, &toml::Table::new()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_passes_and_says_what_it_tried() {
        let result = run();
        assert!(result.passed, "{}", result.detail);
        assert!(result.detail.contains("8 of 8 checks"), "{}", result.detail);
    }
}
