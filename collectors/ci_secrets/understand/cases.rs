//! What is and what is not a value in the clear, for each CI system: a table (`cases.toml`) that the test walks.

use super::read;
use crate::ci_secrets::recognise;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    system: String,
    text: String,
    /// `key path @ line = written`, each that must be found; nothing else may be.
    found: Vec<String>,
}

#[test]
fn every_case_gives_exactly_what_it_says() {
    let table: Table = toml::from_str(include_str!("cases.toml")).unwrap();
    let mut wrong = Vec::new();
    for case in &table.case {
        let system = recognise::system(&case.system).unwrap_or_else(|| panic!("no system {}", case.system));
        let reading = read(case.text.as_bytes(), system.syntax);
        let found: Vec<String> = reading
            .found
            .iter()
            .map(|found| format!("{} @ {} = {:?}", found.key_path, found.line, found.written))
            .collect();
        if found != case.found || reading.malformed.is_some() {
            wrong.push(format!(
                "{}\n{}expected {:#?}\nfound {found:#?} {:?}",
                case.system, case.text, case.found, reading.malformed
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n---\n"));
    for system in recognise::systems() {
        assert!(table.case.iter().any(|case| case.system == system.id), "no case for {}", system.id);
    }
}
