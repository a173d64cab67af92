//! The end of one claimed slot, or of one run that was asked for: performed, given back for another attempt, or closed.

use std::sync::Arc;

use chrono::TimeDelta;
use chrono_tz::Tz;
use exhibit_evidence::{
    Timestamp,
    schedule::Schedule,
    slot::{SchedulePromise, SlotClosure, SlotState},
};
use exhibit_store::{Append, Lease, NewEntry, RunEnd, RunLease, Slot, StoreError};

use crate::{
    Job, Performed, Progress, SlotOutcome, StepError, World,
    attempts::{Attempt, Hands, story},
    declaring::is_ours,
    ledger_reads,
    performing::{Order, perform},
    pushing::{still_heard, take_in},
};

/// Ends one claimed slot. None where it was given back for another attempt, or where somebody else ended it.
pub(crate) async fn end_slot(
    world: &Arc<World>,
    lease: Lease,
    hands: &Hands,
    progress: &dyn Progress,
) -> Result<Option<SlotOutcome>, StepError> {
    let outcome = match try_slot(world, &lease, hands, progress).await {
        Ok(outcome) => outcome,
        // Somebody else holds it, or ended it.
        Err(StepError::Store(StoreError::StaleLease { .. } | StoreError::SlotClosed { .. })) => return Ok(None),
        Err(error) => {
            // So that another process, or this one later, finds it free; where the database is gone, the lease ends
            // with this process's connection.
            let _ = world.store.release(&lease).await;
            return Err(error);
        }
    };
    match &outcome {
        Some(SlotOutcome::Performed(performed)) => {
            tracing::info!(job = %performed.job, scheduled_for = %lease.slot.scheduled_for, attempt = lease.attempts, late = performed.late, evidence = %performed.evidence, "slot performed");
        }
        Some(SlotOutcome::Closed { job, scheduled_for, state, reason }) => {
            tracing::warn!(%job, %scheduled_for, %state, reason, "slot closed without a performance");
        }
        None => {}
    }
    Ok(outcome)
}

async fn try_slot(
    world: &Arc<World>,
    lease: &Lease,
    hands: &Hands,
    progress: &dyn Progress,
) -> Result<Option<SlotOutcome>, StepError> {
    let slot = &lease.slot;
    let promises = ledger_reads::promises(&world.store).await?;
    let promises = promises.get(&slot.job).map(Vec::as_slice).unwrap_or_default();
    if !is_promised(promises, slot)? {
        // It was planned ahead, and the promise was changed since.
        world.store.withdraw(lease).await?;
        return Ok(None);
    }
    let in_force = promises.last();
    let Some(job) = world.job(&slot.job).cloned() else {
        if in_force.is_some_and(|last| last.schedule.is_some()) {
            return Err(StepError::Superseded { job: slot.job.to_string() });
        }
        return close(world, lease, SlotState::Missed, "The job is no longer configured.".to_owned()).await;
    };
    if let Some(last) = in_force
        && !is_ours(world, &job, last)?
    {
        return Err(StepError::Superseded { job: slot.job.to_string() });
    }
    // Only the newest promise of a job is still worth keeping late: an examination today says nothing of last Tuesday.
    let next = next_slot(world, &job, slot.scheduled_for);
    if job.pushed
        && let Some(again) = still_heard(world, slot, next).await?
    {
        world.store.set_aside(lease, again).await?;
        return Ok(None);
    }
    if let Some(newer) = next.filter(|next| *next <= world.now()) {
        let (state, reason) = if lease.attempts > 1 {
            let tried = story(lease, None, world.now());
            (SlotState::Errored, format!("No attempt gave evidence before the next slot, {newer}, was due. {tried}"))
        } else if job.pushed {
            (SlotState::Missed, format!("Nobody pushed evidence for it before the next slot, {newer}, was due."))
        } else {
            (SlotState::Missed, format!("Nobody performed it before the next slot, {newer}, was due."))
        };
        return close(world, lease, state, reason).await;
    }
    if job.pushed {
        let reason = "Nobody pushed evidence for it before its period was frozen.".to_owned();
        return close(world, lease, SlotState::Missed, reason).await;
    }
    progress.begin(&format!("job {}: collecting and judging", job.id));
    let attempt = match perform(world, &job, Order::Slot(lease.clone()), hands).await {
        Ok(performed) => return Ok(Some(SlotOutcome::Performed(performed))),
        Err(Attempt::LeaseLost) => return Ok(None),
        Err(Attempt::Step(error)) if !Attempt::is_own_step(&error) => return Err(error),
        Err(attempt) => attempt,
    };
    let now = world.now();
    let again = now.plus(wait(world, &attempt, lease.attempts, hands));
    let in_time = next.is_none_or(|next| again < next);
    if matches!(attempt, Attempt::LetGo) || (attempt.may_pass() && lease.attempts < hands.effort.attempts && in_time) {
        tracing::warn!(job = %job.id, scheduled_for = %slot.scheduled_for, attempt = lease.attempts, why = attempt.told(&world.engine), again = %again, "attempt failed, slot given back");
        world.store.fail_attempt(lease, &attempt.told(&world.engine), again).await?;
        return Ok(None);
    }
    close(world, lease, SlotState::Errored, story(lease, Some(&attempt.told(&world.engine)), now)).await
}

