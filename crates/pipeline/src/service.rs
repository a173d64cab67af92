//! Collecting that keeps going by itself: what `exhibit serve` does.
//!
//! Reconcilers take no input. Each looks at the state, does what is missing, and is begun again at an interval and
//! whenever something was heard; a notice only makes it sooner. Several processes on one database share the work:
//! slots are kept apart by their leases, what only one may do at a time by a lock, and nothing else coordinates them.

mod stewarding;
mod working;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use exhibit_store::Worker;
use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
};

use crate::{Declared, Effort, Issued, StepError, World, attempts::Hands, declare, plan_ahead};

/// How a service works.
#[derive(Clone, Debug)]
pub struct ServiceSettings {
    /// How many slots are performed at a time, at least 1.
    pub workers: usize,
    /// How often the state is looked at without being told of a change.
    pub poll: Duration,
    /// How long to wait after a change for further ones, before they are signed together.
    pub settle: Duration,
    /// How often it is asked whether a period must be closed or a report archived.
    pub close_every: Duration,
    /// How often every receipt is held against the archive.
    pub receipts_every: Duration,
    /// After how long a collector that still runs is let go, once the service is told to end.
    pub let_go_after: Duration,
    /// How much is tried.
    pub effort: Effort,
}

impl Default for ServiceSettings {
    fn default() -> Self {
        Self {
            workers: 2,
            poll: Duration::from_secs(15),
            settle: Duration::from_secs(1),
            close_every: Duration::from_secs(60),
            receipts_every: Duration::from_secs(6 * 3_600),
            let_go_after: Duration::from_secs(6),
            effort: Effort::patient(),
        }
    }
}

/// What is done with a report that was just issued, beside archiving it.
pub type OnIssued = Box<dyn Fn(&Issued) + Send + Sync>;

/// A service: started, running, told to end.
pub struct Service {
    world: watch::Sender<Arc<World>>,
    settings: ServiceSettings,
    hands: Hands,
    on_issued: OnIssued,
    /// True once nothing new is begun.
    ending: watch::Sender<bool>,
    /// True once nobody waits for collectors any more.
    let_go: watch::Sender<bool>,
    /// Changes whenever there may be something to do.
    woken: watch::Sender<u64>,
    /// The session that holds this process's leases.
    session: tokio::sync::Mutex<Option<Worker>>,
    /// Its key; 0 while there is none.
    key: AtomicI64,
    /// The job that another process declared differently, while there is one: nothing is claimed then.
    superseded: Mutex<Option<String>>,
    receipts_differ: AtomicBool,
    /// Told whenever a step found that the signing key was rotated.
    retired: Notify,
}

impl Service {
    /// Declares what is configured and plans what is promised.
    ///
    /// # Errors
    /// When that can't be done: a service that can't begin says so at once.
    pub async fn start(
        world: Arc<World>,
        settings: ServiceSettings,
        on_issued: OnIssued,
    ) -> Result<Arc<Self>, StepError> {
        let declared = declare(&world).await?;
        tell_declared(&declared);
        plan_ahead(&world).await?;
        let (let_go, gone) = watch::channel(false);
        Ok(Arc::new(Self {
            world: watch::Sender::new(world),
            hands: Hands::new(settings.effort.clone(), gone),
            settings,
            on_issued,
            ending: watch::Sender::new(false),
            let_go,
            woken: watch::Sender::new(0),
            session: tokio::sync::Mutex::new(None),
            key: AtomicI64::new(0),
            superseded: Mutex::new(None),
            receipts_differ: AtomicBool::new(false),
            retired: Notify::new(),
        }))
    }

    /// The world that is worked with now.
    pub fn world(&self) -> Arc<World> {
        self.world.borrow().clone()
    }

    /// Goes over to another plan: declares it, and works by it from then on. What runs already ends by the old one.
    ///
    /// # Errors
    /// When it can't be declared; the old plan goes on.
    pub async fn adopt(&self, world: Arc<World>) -> Result<Declared, StepError> {
        let declared = declare(&world).await?;
        tell_declared(&declared);
        self.world.send_replace(world);
        self.set_superseded(None);
        self.wake();
        Ok(declared)
    }

    /// Waits until a step found that the key at hand was rotated: nothing is signed until [`Service::sign_by`] brings
    /// the key that the ledger goes on with.
    pub async fn retired(&self) {
        self.retired.notified().await;
    }

