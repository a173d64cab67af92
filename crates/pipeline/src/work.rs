//! Due work, until none is left: what `exhibit run` does, from any state that a crash may have left.

use std::sync::Arc;

use chrono::TimeDelta;
use exhibit_evidence::{
    JobId, Timestamp,
    slot::{SlotClosure, SlotState},
};
use exhibit_store::{Append, Lease, NewEntry, StoreError};

use crate::{
    Declared, Issued, Job, Performed, StepError, World, archive_pending, checkpoint, close_periods, declare,
    performing::{Attempt, perform},
    plan,
    sealing::scrubbed,
};

/// How long a lease holds. A dead worker's leases are free at once; this bounds one that hangs.
const LEASE: TimeDelta = TimeDelta::hours(1);
/// How often a slot is tried before it is closed as errored.
const MOST_ATTEMPTS: u32 = 3;

/// Tells somebody who watches what is going on. Called with one short line at a time.
pub trait Progress: Send + Sync {
    /// Something begins.
    fn begin(&self, what: &str);
}

impl Progress for () {
    fn begin(&self, _: &str) {}
}

/// How one slot ended in this run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SlotOutcome {
    /// Performed, in time or late.
    Performed(Performed),
    /// Closed without a performance.
    Closed {
        /// The job.
        job: JobId,
        /// When it was promised.
        scheduled_for: Timestamp,
        /// Missed or errored.
        state: SlotState,
        /// Why.
        reason: String,
    },
}

/// What a run did.
#[derive(Clone, Debug, Default)]
pub struct RunSummary {
    /// What was declared.
    pub declared: Declared,
    /// Slots that were newly planned.
    pub planned: u64,
    /// How each slot ended, in order.
    pub slots: Vec<SlotOutcome>,
    /// The reports that were issued for frozen periods.
    pub issued: Vec<Issued>,
    /// Objects that got a receipt.
    pub archived: u64,
}

/// Declares, plans, performs what is due, closes what must be closed, archives, and signs a checkpoint.
///
/// # Errors
/// When a step can't be taken; what was done before it stays done, and the next run goes on from there.
pub async fn run_due(world: &Arc<World>, progress: &dyn Progress) -> Result<RunSummary, StepError> {
    let mut summary = RunSummary { declared: declare(world).await?, planned: plan(world).await?, ..Default::default() };
    let worker = world.store.start_worker(world.worker_key()).await?;
    let slots = drain(world, worker.key(), progress).await;
    // The worker's connection ends with it in any case; that it could not say good-bye changes nothing.
    let _ = worker.stop().await;
    summary.slots = slots?;
    checkpoint(world).await?;
    summary.issued = close_periods(world, progress).await?.issued;
    summary.archived = archive_pending(world).await?;
    checkpoint(world).await?;
    Ok(summary)
}

/// Claims and ends slots, the earliest first, until none is due.
async fn drain(world: &Arc<World>, worker: i64, progress: &dyn Progress) -> Result<Vec<SlotOutcome>, StepError> {
    let mut outcomes = Vec::new();
    loop {
        let now = world.now();
        let Some(lease) = world.store.claim(worker, world.entry_id().0, now, LEASE).await? else { return Ok(outcomes) };
        if let Some(outcome) = end_slot(world, lease, progress).await? {
            outcomes.push(outcome);
        }
    }
}

/// Ends one claimed slot. None where it was given back for another attempt, or where somebody else ended it.
async fn end_slot(world: &Arc<World>, lease: Lease, progress: &dyn Progress) -> Result<Option<SlotOutcome>, StepError> {
    let slot = lease.slot.clone();
    let Some(job) = world.job(&slot.job).cloned() else {
        return close(world, lease, SlotState::Missed, "The job is no longer configured.".to_owned()).await;
    };
    // Only the newest promise of a job is still worth keeping late: an examination today says nothing of last Tuesday.
    if let Some(newer) = newer_slot(world, &job, slot.scheduled_for) {
        let (state, reason) = if lease.attempts > 1 {
            (SlotState::Errored, format!("No attempt gave evidence before the next slot, {newer}, was due."))
        } else {
            (SlotState::Missed, format!("Nobody performed it before the next slot, {newer}, was due."))
        };
        return close(world, lease, state, reason).await;
    }
    progress.begin(&format!("job {}: collecting and judging", job.id));
    match perform(world, &job, Some(lease.clone())).await {
        Ok(performed) => Ok(Some(SlotOutcome::Performed(performed))),
        Err(Attempt::Step(StepError::Store(StoreError::StaleLease { .. } | StoreError::SlotClosed { .. }))) => Ok(None),
        Err(Attempt::Step(error)) if !is_the_jobs_own(&error) => Err(error),
        Err(error) if lease.attempts < MOST_ATTEMPTS => {
            match world.store.fail_attempt(&lease, &clean(error.to_string()), world.now()).await {
                Ok(()) | Err(StoreError::StaleLease { .. } | StoreError::SlotClosed { .. }) => Ok(None),
                Err(error) => Err(error.into()),
            }
        }
        Err(error) => close(world, lease, SlotState::Errored, clean(error.to_string())).await,
    }
}

/// Whether what went wrong is this job's alone: one job whose evidence can't be recorded must not keep every other job,
/// and the close of the quarter, from being done.
fn is_the_jobs_own(error: &StepError) -> bool {
    matches!(
        error,
        StepError::Record(_)
            | StepError::Canonical(_)
            | StepError::NoCollector { .. }
            | StepError::Store(StoreError::Record { .. })
    )
}

/// A reason as it may be kept: collectors keep values to themselves, this is the second wall.
fn clean(reason: String) -> String {
    scrubbed(&reason).unwrap_or(reason)
}

/// The next time that the job's schedule names after `time`, where that is due already.
fn newer_slot(world: &World, job: &Job, time: Timestamp) -> Option<Timestamp> {
    let zone = world.plan.deployment.calendar.time_zone();
    let next = job.schedule.as_ref()?.next_after(zone, time.utc())?;
    Some(Timestamp::new(next)).filter(|next| *next <= world.now())
}

async fn close(
    world: &World,
    lease: Lease,
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
    let append = Append { lease: Some(lease), ..Append::entries(world.now(), vec![entry]) };
    match world.store.append(append).await {
        Ok(_) => Ok(Some(SlotOutcome::Closed { job: slot.job, scheduled_for: slot.scheduled_for, state, reason })),
        Err(StoreError::StaleLease { .. } | StoreError::SlotClosed { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_jobs_trouble_is_its_own() {
        let id = exhibit_evidence::EntryId::from_parts(Timestamp::from_micros(0).expect("an instant"), &[0; 10]).0;
        let own = StepError::Store(StoreError::Record { id, why: "longer than a record may be".to_owned() });
        assert!(is_the_jobs_own(&own));
        assert!(is_the_jobs_own(&StepError::NoCollector { job: "j".to_owned(), collector: "c".to_owned() }));
        assert!(!is_the_jobs_own(&StepError::Store(StoreError::AppenderStopped)));
        let grouped = StoreError::Group(Arc::new(StoreError::AppenderStopped));
        assert!(!is_the_jobs_own(&StepError::Store(grouped)));
    }

    #[test]
    fn a_reason_that_holds_a_token_is_masked() {
        let token = ["ghp", "_", "0123456789abcdefghijABCDEFGHIJ012345"].concat();
        let kept = clean(format!("line 3: unexpected {token} here"));
        assert!(!kept.contains(&token) && kept.starts_with("line 3: unexpected "), "{kept}");
        assert_eq!(clean("no such file".to_owned()), "no such file");
    }
}
