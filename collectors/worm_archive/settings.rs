//! What a job of this collector may say.

use exhibit_evidence::SubjectId;
use serde::Deserialize;

use crate::SettingProblem;

/// The table `source`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Source {
    /// The archive's name in findings.
    pub subject: String,
    /// Up to so many objects all are examined.
    pub sample_above: u64,
    /// Beyond, so many are drawn.
    pub sample_size: u64,
}

impl Default for Source {
    fn default() -> Self {
        Self { subject: "archive".to_owned(), sample_above: 2_000, sample_size: 500 }
    }
}

impl Source {
    /// The archive as a subject's id.
    pub(super) fn id(&self) -> Result<SubjectId, SettingProblem> {
        let expected = "expected an id of 1 to 80 small letters, digits, `-`, `_` and `.`";
        SubjectId::new(self.subject.as_str()).map_err(|_| SettingProblem::new("source.subject", expected))
    }
}

/// Reads `source`.
pub(super) fn source(table: &toml::Table) -> Result<Source, SettingProblem> {
    let read: Result<Source, toml::de::Error> = toml::Value::Table(table.clone()).try_into();
    let source = read.map_err(|error| SettingProblem::unread("source", &error))?;
    source.id()?;
    if source.sample_size == 0 || source.sample_size > source.sample_above {
        return Err(SettingProblem::new("source.sample_size", "expected at least 1 and at most `sample_above`"));
    }
    Ok(source)
}

/// The table `policy`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Policy {
    /// Aspects of the store whose weakness is known and accepted; one that is broken never is.
    pub accept_weak: Vec<String>,
}

/// Reads `policy`.
pub(super) fn policy(table: &toml::Table) -> Result<Policy, SettingProblem> {
    let read: Result<Policy, toml::de::Error> = toml::Value::Table(table.clone()).try_into();
    read.map_err(|error| SettingProblem::unread("policy", &error))
}
