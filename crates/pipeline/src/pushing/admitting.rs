//! Whether what somebody hands in can be taken: answered at once, so that its sender can mend it. Nothing is kept here.

use chrono::TimeDelta;
use exhibit_collectors::{Collected, RawArtifact};
use exhibit_evidence::{
    Envelope, JobId, Observation, Timestamp,
    observation::{Pushed, Run, Trigger},
    to_canonical,
};
use exhibit_store::NewArtifact;
use serde_json::Value;

use super::{Content, JudgeFailure, NO_HOST, NOT_OURS, Waiting, judge};
use crate::{
    HostFacts, Job, World,
    attempts::clean,
    sealing::{Kept, Outcome, keep, scrub_value, seal},
};

/// Older observations are not taken: each month of evidence has tables of its own.
const OLDEST: TimeDelta = TimeDelta::days(400);
/// More findings than this in one piece are not taken.
const MOST_FINDINGS: usize = 10_000;
/// The longest name of a host, in characters.
const LONGEST_HOST: usize = 200;

/// Evidence as another system offers it.
#[derive(Clone)]
pub struct Offered {
    /// The job that it is for.
    pub job: JobId,
    /// What the pusher calls it.
    pub key: String,
    /// Where it was observed, in the pusher's words.
    pub host: Option<String>,
    /// What was observed, in the form of a record's `observation`, without artifacts.
    pub observation: Value,
    /// When it was received.
    pub received: Timestamp,
}

/// What may be kept of it until it is sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// Canonical JSON in which every text was masked.
    pub content: String,
    /// How many texts were changed for that.
    pub masked: u64,
}

/// Why it is not taken. No variant holds a secret's value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    /// No such job is configured.
    #[error("no job {0}")]
    NoJob(JobId),
    /// It is not what the job takes; in words for its sender.
    #[error("{0}")]
    Refused(String),
}

/// Examines and masks what is offered: the job is declared as pushed, the times are possible, the subjects lie in the job's
/// scope, the collector's judge can read the facts, and all that comes of it fits into records. Blocks while it judges.
///
/// # Errors
/// What is wrong with it, in words that hold no value of what was offered but masked ones.
pub fn admit(world: &World, offered: Offered) -> Result<Admitted, NotAdmitted> {
    let (admitted, findings) = in_clean_words(world, examine(world, offered, Vec::new()))?;
    if findings > MOST_FINDINGS {
        return Err(refused(format!("observation: it gives {findings} findings; at most {MOST_FINDINGS} are taken")));
    }
    Ok(admitted)
}

/// The same with what the observation was told from, to be kept beside it; whatever it finds, for nobody waits at the other
/// end of a network.
pub(super) fn admit_with(
    world: &World,
    offered: Offered,
    artifacts: Vec<RawArtifact>,
) -> Result<Admitted, NotAdmitted> {
    in_clean_words(world, examine(world, offered, artifacts)).map(|(admitted, _)| admitted)
}

fn in_clean_words<T>(world: &World, examined: Result<T, NotAdmitted>) -> Result<T, NotAdmitted> {
    examined.map_err(|not| match not {
        NotAdmitted::Refused(why) => NotAdmitted::Refused(clean(&world.engine, why)),
        NotAdmitted::NoJob(job) => NotAdmitted::NoJob(job),
    })
}

/// What may be kept of it, and how many findings it gives.
fn examine(world: &World, offered: Offered, artifacts: Vec<RawArtifact>) -> Result<(Admitted, usize), NotAdmitted> {
    let Offered { job, key, host, mut observation, received } = offered;
    let job = world.job(&job).ok_or(NotAdmitted::NoJob(job))?;
    if !job.pushed {
        return Err(refused(format!(
            "job {}: its evidence is collected by Exhibit itself and taken from nobody; only a job with `pushed = true` takes any",
            job.id
        )));
    }
    // Masked before it is read, so that not even a message about its form can hold a secret.
    let mut masked = scrub_value(&world.engine, &mut observation);
    let mut host = Value::from(host);
    masked += scrub_value(&world.engine, &mut host);
    let host = host.as_str().map(str::to_owned);
    if let Some(name) = &host
        && (name.trim().is_empty() || name.chars().count() > LONGEST_HOST || name.chars().any(char::is_control))
    {
        return Err(refused(format!("host: expected one line of 1 to {LONGEST_HOST} characters")));
    }
    // Facts are a value in either form, and may be long: they are moved, and not held twice.
    let facts = observation.get_mut("facts").map(Value::take);
    let mut observation: Observation =
        serde_json::from_value(observation).map_err(|error| refused(format!("observation: {error}")))?;
    observation.facts = facts.unwrap_or_default();
    possible(&observation, job, received)?;
    if !observation.blind_spots.iter().any(|said| said == NOT_OURS) {
        observation.blind_spots.push(NOT_OURS.to_owned());
    }
    let kept: Vec<Waiting> = artifacts.into_iter().map(|raw| Waiting::new(&keep(&world.engine, raw))).collect();
    let content = Content { host, masked, observation, kept };
    let bytes = to_canonical(&content).map_err(|error| refused(format!("observation: {error}")))?;
    let findings = fits(world, job, content, key, received)?;
    let content = String::from_utf8(bytes).map_err(|error| refused(format!("observation: {error}")))?;
    Ok((Admitted { content, masked }, findings))
}

