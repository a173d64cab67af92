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

/// Plans the slots of one job that are due.
pub(crate) async fn plan_job(world: &World, job: &JobId, promises: &[SchedulePromise]) -> Result<(), StepError> {
    let now = world.now();
    let closed = world.store.last_closed_slot(job).await?;
    let slots = due(job, promises, closed, now)?;
    if !slots.is_empty() {
        world.store.plan_slots(&slots, now).await?;
    }
    Ok(())
}

/// How many slots of a job are planned ahead at most: a job that is due each minute has 130,000 in a quarter.
const MOST_AHEAD: usize = 200;

/// Plans as [`plan`] does, and ahead to the end of the open period, at most 200 slots a job; takes back what was planned
/// ahead and is promised no more. Tells how many were new.
///
/// # Errors
/// As [`plan`].
pub async fn plan_ahead(world: &World) -> Result<u64, StepError> {
    let now = world.now();
    let end = world.plan.deployment.calendar.period_of(now).end;
    let mut wanted = Vec::new();
    for (job, promises) in ledger_reads::promises(&world.store).await? {
        let closed = world.store.last_closed_slot(&job).await?;
        wanted.extend(due(&job, &promises, closed, now)?);
        let after = closed.map_or(now, |closed| closed.max(now));
        let mut ahead: Vec<Slot> = due_until(&job, &promises, Some(after), end, MOST_AHEAD)?;
        let until = (ahead.len() == MOST_AHEAD).then(|| ahead.last().map(|slot| slot.scheduled_for)).flatten();
        let times: Vec<Timestamp> = ahead.iter().map(|slot| slot.scheduled_for).collect();
        world.store.withdraw_slots(&job, &times, now, until).await?;
        wanted.append(&mut ahead);
    }
    if wanted.is_empty() { Ok(0) } else { Ok(world.store.plan_slots(&wanted, now).await?) }
}

/// The slots of one job after the last closed one, up to and including `now`.
fn due(
    job: &JobId,
    promises: &[SchedulePromise],
    closed: Option<Timestamp>,
    now: Timestamp,
) -> Result<Vec<Slot>, StepError> {
    due_until(job, promises, closed, now.plus(chrono::TimeDelta::microseconds(1)), usize::MAX)
}

/// The first `most` slots of one job later than `closed` and before `end`.
fn due_until(
    job: &JobId,
    promises: &[SchedulePromise],
    closed: Option<Timestamp>,
    end: Timestamp,
    most: usize,
) -> Result<Vec<Slot>, StepError> {
    let mut slots = Vec::new();
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
            let left = most.saturating_sub(slots.len());
            slots.extend(times.take(left).map(|time| Slot { job: job.clone(), scheduled_for: Timestamp::new(time) }));
        }
    }
    Ok(slots)
}
