//! Reading rules from TOML, with errors that name file, line and key.

use serde::Deserialize;
use toml::Spanned;

use crate::check::Check;
use crate::matches::Confidence;
use crate::rule::{Rule, Severity};

/// A rule file that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {message}")]
pub struct RuleFileError {
    /// The file's name as the caller gave it.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in bytes.
    pub column: usize,
    /// What is wrong, naming the key, and what was expected. Repeats no value: somebody may have given a real one as an example.
    pub message: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    provider: String,
    #[serde(default)]
    references: Vec<String>,
    #[serde(default)]
    rule: Vec<Spanned<Raw>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    id: String,
    title: String,
    description: String,
    severity: Severity,
    #[serde(default)]
    confidence: Confidence,
    keywords: Vec<String>,
    pattern: String,
    #[serde(default)]
    prefixes: Vec<String>,
    min_entropy: Option<u32>,
    check: Option<Check>,
    #[serde(default)]
    allow: Vec<String>,
    #[serde(default)]
    priority: i8,
    #[serde(default = "look_behind")]
    look_behind: usize,
    #[serde(default = "look_ahead")]
    look_ahead: usize,
    examples: Vec<String>,
    counter_examples: Vec<String>,
    #[serde(default)]
    references: Vec<String>,
}

fn look_behind() -> usize {
    Rule::LOOK_BEHIND
}

fn look_ahead() -> usize {
    Rule::LOOK_AHEAD
}

impl Rule {
    /// Reads the rules of one file; `file_name` is only used in messages.
    ///
    /// The rules are well formed but not yet sound: see [`validate`](crate::validate).
    ///
    /// # Errors
    /// Not TOML, an unknown or missing key, a value of the wrong kind.
    pub fn from_toml(text: &str, file_name: &str) -> Result<Vec<Rule>, RuleFileError> {
        let file: File = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let (line, column) = position(text, at);
            RuleFileError { file: file_name.to_owned(), line, column, message: told(error.message(), text, line) }
        })?;
        let rules = file.rule.into_iter().map(|spanned| {
            let (line, _) = position(text, spanned.span().start);
            let raw = spanned.into_inner();
            let references = if raw.references.is_empty() { file.references.clone() } else { raw.references };
            Rule {
                id: raw.id,
                provider: file.provider.clone(),
                title: raw.title,
                description: raw.description,
                severity: raw.severity,
                confidence: raw.confidence,
                keywords: raw.keywords,
                pattern: raw.pattern,
                prefixes: raw.prefixes,
                min_entropy: raw.min_entropy,
                check: raw.check,
                allow: raw.allow,
                priority: raw.priority,
                look_behind: raw.look_behind,
                look_ahead: raw.look_ahead,
                examples: raw.examples,
                counter_examples: raw.counter_examples,
                references,
                file: file_name.to_owned(),
                line,
            }
        });
        Ok(rules.collect())
    }
}

/// What a reader of TOML says, with the key that it is about and without the value that it found.
fn told(message: &str, text: &str, line: usize) -> String {
    let message = message.lines().next().unwrap_or_default();
    if ["missing field", "unknown field", "duplicate"].iter().any(|start| message.starts_with(start)) {
        return message.to_owned();
    }
    let expected = match (message.strip_prefix("expected "), message.rfind("expected ")) {
        (Some(_), _) => message.split(", found").next().unwrap_or_default(),
        (None, Some(at)) => &message[at..],
        (None, None) => message,
    };
    match key_at(text, line) {
        Some(key) => format!("{key}: {expected}"),
        None => expected.to_owned(),
    }
}

/// The key whose value stands in this line, or began before it.
fn key_at(text: &str, line: usize) -> Option<&str> {
    let lines: Vec<&str> = text.lines().take(line).collect();
    let own = lines.iter().rev().take_while(|line| !line.trim_start().starts_with("[["));
    own.filter_map(|line| line.split_once('='))
        .map(|(key, _)| key.trim())
        .find(|key| !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
}

/// Line and column (both from 1) of a byte offset.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"provider = "Acme"
[[rule]]
id = "acme.token"
title = "Acme token"
description = "Opens everything."
severity = "high"
keywords = ["acme_"]
pattern = 'acme_[a-z]{8}'
examples = ["acme_abcdefgh", "x acme_hgfedcba"]
counter_examples = ["acme_", "acme_123"]
"#;

    #[test]
    fn a_good_file_is_read_with_its_line() {
        let rules = Rule::from_toml(GOOD, "acme.toml").unwrap();
        assert_eq!(rules.len(), 1);
        assert_eq!((rules[0].id.as_str(), rules[0].line), ("acme.token", 2));
        assert_eq!(rules[0].look_ahead, Rule::LOOK_AHEAD);
    }

    #[test]
    fn errors_name_file_line_and_key() {
        let cases = [
            (GOOD.replace("severity = \"high\"", "severity = \"huge\""), 6, "severity: expected one of"),
            (GOOD.replace("title", "titel"), 4, "titel"),
            (GOOD.replace("keywords = [\"acme_\"]", "keywords = \"hunter2\""), 7, "keywords: expected a sequence"),
            (GOOD.replace("examples = [\"acme_abcdefgh\"", "examples = [\n  7"), 10, "examples: expected a string"),
            (GOOD.replace("[[rule]]", "[[rule]]\nmin_entropy = \"hunter2\""), 3, "min_entropy: expected u32"),
            (GOOD.replace("pattern = 'acme_[a-z]{8}'\n", ""), 2, "pattern"),
        ];
        for (text, line, word) in cases {
            let error = Rule::from_toml(&text, "acme.toml").unwrap_err();
            assert_eq!(error.file, "acme.toml");
            assert_eq!(error.line, line, "{error}");
            assert!(error.message.contains(word), "{error}");
            assert!(!error.message.contains("hunter2") && !error.message.contains("huge"), "{error}");
        }
    }
}
