//! One performance of a job: self-test, collect, judge, seal, append.

use std::{sync::Arc, time::Duration};

use exhibit_collectors::{Collected, Scope, own::Own};
use exhibit_evidence::{
    CheckId, EntryId, JobId, Timestamp, Verdict,
    assessment::Judgement,
    observation::{Run, SelfTest, Trigger},
    slot::{SlotClosure, SlotState},
};
use exhibit_store::{Append, Appended, Lease, NewEntry, RunLease, StoreError};

use crate::{
    Job, StepError, World,
    attempts::{Attempt, Effort, Hands, story},
    attestations::OwnAttestations,
    attesting::OwnArchive,
    guard::{Promised, Rules, guard},
    remembering::OwnFindings,
    sealing,
};

/// How long to wait before an append whose outcome is not known is made again.
const APPEND_AGAIN: [Duration; 4] =
    [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(9)];

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
    /// Whether another system handed it in.
    pub pushed: bool,
    /// Check by check: its id, verdict and number of findings.
    pub checks: Vec<(String, Verdict, u64)>,
}

/// Under which right a job is performed.
#[derive(Clone, Debug)]
pub(crate) enum Order {
    /// A slot that is held.
    Slot(Lease),
    /// A run that somebody asked for, and that is held.
    Request(RunLease),
    /// Now, because the caller says so.
    Now,
}

impl Order {
    /// Ends when the lease is held no more; keeps it alive until then.
    async fn lost(&self, world: &World, effort: &Effort) {
        let pause = (effort.lease / 3).to_std().unwrap_or_default().max(Duration::from_millis(10));
        loop {
            tokio::time::sleep(pause).await;
            let until = world.now().plus(effort.lease);
            let renewed = match self {
                Self::Slot(lease) => world.store.extend(lease, until).await.map(drop),
                Self::Request(lease) => world.store.extend_run_request(lease, until).await,
                Self::Now => return std::future::pending().await,
            };
            // A database that can't be asked now may be asked later: the lease holds for a while.
            if let Err(StoreError::StaleLease { .. } | StoreError::StaleRunLease(_)) = renewed {
                return;
            }
        }
    }
}

/// What a collector's thread brings back.
type Brought = Result<(SelfTest, Collected, Vec<Judgement>), Attempt>;

/// Performs a job now, beside its schedule.
///
/// # Errors
/// When the collector brings nothing back, or the database can't be used. Nothing is recorded then.
pub async fn perform_on_demand(world: &Arc<World>, job: &JobId) -> Result<Performed, StepError> {
    let job = world.job(job).ok_or_else(|| StepError::Ledger(format!("there is no job {job}")))?.clone();
    let hands = Hands::steady(Effort::at_once());
    perform(world, &job, Order::Now, &hands).await.map_err(|attempt| match attempt {
        Attempt::Step(step) => step,
        other => StepError::Task(format!("job {}: {other}", job.id)),
    })
}

/// Performs a job.
pub(crate) async fn perform(world: &Arc<World>, job: &Job, order: Order, hands: &Hands) -> Result<Performed, Attempt> {
    if job.pushed {
        return Err(StepError::Pushed { job: job.id.to_string() }.into());
    }
    let started_at = world.now();
    let (collector, self_test, collected, judgements) = observe_and_judge(world, job, &order, hands).await?;
    let finished_at = world.now();
    let clock_offset_ms = world.clock_offset().await?.map(|offset| offset.num_milliseconds());

    // What was asked for is recorded under the id of the request: once, however often it is tried.
    let (lease, evidence, reason) = match order {
        Order::Slot(lease) => (Some(lease), None, None),
        Order::Request(lease) => (None, Some(lease.id), lease.reason),
        Order::Now => (None, None, None),
    };
    let scheduled_for = lease.as_ref().map(|lease| lease.slot.scheduled_for);
    let run = Run {
        id: world.entry_id(),
        trigger: match scheduled_for {
            None => Trigger::OnDemand,
            Some(time) if is_late(job, time, started_at) => Trigger::CatchUp,
            Some(_) => Trigger::Scheduled,
        },
        scheduled_for,
        reason,
        started_at,
        finished_at,
        attempt: lease.as_ref().map_or(1, |lease| u64::from(lease.attempts)),
    };
    let (by, self_test) = (world.host.clone(), Some(self_test));
    let (pushed, kept) = (None, Vec::new());
    let outcome = sealing::Outcome {
        evidence,
        run,
        clock_offset_ms,
        collector,
        by,
        pushed,
        self_test,
        collected,
        kept,
        judgements,
    };
    record(world, job, lease, outcome).await
}

fn is_late(job: &Job, scheduled_for: Timestamp, started_at: Timestamp) -> bool {
    started_at.since(scheduled_for) > job.late_after
}

