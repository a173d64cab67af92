//! Findings: one deviation each, with an identity that outlives quarters.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::{CanonicalError, CheckId, ConditionId, Digest, EnvironmentId, SubjectId, to_canonical};

/// How bad a deviation is. Worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Act now.
    Critical,
    /// Act within days.
    High,
    /// Act within weeks.
    Medium,
    /// Act when the place is next touched.
    Low,
    /// Worth knowing.
    Info,
}

impl Severity {
    /// Every severity, worst first.
    pub const ALL: [Self; 5] = [Self::Critical, Self::High, Self::Medium, Self::Low, Self::Info];

    /// The word that records use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
            Self::Info => "info",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The stable identity of a finding: SHA-256 of canonical `[v, check's first id, environment, subject, place]`
/// (DESIGN: no line number, no secret, nothing that moves when a file is reformatted).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub Digest);

impl Fingerprint {
    /// The version of how fingerprints are computed.
    pub const VERSION: u32 = 1;

    /// The fingerprint of a deviation that `check` (by the first id it ever had) noted at a value-free place:
    /// for example the file, the key path and the rule's id, in an order that the collector fixes for ever.
    ///
    /// # Errors
    /// When a part of the place holds a NUL character.
    pub fn of(
        check: &CheckId,
        environment: &EnvironmentId,
        subject: &SubjectId,
        place: &[&str],
    ) -> Result<Self, CanonicalError> {
        let bytes = to_canonical(&(Self::VERSION, check, environment, subject, place))?;
        Ok(Self(Digest::of(&bytes)))
    }

    /// The first twelve hexadecimal digits, by which people speak of a finding.
    pub fn short(&self) -> String {
        self.0.short()
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Where a deviation is. Never holds a value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The commits that carry it, where the place is in a history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carriers: Option<Carriers>,
    /// The file, relative to its source's root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The key or key path, `jobs.build.env.API_TOKEN`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The line, counted from 1, where it was last seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The rule that noted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
}

impl Place {
    /// For people: file, line and key, as far as they are known.
    pub fn human(&self) -> String {
        let mut text = self.file.clone().unwrap_or_default();
        if let Some(line) = self.line {
            text.push_str(&format!(":{line}"));
        }
        if let Some(key) = &self.key {
            text.push_str(if text.is_empty() { "" } else { " · " });
            text.push_str(key);
        }
        text
    }
}

/// The commits that carry something in a history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Carriers {
    /// Whether the current head still carries it.
    pub at_head: bool,
    /// How many commits carry it.
    pub count: u64,
    /// The earliest commit that carries it, by the order of the history.
    pub first: String,
    /// The latest commit that carries it.
    pub last: String,
}

/// What findings of one kind share: why it matters and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// Whom it would touch, and how.
    pub impact: String,
    /// What to do, in one or two sentences.
    pub recommendation: String,
    /// What it was measured against: a standard's requirement, a vendor's documentation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<String>,
    /// What could come of it.
    pub risk: String,
    /// The remediation in order, one step each.
    pub steps: Vec<String>,
    /// What is the case, in a few words.
    pub title: String,
}

/// One deviation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Further facts for machines, each free of values: a masked shape, a length, a partner's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// Its kind: a key of the assessment's conditions.
    pub condition: ConditionId,
    /// What was observed, in one sentence that holds no value.
    pub detail: String,
    /// The environment it is in.
    pub environment: EnvironmentId,
    /// Its identity across runs and quarters.
    pub fingerprint: Fingerprint,
    /// How many instances there are: at least one. Fewer than before, but not none, is *partially remediated*.
    pub instances: u64,
    /// Where it was noted. Where there are several instances, the worst or the first.
    pub place: Place,
    /// How bad it is.
    pub severity: Severity,
    /// The subject it is in.
    pub subject: SubjectId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_a_digest_of_authored_things() {
        let check = CheckId::new("ci-secrets.plaintext-value").expect("an id");
        let environment = EnvironmentId::new("production").expect("an id");
        let subject = SubjectId::new("exhibit").expect("an id");
        let place = [".github/workflows/ci.yml", "jobs.build.env.API_TOKEN", "literal"];
        let fingerprint = Fingerprint::of(&check, &environment, &subject, &place).expect("no NUL");
        let text = r#"[1,"ci-secrets.plaintext-value","production","exhibit",[".github/workflows/ci.yml","jobs.build.env.API_TOKEN","literal"]]"#;
        assert_eq!(fingerprint.0, Digest::of(text.as_bytes()));
    }
}
