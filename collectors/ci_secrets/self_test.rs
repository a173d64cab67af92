//! The known-bad and the known-good repository, through the same code and rules as every real run.

use super::{CiSecrets, fixture};
use crate::{Collector, Scope, Settings};
use exhibit_detect::Engine;
use crate::cases::CaseClock;
use crate::scratch::{For, Scratch};
use exhibit_evidence::deployment::Environment;
use exhibit_evidence::observation::SelfTest;
use exhibit_evidence::{EnvironmentId, Verdict};

/// Builds both repositories in a folder of their own, collects and judges.
pub(super) fn run(engine: &Engine) -> SelfTest {
    match try_run(engine) {
        Ok(()) => SelfTest {
            passed: true,
            detail: "a repository with a literal, a provider's token and a token in history was noted by all three checks; one with references only was not".to_owned(),
        },
        Err(detail) => SelfTest { passed: false, detail },
    }
}

fn try_run(engine: &Engine) -> Result<(), String> {
    let token = engine
        .rules()
        .iter()
        .find_map(|rule| rule.id.starts_with("github.").then(|| rule.examples.first()).flatten())
        .ok_or("the rules hold no example of a GitHub token")?;
    let bad = description(&[
        &format!("jobs:\n  a:\n    steps:\n      - run: deploy # {}\n", token.replace(['\n', '\r'], " ")),
        &format!(
            "env:\n  API_PASSWORD: self-te5t-Literal\njobs:\n  a:\n    steps:\n      # {}\n      - run: deploy\n",
            other_token(engine, token)?
        ),
    ]);
    let good = description(&[
        "env:\n  API_PASSWORD: ${{ secrets.API_PASSWORD }}\njobs:\n  a:\n    steps:\n      - run: deploy --token \"$TOKEN\"\n",
    ]);
    expect(engine, "known-bad", &bad, [Verdict::Fail; 3])?;
    expect(engine, "known-good", &good, [Verdict::Pass; 3])
}

/// An example of another rule, so that the first one is only in history.
fn other_token(engine: &Engine, first: &str) -> Result<String, &'static str> {
    let of = |text: &str| engine.scan(text.as_bytes()).first().map(|found| found.rule.id.clone());
    let taken = of(first);
    engine
        .rules()
        .iter()
        .filter(|rule| rule.id.starts_with("github.") || rule.id.starts_with("gitlab."))
        .filter_map(|rule| rule.examples.first())
        .find(|example| of(example) != taken)
        .map(|example| example.replace(['\n', '\r'], " "))
        .ok_or("the rules hold no second example")
}

fn description(versions: &[&str]) -> fixture::Description {
    let commit = |text: &&str| fixture::CommitDescription {
        files: [(".github/workflows/ci.yml".to_owned(), (*text).to_owned())].into(),
        ..fixture::CommitDescription::default()
    };
    fixture::Description { commits: versions.iter().map(commit).collect(), ..fixture::Description::default() }
}

fn expect(engine: &Engine, name: &str, description: &fixture::Description, expected: [Verdict; 3]) -> Result<(), String> {
    let says = |error: &dyn std::fmt::Display| format!("the {name} fixture: {error}");
    let folder = Scratch::new(For::SelfTest).map_err(|error| says(&error))?;
    fixture::build(description, &folder.path().join("repository")).map_err(|error| says(&error))?;
    let environment = Environment {
        id: EnvironmentId::new("self-test").map_err(|error| says(&error))?,
        title: String::new(),
        disposable: false,
    };
    let environments = [environment];
    let scope = Scope { base: folder.path(), environments: &environments, clock: &CaseClock, run_key: &[0x5e; 32], engine, own: crate::own::Own::default() };
    let source = toml::from_str("repositories = [{ id = \"repository\", path = \"repository\" }]")
        .map_err(|error| says(&error))?;
    let settings = Settings { source, policy: toml::Table::new() };
    let collected = CiSecrets.collect(&scope, &settings).map_err(|error| says(&error))?;
    let judgements =
        CiSecrets.judge(&collected.observation, &environments, &settings.policy).map_err(|error| says(&error))?;
    for (judgement, expected) in judgements.iter().zip(expected) {
        if judgement.verdict() != expected {
            return Err(format!(
                "the {name} fixture: {} says {}, expected {expected}",
                judgement.check,
                judgement.verdict()
            ));
        }
    }
    if judgements.len() == expected.len() {
        Ok(())
    } else {
        Err(format!("the {name} fixture: {} judgements", judgements.len()))
    }
}

