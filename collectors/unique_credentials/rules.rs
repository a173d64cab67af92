//! Rules of the policy beyond what single values must look like: rotation, recipients, transport.

use crate::SettingProblem;
use exhibit_evidence::{EnvironmentId, Timestamp};
use serde::Deserialize;

/// How old a credential may be, in days, unless the policy says otherwise: a month.
const MONTH: u64 = 31;

/// The `policy.rotation` table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rotation {
    /// How many days after it was set a credential must have been replaced.
    pub within_days: u64,
    /// Why rotation is not judged here, in words; none where it is.
    pub not_judged: Option<String>,
    /// What happened: everything in reach must be newer.
    pub incidents: Vec<Incident>,
    /// Rotations that somebody attests, for sources that do not know when a value was set.
    pub attested: Vec<Attested>,
}

impl Default for Rotation {
    fn default() -> Self {
        Self { within_days: MONTH, not_judged: None, incidents: Vec::new(), attested: Vec::new() }
    }
}

/// An incident: credentials that were set before it count as known to others.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Incident {
    /// When it happened, or was found.
    pub at: Timestamp,
    /// Where it is written down: a ticket, a report.
    pub reference: String,
    /// The environments that it touched; empty for all.
    #[serde(default)]
    pub environments: Vec<EnvironmentId>,
    /// The names that it touched; empty for all.
    #[serde(default)]
    pub names: Vec<String>,
}

/// Somebody's word that credentials were rotated.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attested {
    /// The names.
    pub names: Vec<String>,
    /// The environments; empty for all.
    #[serde(default)]
    pub environments: Vec<EnvironmentId>,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// Where it is written down.
    pub reference: String,
}

/// Who may receive a secret.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipientRule {
    /// The names.
    pub names: Vec<String>,
    /// The environments; empty for all.
    #[serde(default)]
    pub environments: Vec<EnvironmentId>,
    /// The services or workloads that may receive them: `api`, `Deployment/api`.
    pub services: Vec<String>,
}

/// Connections that may be unencrypted, and why.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllowUnencrypted {
    /// The names of the variables that hold them.
    pub names: Vec<String>,
    /// The environments; empty for all.
    #[serde(default)]
    pub environments: Vec<EnvironmentId>,
    /// Why.
    pub reason: String,
}

impl Rotation {
    /// What is wrong with it, if anything is.
    pub(super) fn problem(&self) -> Option<SettingProblem> {
        let blank = |text: &String| text.trim().is_empty();
        let (key, expected) = if self.within_days == 0 {
            ("within_days", "expected at least one day")
        } else if self.not_judged.as_ref().is_some_and(blank) {
            ("not_judged", "expected a reason in words")
        } else if self.incidents.iter().any(|incident| blank(&incident.reference)) {
            ("incidents", "expected a reference in words")
        } else if self.attested.iter().any(|one| blank(&one.reference) || blank(&one.by)) {
            ("attested", "expected who attests it, and a reference in words")
        } else {
            return None;
        };
        Some(SettingProblem::new(&format!("policy.rotation.{key}"), expected))
    }
}

/// Whether a rule for these environments holds in one: an empty list holds in all.
pub(super) fn holds_in(environments: &[EnvironmentId], environment: &str) -> bool {
    environments.is_empty() || environments.iter().any(|known| known.as_str() == environment)
}
