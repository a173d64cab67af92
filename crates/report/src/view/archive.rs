//! What a report says of the archive: objects, their attestation, legal holds, erasures.

use exhibit_evidence::{CheckId, EntryId, Outcome, Timestamp};
use serde::{Deserialize, Serialize};

/// What the ledger tells of the archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveView {
    /// Objects by kind, as their receipts say.
    pub objects: Vec<ArchivedView>,
    /// Up to which entry the ledger itself lies in the archive, without a gap.
    pub covered: u64,
    /// How the objects were found when they were held against their receipts again.
    pub attested: Vec<AttestedView>,
    /// Legal holds, in the order in which they were placed.
    pub holds: Vec<HoldView>,
    /// Names that were erased, ever.
    pub erasures: Vec<ErasureView>,
}

/// The objects of one kind in the archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchivedView {
    /// `report`, `disclosures`, `segment`, `artifact` or `checkpoint`.
    pub kind: String,
    /// How many.
    pub objects: u64,
    /// Their bytes in all.
    pub bytes: u64,
    /// Whether all of them lie where regulators accept it as WORM.
    pub regulatory_worm: bool,
    /// The retention classes that they were put under.
    pub classes: Vec<String>,
    /// Until when the one that is kept the shortest is kept.
    pub kept_until_at_least: Timestamp,
    /// When one of them was read back for its receipt last.
    pub read_back_at: Timestamp,
}

/// A check of the attestation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttestedView {
    /// The check.
    pub check: CheckId,
    /// Its title.
    pub title: String,
    /// As it stands now.
    pub current: Outcome,
    /// The worst over the period.
    pub throughout: Outcome,
    /// Occurrences in which it was assessed.
    pub occurrences: u64,
    /// Occurrences with a deviation.
    pub with_deviation: u64,
    /// The evidence of the latest.
    pub evidence: Option<EntryId>,
}

/// A legal hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoldView {
    /// The case: the entry that placed it.
    pub case: EntryId,
    /// Its place in the ledger.
    pub seq: u64,
    /// What it is about.
    pub matter: String,
    /// Why it was placed.
    pub reason: String,
    /// Which objects, in words.
    pub scope: String,
    /// Who answers for them: a pseudonym.
    pub custodian: String,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// By whom: a pseudonym.
    pub placed_by: String,
    /// Who first agreed to end it: a pseudonym.
    pub approved_by: Option<String>,
    /// When it ended; none while it holds.
    pub released_at: Option<Timestamp>,
    /// Who ended it, a second person: a pseudonym.
    pub released_by: Option<String>,
    /// How many object versions it holds, as the archive confirmed.
    pub held: u64,
}

/// Names that were erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErasureView {
    /// The entry that tells of it.
    pub seq: u64,
    /// When that was recorded.
    pub at: Timestamp,
    /// What was named: `host`, `principal`, `person`, `custodian`, `statement`.
    pub kind: String,
    /// How many digests lost their value.
    pub digests: u64,
    /// The group.
    pub group: String,
    /// Why.
    pub reason: String,
    /// Who erased: a pseudonym.
    pub by: String,
}
