//! What is configured becomes entries: the deployment's word of itself, and each job's promise.

use exhibit_evidence::{
    Body, CanonicalError, Digest, JobId, deployment::Deployment, schedule::TZDATA_VERSION, slot::SchedulePromise,
    to_canonical,
};
use exhibit_store::{Append, NewEntry};

use crate::{Job, StepError, World, calendar::hold_to_periods, hold_to_outside, ledger_reads, turn};

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
        Some((_, last)) if last == deployment => {}
        _ => {
            declared.deployment = true;
            bodies.push(deployment.into());
        }
    }

    let promises = ledger_reads::promises(&world.store).await?;
    for job in &world.plan.jobs {
        let wanted = promise(world, job, now)?;
        let last = promises.get(&job.id).and_then(|promises| promises.last());
        let same = last.is_some_and(|last| {
            *last == SchedulePromise { active_from: last.active_from, tzdata: last.tzdata.clone(), ..wanted.clone() }
        });
        if !same {
            declared.jobs.push(job.id.clone());
            bodies.push(wanted.into());
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
        archive: world.vault.describe().statement,
    }
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
