//! Schedules as promises, and the slots that they promise.

use serde::{Deserialize, Serialize};

use crate::{CheckId, CollectorId, Digest, EntryId, EnvironmentId, JobId, Timestamp};

/// A promise: the body of an entry of kind `schedule`. What a period should hold derives from these entries alone,
/// so that deleting a row elsewhere hides no miss.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SchedulePromise {
    /// From when it holds: slots at or after this instant are promised, until the job's next entry of this kind.
    pub active_from: Timestamp,
    /// The checks that the collector's evidence is judged by.
    pub checks: Vec<CheckId>,
    /// The collector it names.
    pub collector: CollectorId,
    /// The environments in scope.
    pub environments: Vec<EnvironmentId>,
    /// How long, in seconds, evidence of this job counts as fresh.
    pub fresh_for_s: u64,
    /// The job.
    pub job: JobId,
    /// How long, in seconds, after its time a performance still counts as in time.
    pub late_after_s: u64,
    /// Whether another system hands the evidence in: Exhibit judges it and observes nothing itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pushed: bool,
    /// The schedule as authored, in crontab form; none for a job that only runs on demand, or that is retired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// Digest of the job's source and policy settings, canonical JSON.
    pub settings: Digest,
    /// The IANA time zone that the schedule speaks in.
    pub time_zone: String,
    /// The version of the time-zone database in force.
    pub tzdata: String,
}

/// How a slot ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SlotState {
    /// Performed in time.
    Performed,
    /// Performed after its time; both times are on record.
    Late,
    /// Nobody performed it.
    Missed,
    /// Tried, and could not be performed.
    Errored,
}

impl SlotState {
    /// The word that records use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Performed => "performed",
            Self::Late => "late",
            Self::Missed => "missed",
            Self::Errored => "errored",
        }
    }
}

impl std::fmt::Display for SlotState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

/// A slot's end: the body of an entry of kind `slot`. There is at most one for each job and time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlotClosure {
    /// How often it was tried.
    pub attempts: u64,
    /// The evidence it gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<EntryId>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// The job.
    pub job: JobId,
    /// Why it was missed or could not be performed, or what made it late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The time that the schedule promised.
    pub scheduled_for: Timestamp,
    /// When the recorded performance began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// How it ended.
    pub state: SlotState,
}
