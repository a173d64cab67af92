//! The same `World` that the binary builds, with everything in it in the test's hand.

use std::{path::Path, sync::Arc};

use chrono_tz::Tz;
use exhibit_archive::Vault;
use exhibit_collectors::{Registry, runner::Spawning};
use exhibit_evidence::{Clock, Digest, FiscalCalendar, Period, Timestamp, deployment::Environment};
use exhibit_ledger::note::{SigningKey, VerifierKey};
use exhibit_pipeline::{
    DeploymentPlan, HostFacts, Job, OutsideCheckpoints, ReferenceClock, Retention, RetentionClass, RunSummary,
    StepError, WorkPlan, World,
};
use exhibit_report::{Catalog, PeriodView, TemplateSet, frameworks};
use exhibit_store::{FsckReport, OutsideCheckpoint, Trusted, testing::TestDatabase};
use tempfile::TempDir;

use crate::{Example, FaultyVault, MockClock, Moods, Moody, SeededRandom};

const ORIGIN: &str = "example.org/exhibit-tests";
/// The seed of a key that signs nothing but tests.
const SIGNING_SEED: [u8; 32] = [42; 32];
const ZONE: Tz = chrono_tz::Europe::Berlin;
const GRACE_DAYS: u32 = 5;

/// A world of one's own: a fresh database, a vault in memory, a clock that stands, chance that repeats.
pub struct TestWorld {
    /// The world, as the pipeline's steps take it.
    pub world: Arc<World>,
    /// Its clock.
    pub clock: Arc<MockClock>,
    /// Its archive.
    pub vault: Arc<FaultyVault>,
    /// Its database.
    pub database: TestDatabase,
    folder: TempDir,
}

/// An instant, written as in records or without the fraction of the second.
///
/// # Panics
/// When it is none.
#[must_use]
pub fn at(text: &str) -> Timestamp {
    let full = if text.contains('.') { text.to_owned() } else { text.replace('Z', ".000000Z") };
    full.parse().expect("an instant")
}

impl TestWorld {
    /// A world at that time, with these jobs over their laid-out inputs. Berlin's time, quarters from January, five days
    /// of grace. Nothing is declared yet.
    ///
    /// # Panics
    /// When anything can't be made.
    pub async fn new(now: &str, examples: &[Example]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let database = TestDatabase::new().await;
        let clock = Arc::new(MockClock::at(at(now)));
        let vault = Arc::new(FaultyVault::default());
        let registry = registry();
        let input = folder.path().join("input");
        for example in examples {
            example.lay_out(&registry, &input);
        }
        let plan = plan(examples, &input);
        let world = world(&database, &vault, clock.clone(), &folder, plan, 1);
        Self { world, clock, vault, database, folder }
    }

    /// The folder that holds each job's input, by the job's id.
    #[must_use]
    pub fn input(&self) -> &Path {
        &self.world.plan.base
    }

    /// Another process on the same database, archive and clock.
    #[must_use]
    pub fn replica(&self) -> Arc<World> {
        self.rebuilt(self.world.plan.clone(), self.clock.clone())
    }

    /// The same deployment after somebody changed its jobs.
    #[must_use]
    pub fn with_jobs(&self, change: impl FnOnce(&mut Vec<Job>)) -> Arc<World> {
        let mut plan = self.world.plan.clone();
        change(&mut plan.jobs);
        self.rebuilt(plan, self.clock.clone())
    }

    /// The same deployment after somebody changed anything of its plan.
    #[must_use]
    pub fn with_plan(&self, change: impl FnOnce(&mut WorkPlan)) -> Arc<World> {
        let mut plan = self.world.plan.clone();
        change(&mut plan);
        self.rebuilt(plan, self.clock.clone())
    }

    /// Another process in which a collector has moods.
    ///
    /// # Panics
    /// Where there is no collector of that id.
    #[must_use]
    pub fn moody(&self, id: &'static str) -> (Arc<World>, Moods) {
        let (collector, moods) = Moody::new(id);
        let mut world = Arc::into_inner(self.replica()).expect("nobody else has it yet");
        world.registry.substitute(id, Box::new(collector));
        (Arc::new(world), moods)
    }

    /// Another process whose machine has another time.
    #[must_use]
    pub fn with_clock(&self, now: &str) -> Arc<World> {
        self.rebuilt(self.world.plan.clone(), Arc::new(MockClock::at(at(now))))
    }

    /// Another process with another signing key, from this seed.
    ///
    /// # Panics
    /// Never: the origin is a key's name.
    #[must_use]
    pub fn with_key(&self, seed: u8) -> Arc<World> {
        let mut world = self.replica();
        Arc::get_mut(&mut world).expect("nobody has it yet").signer = Self::key(seed);
        world
    }

    /// Another process with another archive.
    ///
    /// # Panics
    /// Never: the world was just made, so that nobody else has it.
    #[must_use]
    pub fn with_vault(&self, vault: Arc<dyn Vault>) -> Arc<World> {
        let mut world = self.replica();
        Arc::get_mut(&mut world).expect("just made").vault = vault;
        world
    }

