//! Any TOML as the settings of either collector: no panic, and no error that repeats a value.
#![no_main]

use std::sync::LazyLock;

use exhibit_collectors::{Registry, SettingProblem, Settings};
use toml::{Table, Value};

/// In the place of every string: with quotation marks, which tempt whoever looks for the end of a quotation.
const VALUE: &str = "Zq7\"vX9`kQ2' expected Wm4";

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| Registry::built_in().expect("built in"));

libfuzzer_sys::fuzz_target!(|text: &str| {
    let Ok(table) = text.parse::<Table>() else { return };
    let part = |key: &str| table.get(key).and_then(Value::as_table).cloned().unwrap_or_default();
    let (source, policy) = (part("source"), part("policy"));
    let _ = check(&source, &policy);
    for problem in check(&replaced(source), &replaced(policy)) {
        for piece in ["Zq7", "vX9", "kQ2", "Wm4"] {
            assert!(!problem.message.contains(piece), "{problem:?}");
        }
    }
});

fn check(source: &Table, policy: &Table) -> Vec<SettingProblem> {
    let settings = Settings { source: source.clone(), policy: policy.clone() };
    REGISTRY.iter().filter_map(|entry| entry.collector.check_settings(&settings).err()).flatten().collect()
}

fn replaced(table: Table) -> Table {
    table.into_iter().map(|(key, value)| (key, replaced_value(value))).collect()
}

fn replaced_value(value: Value) -> Value {
    match value {
        Value::String(_) => Value::String(VALUE.to_owned()),
        Value::Array(items) => Value::Array(items.into_iter().map(replaced_value).collect()),
        Value::Table(table) => Value::Table(replaced(table)),
        other => other,
    }
}
