//! What is kept of a look at logs: what was found where, how often and how sure; never a value, never a line.

use exhibit_detect::{Confidence, Severity};
use exhibit_evidence::observation::Subject;
use serde::{Deserialize, Serialize};

use crate::known::KnownFacts;

/// The version of this shape.
pub(super) const FORMAT: u64 = 1;

/// The facts of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Facts {
    pub(super) format: u64,
    /// One item for each log, in the settings' order.
    pub(super) logs: Vec<LogFacts>,
    /// The real secrets that were looked for; none where none are configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) known: Option<KnownFacts>,
    /// The kinds of personal data that were looked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) personal_data: Vec<String>,
}

/// What was observed of one log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogFacts {
    pub(super) subject: Subject,
    /// The kind of source.
    pub(super) kind: String,
    /// What was read, as configured.
    pub(super) label: String,
    /// What one line is called.
    pub(super) unit: String,
    /// How many of these were examined.
    pub(super) lines: u64,
    /// Documents examined: files, members of archives.
    pub(super) documents: u64,
    /// Those of them that are no text; they were searched as well.
    pub(super) binary: u64,
    /// Files that grew while they were read, and by how many bytes, which the next run sees.
    pub(super) grown_files: u64,
    pub(super) grown_bytes: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sample: Option<SampleFacts>,
    /// What was found, by rule, confidence and place.
    pub(super) groups: Vec<Group>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) canaries: Vec<CanaryFacts>,
}

impl SampleFacts {
    /// What one of those drawn is called, in the singular.
    pub(super) fn unit(&self) -> &str {
        self.unit.as_deref().unwrap_or("line")
    }
}

/// How a sample was drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SampleFacts {
    /// In hexadecimal.
    pub(super) seed: String,
    /// SHA-256 over the list of what it was drawn from.
    pub(super) population: String,
    /// What was drawn; without it, lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) unit: Option<String>,
    /// How many of these there were.
    pub(super) lines: u64,
    /// How many were drawn.
    pub(super) drawn: u64,
    /// How many of them hold a secret, of at least medium confidence.
    pub(super) with_secrets: u64,
    /// How many of them hold personal data, of at least medium confidence.
    pub(super) with_personal_data: u64,
}

/// Hits of one rule with one confidence at one place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    pub(super) rule: String,
    /// The rule's title, so that judging needs no rules.
    pub(super) title: String,
    /// The rule's own severity.
    pub(super) severity: Severity,
    pub(super) confidence: Confidence,
    /// The file without rotation and packing, or the unit.
    pub(super) place: String,
    /// Of a real secret, its environment and name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) secret: Option<String>,
    pub(super) hits: u64,
    /// How many different values; beyond a bound no more are told apart.
    pub(super) values: u64,
    /// The first ones.
    pub(super) examples: Vec<Example>,
}

/// One hit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Example {
    pub(super) file: String,
    /// From 1; of a journal, the number of the entry.
    pub(super) line: u64,
    /// Byte of the unpacked document at which the value begins; none where the log is no document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) offset: Option<u64>,
    /// The masked shape.
    pub(super) shape: String,
    /// Under the run's key: equal values of this run have equal ones.
    pub(super) fingerprint: String,
}

/// What became of a canary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CanaryFacts {
    pub(super) id: String,
    /// Why it could not be sent; none if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) unsent: Option<String>,
    /// Where the marker was found, and how often.
    pub(super) marker: Sightings,
    /// Where the secret was found, in whatever form.
    pub(super) secret: Sightings,
    /// In which forms: `plain`, `base64`, `hexadecimal`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) forms: Vec<String>,
    /// Whether the configured redacted form stands on a line of the marker; none where none is configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) redacted: Option<bool>,
}

/// How often something was seen, and first where.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sightings {
    pub(super) count: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) place: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) line: Option<u64>,
}
