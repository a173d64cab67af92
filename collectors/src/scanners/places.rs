//! Where in a TOML text something stands: its line and the keys that lead to it.

use toml::de::{DeTable, DeValue};

/// The line of a byte, from 1.
pub(super) fn line(text: &str, at: usize) -> usize {
    1 + text.as_bytes()[..at.min(text.len())].iter().filter(|byte| **byte == b'\n').count()
}

/// The line of what `key` leads to, its parts separated by dots; of the nearest thing around it, if it is not there.
pub(super) fn line_of(text: &str, key: &str) -> usize {
    let Ok(root) = DeTable::parse(text) else { return 1 };
    let mut table = root.get_ref();
    let mut found = 0;
    for part in key.split('.') {
        let Some((name, value)) = table.iter().find(|(name, _)| name.get_ref() == part) else { break };
        found = name.span().start;
        match value.get_ref() {
            DeValue::Table(inner) => table = inner,
            _ => break,
        }
    }
    line(text, found)
}

/// The keys that lead to the byte at `at`, separated by dots.
pub(super) fn key_at(text: &str, at: usize) -> String {
    DeTable::parse(text).ok().and_then(|root| key_within(root.get_ref(), at)).unwrap_or_default()
}

/// A table's own place is its header alone: what is in it is looked through wherever it stands.
fn key_within(table: &DeTable<'_>, at: usize) -> Option<String> {
    table.iter().find_map(|(name, value)| {
        let inner = match value.get_ref() {
            DeValue::Table(inner) => key_within(inner, at),
            _ => None,
        };
        let own = || name.get_ref().to_string();
        match inner {
            Some(inner) => Some(format!("{}.{inner}", own())),
            None => (name.span().contains(&at) || value.span().contains(&at)).then(own),
        }
    })
}
