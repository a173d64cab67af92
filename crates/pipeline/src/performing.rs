//! One performance of a job: self-test, collect, judge, seal, append.

use std::sync::Arc;

use exhibit_collectors::{CollectError, Collected, JudgeError, Scope};
use exhibit_evidence::{
    EntryId, JobId, Timestamp, Verdict,
    assessment::Judgement,
    observation::{Run, SelfTest, Trigger},
    slot::{SlotClosure, SlotState},
};
use exhibit_store::{Append, Lease, NewEntry};

use crate::{
    Job, StepError, World,
    guard::{Promised, guard},
    sealing,
};

/// What came of one performance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Performed {
    /// The job.
    pub job: JobId,
    /// The slot it filled; none on demand.
    pub scheduled_for: Option<Timestamp>,
    /// The evidence it gave.
    pub evidence: EntryId,
    /// Whether the slot was filled late.
    pub late: bool,
    /// Check by check: its id, verdict and number of findings.
    pub checks: Vec<(String, Verdict, u64)>,
}

/// Why a performance gave no evidence.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Attempt {
    /// The collector brought nothing back.
    #[error(transparent)]
    Collect(#[from] CollectError),
    /// What it brought back could not be judged.
    #[error(transparent)]
    Judge(#[from] JudgeError),
    /// The collector's thread ended early.
    #[error("the collector's thread ended early: {0}")]
    Panicked(String),
    /// Something outside of the collector.
    #[error(transparent)]
    Step(#[from] StepError),
}

/// What a collector's thread brings back.
type Brought = Result<(SelfTest, Collected, Vec<Judgement>), Attempt>;

/// Performs a job now, beside its schedule.
///
/// # Errors
/// When the collector brings nothing back, or the database can't be used. Nothing is recorded then.
pub async fn perform_on_demand(world: &Arc<World>, job: &JobId) -> Result<Performed, StepError> {
    let job = world.job(job).ok_or_else(|| StepError::Ledger(format!("there is no job {job}")))?.clone();
    perform(world, &job, None).await.map_err(|attempt| match attempt {
        Attempt::Step(step) => step,
        other => StepError::Task(format!("job {}: {other}", job.id)),
    })
}

/// Performs a job under a lease, or on demand without one.
pub(crate) async fn perform(world: &Arc<World>, job: &Job, lease: Option<Lease>) -> Result<Performed, Attempt> {
    let started_at = world.now();
    let (collector, self_test, collected, judgements) = observe_and_judge(world, job).await?;
    let finished_at = world.now();
    let clock_offset_ms = world.clock_offset().await?.map(|offset| offset.num_milliseconds());

    let scheduled_for = lease.as_ref().map(|lease| lease.slot.scheduled_for);
    let late = scheduled_for.is_some_and(|time| started_at.since(time) > job.late_after);
    let attempt = lease.as_ref().map_or(1, |lease| u64::from(lease.attempts));
    let run = Run {
        id: world.entry_id(),
        trigger: match (scheduled_for, late) {
            (None, _) => Trigger::OnDemand,
            (Some(_), false) => Trigger::Scheduled,
            (Some(_), true) => Trigger::CatchUp,
        },
        scheduled_for,
        started_at,
        finished_at,
        attempt,
    };
    let checks = judgements
        .iter()
        .map(|judgement| (judgement.check.to_string(), judgement.verdict(), judgement.findings.len() as u64))
        .collect();
    let mut sealed = sealing::seal(
        world,
        job,
        sealing::Outcome { run, clock_offset_ms, collector, self_test, collected, judgements },
    )?;

    if let Some(scheduled_for) = scheduled_for {
        let closure = SlotClosure {
            job: job.id.clone(),
            scheduled_for,
            state: if late { SlotState::Late } else { SlotState::Performed },
            attempts: attempt,
            started_at: Some(started_at),
            finished_at: Some(finished_at),
            evidence: Some(sealed.evidence),
            reason: late.then(|| "Performed after its time; it says what was so when it was performed.".to_owned()),
        };
        sealed.entries.push(NewEntry { id: world.entry_id(), body: closure.into() });
    }
    let append = Append {
        now: world.now(),
        entries: sealed.entries,
        disclosures: sealed.disclosures,
        artifacts: sealed.artifacts,
        lease,
        at: None,
    };
    world.store.append(append).await.map_err(StepError::from)?;
    Ok(Performed { job: job.id.clone(), scheduled_for, evidence: sealed.evidence, late, checks })
}

/// Runs the collector on a thread of its own: it blocks, and no transaction is open meanwhile.
async fn observe_and_judge(
    world: &Arc<World>,
    job: &Job,
) -> Result<(exhibit_evidence::observation::CollectorRef, SelfTest, Collected, Vec<Judgement>), Attempt> {
    let missing = || StepError::NoCollector { job: job.id.to_string(), collector: job.collector.to_string() };
    let reference = world.registry.get(job.collector.as_str()).ok_or_else(missing)?.reference.clone();
    let thread_world = Arc::clone(world);
    let thread_job = job.clone();
    let task = tokio::task::spawn_blocking(move || observe_and_judge_blocking(&thread_world, &thread_job));
    let (self_test, collected, judgements) =
        // A panic's message may quote what was being read, so only that there was one is handed on.
        task.await.map_err(|error| Attempt::Panicked(if error.is_panic() { "it panicked" } else { "cancelled" }.to_owned()))??;
    Ok((reference, self_test, collected, judgements))
}

fn observe_and_judge_blocking(world: &World, job: &Job) -> Brought {
    let Some(registered) = world.registry.get(job.collector.as_str()) else {
        let (job, collector) = (job.id.to_string(), job.collector.to_string());
        return Err(StepError::NoCollector { job, collector }.into());
    };
    let collector = &registered.collector;
    let environments = world.environments(&job.environments);
    let mut run_key = [0; 32];
    world.random.fill(&mut run_key);

    let self_test = collector.self_test();
    let scope = Scope { base: &world.plan.base, environments: &environments, clock: &*world.clock, run_key: &run_key };
    let collected = collector.collect(&scope, &job.settings);
    zeroize::Zeroize::zeroize(&mut run_key);
    let collected = collected?;
    let judgements = collector.judge(&collected.observation, &environments, &job.settings.policy)?;
    let accepted = collector.accepted_exclusions(&job.settings.policy);
    let promised = Promised { job: &job.id, environments: &job.environments };
    let judgements = guard(judgements, &collected.observation, &promised, &accepted, &self_test);
    Ok((self_test, collected, judgements))
}
