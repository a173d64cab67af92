//! The cases. `EXHIBIT_RECORD=1` writes what is judged now as what is expected.

use std::path::Path;

use exhibit_evidence::observation::Subject;
use exhibit_evidence::{CheckId, EnvironmentId, SubjectId, Timestamp, Verdict, deployment::Environment};

use super::Sbom;
use super::conditions::{self, ALL};
use super::judge::CHECKS;
use crate::cases::{self, Case, CaseClock};
use crate::own::Own;
use crate::{Collected, CollectError, Collector as _, Given, Scope, Settings};

#[test]
fn cases_give_what_they_say() {
    let record = std::env::var_os("EXHIBIT_RECORD").is_some();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sbom");
    let all = cases::list(&folder).expect("the cases");
    assert!(all.len() >= 10, "{all:?}");
    for case in all {
        let scratch = tempfile::tempdir().expect("a folder");
        let case = Case::read(&case).expect("in order");
        Sbom.check_settings(&case.settings).expect("settings in order");
        case.check(&Sbom, scratch.path(), record).unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn the_self_test_passes() {
    let told = super::self_test::run();
    assert!(told.passed, "{}", told.detail);
}

#[test]
fn every_id_is_one_and_every_condition_says_what_to_do() {
    for check in CHECKS {
        CheckId::new(check).expect("an id");
    }
    for name in ALL {
        let condition = conditions::condition(conditions::id(name).as_str());
        assert!(!condition.steps.is_empty() && !condition.title.is_empty(), "{name}");
    }
}

#[test]
fn settings_that_can_not_be_met_are_told() {
    for (source, key) in [
        ("targets = []", "source.targets"),
        ("targets = [{ id = 'a', bill = 'b' }]", "source.targets.0"),
        ("targets = [{ id = 'a', folder = 'f' }]", "source.targets.0"),
        ("targets = [{ id = 'a', folder = 'f', image = 'i', bill = 'b' }]", "source.targets.0"),
        ("targets = [{ id = 'a', folder = 'f', reference = 'main', bill = 'b' }]", "source.targets.0.reference"),
        ("targets = [{ id = 'a', folder = 'f', bill = 'b', scanner = { adapter = 'syft' } }]", "source.targets.0"),
    ] {
        let table = toml::from_str(source).expect("TOML");
        let problems = super::settings::source(&table).expect_err(source);
        assert_eq!(problems[0].key.join("."), key, "{source}");
    }
    for policy in ["days = 0", "elements = []", "elements = ['licence']"] {
        let table = toml::from_str(policy).expect("TOML");
        assert!(super::settings::policy(&table).is_err(), "{policy}");
    }
}

const SEEN: &str = "2026-11-19T04:00:00.000000Z";

/// Takes in a file of the case `pass-folder`, with lockfiles of it.
fn imported(file: &Path, format: Option<&str>, lockfiles: &[&str], source: &str) -> Result<Collected, CollectError> {
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("sbom/cases/pass-folder/input");
    let counted_in: Vec<_> = lockfiles.iter().map(|path| case.join("shop").join(path)).collect();
    let id = EnvironmentId::new("production").expect("an id");
    let subject = Subject { environment: id.clone(), id: SubjectId::new("shop").expect("an id") };
    let environments = [Environment { title: id.to_string(), id, disposable: false }];
    let scope = Scope {
        base: &case,
        environments: &environments,
        clock: &CaseClock,
        run_key: &[1; 32],
        engine: exhibit_detect::Engine::builtin(),
        own: Own::default(),
    };
    let settings = Settings { source: toml::from_str(source).expect("TOML"), ..Settings::default() };
    let observed_at = SEEN.parse::<Timestamp>().ok();
    let given = Given { file: &case.join(file), format, subject: &subject, observed_at, counted_in: &counted_in };
    Sbom.import(&scope, &settings, &given)
}

fn verdicts(collected: &Collected) -> Vec<Verdict> {
    let judged = Sbom.judge(&collected.observation, &[], &toml::Table::new()).expect("judged");
    judged.iter().map(exhibit_evidence::assessment::Judgement::verdict).collect()
}

#[test]
fn a_bill_of_somebody_elses_pipeline_is_held_against_the_lockfiles_that_come_with_it() {
    use Verdict::{Fail, NotApplicable, Pass, Vacuous};
    let bill = Path::new("bill.cdx.json");
    let both = imported(bill, None, &["requirements.txt", "api/Cargo.lock"], "").expect("taken");
    assert_eq!(verdicts(&both), [Pass, NotApplicable, Pass, Pass, Pass], "{:?}", both.observation.population);
    let population = &both.observation.population[0];
    assert_eq!((population.exist, population.examined), (Some(4), 3), "{population:?}");
    assert_eq!(both.observation.observed_to.to_string(), SEEN);
    assert_eq!(both.artifacts.len(), 1);
    assert_eq!(both.artifacts[0].name, "bill of materials, bill.cdx.json");
    assert!(both.observation.filters.iter().any(|told| told.starts_with("handed in as `bill.cdx.json`")));

    // By itself it says what it says, and nothing says what it leaves out.
    let alone = imported(bill, Some("cyclonedx"), &[], "keep_results_mib = 0").expect("taken");
    assert_eq!(verdicts(&alone), [Pass, NotApplicable, Vacuous, Pass, Pass]);
    let population = &alone.observation.population[0];
    assert_eq!((population.exist, population.examined), (Some(4), 4), "{population:?}");
    assert_eq!(population.unit, "component that the bill lists");
    assert!(alone.artifacts.is_empty());
    assert!(alone.observation.filters.iter().any(|told| told.contains("is not kept here")), "{alone:?}", alone = alone.observation.filters);

    // What it does not list is missing in it, whoever made it.
    let folder = tempfile::tempdir().expect("a folder");
    let more = folder.path().join("requirements.txt");
    std::fs::write(&more, "django==4.2.1\nflask==3.0.0\n").expect("written");
    let lacking = imported(bill, None, &[more.to_str().expect("text")], "").expect("taken");
    assert_eq!(verdicts(&lacking), [Pass, NotApplicable, Fail, Pass, Pass]);
}

#[test]
fn what_is_handed_in_and_is_no_bill_is_an_error_that_keeps_it_or_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("bill.json");
    let known = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("sbom/cases/pass-folder/input/bill.cdx.json"));
    let known = known.expect("readable");
    let pip_audit = br#"{"dependencies": [{"name": "a", "version": "1", "vulns": []}], "fixes": []}"#;
    for (bytes, form, told) in [
        (&known[..200], Some("cyclonedx"), "it ends in the middle"),
        (b"", Some("spdx"), "it ends in the middle"),
        (b"<html>503</html>", Some("cyclonedx"), "line 1 is no JSON"),
        (known.as_slice(), Some("spdx"), "it is CycloneDX 1.6, and was handed in as spdx"),
        (br#"{"spdxVersion": "SPDX-9.0", "packages": []}"#, Some("spdx"), "its `spdxVersion` is SPDX-9.0"),
        (pip_audit, None, "it is what pip-audit"),
    ] {
        std::fs::write(&file, bytes).expect("written");
        let taken = imported(&file, form, &["requirements.txt"], "").unwrap_or_else(|error| panic!("{told}: {error}"));
        let problems = &taken.observation.problems;
        assert!(problems.len() == 1 && problems[0].message.contains(told), "{told}: {problems:?}");
        assert!(problems[0].message.starts_with("bill.json: "), "{problems:?}");
        assert!(verdicts(&taken).iter().all(|verdict| *verdict == Verdict::Error), "{told}");
        assert_eq!(taken.artifacts.len(), 1, "{told}");
        assert_eq!(taken.artifacts[0].bytes, bytes, "{told}");
    }
    for (bytes, form, told) in [
        (&b""[..], None, "expected a bill of materials"),
        (b"<html>503</html>", None, "expected a bill of materials"),
        (b"{}", None, "it says neither"),
        (known.as_slice(), Some("pip-audit"), "bills of materials are in one of cyclonedx and spdx"),
        (known.as_slice(), Some("no-such"), "expected one of"),
    ] {
        std::fs::write(&file, bytes).expect("written");
        let refused = imported(&file, form, &[], "").err().map(|error| error.to_string()).unwrap_or_default();
        assert!(refused.contains(told), "{told}: {refused}");
    }
}
