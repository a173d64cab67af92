//! A scanner's version, in what it prints when it is asked for it.

use super::manifest::Version;
use crate::runner::plain;

/// A version that is longer is none.
pub(super) const LONGEST: usize = 100;

/// The version in an answer, as it can be shown.
pub(super) fn version_in(answer: &[u8], asked: &Version) -> Result<String, String> {
    let unknown = || "what it says of its version holds none".to_owned();
    let version = if let Some(pointer) = &asked.pointer {
        let document: serde_json::Value = serde_json::from_slice(answer).map_err(|_| unknown())?;
        document.pointer(pointer).and_then(serde_json::Value::as_str).map(str::to_owned)
    } else {
        let text = String::from_utf8_lossy(answer);
        match &asked.after {
            Some(before) => text.split_once(before.as_str()).and_then(|(_, after)| first_word(after)),
            None => text.split_whitespace().find(|word| begins_with_digit(word)).map(str::to_owned),
        }
    };
    version
        .map(|version| plain(&version))
        .filter(|version| !version.is_empty() && version.len() <= LONGEST)
        .ok_or_else(unknown)
}

fn first_word(text: &str) -> Option<String> {
    text.split_whitespace().next().map(str::to_owned)
}

fn begins_with_digit(word: &str) -> bool {
    word.strip_prefix('v').unwrap_or(word).starts_with(|first: char| first.is_ascii_digit())
}
