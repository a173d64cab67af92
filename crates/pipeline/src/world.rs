//! Everything with a side effect, as one struct. The binary builds it from configuration, tests build the same one.

use std::{path::PathBuf, sync::Arc};

use chrono::TimeDelta;
use exhibit_archive::Vault;
use exhibit_collectors::{Registry, Settings, runner::Runner};
use exhibit_detect::Engine;
use exhibit_evidence::{
    Clock, CollectorId, Digest, EntryId, EnvironmentId, FiscalCalendar, JobId, Timestamp, deployment::Environment,
    schedule::Schedule,
};
use exhibit_ledger::note::SigningKey;
use exhibit_report::{Catalog, TemplateSet};
use exhibit_store::Store;

use crate::{OutsideCheckpoints, ReferenceClock, Retention};

/// Everything with a side effect, and the plan of work.
pub struct World {
    /// The ledger and what is projected from it.
    pub store: Store,
    /// WORM storage.
    pub vault: Arc<dyn Vault>,
    /// The collectors.
    pub registry: Registry,
    /// What secrets are found and masked by: the built-in rules, and those of the configuration beside them.
    pub engine: Arc<Engine>,
    /// What scanners are run by.
    pub runner: Arc<dyn Runner>,
    /// The report's template.
    pub templates: TemplateSet,
    /// Titles of checks, requirements of frameworks.
    pub catalog: Catalog,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What the time is held against before it freezes anything.
    pub reference: ReferenceClock,
    /// Randomness: ids, salts, run keys.
    pub random: Arc<dyn Random>,
    /// Signs checkpoints and bundles. Its name is the log's origin.
    pub signer: SigningKey,
    /// Where checkpoints are kept outside Postgres.
    pub outside: OutsideCheckpoints,
    /// Who runs this, and where: disclosable.
    pub host: HostFacts,
    /// What is to be done.
    pub plan: WorkPlan,
}

/// Who runs this, and where.
#[derive(Clone, Debug)]
pub struct HostFacts {
    /// The operating system's name of the user.
    pub principal: String,
    /// The host's name.
    pub host: String,
}

/// What is to be done, as configured.
#[derive(Clone, Debug)]
pub struct WorkPlan {
    /// What the deployment says of itself.
    pub deployment: DeploymentPlan,
    /// The jobs, in authored order.
    pub jobs: Vec<Job>,
    /// The folder that relative paths start from.
    pub base: PathBuf,
    /// For how long what is archived is kept.
    pub retention: Retention,
}

/// What the deployment says of itself.
#[derive(Clone, Debug)]
pub struct DeploymentPlan {
    /// The organisation.
    pub name: String,
    /// Time zone and fiscal year.
    pub calendar: FiscalCalendar,
    /// The month, 1 to 12, in which the fiscal year starts.
    pub fiscal_year_start: u32,
    /// How long after a period's end late evidence still counts in it.
    pub grace_days: u32,
    /// The environments.
    pub environments: Vec<Environment>,
    /// Digest of the whole effective configuration, without secrets.
    pub configuration: Digest,
    /// Why the configuration was changed last, as whoever changed it put it.
    pub change_reason: Option<String>,
}

/// A job, as configured.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// The collector it names.
    pub collector: CollectorId,
    /// Whether another system hands its evidence in: nothing is looked at here, and slots wait for what comes.
    pub pushed: bool,
    /// Its schedule; none for a job that runs on demand only.
    pub schedule: Option<Schedule>,
    /// The environments in its scope.
    pub environments: Vec<EnvironmentId>,
    /// How long its evidence counts as fresh.
    pub fresh_for: TimeDelta,
    /// How long after its time a performance still counts as in time.
    pub late_after: TimeDelta,
    /// Source and policy.
    pub settings: Settings,
}

impl World {
    /// The current time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A fresh entry id.
    pub fn entry_id(&self) -> EntryId {
        let mut random = [0; 10];
        self.random.fill(&mut random);
        EntryId::from_parts(self.now(), &random)
    }

    /// A fresh key that no two workers share, never 0.
    pub fn worker_key(&self) -> i64 {
        let mut random = [0; 8];
        self.random.fill(&mut random);
        i64::from_be_bytes(random).max(i64::MIN + 1)
    }

    /// The log's name.
    pub fn origin(&self) -> &str {
        self.signer.verifier().name()
    }

    /// The job of that id, as configured now.
    pub fn job(&self, id: &JobId) -> Option<&Job> {
        self.plan.jobs.iter().find(|job| job.id == *id)
    }

    /// The environments of these ids, in authored order.
    pub fn environments(&self, ids: &[EnvironmentId]) -> Vec<Environment> {
        self.plan.deployment.environments.iter().filter(|environment| ids.contains(&environment.id)).cloned().collect()
    }
}

/// Where randomness comes from: the system in production, a seed in stories.
pub trait Random: Send + Sync {
    /// Fills `bytes` with random bytes.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's random source.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        // A machine that has no randomness can't make ids, salts or keys: nothing that follows would be true.
        getrandom::fill(bytes).expect("the operating system hands out random bytes");
    }
}

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place where the system's clock enters")]
    fn now(&self) -> Timestamp {
        Timestamp::new(chrono::Utc::now())
    }
}
