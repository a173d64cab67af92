//! Assessments: a check's judgement over one piece of evidence. Pure, so it can be replayed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    CheckId, Condition, ConditionId, Digest, EntryId, Finding, JobId, Timestamp, Verdict, observation::CollectorRef,
    observation::Subject,
};

/// What a judge returns for one check: the part of an assessment that depends on evidence and policy alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judgement {
    /// The check.
    pub check: CheckId,
    /// The kinds of deviation noted, by id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub conditions: BTreeMap<ConditionId, Condition>,
    /// The deviations noted, sorted by fingerprint; empty where they were moved to an artifact.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// Its verdict for each subject, in the order of the evidence's subjects.
    pub subjects: Vec<SubjectOutcome>,
}

impl Judgement {
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
