//! Evidence: what was observed, of how many, by whom and how. Never judged in place.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{CollectorId, Digest, Disclosable, EntryId, EnvironmentId, JobId, SubjectId, Timestamp};

/// What a collector brings back. It holds facts, never the value of a secret, and no opinion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observation {
    /// Raw artifacts that were kept, each once by digest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<ArtifactRef>,
    /// What this way of looking cannot see.
    pub blind_spots: Vec<String>,
    /// The facts themselves, in the collector's own shape. `Null` where they were moved to an artifact.
    pub facts: Value,
    /// The artifact that holds the facts, where they are too long for a record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts_artifact: Option<Digest>,
    /// Filters and paging that narrowed what was seen; empty where there were none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<String>,
    /// Whether all were examined, or which sample.
    pub method: Method,
    /// From when what was observed was true.
    pub observed_from: Timestamp,
    /// Until when: evidence belongs to the period that this instant lies in.
    pub observed_to: Timestamp,
    /// How many there are and how many of them were examined: one item for each subject and unit.
    pub population: Vec<Population>,
    /// What could not be found out, each with the reason. Anything here keeps the checks that need it from passing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
    /// The rights that the looking principal had, as far as they matter: "read access to the repository's files".
    pub rights: String,
    /// What was looked at, one or more.
    pub subjects: Vec<Subject>,
    /// Which program looked, and how.
    pub tool: Tool,
}

/// Something that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// The environment it belongs to.
    pub environment: EnvironmentId,
    /// Its authored name.
    pub id: SubjectId,
}

/// How many there are, how many were examined, how many were left out and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Population {
    /// How the source's own count was taken.
    pub counted_by: String,
    /// How many were examined.
    pub examined: u64,
    /// How many were left out, by reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excluded: Vec<Exclusion>,
    /// How many exist by the source's own count, which another code path took than the one that examined.
    /// None where the source could not be asked.
    pub exist: Option<u64>,
    /// The subject that they belong to.
    pub subject: Subject,
    /// What is counted: "CI file version", "credential".
    pub unit: String,
}

impl Population {
    /// Whether everything that exists was examined.
    pub fn is_complete(&self) -> bool {
        self.exist == Some(self.examined) && self.excluded.iter().all(|exclusion| exclusion.count == 0)
    }

    /// Whether everything that exists was either examined or left out for a stated reason.
    pub fn is_accounted_for(&self) -> bool {
        let excluded: u64 = self.excluded.iter().map(|exclusion| exclusion.count).sum();
        self.exist == Some(self.examined + excluded)
    }
}

/// Items that were left out for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exclusion {
    /// A steady code, `too-large`: policies name exclusions by it.
    pub code: String,
    /// How many.
    pub count: u64,
    /// Some of them, by place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<String>,
    /// The reason in words.
    pub reason: String,
}

/// Whether all were examined, or a sample.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Method {
    /// Every item was examined.
    All,
    /// A random sample was.
    Sample {
        /// The seed, in hexadecimal, so that the selection can be repeated.
        seed: String,
        /// How many were drawn.
        size: u64,
        /// What a sample of this size can and cannot show.
        statement: String,
    },
}

/// Which program looked, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// The exact command, where there was one. Never holds a secret.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Its name.
    pub name: String,
    /// The digest of the rules it used, where it used rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule_pack: Option<Digest>,
    /// Its version.
    pub version: String,
}

/// Something that could not be found out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    /// A steady code, `shallow-clone`.
    pub code: String,
    /// What could not be found out, and why, in one sentence that holds no value.
    pub message: String,
    /// The subject it concerns; none where it concerns all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
}

/// A raw artifact that was kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArtifactRef {
    /// Its digest, after masking.
    pub digest: Digest,
    /// How many values the detector masked before it was kept.
    pub masked: u64,
    /// Its media type.
    pub media_type: String,
    /// What it is: "facts", "scanner output".
    pub name: String,
    /// Its size in bytes, after masking.
    pub size: u64,
}

/// The result of the collector's self-test: a known-bad and a known-good fixture through the same code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelfTest {
    /// What was tried and what came of it.
    pub detail: String,
    /// Whether the known-bad fixture was noted and the known-good one was not.
    pub passed: bool,
}

/// Why a run took place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// A slot of a schedule, in time.
    Scheduled,
    /// A slot of a schedule, after its time: late, and never back-dated.
    CatchUp,
    /// Somebody asked for it.
    OnDemand,
    /// Another system handed the observation in: Exhibit judged it, and looked at nothing itself.
    Pushed,
}

impl Trigger {
    /// The word that records use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::CatchUp => "catch-up",
            Self::OnDemand => "on-demand",
            Self::Pushed => "pushed",
        }
    }
}

/// One performance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Which attempt at the slot it was, counted from 1.
    pub attempt: u64,
    /// When it ended; of what was pushed, when it was judged.
    pub finished_at: Timestamp,
    /// Its id.
    pub id: EntryId,
    /// Why somebody asked for it, as they put it, masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The slot it fills; none on demand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_for: Option<Timestamp>,
    /// When it began; of what was pushed, when it was received.
    pub started_at: Timestamp,
    /// Why it took place.
    pub trigger: Trigger,
}

/// What produced a piece of evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CollectorRef {
    /// SHA-256 over manifest, code version and rule pack: says exactly what produced the evidence.
    pub content: Digest,
    /// The collector.
    pub id: CollectorId,
    /// The version of the program it is part of.
    pub version: String,
}

/// What is known of evidence that another system handed in. Exhibit did not observe it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pushed {
    /// What the pusher calls it: under the same name it is the same piece.
    pub key: String,
    /// How many values the detector masked in it before it was kept anywhere.
    pub masked: u64,
}

/// Where the collector ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// The host clock's offset from a reference, in milliseconds; none where no reference was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_offset_ms: Option<i64>,
    /// The host it ran on. Disclosable.
    pub host: Disclosable,
    /// The principal that looked. Disclosable.
    pub principal: Disclosable,
}

/// A piece of evidence: the body of an entry of kind `evidence`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// What produced it.
    pub collector: CollectorRef,
    /// The job that asked for it.
    pub job: JobId,
    /// What was observed.
    pub observation: Observation,
    /// Digest of the policy in force, canonical JSON.
    pub policy: Digest,
    /// Where it ran.
    pub provenance: Provenance,
    /// Present where another system handed the observation in; then the principal is who handed it in, and the host is
    /// what they say of where it was observed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pushed: Option<Pushed>,
    /// The performance that it came from.
    pub run: Run,
    /// The self-test that preceded it; none was run where the observation was pushed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub self_test: Option<SelfTest>,
}
