//! Assessments: a check's judgement over one piece of evidence. Pure, so it can be replayed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    CheckId, Condition, ConditionId, Digest, EntryId, Finding, Fingerprint, JobId, Timestamp, Verdict,
    observation::CollectorRef, observation::Subject,
};

/// What a judge returns for one check: the part of an assessment that depends on evidence and policy alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judgement {
    /// The check.
    pub check: CheckId,
    /// Why earlier findings are no longer noted, as far as the evidence tells it: at most [`Judgement::MOST_CLOSINGS`].
    /// Where there are more, those come first that are no remedy, and of each sort those with the lowest fingerprints. One
    /// that is not here was simply not noted again, which counts as a remedy.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub closings: BTreeMap<Fingerprint, Closing>,
    /// The kinds of deviation noted, by id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub conditions: BTreeMap<ConditionId, Condition>,
    /// The deviations noted, sorted by fingerprint; empty where they were moved to an artifact.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// Its verdict for each subject, in the order of the evidence's subjects.
    pub subjects: Vec<SubjectOutcome>,
}

/// Why a finding is no longer noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Closing {
    /// What it was noted in was changed: another version of the package, say.
    Fixed,
    /// What it was noted in is no longer there.
    Removed,
    /// What it was noted in is there unchanged; what it is judged by changed: the scanner's database, its rules, the policy.
    RulesChanged,
    /// What it was noted in is there unchanged, and nothing is known to have changed in how it is judged.
    NoLongerReported,
}

impl Closing {
    /// Whether something was done about it, as far as the evidence tells.
    pub fn is_remedy(self) -> bool {
        matches!(self, Self::Fixed | Self::Removed)
    }
}

impl Judgement {
    /// How many closings one judgement tells: so many that it fits into a record beside its findings.
    pub const MOST_CLOSINGS: usize = 256;

    /// The worst verdict over all subjects; no subject at all is [`Verdict::Vacuous`].
    pub fn verdict(&self) -> Verdict {
        Verdict::roll_up(self.subjects.iter().map(|subject| subject.verdict))
    }
}

/// A check's verdict for one subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubjectOutcome {
    /// Why, in one sentence that names counts and holds no value.
    pub reason: String,
    /// The subject.
    pub subject: Subject,
    /// The verdict.
    pub verdict: Verdict,
}

/// An assessment: the body of an entry of kind `assessment`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assessment {
    /// The entry of the evidence that was judged.
    pub evidence: EntryId,
    /// How many findings there are, wherever they are kept.
    pub finding_count: u64,
    /// The artifact (canonical JSON list) that holds the findings, where they are too long for a record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub findings_artifact: Option<Digest>,
    /// The job it came from.
    pub job: JobId,
    /// What judged: an assessment by another version than the evidence's collector is a replay, and shows it.
    pub judge: CollectorRef,
    /// The judgement itself.
    pub judgement: Judgement,
    /// Until when the evidence was true: copied, so that an assessment can be placed in a period by itself.
    pub observed_to: Timestamp,
    /// Digest of the policy it was judged under, canonical JSON.
    pub policy: Digest,
    /// The verdict over all subjects.
    pub verdict: Verdict,
}
