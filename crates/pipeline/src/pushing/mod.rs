//! Evidence that another system hands in: examined and masked before any of it is kept, then judged and sealed like what
//! was observed here, and marked for ever as what it is.
//!
//! Only a job that the configuration declares as pushed takes any, and of such a job nothing is ever looked at here: what
//! was observed and what was handed in never mix under one name.

mod admitting;
mod importing;
mod taking;
mod waiting;

use exhibit_collectors::JudgeError;
use exhibit_evidence::{CheckId, Observation, assessment::Judgement, observation::CollectorRef};
use serde::{Deserialize, Serialize};

use crate::{
    Job, StepError, World,
    guard::{Promised, Rules, guard},
};

pub use admitting::{Admitted, NotAdmitted, Offered, admit};
pub use importing::{Import, ImportError, Imported, import};
pub(crate) use taking::{still_heard, take_in};
use waiting::Waiting;

/// What every such piece says among its blind spots.
const NOT_OURS: &str =
    "Exhibit did not observe this: another system handed it in. That it is complete and true is that system's word.";

/// What the record says of the host where the pusher says nothing.
const NO_HOST: &str = "not stated";

/// What was handed in, as it waits to be sealed: masked.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    /// Where it was observed, in the pusher's words.
    host: Option<String>,
    /// How many texts the detector changed.
    masked: u64,
    observation: Observation,
    /// What a tool printed, where it came with that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    kept: Vec<Waiting>,
}

/// The collector's judgement over what was handed in, by the same judge and guard as over what is observed here.
fn judge(world: &World, job: &Job, observation: &Observation) -> Result<(CollectorRef, Vec<Judgement>), JudgeFailure> {
    let Some(registered) = world.registry.get(job.collector.as_str()) else {
        let (job, collector) = (job.id.to_string(), job.collector.to_string());
        return Err(StepError::NoCollector { job, collector }.into());
    };
    let environments = world.environments(&job.environments);
    let judgements = registered.collector.judge(observation, &environments, &job.settings.policy)?;
    let accepted = registered.collector.accepted_exclusions(&job.settings.policy);
    let promised = Promised { job: &job.id, environments: &job.environments };
    let counted = |check: &CheckId| registered.collector.rests_on_the_count(check);
    let rules = Rules { accepted: &accepted, counted: &counted };
    Ok((registered.reference.clone(), guard(judgements, observation, &promised, &rules, None)))
}

/// Why there is no judgement.
#[derive(Debug, thiserror::Error)]
enum JudgeFailure {
    #[error(transparent)]
    Judge(#[from] JudgeError),
    #[error(transparent)]
    Step(#[from] StepError),
}
