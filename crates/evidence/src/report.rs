//! Entries about reports: the freeze of a period, the report, and the proof that it is in WORM storage.

use serde::{Deserialize, Serialize};

use crate::{Digest, EntryId, Period, Timestamp};

/// The body of an entry of kind `period`: from here on the period takes no more evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeriodFreeze {
    /// The ledger's size at the previous freeze, or 0: the bundle reaches from there.
    pub from_size: u64,
    /// When its grace ended.
    pub grace_until: Timestamp,
    /// The period.
    pub period: Period,
}

/// Whether a report's period was still open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// The period was still open: more evidence may follow.
    Interim,
    /// The period was frozen.
    Final,
}

impl Standing {
    /// The word that records use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Interim => "interim",
            Self::Final => "final",
        }
    }
}

/// The body of an entry of kind `report`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportIssued {
    /// Digests of the report's forms and of the bundle, by name: `md`, `html`, `json`, `bundle`.
    pub files: Vec<ReportFile>,
    /// The ledger size from which its bundle holds every entry.
    pub from_size: u64,
    /// What it covers.
    pub period: Period,
    /// The renderer's version.
    pub renderer: String,
    /// Counted from 1 within the period and standing; a later one supersedes the earlier, and both stay.
    pub revision: u64,
    /// The root hash at that size.
    pub root: Digest,
    /// The ledger size of the checkpoint it was rendered from.
    pub size: u64,
    /// Whether the period was still open.
    pub standing: Standing,
    /// The report that this one supersedes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supersedes: Option<EntryId>,
    /// Digest over the template's files.
    pub template: Digest,
}

/// One file of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportFile {
    /// Its digest.
    pub digest: Digest,
    /// `md`, `html`, `json` or `bundle`.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
}

/// The archive's folder of encrypted disclosures.
pub const DISCLOSURES: &str = "disclosures/";
/// The archive's folder of days' segments of the ledger.
pub const SEGMENTS: &str = "segments/";
/// The archive's folder of raw artifacts, by digest.
pub const ARTIFACTS: &str = "artifacts/";

impl ReportIssued {
    /// Where its bundle lies in the archive: the key holds the checkpoint's size, so that an open quarter can have several.
    #[must_use]
    pub fn bundle_key(&self) -> String {
        format!("reports/{}/{}-{:016}/bundle.tar", self.period.id, self.standing.word(), self.size)
    }
}

/// The entries that the key of an object of disclosures names: `disclosures/<from>-<to>.jsonl`.
#[must_use]
pub fn disclosures_range(key: &str) -> Option<std::ops::Range<u64>> {
    let (from, to) = key.strip_prefix(DISCLOSURES)?.strip_suffix(".jsonl")?.split_once('-')?;
    Some(from.parse().ok()?..to.parse().ok()?)
}

/// The entries that a segment's key names: `segments/<day>/<from>-<to>.tar`, both sizes with 16 digits.
#[must_use]
pub fn segment_range(key: &str) -> Option<std::ops::Range<u64>> {
    let (_, name) = key.strip_prefix(SEGMENTS)?.split_once('/')?;
    let (from, to) = name.strip_suffix(".tar")?.split_once('-')?;
    let sized = |text: &str| (text.len() == 16).then(|| text.parse().ok()).flatten();
    let range: std::ops::Range<u64> = sized(from)?..sized(to)?;
    (range.start < range.end).then_some(range)
}

/// What an archived object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Archived {
    /// A report's bundle.
    Report,
    /// Disclosable values, encrypted.
    Disclosures,
    /// The ledger's entries of a finished UTC day.
    Segment,
    /// A raw artifact that entries cite by digest.
    Artifact,
    /// The checkpoint that closes a segment.
    Checkpoint,
}

impl Archived {
    /// Every kind of object.
    pub const ALL: [Self; 5] = [Self::Report, Self::Disclosures, Self::Segment, Self::Artifact, Self::Checkpoint];

    /// The word that records use.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::Disclosures => "disclosures",
            Self::Segment => "segment",
            Self::Artifact => "artifact",
            Self::Checkpoint => "checkpoint",
        }
    }
}

impl std::fmt::Display for Archived {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

impl Receipt {
    /// Whether the object is encrypted disclosures.
    pub fn is_of_disclosures(&self) -> bool {
        self.subject == Archived::Disclosures
    }

    /// Whether the object is a report's bundle.
    pub fn is_of_report(&self) -> bool {
        self.subject == Archived::Report
    }
}

/// The body of an entry of kind `receipt`: an object version is in WORM storage, as read back from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// The digest of the bytes as read back.
    pub digest: Digest,
    /// The object's key.
    pub key: String,
    /// Whether a legal hold is on it.
    pub legal_hold: bool,
    /// The lock's mode as read back, in the store's own word.
    pub mode: String,
    /// When it was put.
    pub put_at: Timestamp,
    /// When it was read back.
    pub read_back_at: Timestamp,
    /// Whether the store is one that regulators accept as WORM. The write-once directory is not.
    pub regulatory_worm: bool,
    /// The report that was archived, or with which the disclosures were; none for a segment or an artifact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<EntryId>,
    /// Until when the store says it keeps the object.
    pub retain_until: Timestamp,
    /// The retention class that it was put under, such as `seven-years`.
    pub retention_class: String,
    /// Their size.
    pub size: u64,
    /// The kind of store: `write-once-directory`, `s3-object-lock`.
    pub store: String,
    /// What was archived.
    pub subject: Archived,
    /// The version that was read back.
    pub version: String,
}
