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
    /// What is wrong, naming the key.
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
            RuleFileError { file: file_name.to_owned(), line, column, message: error.message().to_owned() }
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
            (GOOD.replace("severity = \"high\"", "severity = \"huge\""), 6, "huge"),
            (GOOD.replace("title", "titel"), 4, "titel"),
            (GOOD.replace("keywords = [", "keywords = "), 7, ""),
            (GOOD.replace("pattern = 'acme_[a-z]{8}'\n", ""), 2, "pattern"),
        ];
        for (text, line, word) in cases {
            let error = Rule::from_toml(&text, "acme.toml").unwrap_err();
            assert_eq!(error.file, "acme.toml");
            assert_eq!(error.line, line, "{error}");
            assert!(error.message.contains(word), "{error}");
        }
    }
}