/// Not taken, in words that [`admit`] masks.
fn refused(why: String) -> NotAdmitted {
    NotAdmitted::Refused(why)
}

/// What no observation of this job can be.
fn possible(observation: &Observation, job: &Job, received: Timestamp) -> Result<(), NotAdmitted> {
    let Observation { observed_from: from, observed_to: to, .. } = observation;
    if to > &received {
        return Err(refused(format!("observation.observed_to: {to} is later than now, {received}")));
    }
    if from > to {
        return Err(refused(format!("observation.observed_from: {from} is later than observed_to, {to}")));
    }
    if received.since(*to) > OLDEST {
        return Err(refused(format!("observation.observed_to: {to} is more than {} days ago", OLDEST.num_days())));
    }
    if observation.facts_artifact.is_some() || !observation.artifacts.is_empty() {
        return Err(refused("observation: artifacts are for what Exhibit keeps itself; send the facts".to_owned()));
    }
    if observation.subjects.is_empty() {
        return Err(refused("observation.subjects: expected what was looked at, one or more".to_owned()));
    }
    let mut subjects = observation.subjects.iter();
    if let Some(outside) = subjects.find(|subject| !job.environments.contains(&subject.environment)) {
        let known = job.environments.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        return Err(refused(format!(
            "observation.subjects: environment {} is not in the scope of job {}, which is about {known}",
            outside.environment, job.id
        )));
    }
    let stranger = observation.population.iter().find(|part| !observation.subjects.contains(&part.subject));
    if let Some(part) = stranger {
        let subject = &part.subject;
        return Err(refused(format!(
            "observation.population: {}/{} is not among the subjects",
            subject.environment, subject.id
        )));
    }
    Ok(())
}

/// How many findings it gives, where it can be judged and what comes of it fits into records: tried out, with nothing appended.
fn fits(world: &World, job: &Job, content: Content, key: String, received: Timestamp) -> Result<usize, NotAdmitted> {
    let (collector, judgements) = judge(world, job, &content.observation).map_err(|failure| match failure {
        JudgeFailure::Judge(error) => {
            refused(format!("observation: the judge of {} refuses it: {error}", job.collector))
        }
        JudgeFailure::Step(error) => refused(error.to_string()),
    })?;
    let findings = judgements.iter().map(|judgement| judgement.findings.len()).sum();
    // Only what the record says of them has to fit.
    let artifact = |media_type: &str| NewArtifact { media_type: media_type.to_owned(), bytes: Vec::new().into() };
    let kept = content
        .kept
        .into_iter()
        .map(|one| Kept { artifact: artifact(&one.reference.media_type), reference: one.reference });
    let run = Run {
        id: world.entry_id(),
        trigger: Trigger::Pushed,
        scheduled_for: Some(received),
        reason: None,
        started_at: received,
        finished_at: received,
        attempt: 1,
    };
    let outcome = Outcome {
        evidence: None,
        run,
        clock_offset_ms: None,
        collector,
        by: HostFacts { principal: String::new(), host: content.host.unwrap_or_else(|| NO_HOST.to_owned()) },
        pushed: Some(Pushed { key, masked: content.masked }),
        self_test: None,
        collected: Collected { observation: content.observation, artifacts: Vec::new() },
        kept: kept.collect(),
        judgements,
    };
    let sealed = seal(world, job, outcome).map_err(|error| refused(format!("observation: {error}")))?;
    for entry in sealed.entries {
        let envelope = Envelope { id: entry.id, recorded_at: received, body: entry.body };
        envelope
            .to_record()
            .map_err(|error| refused(format!("observation: what comes of it does not fit: {error}")))?;
    }
    Ok(findings)
}
