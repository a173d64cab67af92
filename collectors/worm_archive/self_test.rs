//! The self-test: an archive that is as its receipts say, and one in which everything went wrong that can.

use crate::cases::CaseClock;
use exhibit_evidence::{EnvironmentId, Verdict, deployment::Environment, observation::SelfTest};

use super::{collect, judge, settings::Policy};
use crate::{Scope, Settings, archived::RecordedArchive};

const GOOD: &str = include_str!("cases/pass/input/archive.json");
const BAD: &str = include_str!("cases/fail/input/archive.json");
/// How many deviations the bad one holds.
const DEVIATIONS: usize = 10;

pub(super) fn run() -> SelfTest {
    let outcome = look(GOOD).and_then(|good| Ok((good, look(BAD)?)));
    match outcome {
        Err(error) => SelfTest { passed: false, detail: format!("The fixtures could not be examined: {error}") },
        Ok(((good, none), (bad, all))) => SelfTest {
            passed: good && none == 0 && !bad && all == DEVIATIONS,
            detail: format!(
                "Of {DEVIATIONS} deviations of the known-bad archive {all} were noted, of the known-good one {none}."
            ),
        },
    }
}

/// Whether all checks pass over this archive, and how many deviations they note.
fn look(text: &str) -> Result<(bool, usize), String> {
    let archive = RecordedArchive::parse(text).map_err(|error| error.to_string())?;
    let id = EnvironmentId::new("self-test").map_err(|error| error.to_string())?;
    let environments = [Environment { title: id.to_string(), id, disposable: false }];
    let scope = Scope {
        base: std::path::Path::new("."),
        environments: &environments,
        clock: &CaseClock,
        run_key: &[0x5e; 32],
        engine: exhibit_detect::Engine::builtin(),
        own: crate::own::Own { archive: Some(&archive), ..crate::own::Own::default() },
    };
    let collected = collect::collect(&scope, &Settings::default()).map_err(|error| error.to_string())?;
    let judgements = judge::judge(&collected.observation, &Policy::default()).map_err(|error| error.to_string())?;
    let findings = judgements.iter().map(|judgement| judgement.findings.len()).sum();
    Ok((judgements.iter().all(|judgement| judgement.verdict() == Verdict::Pass), findings))
}
