//! What is configured becomes entries: the deployment's word of itself, and each job's promise.

use exhibit_evidence::{
    Body, CanonicalError, Digest, JobId, deployment::Deployment, schedule::TZDATA_VERSION, slot::SchedulePromise,
    to_canonical,
};
use exhibit_store::{Append, NewEntry};

use crate::{Job, StepError, World, attempts::clean, calendar::hold_to_periods, hold_to_outside, ledger_reads, turn};

/// What was new.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// Whether the deployment's word changed, or was the first.
    pub deployment: bool,
    /// The jobs whose promise is new, changed or retired.
    pub jobs: Vec<JobId>,
}

/// Brings the ledger's promises in line with the plan. Promises never reach back: each holds from now on.
///
/// # Errors
/// When the ledger is another log's or not as it was signed, the calendar doesn't fit its periods, or the database can't be
/// used.
pub async fn declare(world: &World) -> Result<Declared, StepError> {
    let _turn = turn::take(world).await?;
    hold_to_outside(world).await?;
    hold_to_periods(world).await?;
    let mut declared = Declared::default();
    let mut bodies: Vec<Body> = Vec::new();
    let now = world.now();

    let deployment = deployment(world);
    match ledger_reads::deployments(&world.store).await? {
        Some((_, last)) if last.origin != deployment.origin => {
            return Err(StepError::OtherOrigin { ledger: last.origin, key: deployment.origin });
        }
        Some((_, last)) if (Deployment { reason: None, ..last.clone() }) == deployment => {}
        Some(_) => {
            declared.deployment = true;
            bodies.push(Deployment { reason: Some(reason(world)), ..deployment }.into());
        }
        None => {
            declared.deployment = true;
            bodies.push(deployment.into());
        }
    }

    let promises = ledger_reads::promises(&world.store).await?;
    for job in &world.plan.jobs {
        let last = promises.get(&job.id).and_then(|promises| promises.last());
        let same = last.map(|last| is_ours(world, job, last)).transpose()?;
        if same != Some(true) {
            declared.jobs.push(job.id.clone());
            bodies.push(promise(world, job, now)?.into());
        }
    }
    for (job, promises) in &promises {
        let retired = promises.last().filter(|last| last.schedule.is_some() && world.job(job).is_none());
        if let Some(last) = retired {
            declared.jobs.push(job.clone());
            bodies.push(SchedulePromise { schedule: None, active_from: now, ..last.clone() }.into());
        }
    }

    if !bodies.is_empty() {
        let entries = bodies.into_iter().map(|body| NewEntry { id: world.entry_id(), body }).collect();
        world.store.append(Append::entries(now, entries)).await?;
    }
    Ok(declared)
}

/// Why the configuration was changed, as it may be recorded.
fn reason(world: &World) -> String {
    clean(&world.engine, world.plan.deployment.change_reason.clone().unwrap_or_else(|| "not stated".to_owned()))
}

fn deployment(world: &World) -> Deployment {
    let plan = &world.plan.deployment;
    Deployment {
        origin: world.origin().to_owned(),
        name: plan.name.clone(),
        time_zone: plan.calendar.time_zone().name().to_owned(),
        fiscal_year_start: u64::from(plan.fiscal_year_start),
        grace_days: u64::from(plan.grace_days),
        environments: plan.environments.clone(),
        configuration: plan.configuration,
        verifier_key: world.signer.verifier().to_string(),
        exhibit_version: env!("CARGO_PKG_VERSION").to_owned(),
        archive: format!("{} {}", world.vault.describe().statement, world.plan.retention.sentence()),
        reason: None,
    }
}

/// The first job whose promise in force is not the one that this process would make, if there is one: another process
/// declared another configuration since.
///
/// # Errors
/// When the ledger can't be read.
pub(crate) async fn superseded(world: &World) -> Result<Option<JobId>, StepError> {
    let promises = ledger_reads::promises(&world.store).await?;
    for (job, promises) in &promises {
        let Some(last) = promises.last() else { continue };
        let same = match world.job(job) {
            Some(configured) => is_ours(world, configured, last)?,
            None => last.schedule.is_none(),
        };
        if !same {
            return Ok(Some(job.clone()));
        }
    }
    Ok(world.plan.jobs.iter().map(|job| &job.id).find(|job| !promises.contains_key(*job)).cloned())
}

/// Whether a promise is the one that this process would make of the job.
pub(crate) fn is_ours(world: &World, job: &Job, last: &SchedulePromise) -> Result<bool, StepError> {
    let wanted = promise(world, job, last.active_from)?;
    Ok(*last == SchedulePromise { tzdata: last.tzdata.clone(), ..wanted })
}

fn promise(world: &World, job: &Job, now: exhibit_evidence::Timestamp) -> Result<SchedulePromise, StepError> {
    let registered = world
        .registry
        .get(job.collector.as_str())
        .ok_or_else(|| StepError::NoCollector { job: job.id.to_string(), collector: job.collector.to_string() })?;
    let seconds = |delta: chrono::TimeDelta| u64::try_from(delta.num_seconds()).unwrap_or(0);
    Ok(SchedulePromise {
        job: job.id.clone(),
        collector: job.collector.clone(),
        checks: registered.manifest.checks.iter().map(|check| check.id.clone()).collect(),
        pushed: job.pushed,
        schedule: job.schedule.as_ref().map(|schedule| schedule.text().to_owned()),
        time_zone: world.plan.deployment.calendar.time_zone().name().to_owned(),
        tzdata: TZDATA_VERSION.to_owned(),
        environments: job.environments.clone(),
        fresh_for_s: seconds(job.fresh_for),
        late_after_s: seconds(job.late_after),
        settings: settings_digest(job)?,
        active_from: now,
    })
}

fn settings_digest(job: &Job) -> Result<Digest, CanonicalError> {
    Ok(Digest::of(&to_canonical(&(&job.settings.source, &job.settings.policy))?))
}
