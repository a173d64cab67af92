//! What a report says of waivers.

use exhibit_evidence::{CheckId, EntryId, Fingerprint, Severity, Timestamp, observation::Subject};
use serde::{Deserialize, Serialize};

/// A waiver that held, or was asked for, at some time in the period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaiverView {
    /// The entry that asked for it.
    pub waiver: EntryId,
    /// Its place in the ledger.
    pub seq: u64,
    /// The finding.
    pub finding: Fingerprint,
    /// The check that noted it.
    pub check: CheckId,
    /// Where it is.
    pub subject: Subject,
    /// The place in one line, where the finding is known.
    pub place_text: Option<String>,
    /// Its kind, where the finding is known.
    pub title: Option<String>,
    /// How bad it was when the waiver was asked for.
    pub severity: Severity,
    /// `in-force`, `pending`, `expired` or `withdrawn`, as of the report or of the period's end.
    pub standing: String,
    /// Whether the finding is open.
    pub is_open: bool,
    /// Whether it covers the finding: in force, and the finding is open and no worse than agreed.
    pub covers: bool,
    /// Why.
    pub reason: String,
    /// What holds the risk down meanwhile.
    pub compensating: Option<String>,
    /// When it ends.
    pub until: Timestamp,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// By whom: a pseudonym.
    pub requested_by: String,
    /// When a second person approved it.
    pub approved_at: Option<Timestamp>,
    /// Who: a pseudonym.
    pub approved_by: Option<String>,
    /// When it was ended before its time, or turned down.
    pub withdrawn_at: Option<Timestamp>,
    /// By whom: a pseudonym.
    pub withdrawn_by: Option<String>,
    /// Why.
    pub withdrawn_because: Option<String>,
}

/// The waiver that covers an open finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waived {
    /// The waiver.
    pub waiver: EntryId,
    /// When it ends: from then on the finding counts as before.
    pub until: Timestamp,
}