    /// Goes on with the world that is worked with, but for its key. Nothing is declared: whether this process's
    /// configuration is the one in force has nothing to do with its key.
    pub fn sign_by(&self, world: Arc<World>) {
        self.world.send_replace(world);
        self.wake();
    }

    /// Whether the last look at the archive found a receipt that is not so.
    pub fn receipts_differ(&self) -> bool {
        self.receipts_differ.load(Ordering::Relaxed)
    }

    /// Begins to end: nothing new is begun. Collectors that still run after a while are let go, their slots given back.
    pub fn end(&self) {
        self.ending.send_replace(true);
    }

    /// Works until [`Service::end`] is called and what ran has ended or was given back.
    pub async fn run(self: &Arc<Self>) {
        let mut tasks = JoinSet::new();
        for _ in 0..self.settings.workers.max(1) {
            tasks.spawn(Arc::clone(self).kept_up("worker", |service| service.work()));
        }
        // Sets, so that nothing goes on where this is dropped.
        let (mut listener, mut steward) = (JoinSet::new(), JoinSet::new());
        listener.spawn(Arc::clone(self).kept_up("listener", |service| service.listen()));
        steward.spawn(Arc::clone(self).kept_up("steward", |service| service.steward()));
        self.ended().await;
        tokio::select! {
            () = all(&mut tasks) => {}
            () = tokio::time::sleep(self.settings.let_go_after) => {
                self.let_go.send_replace(true);
                all(&mut tasks).await;
            }
        }
        listener.shutdown().await;
        // A step that was being taken is taken to its end; then what the workers appended last is signed.
        all(&mut steward).await;
        self.finish().await;
    }

    /// Runs a task of the service; one that panics is begun anew.
    async fn kept_up<F>(self: Arc<Self>, name: &'static str, task: impl Fn(Arc<Self>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        loop {
            let mut alone = JoinSet::new();
            alone.spawn(task(Arc::clone(&self)));
            let ended = alone.join_next().await;
            if matches!(ended, Some(Ok(()))) || self.is_ending() {
                return;
            }
            tracing::error!(task = name, "a task of the service ended early and is begun anew");
            tokio::time::sleep(self.settings.poll.min(Duration::from_secs(5))).await;
        }
    }

    /// Hears of what others did, and wakes the rest. A listener that fails is begun again after a while; meanwhile the
    /// others look at their intervals.
    async fn listen(self: Arc<Self>) {
        while !self.is_ending() {
            match self.world().store.listen().await {
                Ok(mut listener) => {
                    while let Ok(_heard) = listener.hear().await {
                        self.wake();
                    }
                    tracing::warn!("the listening connection was lost; looking at intervals until it is there again");
                }
                Err(error) => tracing::warn!(%error, "could not listen; looking at intervals"),
            }
            self.wake();
            tokio::time::sleep(self.settings.poll).await;
        }
    }

    fn wake(&self) {
        self.woken.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn is_ending(&self) -> bool {
        *self.ending.borrow()
    }

    async fn ended(&self) {
        // The sender lives as long as this value.
        let _ = self.ending.subscribe().wait_for(|ending| *ending).await;
    }

    /// Waits until there may be something to do: something was heard, `at_most` is over, or the service ends.
    async fn idle(&self, woken: &mut watch::Receiver<u64>, at_most: Duration) {
        tokio::select! {
            _ = woken.changed() => {}
            () = tokio::time::sleep(at_most) => {}
            () = self.ended() => {}
        }
    }

    /// The key to claim with, unless nothing may be claimed now.
    fn claiming(&self) -> Option<i64> {
        let superseded = self.superseded.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        let key = self.key.load(Ordering::Relaxed);
        (key != 0 && !superseded && !self.is_ending()).then_some(key)
    }

    /// Notes whether another process declared another configuration; says so once.
    fn set_superseded(&self, job: Option<String>) {
        let mut superseded = self.superseded.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*superseded, &job) {
            (None, Some(job)) => {
                tracing::warn!(
                    job,
                    "another process declared another configuration: nothing is performed until this one reads its configuration again (SIGHUP)"
                );
            }
            (Some(_), None) => tracing::info!("the configuration in force is this process's again"),
            _ => {}
        }
        *superseded = job;
    }
}

async fn all(tasks: &mut JoinSet<()>) {
    while tasks.join_next().await.is_some() {}
}

fn tell_declared(declared: &Declared) {
    if declared.deployment || !declared.jobs.is_empty() {
        let jobs = declared.jobs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        tracing::info!(deployment = declared.deployment, jobs, "configuration declared in the ledger");
    }
}
