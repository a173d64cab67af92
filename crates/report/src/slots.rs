//! Slots as a reader meets them while a period is open.

use exhibit_evidence::{JobId, Timestamp};
use serde::Serialize;

/// One slot that a job promises.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SlotView {
    /// The job.
    pub job: JobId,
    /// The time that the schedule promised.
    pub scheduled_for: Timestamp,
    /// How it stands.
    pub standing: SlotStanding,
}

/// How a slot stands for a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SlotStanding {
    /// Nobody performed it.
    Missed,
    /// Tried, and could not be performed.
    Errored,
    /// Its time is over and no entry says what became of it: nothing was recorded since.
    Overdue,
    /// Performed late.
    Late,
    /// Its time has come, and it is not late yet.
    Due,
    /// Performed in time.
    Performed,
    /// Its time has not come.
    ToCome,
}
