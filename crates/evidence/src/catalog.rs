//! What collectors say of themselves: the manifest that stands beside each one's code.

use serde::{Deserialize, Serialize};

use crate::{CheckId, CollectorId};

/// A collector's manifest, `collector.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CollectorManifest {
    /// Its permanent id: the name of its folder.
    pub id: CollectorId,
    /// Its title for people.
    pub title: String,
    /// What it observes, in one or two sentences.
    pub summary: String,
    /// The schedule it suggests, in crontab form.
    pub default_schedule: String,
    /// How long its evidence counts as fresh: a number and `m`, `h` or `d`.
    pub fresh_for: String,
    /// The rights it needs, one a line.
    pub permissions: Vec<String>,
    /// What it cannot see.
    pub blind_spots: Vec<String>,
    /// Where what it measures against is written down.
    #[serde(default)]
    pub references: Vec<String>,
    /// The checks that judge its evidence.
    pub checks: Vec<CheckManifest>,
}

/// A check, as its collector's manifest describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckManifest {
    /// Its permanent id.
    pub id: CheckId,
    /// Ids it had before; history never forks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<CheckId>,
    /// Its title: the secure condition, in a few words.
    pub title: String,
    /// The criterion: what must be so for no deviation to be noted.
    pub criterion: String,
    /// How it is tested, in one sentence.
    pub test: String,
    /// Which of the five quarterly audit items it answers, if one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit_item: Option<AuditItem>,
    /// The requirements it supports.
    #[serde(default)]
    pub controls: Vec<ControlRef>,
}

/// The five items of the quarterly audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuditItem {
    /// Every environment uses unique credentials.
    UniqueCredentials,
    /// Vault and backups hold the current encryption key.
    KeyCustody,
    /// CI configuration holds no plaintext secret.
    CiSecrets,
    /// Logs are redacted.
    LogRedaction,
    /// Container and dependency scans were run, and their results captured.
    Scans,
}

impl AuditItem {
    /// The five, in the order of the checklist.
    pub const ALL: [Self; 5] =
        [Self::UniqueCredentials, Self::KeyCustody, Self::CiSecrets, Self::LogRedaction, Self::Scans];

    /// The item as a report prints it.
    pub fn title(self) -> &'static str {
        match self {
            Self::UniqueCredentials => "Credentials are unique in each environment",
            Self::KeyCustody => "Vault and backups hold the current encryption key",
            Self::CiSecrets => "CI configuration holds no plaintext secret",
            Self::LogRedaction => "Secrets are redacted in logs",
            Self::Scans => "Container and dependency scans were run and captured",
        }
    }
}

/// A requirement of a framework that a check supports. One check never proves a requirement.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControlRef {
    /// The framework's id: `soc2-2017`, `iso27001-2022`.
    pub framework: String,
    /// The requirement's id in it: `CC6.1`, `A.5.17`.
    pub requirement: String,
    /// How strongly the check supports it.
    pub strength: Strength,
}

/// How strongly a check supports a requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strength {
    /// Tests what the requirement asks for, within the check's scope.
    Direct,
    /// Tests a part of it.
    Partial,
    /// Says something that helps to judge it.
    Indirect,
}
