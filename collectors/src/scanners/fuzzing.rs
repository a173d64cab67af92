//! Adapters' files and what scanners answer, opened to `fuzz/`: from any bytes.

use std::collections::BTreeMap;

use exhibit_evidence::letters::hides;
use toml::{Table, Value};

use super::ages::time_in;
use super::fill::{self, fill, names};
use super::manifest::{Adapter, Version};
use super::versions::{LONGEST, version_in};
use crate::fuzzing::hold;

/// In the place of every string: with quotation marks, which tempt whoever looks for the end of a quotation.
const VALUE: &str = "Zq7\"vX9`kQ2' expected Wm4";
/// Its parts, none of which may be told.
const PARTS: [&str; 4] = ["Zq7", "vX9", "kQ2", "Wm4"];
/// What a placeholder is filled with: it looks like another one.
const MARK: &str = "{target}\u{1}{";

/// Any bytes as an adapter's file: what is taken runs with what it says and nothing else, what is not is told by its line, without
/// a value.
///
/// # Panics
/// When that does not hold.
pub fn adapters(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    placeholders(text);
    match Adapter::parse(text, "ours.toml") {
        Ok(adapter) => taken(&adapter),
        Err(problems) => {
            assert!(!problems.is_empty());
            for problem in &problems {
                let told = problem.to_string();
                assert!(!problem.message.is_empty() && !told.contains(hides), "{told:?}");
                assert!((1..=text.lines().count() + 1).contains(&problem.line), "{told:?}");
            }
        }
    }
    let Ok(table) = text.parse::<Table>() else { return };
    // Keys are told.
    if PARTS.iter().any(|part| text.contains(part)) {
        return;
    }
    let replaced = table.into_iter().map(|(key, value)| (key, replaced(value))).collect::<Table>().to_string();
    for problem in Adapter::parse(&replaced, "ours.toml").err().into_iter().flatten() {
        for part in PARTS {
            assert!(!problem.message.contains(part), "{problem:?}");
        }
    }
}

fn replaced(value: Value) -> Value {
    match value {
        Value::String(_) => Value::String(VALUE.to_owned()),
        Value::Array(items) => Value::Array(items.into_iter().map(replaced).collect()),
        Value::Table(table) => {
            Value::Table(table.into_iter().map(|(key, value)| (key, self::replaced(value))).collect())
        }
        other => other,
    }
}

/// Each placeholder is filled once, what is put in is not looked at again, and all else stays.
fn placeholders(text: &str) {
    let found = names(text);
    let itself: Vec<String> = found.iter().map(|name| format!("{{{name}}}")).collect();
    let same = found.iter().copied().zip(itself).collect();
    assert_eq!(fill(text, &same), text);
    let marked = found.iter().map(|name| (*name, MARK.to_owned())).collect();
    let filled = fill(text, &marked);
    let before: usize = found.iter().map(|name| name.len() + 2).sum();
    assert_eq!(filled.len() + before, text.len() + found.len() * MARK.len(), "{filled:?}");
    assert_eq!(filled.matches(MARK).count(), text.matches(MARK).count() + found.len());
    assert_eq!(fill(text, &BTreeMap::new()), text);
}

fn taken(adapter: &Adapter) {
    assert!(!adapter.modes.is_empty());
    let known = |name: &str| adapter.parameters.contains_key(name) || [fill::TARGET, fill::OUTPUT].contains(&name);
    for (id, mode) in &adapter.modes {
        let used: Vec<&str> = mode.arguments.iter().flat_map(|argument| names(argument)).collect();
        assert!(used.contains(&fill::TARGET) && used.iter().all(|name| known(name)), "{used:?}");
        assert_eq!(mode.leaves_file(), used.contains(&fill::OUTPUT));
        assert_eq!(adapter.mode(Some(id), mode.looks_at), Some((id.as_str(), mode)));
        let status = &mode.status;
        let meant = |one: &i64| {
            [&status.clean, &status.findings, &status.either].iter().filter(|set| set.contains(one)).count()
        };
        assert!((0..=255).any(|one| meant(&one) == 1) && (-1..=256).all(|one| meant(&one) <= 1));
    }
    let limits = adapter.limits();
    assert!(!limits.time.is_zero() && limits.time.as_secs() <= 86_400);
    assert!((1..=4 << 30).contains(&limits.output_bytes) && (1..=1 << 30).contains(&limits.error_bytes));
    assert!(limits.processes > 0 && limits.memory_bytes > 0 && limits.open_files > 0 && limits.cpu_seconds > 0);
    for name in adapter.passed().iter().chain(adapter.set.keys()) {
        assert!(!name.is_empty() && !name.contains(['=', '\0']), "{name:?}");
    }
}

/// Any bytes as what a scanner prints when it is asked for its version or its database's age, in the way that the first byte
/// chooses: what is told stands there, can be shown, and is short; what is not there is told without repeating anything.
///
/// # Panics
/// When that does not hold.
pub fn scanner_answers(bytes: &[u8]) {
    let Some((first, answer)) = bytes.split_first() else { return };
    let (pointer, after) = match first.wrapping_sub(b'a') % 4 {
        0 => (None, None),
        1 => (None, Some("version ".to_owned())),
        2 => (Some("/Version".to_owned()), None),
        _ => {
            return match time_in(answer, "/VulnerabilityDB/UpdatedAt") {
                Ok(at) => assert_eq!(at.to_string().parse().as_ref(), Ok(&at), "an instant that can be written"),
                Err(error) => hold(&error),
            };
        }
    };
    let is_word = pointer.is_none();
    match version_in(answer, &Version { arguments: Vec::new(), pointer, after }) {
        Ok(version) => {
            assert!(!version.trim().is_empty() && version.len() <= LONGEST && !version.contains(hides), "{version:?}");
            let answer = String::from_utf8_lossy(answer);
            let plain = !answer.contains(hides_within_a_word);
            assert!(!is_word || !plain || answer.contains(&version), "{version:?} is not what it said");
        }
        Err(error) => hold(&error),
    }
}

fn hides_within_a_word(one: char) -> bool {
    hides(one) && !one.is_whitespace()
}
