//! Due work, until none is left: what `exhibit run` does, from any state that a crash may have left.

use std::sync::Arc;

use exhibit_evidence::{JobId, Timestamp, slot::SlotState};

use crate::{
    Declared, Effort, Issued, Performed, StepError, World, archive_pending,
    attempts::Hands,
    checkpoint, close_periods, declare,
    ending::{end_request, end_slot},
    plan,
};

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
    /// Runs that somebody asked for, and evidence that was pushed: what was recorded of them.
    pub requests: Vec<Performed>,
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
    // What was handed in comes first: it may fill a slot that would else be closed as missed.
    let requests = requests(world, worker.key(), progress).await;
    let slots = match &requests {
        Ok(_) => drain(world, worker.key(), progress).await,
        Err(_) => Ok(Vec::new()),
    };
    // The worker's connection ends with it in any case; that it could not say good-bye changes nothing.
    let _ = worker.stop().await;
    summary.requests = requests?;
    summary.slots = slots?;
    checkpoint(world).await?;
    summary.issued = close_periods(world, progress).await?.issued;
    summary.archived = archive_pending(world).await?;
    checkpoint(world).await?;
    Ok(summary)
}

/// Ends what was asked for and what was handed in, the earliest first, until none is due.
async fn requests(world: &Arc<World>, worker: i64, progress: &dyn Progress) -> Result<Vec<Performed>, StepError> {
    let mut done = Vec::new();
    let hands = Hands::steady(Effort::at_once());
    loop {
        let (now, token) = (world.now(), world.entry_id().0);
        let lease = world.store.claim_run_request(worker, token, now, hands.effort.lease).await?;
        let Some(lease) = lease else { return Ok(done) };
        progress.begin(&format!("job {}: what was asked for", lease.job));
        done.extend(end_request(world, lease, worker, &hands).await?);
    }
}

/// Claims and ends slots, the earliest first, until none is due.
async fn drain(world: &Arc<World>, worker: i64, progress: &dyn Progress) -> Result<Vec<SlotOutcome>, StepError> {
    let mut outcomes = Vec::new();
    let hands = Hands::steady(Effort::at_once());
    loop {
        let (now, token) = (world.now(), world.entry_id().0);
        let Some(lease) = world.store.claim(worker, token, now, hands.effort.lease).await? else { return Ok(outcomes) };
        if let Some(outcome) = end_slot(world, lease, &hands, progress).await? {
            outcomes.push(outcome);
        }
    }
}
