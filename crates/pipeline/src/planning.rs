//! Schedules and the clock become slots that are due, each once.

use chrono_tz::Tz;
use exhibit_evidence::{JobId, Timestamp, schedule::Schedule, slot::SchedulePromise};
use exhibit_store::Slot;

use crate::{StepError, World, ledger_reads};

/// Plans every slot that the ledger's promises name up to now and that is not closed yet. Tells how many were new.
///
/// # Errors
/// When a promise can't be read, or the database can't be used.
pub async fn plan(world: &World) -> Result<u64, StepError> {
    let now = world.now();
    let mut slots = Vec::new();
    for (job, promises) in ledger_reads::promises(&world.store).await? {
        let closed = world.store.last_closed_slot(&job).await?;
        slots.extend(due(&job, &promises, closed, now)?);
    }
    if slots.is_empty() { Ok(0) } else { Ok(world.store.plan_slots(&slots, now).await?) }
}

/// The slots of one job after the last closed one, up to and including `now`.
fn due(
    job: &JobId,
    promises: &[SchedulePromise],
    closed: Option<Timestamp>,
    now: Timestamp,
) -> Result<Vec<Slot>, StepError> {
    let mut slots = Vec::new();
    let end = now.plus(chrono::TimeDelta::microseconds(1));
    for (index, promise) in promises.iter().enumerate() {
        let Some(text) = &promise.schedule else { continue };
        let unreadable = |what: String| StepError::Ledger(format!("the promise of job {job}: {what}"));
        let schedule = Schedule::parse(text).map_err(|error| unreadable(error.to_string()))?;
        let zone: Tz = promise.time_zone.parse().map_err(|_| unreadable(format!("time zone {}", promise.time_zone)))?;
        let after = closed.map_or(promise.active_from, |closed| closed.plus(chrono::TimeDelta::microseconds(1)));
        let from = promise.active_from.max(after);
        let to = promises.get(index + 1).map_or(end, |next| next.active_from.min(end));
        if from < to {
            let times = schedule.occurrences(zone, from.utc(), to.utc());
            slots.extend(times.map(|time| Slot { job: job.clone(), scheduled_for: Timestamp::new(time) }));
        }
    }
    Ok(slots)
}