/// How long until the next attempt. What was let go may be taken at once.
fn wait(world: &World, attempt: &Attempt, attempts: u32, hands: &Hands) -> TimeDelta {
    match attempt {
        Attempt::LetGo => TimeDelta::zero(),
        _ => hands.effort.wait(attempts, &*world.random),
    }
}

/// Whether the ledger promises this slot: by the promise that was in force at its time.
fn is_promised(promises: &[SchedulePromise], slot: &Slot) -> Result<bool, StepError> {
    let time = slot.scheduled_for;
    let Some(promise) = promises.iter().rev().find(|promise| promise.active_from <= time) else { return Ok(false) };
    let Some(text) = &promise.schedule else { return Ok(false) };
    let unreadable = |what: String| StepError::Ledger(format!("the promise of job {}: {what}", slot.job));
    let schedule = Schedule::parse(text).map_err(|error| unreadable(error.to_string()))?;
    let zone: Tz = promise.time_zone.parse().map_err(|_| unreadable(format!("time zone {}", promise.time_zone)))?;
    let just_after = time.plus(TimeDelta::microseconds(1));
    Ok(schedule.occurrences(zone, time.utc(), just_after.utc()).next().is_some())
}

/// The next time that the job's schedule names after `time`.
fn next_slot(world: &World, job: &Job, time: Timestamp) -> Option<Timestamp> {
    let zone = world.plan.deployment.calendar.time_zone();
    job.schedule.as_ref()?.next_after(zone, time.utc()).map(Timestamp::new)
}

async fn close(
    world: &World,
    lease: &Lease,
    state: SlotState,
    reason: String,
) -> Result<Option<SlotOutcome>, StepError> {
    let slot = lease.slot.clone();
    let attempts = match state {
        SlotState::Missed => 0,
        _ => u64::from(lease.attempts),
    };
    let closure = SlotClosure {
        job: slot.job.clone(),
        scheduled_for: slot.scheduled_for,
        state,
        attempts,
        started_at: None,
        finished_at: None,
        evidence: None,
        reason: Some(reason.clone()),
    };
    let entry = NewEntry { id: world.entry_id(), body: closure.into() };
    let append = Append { lease: Some(lease.clone()), ..Append::entries(world.now(), vec![entry]) };
    world.store.append(append).await?;
    Ok(Some(SlotOutcome::Closed { job: slot.job, scheduled_for: slot.scheduled_for, state, reason }))
}

/// Ends one run that was asked for and is held. None where it was given back, or somebody else has it.
pub(crate) async fn end_request(
    world: &Arc<World>,
    lease: RunLease,
    worker: i64,
    hands: &Hands,
) -> Result<Option<Performed>, StepError> {
    match try_request(world, &lease, worker, hands).await {
        Err(StepError::Store(StoreError::StaleRunLease(_))) => Ok(None),
        Err(error) => {
            // Where the database is gone, the lease ends with this process's connection.
            let _ = world.store.return_run_request(&lease, "the database could not be used", world.now()).await;
            Err(error)
        }
        ended => ended,
    }
}

async fn try_request(
    world: &Arc<World>,
    lease: &RunLease,
    worker: i64,
    hands: &Hands,
) -> Result<Option<Performed>, StepError> {
    // An earlier attempt may have recorded it, and died before it could say so.
    if lease.attempts > 1 && is_recorded(world, lease).await? {
        finish(world, lease, RunEnd::Evidence(lease.id)).await?;
        return Ok(None);
    }
    let Some(job) = world.job(&lease.job).cloned() else {
        finish(world, lease, RunEnd::Failed(format!("there is no job {}", lease.job))).await?;
        return Ok(None);
    };
    let done = if lease.pushed {
        take_in(world, &job, lease, worker, hands).await
    } else {
        perform(world, &job, Order::Request(lease.clone()), hands).await
    };
    let what = if lease.pushed { "evidence that was pushed" } else { "run that was asked for" };
    let attempt = match done {
        Ok(performed) => {
            tracing::info!(job = %job.id, request = %lease.id, attempt = lease.attempts, "{what}: recorded");
            finish(world, lease, RunEnd::Evidence(performed.evidence)).await?;
            return Ok(Some(performed));
        }
        Err(Attempt::LeaseLost) => return Ok(None),
        Err(Attempt::Step(StepError::Store(StoreError::IdTaken(_)))) if is_recorded(world, lease).await? => {
            finish(world, lease, RunEnd::Evidence(lease.id)).await?;
            return Ok(None);
        }
        Err(Attempt::Step(error)) if !Attempt::is_own_step(&error) => return Err(error),
        Err(attempt) => attempt,
    };
    let again = world.now().plus(wait(world, &attempt, lease.attempts, hands));
    tracing::warn!(job = %job.id, request = %lease.id, attempt = lease.attempts, why = attempt.told(&world.engine), "{what}: not recorded");
    if matches!(attempt, Attempt::LetGo) || (attempt.may_pass() && lease.attempts < hands.effort.attempts) {
        world.store.return_run_request(lease, &attempt.told(&world.engine), again).await?;
    } else {
        finish(world, lease, RunEnd::Failed(attempt.told(&world.engine))).await?;
    }
    Ok(None)
}

async fn is_recorded(world: &World, lease: &RunLease) -> Result<bool, StepError> {
    match world.store.entry(lease.id).await {
        Ok(_) => Ok(true),
        Err(StoreError::NotFound { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

async fn finish(world: &World, lease: &RunLease, end: RunEnd) -> Result<(), StepError> {
    Ok(world.store.finish_run_request(lease, &end, world.now()).await?)
}
