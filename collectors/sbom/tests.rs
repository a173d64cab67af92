//! The cases. `EXHIBIT_RECORD=1` writes what is judged now as what is expected.

use std::path::Path;

use exhibit_evidence::CheckId;

use super::Sbom;
use super::conditions::{self, ALL};
use super::judge::CHECKS;
use crate::Collector as _;
use crate::cases::{self, Case};

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
