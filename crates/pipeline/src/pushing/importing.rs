//! What a tool said that somebody else ran, handed in as a file: taken by the same door as what is pushed over the API, and
//! sealed at once.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use exhibit_collectors::{Collected, Given, Scope, own::Own};
use exhibit_evidence::{Digest, Digesting, EntryId, JobId, Timestamp, observation::Subject, to_canonical};
use exhibit_store::{NewRunRequest, NewSubmission, Requested, RunEnd, RunState, StoreError};

use tokio::runtime::Handle;
use zeroize::Zeroizing;

use super::{NotAdmitted, Offered, admitting::admit_with};
use crate::{
    StepError, World,
    attempts::{Effort, Hands, clean},
    ending::end_request,
    remembering::OwnFindings,
};

/// How often somebody who seals a piece already is asked whether it is done.
const ASK_AGAIN: Duration = Duration::from_millis(250);

/// A file that is handed in.
#[derive(Clone, Debug)]
pub struct Import {
    /// The job that it is for: one with `pushed = true`.
    pub job: JobId,
    /// The file.
    pub file: PathBuf,
    /// The form it is in, where the giver says so.
    pub format: Option<String>,
    /// What it is about.
    pub subject: Subject,
    /// When the tool ran, where the giver says so.
    pub observed_at: Option<Timestamp>,
    /// Files that the population is counted in.
    pub counted_in: Vec<PathBuf>,
    /// Where the tool ran, where the giver says so.
    pub host: Option<String>,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The evidence.
    pub evidence: EntryId,
    /// Whether the same was taken in before: nothing was added then.
    pub already: bool,
}