    /// A signing key of this log.
    ///
    /// # Panics
    /// Never: the origin is a key's name.
    #[must_use]
    pub fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(ORIGIN, &[seed; 32]).expect("a key's name")
    }

    /// The same deployment after somebody changed its calendar.
    ///
    /// # Panics
    /// When there is no such time zone or month.
    #[must_use]
    pub fn with_calendar(&self, zone: &str, month: u32) -> Arc<World> {
        let mut plan = self.world.plan.clone();
        let zone = zone.parse().expect("a time zone");
        plan.deployment.calendar = FiscalCalendar::new(zone, month).expect("a month");
        plan.deployment.fiscal_year_start = month;
        self.rebuilt(plan, self.clock.clone())
    }

    /// Another process, whose database is on a host with this clock.
    ///
    /// # Panics
    /// Never: the world was just made, so that nobody else has it.
    #[must_use]
    pub fn beside_a_server(&self, clock: Arc<MockClock>) -> Arc<World> {
        let mut world = self.replica();
        Arc::get_mut(&mut world).expect("just made").reference = ReferenceClock::Told(clock);
        world
    }

    fn rebuilt(&self, plan: WorkPlan, clock: Arc<MockClock>) -> Arc<World> {
        // Each process has chance of its own.
        let seed = self.world.worker_key().unsigned_abs();
        world(&self.database, &self.vault, clock, &self.folder, plan, seed)
    }

    /// Does what is due.
    ///
    /// # Errors
    /// What the run says.
    pub async fn try_run(&self) -> Result<RunSummary, StepError> {
        exhibit_pipeline::run_due(&self.world, &()).await
    }

    /// Does what is due at that time.
    ///
    /// # Panics
    /// When the run does not go through.
    pub async fn run_at(&self, now: &str) -> RunSummary {
        self.clock.set(at(now));
        self.try_run().await.expect("the run goes through")
    }

    /// The period that the instant belongs to.
    #[must_use]
    pub fn period(&self, instant: &str) -> Period {
        self.world.plan.deployment.calendar.period_of(at(instant))
    }

    /// What the report of that instant's period says now.
    ///
    /// # Panics
    /// When it can't be made.
    pub async fn view(&self, instant: &str) -> PeriodView {
        let period = self.period(instant);
        exhibit_pipeline::render_period(&self.world, &period).await.expect("a report").view
    }

    /// Looks at everything that is stored, held against the key and the checkpoints kept outside.
    ///
    /// # Panics
    /// When it can't look.
    pub async fn fsck(&self) -> FsckReport {
        self.fsck_from(self.world.signer.verifier()).await
    }

    /// The same, from another pinned key.
    ///
    /// # Panics
    /// When it can't look.
    pub async fn fsck_from(&self, pinned: &VerifierKey) -> FsckReport {
        let notes = self.world.outside.all().expect("checkpoints outside can be read");
        let trusted = Trusted {
            origin: ORIGIN.to_owned(),
            keys: vec![pinned.clone()],
            checkpoints: notes
                .into_iter()
                .map(|note| OutsideCheckpoint { source: "beside the data".to_owned(), note: note.into_bytes() })
                .collect(),
        };
        self.world.store.fsck(&trusted).await.expect("fsck can look")
    }

    /// Asserts that everything that is stored is as it must be.
    ///
    /// # Panics
    /// When it is not, naming each difference.
    pub async fn assert_clean(&self) {
        let report = self.fsck().await;
        let differences: Vec<String> = report.differences.iter().map(ToString::to_string).collect();
        assert!(report.is_clean(), "fsck found:\n{}", differences.join("\n"));
        assert_eq!(report.entries, self.size().await, "fsck read every entry");
    }

    /// How many entries the ledger has.
    ///
    /// # Panics
    /// When it can't be asked.
    pub async fn size(&self) -> u64 {
        self.world.store.head().await.expect("the ledger has a head").size()
    }
}

fn registry() -> Registry {
    Registry::built_in().expect("the built-in collectors are in order")
}

fn plan(examples: &[Example], base: &Path) -> WorkPlan {
    let mut environments: Vec<Environment> = Vec::new();
    for environment in examples.iter().flat_map(|example| &example.environments) {
        if !environments.iter().any(|known| known.id == environment.id) {
            environments.push(environment.clone());
        }
    }
    WorkPlan {
        deployment: DeploymentPlan {
            name: "Example Company".to_owned(),
            calendar: FiscalCalendar::new(ZONE, 1).expect("January is a month"),
            fiscal_year_start: 1,
            grace_days: GRACE_DAYS,
            environments,
            configuration: Digest::of(b"a test's configuration"),
            change_reason: None,
        },
        jobs: examples.iter().map(|example| example.job.clone()).collect(),
        base: base.to_owned(),
        retention: Retention::new(RetentionClass::years(7)),
    }
}

fn world(
    database: &TestDatabase,
    vault: &Arc<FaultyVault>,
    clock: Arc<dyn Clock>,
    folder: &TempDir,
    plan: WorkPlan,
    seed: u64,
) -> Arc<World> {
    let registry = registry();
    let catalog = Catalog {
        collectors: registry.iter().map(|registered| registered.manifest.clone()).collect(),
        frameworks: frameworks().expect("the built-in frameworks are in order"),
    };
    Arc::new(World {
        store: database.store().clone(),
        vault: Arc::clone(vault) as _,
        registry,
        engine: exhibit_detect::Engine::shared(),
        runner: Arc::new(Spawning::by_this_program()),
        templates: TemplateSet::built_in().expect("the built-in template is in order"),
        catalog,
        clock,
        reference: ReferenceClock::SameHost,
        random: Arc::new(SeededRandom::new(seed)),
        signer: SigningKey::from_seed(ORIGIN, &SIGNING_SEED).expect("a key's name"),
        outside: OutsideCheckpoints::new(folder.path().join("checkpoints")),
        host: HostFacts { principal: "test-principal".to_owned(), host: "test-host".to_owned() },
        plan,
    })
}
