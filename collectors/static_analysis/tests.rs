//! The cases. `EXHIBIT_RECORD=1` writes what is judged now as what is expected.

use std::path::Path;

use crate::Collector as _;
use crate::cases::{self, Case};

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