/// Why it was not taken in. Holds no value of what was handed in but masked ones.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It can't be what the job takes.
    #[error(transparent)]
    NotAdmitted(#[from] NotAdmitted),
    /// The collector could tell nothing from it.
    #[error("{0}")]
    Unreadable(String),
    /// It was taken and could not be sealed.
    #[error("it was taken, and could not be sealed: {0}")]
    NotSealed(String),
    /// A step could not be taken.
    #[error(transparent)]
    Step(#[from] StepError),
}

impl From<StoreError> for ImportError {
    fn from(error: StoreError) -> Self {
        Self::Step(error.into())
    }
}

/// Reads the file, judges what it says, and seals it. The same file with the same words about it is one piece of evidence,
/// however often it is handed in.
///
/// # Errors
/// When the job takes nothing, the file can't be read, or it could not be sealed; then nothing is recorded.
pub async fn import(world: &Arc<World>, order: Import) -> Result<Imported, ImportError> {
    let received = world.now();
    let job = order.job.clone();
    let asking = Arc::clone(world);
    let runtime = Handle::current();
    let admitted = tokio::task::spawn_blocking(move || -> Result<_, ImportError> {
        let key = key_of(&order)?;
        let Collected { mut observation, artifacts } = observe(&asking, &order, runtime)?;
        // Long facts are moved, and not held twice.
        let facts = std::mem::take(&mut observation.facts);
        let mut observation = serde_json::to_value(observation).map_err(|error| unreadable(&asking, error))?;
        observation["facts"] = facts;
        let offered = Offered { job: order.job, key: key.clone(), host: order.host, observation, received };
        Ok((key, admit_with(&asking, offered, artifacts)?))
    });
    // A panic's message may quote what was being read, so only that there was one is handed on.
    let admitted = admitted.await.map_err(|_| ImportError::Unreadable("reading it broke off".to_owned()))?;
    let (key, admitted) = admitted?;
    let request = NewRunRequest {
        id: world.entry_id(),
        job,
        person: world.host.principal.clone(),
        credential: None,
        key: Some(key),
        reason: None,
        at: received,
    };
    let submitted = world.store.submit(&NewSubmission { request, content: admitted.content }).await;
    let Requested { id, already } = match submitted {
        Ok(requested) => requested,
        // The key names the file and all that was said of it: what differs is what came of reading it at another time.
        Err(StoreError::OtherContent(id)) => Requested { id: EntryId(id), already: true },
        Err(error) => return Err(error.into()),
    };
    let worker = world.store.start_worker(world.worker_key()).await?;
    let evidence = seal_now(world, id, worker.key()).await;
    // The worker's connection ends with it in any case.
    let _ = worker.stop().await;
    Ok(Imported { evidence: evidence?, already })
}

fn unreadable(world: &World, why: impl ToString) -> ImportError {
    ImportError::Unreadable(clean(&world.engine, why.to_string()))
}

/// What the collector tells from the file.
fn observe(world: &World, order: &Import, runtime: Handle) -> Result<Collected, ImportError> {
    let job = world.job(&order.job).ok_or_else(|| NotAdmitted::NoJob(order.job.clone()))?;
    let registered = world.registry.get(job.collector.as_str()).ok_or_else(|| {
        let (job, collector) = (job.id.to_string(), job.collector.to_string());
        StepError::NoCollector { job, collector }
    })?;
    let environments = world.environments(&job.environments);
    let mut run_key = Zeroizing::new([0; 32]);
    world.random.fill(run_key.as_mut());
    let earlier = OwnFindings::new(world, &job.id, runtime);
    let scope = Scope {
        base: &world.plan.base,
        environments: &environments,
        clock: &*world.clock,
        run_key: &run_key,
        engine: &world.engine,
        own: Own { earlier: Some(&earlier), evidence: Some(&earlier), ..Own::default() },
    };
    let given = Given {
        file: &order.file,
        format: order.format.as_deref(),
        subject: &order.subject,
        observed_at: order.observed_at,
        counted_in: &order.counted_in,
    };
    registered.collector.import(&scope, &job.settings, &given).map_err(|error| unreadable(world, error))
}

/// Ends the request here, or waits for whoever has it, and tells the evidence that came of it.
async fn seal_now(world: &Arc<World>, id: EntryId, worker: i64) -> Result<EntryId, ImportError> {
    let hands = Hands::steady(Effort::at_once());
    loop {
        if let RunState::Ended(end, _) = world.store.run_request(id).await?.state {
            return match end {
                RunEnd::Evidence(evidence) => Ok(evidence),
                RunEnd::Failed(why) => Err(ImportError::NotSealed(why)),
            };
        }
        let (now, token) = (world.now(), world.entry_id().0);
        match world.store.claim_this_run_request(id, worker, token, now, hands.effort.lease).await? {
            Some(lease) => drop(end_request(world, lease, worker, &hands).await?),
            None => tokio::time::sleep(ASK_AGAIN).await,
        }
    }
}

/// The name of the piece: what was handed in, and what was said of it. Neither what the files are called nor in which order
/// lockfiles are named makes it another one.
fn key_of(order: &Import) -> Result<String, ImportError> {
    let digest_of = |path: &PathBuf| {
        digest_of(path).map_err(|error| ImportError::Unreadable(format!("{}: {error}", path.display())))
    };
    let file = digest_of(&order.file)?;
    let real = |path: &PathBuf| path.canonicalize().unwrap_or_else(|_| path.clone());
    let lockfiles: BTreeSet<PathBuf> = order.counted_in.iter().map(real).collect();
    let mut digests = lockfiles.iter().map(digest_of).collect::<Result<Vec<Digest>, _>>()?;
    digests.sort_unstable();
    digests.insert(0, file);
    let said = (&order.job, &order.format, &order.subject, order.observed_at, digests);
    let said = to_canonical(&said).map_err(|error| ImportError::Unreadable(error.to_string()))?;
    Ok(format!("file {}", Digest::of(&said)))
}

fn digest_of(path: &Path) -> io::Result<Digest> {
    let mut digesting = Digesting::default();
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(digesting.finish().0),
            read => digesting.take(&buffer[..read]),
        }
    }
}
