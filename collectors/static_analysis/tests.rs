//! The cases. `EXHIBIT_RECORD=1` writes what is judged now as what is expected.

use std::path::Path;

use exhibit_detect::Engine;
use exhibit_evidence::{EnvironmentId, Verdict, assessment::Judgement, deployment::Environment, observation::Subject};

use crate::cases::{self, Case};
use crate::{Collected, Collector as _, Given, Scope, Settings};

use super::StaticAnalysis;

#[test]
fn cases_give_what_they_say() {
    let record = std::env::var_os("EXHIBIT_RECORD").is_some();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("static_analysis");
    let all = cases::list(&folder).expect("the cases");
    assert!(all.len() >= 7, "{all:?}");
    for case in all {
        let scratch = tempfile::tempdir().expect("a folder");
        let case = Case::read(&case).expect("in order");
        StaticAnalysis.check_settings(&case.settings).expect("settings in order");
        case.check(&StaticAnalysis, scratch.path(), record).unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn the_self_test_passes() {
    let told = super::self_test::run();
    assert!(told.passed, "{}", told.detail);
}

/// A result of somebody's pipeline, the list of files that came with it, and what is said of it: the verdicts of the two
/// checks, how many files exist and were examined, and a part of what could not be found out.
type Import = (&'static str, Option<&'static str>, [Verdict; 2], (Option<u64>, u64), &'static str);

const IMPORTS: &[Import] = &[
    ("semgrep/found.json", None, [Verdict::Error, Verdict::Fail], (None, 11), ""),
    ("semgrep/found.json", Some("src/config.py\n"), [Verdict::Pass, Verdict::Fail], (Some(1), 1), ""),
    ("semgrep/found.json", Some("./repo/src/config.py\0repo/main.tf\0repo/more.py\0"), [Verdict::Error, Verdict::Fail], (Some(3), 2), ""),
    ("semgrep/found.json", Some("\n"), [Verdict::Vacuous, Verdict::Fail], (Some(0), 0), ""),
    ("hadolint/clean.json", None, [Verdict::Error; 2], (None, 0), ""),
    ("hadolint/clean.json", Some("Dockerfile"), [Verdict::Error; 2], (Some(1), 0), ""),
    ("sarif/run-failed.sarif", Some("a.py"), [Verdict::Error; 2], (Some(1), 0), "SIGKILL"),
    ("sarif/newer.sarif", Some("a.py"), [Verdict::Error; 2], (Some(1), 0), "version"),
    ("gitleaks/log.json", None, [Verdict::Error, Verdict::Fail], (None, 1), ""),
    ("pip-audit/found.json", Some("a.py"), [Verdict::Error; 2], (Some(1), 0), "tells of packages"),
];

#[test]
fn a_result_of_somebody_elses_pipeline_is_held_against_a_list_of_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/results/cases");
    let environment = EnvironmentId::new("production").expect("an id");
    let environments = [Environment { title: "Production".to_owned(), id: environment.clone(), disposable: false }];
    let subject = Subject { environment, id: "shop".parse().expect("an id") };
    let (engine, own) = (Engine::builtin(), crate::own::Own::default());
    let scope =
        Scope { base: folder.path(), environments: &environments, clock: &cases::CaseClock, run_key: &[1; 32], engine, own };
    let observed_at = "2026-11-19T04:00:00.000000Z".parse().ok();
    let list = [folder.path().join("files.txt")];
    for (result, listed, verdicts, (exist, examined), told) in IMPORTS {
        std::fs::write(&list[0], listed.unwrap_or_default()).expect("written");
        let counted_in = if listed.is_some() { &list[..] } else { &[] };
        let file = results.join(result);
        let given = Given { file: &file, format: result.split_once('/').map(|(form, _)| form), subject: &subject, observed_at, counted_in };
        let taken = StaticAnalysis.import(&scope, &Settings::default(), &given);
        let Collected { observation, artifacts } = taken.unwrap_or_else(|error| panic!("{result}: {error}"));
        // What may hold the secrets that it found is not kept.
        let kept = usize::from(!result.starts_with("gitleaks"));
        assert_eq!((Some(observation.observed_to), artifacts.len()), (observed_at, kept), "{result}");
        let population = &observation.population[0];
        assert_eq!((population.exist, population.examined), (*exist, *examined), "{result} {listed:?}: {population:?}");
        let problems = observation.problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("; ");
        assert!(problems.contains(told) && (problems.is_empty() == told.is_empty()), "{result}: {problems}");
        let judged = StaticAnalysis.judge(&observation, &environments, &toml::Table::new()).expect("judged");
        assert_eq!(judged.iter().map(Judgement::verdict).collect::<Vec<_>>(), verdicts, "{result} {listed:?}: {judged:?}");
    }

    // Nobody knows whose this is.
    std::fs::write(&list[0], "<html>503</html>").expect("written");
    let given = Given { file: &list[0], format: None, subject: &subject, observed_at, counted_in: &[] };
    assert!(StaticAnalysis.import(&scope, &Settings::default(), &given).is_err());
    let given = Given { format: Some("semgrep"), ..given };
    let taken = StaticAnalysis.import(&scope, &Settings::default(), &given).expect("handed in as Semgrep's");
    assert!(taken.observation.problems[0].message.contains("expected what semgrep"), "{:?}", taken.observation.problems);
}
