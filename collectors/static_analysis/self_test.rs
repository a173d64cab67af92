//! The self-test: a result with deviations and one without, read and judged as a run's are.

use exhibit_evidence::{EnvironmentId, Verdict, observation::SelfTest};

use super::StaticAnalysis;
use crate::own::Own;
use crate::runner::Recorded;
use crate::scratch::{For, Scratch};
use crate::{Collector as _, Scope, Settings, cases::CaseClock};

const BAD: &str = include_str!("cases/fail/input/recorded/hadolint/scan/shop/Dockerfile/stdout");
const GOOD: &str = "[]";
/// How many deviations the bad one holds.
const DEVIATIONS: usize = 3;

pub(super) fn run() -> SelfTest {
    match deviations(BAD).and_then(|bad| Ok((bad, deviations(GOOD)?))) {
        Err(error) => SelfTest { passed: false, detail: format!("The fixtures could not be examined: {error}") },
        Ok(((bad, all), (good, none))) => SelfTest {
            passed: bad == Verdict::Fail && all == DEVIATIONS && good == Verdict::Pass && none == 0,
            detail: format!("Of {DEVIATIONS} deviations of the known-bad result {all} were noted, of the known-good one {none}."),
        },
    }
}

/// The verdict over a Dockerfile of which hadolint printed this, and how many deviations are noted.
fn deviations(printed: &str) -> Result<(Verdict, usize), String> {
    let folder = Scratch::new(For::SelfTest).map_err(|error| error.to_string())?;
    let status = if printed == GOOD { "status = 0" } else { "status = 1" };
    for (path, text) in [
        ("shop/Dockerfile", "FROM debian\n"),
        ("recorded/hadolint/version/stdout", "2.15.1\n"),
        ("recorded/hadolint/scan/shop/Dockerfile/stdout", printed),
        ("recorded/hadolint/scan/shop/Dockerfile/run.toml", status),
    ] {
        let path = folder.path().join(path);
        let parent = path.parent().ok_or("a file lies in a folder")?;
        std::fs::create_dir_all(parent).and_then(|()| std::fs::write(&path, text)).map_err(|error| error.to_string())?;
    }
    let source = "targets = [{ subject = \"shop\", path = \"shop\", files = [\"Dockerfile\"], each_file = true, scanner = { adapter = \"hadolint\" } }]";
    let source = toml::from_str(source).map_err(|error| error.to_string())?;
    let policy = toml::from_str("fail_from = \"info\"").map_err(|error| error.to_string())?;
    let settings = Settings { source, policy };
    let id = EnvironmentId::new("self-test").map_err(|error| error.to_string())?;
    let environments = [exhibit_evidence::deployment::Environment { title: id.to_string(), id, disposable: false }];
    let runner = Recorded::new(&folder.path().join(Recorded::FOLDER));
    let scope = Scope {
        base: folder.path(),
        environments: &environments,
        clock: &CaseClock,
        run_key: &[0x5e; 32],
        engine: exhibit_detect::Engine::builtin(),
        own: Own { runner: Some(&runner), ..Own::default() },
    };
    let collected = StaticAnalysis.collect(&scope, &settings).map_err(|error| error.to_string())?;
    let judgements = StaticAnalysis
        .judge(&collected.observation, &environments, &settings.policy)
        .map_err(|error| error.to_string())?;
    let worst = judgements.last().map_or(Verdict::Vacuous, exhibit_evidence::assessment::Judgement::verdict);
    Ok((worst, judgements.iter().map(|judgement| judgement.findings.len()).sum()))
}