/// Seals what a performance gave and appends it; where a slot is held, its end goes with it, in the same transaction.
pub(crate) async fn record(
    world: &World,
    job: &Job,
    lease: Option<Lease>,
    outcome: sealing::Outcome,
) -> Result<Performed, Attempt> {
    let run = outcome.run.clone();
    let pushed = outcome.pushed.is_some();
    let checks = outcome
        .judgements
        .iter()
        .map(|judgement| (judgement.check.to_string(), judgement.verdict(), judgement.findings.len() as u64))
        .collect();
    let mut sealed = sealing::seal(world, job, outcome)?;
    let scheduled_for = run.scheduled_for;
    let late = scheduled_for.is_some_and(|time| is_late(job, time, run.started_at));

    if let Some((scheduled_for, lease)) = scheduled_for.zip(lease.as_ref()) {
        let why = if pushed {
            "Pushed after its time; it says what was so when it was observed."
        } else {
            "Performed after its time; it says what was so when it was performed."
        };
        let why = late.then(|| why.to_owned());
        let tried = (lease.attempts > 1).then(|| story(lease, None, run.finished_at));
        let closure = SlotClosure {
            job: job.id.clone(),
            scheduled_for,
            state: if late { SlotState::Late } else { SlotState::Performed },
            attempts: run.attempt,
            started_at: Some(run.started_at),
            finished_at: Some(run.finished_at),
            evidence: Some(sealed.evidence),
            reason: why.into_iter().chain(tried).reduce(|why, tried| format!("{why} {tried}")),
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
    append_surely(world, append).await.map_err(StepError::from)?;
    Ok(Performed { job: job.id.clone(), scheduled_for, evidence: sealed.evidence, late, pushed, checks })
}

/// Appends; where the database may or may not have recorded it, again: the same ids are recorded once.
async fn append_surely(world: &World, append: Append) -> Result<Appended, StoreError> {
    for wait in APPEND_AGAIN {
        match world.store.append(append.clone()).await {
            Err(error) if error.may_pass() => tokio::time::sleep(wait).await,
            outcome => return outcome,
        }
    }
    world.store.append(append).await
}

/// Runs the collector on a thread of its own: it blocks, and no transaction is open meanwhile.
async fn observe_and_judge(
    world: &Arc<World>,
    job: &Job,
    order: &Order,
    hands: &Hands,
) -> Result<(exhibit_evidence::observation::CollectorRef, SelfTest, Collected, Vec<Judgement>), Attempt> {
    let missing = || StepError::NoCollector { job: job.id.to_string(), collector: job.collector.to_string() };
    let reference = world.registry.get(job.collector.as_str()).ok_or_else(missing)?.reference.clone();
    let thread_world = Arc::clone(world);
    let thread_job = job.clone();
    let runtime = tokio::runtime::Handle::current();
    if hands.stuck.hangs(&job.id) {
        return Err(Attempt::StillHangs);
    }
    let mut thread =
        tokio::task::spawn_blocking(move || observe_and_judge_blocking(&thread_world, &thread_job, runtime));
    let left = tokio::select! {
        biased;
        ended = &mut thread => Ok(ended),
        () = order.lost(world, &hands.effort) => Err(Attempt::LeaseLost),
        () = hands.let_go() => Err(Attempt::LetGo),
        () = tokio::time::sleep(hands.effort.limit) => Err(Attempt::TimedOut(hands.effort.limit)),
    };
    let brought = match left {
        // A panic's message may quote what was being read, so only that there was one is handed on.
        Ok(ended) => {
            ended.map_err(|error| Attempt::Panicked(if error.is_panic() { "it panicked" } else { "cancelled" }))?
        }
        Err(why) => {
            hands.stuck.leave(&job.id, thread);
            return Err(why);
        }
    };
    let (self_test, collected, judgements) = brought?;
    Ok((reference, self_test, collected, judgements))
}

fn observe_and_judge_blocking(world: &World, job: &Job, runtime: tokio::runtime::Handle) -> Brought {
    let Some(registered) = world.registry.get(job.collector.as_str()) else {
        let (job, collector) = (job.id.to_string(), job.collector.to_string());
        return Err(StepError::NoCollector { job, collector }.into());
    };
    let collector = &registered.collector;
    let environments = world.environments(&job.environments);
    let mut run_key = [0; 32];
    world.random.fill(&mut run_key);

    let self_test = collector.self_test(&world.engine);
    let archive = OwnArchive::new(world, runtime.clone());
    let earlier = OwnFindings::new(world, &job.id, runtime.clone());
    let attestations = OwnAttestations::new(world, runtime);
    let scope = Scope {
        base: &world.plan.base,
        environments: &environments,
        clock: &*world.clock,
        run_key: &run_key,
        engine: &world.engine,
        own: Own {
            archive: Some(&archive),
            earlier: Some(&earlier),
            evidence: Some(&earlier),
            runner: Some(&*world.runner),
            attestations: Some(&attestations),
        },
    };
    let collected = collector.collect(&scope, &job.settings);
    zeroize::Zeroize::zeroize(&mut run_key);
    let collected = collected?;
    let judgements = collector.judge(&collected.observation, &environments, &job.settings.policy)?;
    let accepted = collector.accepted_exclusions(&job.settings.policy);
    let promised = Promised { job: &job.id, environments: &job.environments };
    let counted = |check: &CheckId| collector.rests_on_the_count(check);
    let rules = Rules { accepted: &accepted, counted: &counted };
    let judgements = guard(judgements, &collected.observation, &promised, &rules, Some(&self_test));
    Ok((self_test, collected, judgements))
}
