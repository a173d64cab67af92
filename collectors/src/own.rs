//! What a collector may ask about Exhibit itself, and have it do. The pipeline supplies it; this crate knows no store and no ledger.

use std::{collections::BTreeMap, io, path::Path};

use exhibit_evidence::{CheckId, ConditionId, EntryId, Fingerprint, Place, Timestamp, observation::Subject};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{archived::ArchiveSource, attested::AttestationSource, cases::recorded, runner::Runner};

/// What Exhibit knows of itself and does for collectors, as sources; each is none where nobody supplies it.
#[derive(Clone, Copy, Default)]
pub struct Own<'a> {
    /// Its own archive, for the collector that looks at it.
    pub archive: Option<&'a dyn ArchiveSource>,
    /// What the job's runs noted before and nothing has closed since.
    pub earlier: Option<&'a dyn EarlierFindings>,
    /// What the job's runs observed before.
    pub evidence: Option<&'a dyn EarlierEvidence>,
    /// What scanners are run by, for the collectors that need some.
    pub runner: Option<&'a dyn Runner>,
    /// What people attested, for collectors of what no program can look at.
    pub attestations: Option<&'a dyn AttestationSource>,
}

/// The findings of one job that are open when a run of it begins.
pub trait EarlierFindings: Send + Sync {
    /// All of them, by check and fingerprint.
    ///
    /// # Errors
    /// Why the ledger could not be read, in one sentence.
    fn open(&self) -> Result<Vec<EarlierFinding>, String>;

    /// When those were observed that are gone: should one be seen again, it is back.
    ///
    /// # Errors
    /// Why the ledger could not be read, in one sentence.
    fn closed(&self) -> Result<BTreeMap<Fingerprint, Window>, String>;
}

/// What one job's runs observed before a run of it begins.
pub trait EarlierEvidence: Send + Sync {
    /// The newest piece of evidence about a subject whose facts are `wanted`; none where there is none.
    ///
    /// # Errors
    /// Why that is not known, in words: it could not be read, is no longer kept, or lies too far back to be looked for.
    fn newest(&self, subject: &Subject, wanted: &dyn Fn(&Value) -> bool) -> Result<Option<EarlierPiece>, String>;
}

/// A piece of evidence that was there before.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlierPiece {
    /// Which.
    pub evidence: EntryId,
    /// Until when it was true.
    pub observed_to: Timestamp,
    /// Its facts, as its collector told them.
    pub facts: Value,
    /// What it is about.
    pub subjects: Vec<Subject>,
}

/// From when to when something was observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Until when the evidence that first showed it was true.
    pub first_observed: Timestamp,
    /// Until when the evidence that last showed it was true.
    pub last_observed: Timestamp,
}

/// A finding that is open when a run begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlierFinding {
    /// Further facts, as the last assessment that noted it tells them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// The check that noted it.
    pub check: CheckId,
    /// Its kind.
    pub condition: ConditionId,
    /// Its identity.
    pub fingerprint: Fingerprint,
    /// Until when the evidence that first showed it was true.
    pub first_observed: Timestamp,
    /// Until when the evidence that last showed it was true.
    pub last_observed: Timestamp,
    /// Where it was last noted.
    pub place: Place,
    /// What it is in.
    pub subject: Subject,
}

/// Earlier findings and evidence that were written down, for cases and self-tests.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedEarlier {
    #[serde(default)]
    findings: Vec<EarlierFinding>,
    /// What was observed, the newest last.
    #[serde(default)]
    evidence: Vec<EarlierPiece>,
    /// Those that are gone.
    #[serde(default)]
    closed: BTreeMap<Fingerprint, Window>,
    /// Why nothing can be read at all.
    #[serde(default)]
    unreachable: Option<String>,
}

impl RecordedEarlier {
    /// The file of a case's input that holds them.
    pub const FILE: &str = "earlier.json";

    /// Those in a case's input, if there are any.
    ///
    /// # Errors
    /// When the file can't be read, or holds none.
    pub fn of_case(input: &Path) -> io::Result<Option<Self>> {
        recorded(input, Self::FILE)
    }
}

impl EarlierEvidence for RecordedEarlier {
    fn newest(&self, subject: &Subject, wanted: &dyn Fn(&Value) -> bool) -> Result<Option<EarlierPiece>, String> {
        let fits = |piece: &&EarlierPiece| piece.subjects.contains(subject) && wanted(&piece.facts);
        let found = || Ok(self.evidence.iter().rev().find(fits).cloned());
        self.unreachable.clone().map_or_else(found, Err)
    }
}

impl EarlierFindings for RecordedEarlier {
    fn open(&self) -> Result<Vec<EarlierFinding>, String> {
        self.unreachable.clone().map_or_else(|| Ok(self.findings.clone()), Err)
    }

    fn closed(&self) -> Result<BTreeMap<Fingerprint, Window>, String> {
        self.unreachable.clone().map_or_else(|| Ok(self.closed.clone()), Err)
    }
}
