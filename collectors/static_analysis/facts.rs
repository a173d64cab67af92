//! What is kept of a look: what ran, and what it reported, lines of one rule in one file together.

use exhibit_evidence::{Digest, Severity, Timestamp, observation::Subject};
use serde::{Deserialize, Serialize};

use crate::results::Tool;
use crate::scanners::ScannerFacts;

/// The version of this shape.
pub(super) const FORMAT: u64 = 1;

/// The facts of one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Facts {
    pub format: u64,
    /// By target, in authored order.
    pub targets: Vec<TargetFacts>,
}

/// One target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TargetFacts {
    pub subject: Subject,
    /// What ran; none if nothing did. Where it ran once a file, its first run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scanner: Option<ScannerFacts>,
    /// The result that was handed in, where nothing ran here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<ResultFacts>,
    /// What it reported.
    pub reports: Vec<Report>,
    /// Lines of the target that have the scanner pass something over without a word.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub silenced: Vec<Silenced>,
}

/// What in one file has the scanner pass something over without a word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Silenced {
    /// The file, relative to the target.
    pub file: String,
    /// The first such line.
    pub line: u64,
    /// How many such lines there are.
    pub lines: u64,
}

/// A result that a scanner gave elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ResultFacts {
    /// Of the file as it was handed in.
    pub digest: Digest,
    /// The form it is in.
    pub format: String,
    /// In bytes.
    pub size: u64,
    /// What wrote it, by its own word.
    pub tools: Vec<Tool>,
    pub written_at: Timestamp,
}

/// One rule in one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Report {
    /// The resource or other thing that it is about, if told.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// The file, relative to the target.
    pub file: String,
    /// How often.
    pub instances: u64,
    /// The first line, if told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// What it says there.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    pub rule: String,
    /// As the scanner has it; none if it tells none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// Whether the scanner was told to leave it out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suppressed: bool,
    /// Why it was told to, as the scanner tells it of the first of them.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}
