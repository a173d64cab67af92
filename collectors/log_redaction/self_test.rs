//! The self-test: a log with a planted example of every rule that has one, and one with nothing, through the same code.

use std::fs;
use std::path::Path;

use exhibit_detect::Engine;
use crate::cases::CaseClock;
use exhibit_evidence::{EnvironmentId, Verdict, deployment::Environment, observation::SelfTest};

use super::{collect, judge};
use crate::scratch::{For, Scratch};
use crate::{Scope, Settings};

const GOOD: &str = include_str!("cases/pass/input/logs/api.log");

pub(super) fn run(engine: &Engine) -> SelfTest {
    match try_run(engine) {
        Ok((planted, found)) => SelfTest {
            passed: true,
            detail: format!(
                "Of {planted} kinds of secrets planted in a log {found} were noted, and a canary's secret, a real one and personal data; in a log without any nothing was."
            ),
        },
        Err(detail) => SelfTest { passed: false, detail },
    }
}

fn try_run(engine: &Engine) -> Result<(usize, usize), String> {
    let planted: Vec<String> = engine
        .rules()
        .iter()
        .filter_map(|rule| rule.examples.first())
        .map(|example| format!("2026-11-20T12:00:00Z INFO request done\n{example}\n"))
        .collect();
    let person = "2026-11-20T12:00:00Z INFO order sent to mona.example@harbour-lane.test, card 4532 7581 1904 2622\n";
    let real = "2026-11-20T12:00:00Z DEBUG connecting with NotAReal-Self7est.Value\n";
    let bad = [planted.concat().as_str(), person, real].concat();
    let (verdicts, found) = look(engine, &bad, "echo \"$EXHIBIT_CANARY_MARKER password=$EXHIBIT_CANARY_SECRET\" >> app.log")?;
    if verdicts != [Verdict::Fail; 3] {
        return Err(format!("The known-bad log was judged {}.", words(&verdicts)));
    }
    // The canary, the real secret and the personal data are findings of their own; and rules whose examples look alike may share one.
    let kinds = found.saturating_sub(4);
    if kinds * 10 < planted.len() * 9 {
        return Err(format!("Of {} kinds of secrets in the known-bad log only {kinds} were noted.", planted.len()));
    }
    let (verdicts, _) = look(engine, GOOD, "echo \"$EXHIBIT_CANARY_MARKER password=[REDACTED]\" >> app.log")?;
    if verdicts != [Verdict::Pass; 3] {
        return Err(format!("The known-good log was judged {}.", words(&verdicts)));
    }
    Ok((planted.len(), kinds))
}

fn words(verdicts: &[Verdict]) -> String {
    verdicts.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}

/// The checks' verdicts over a log with this text and a canary that logs so, and how many findings there are.
fn look(engine: &Engine, text: &str, script: &str) -> Result<(Vec<Verdict>, usize), String> {
    let says = |error: &dyn std::fmt::Display| error.to_string();
    let folder = Scratch::new(For::SelfTest).map_err(|error| says(&error))?;
    fs::write(folder.path().join("app.log"), text).map_err(|error| says(&error))?;
    fs::write(folder.path().join("app.env"), "API_SECRET=NotAReal-Self7est.Value\n").map_err(|error| says(&error))?;
    let id = EnvironmentId::new("self-test").map_err(|error| says(&error))?;
    let environments = [Environment { title: id.to_string(), id, disposable: false }];
    let scope = scope(folder.path(), &environments, engine);
    let source = format!(
        "[[logs]]\nid = \"self-test\"\nfiles = \"app.log\"\n\
         canaries = [{{ id = \"self-test\", command = [\"sh\", \"-c\", '''{script}'''], redacted = \"[REDACTED]\", wait = 0 }}]\n\
         [[secrets]]\nenvironment = \"self-test\"\ndotenv = \"app.env\"\n"
    );
    let settings = Settings { source: toml::from_str(&source).map_err(|error| says(&error))?, ..Settings::default() };
    let collected = collect::collect(&scope, &settings).map_err(|error| says(&error))?;
    let known = collected.observation.facts["known"]["searched"].as_u64();
    if known != Some(1) {
        return Err("The real secret was not looked for.".to_owned());
    }
    let judgements = judge::judge(&collected.observation, &settings.policy).map_err(|error| says(&error))?;
    let findings = judgements.iter().map(|judgement| judgement.findings.len()).sum();
    Ok((judgements.iter().map(|judgement| judgement.verdict()).collect(), findings))
}

fn scope<'a>(base: &'a Path, environments: &'a [Environment], engine: &'a Engine) -> Scope<'a> {
    Scope { base, environments, clock: &CaseClock, run_key: &[0x5e; 32], engine, own: crate::own::Own::default() }
}
