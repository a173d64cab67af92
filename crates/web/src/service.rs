//! What every handler works with.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use exhibit_evidence::{Clock, FiscalCalendar, Timestamp};
use exhibit_report::Catalog;
use exhibit_store::Store;
use uuid::Uuid;

use crate::{
    intake::Intake, limits::Limiter, metrics::Metrics, recorder::Recorder, status::Folds, token::TokenKey,
    vitals::LastVitals, who::Tokens,
};

/// Where randomness comes from: the system in production, a seed in tests.
pub type Entropy = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

/// What the binary brings.
pub struct Parts {
    /// The ledger and what is projected from it.
    pub store: Store,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Entropy,
    /// Collectors, checks and frameworks.
    pub catalog: Catalog,
    /// The collectors' pages, Markdown, by the collector's id.
    pub pages: BTreeMap<String, String>,
    /// Time zone and fiscal year: what a period's name means.
    pub calendar: FiscalCalendar,
    /// Under which tokens' hashes are kept.
    pub token_key: TokenKey,
    /// What masks and examines whatever is sent.
    pub intake: Arc<dyn Intake>,
    /// How much is taken.
    pub limits: Limits,
}

/// How much is taken from whom. All hold for one process: several replicas allow several times as much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests a second for each token, and for each peer that shows none.
    pub requests_per_second: u32,
    /// So many may come at once before that rate holds.
    pub burst: u32,
    /// The largest body, in bytes.
    pub body: usize,
    /// How long a body, and a handler, may take.
    pub patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { requests_per_second: 50, burst: 200, body: 1 << 20, patience: Duration::from_secs(30) }
    }
}

/// What every handler works with. Clones share it.
#[derive(Clone)]
pub struct Service(Arc<Inner>);

/// What the configuration and the collectors say: taken anew while the service runs.
pub(crate) struct Known {
    pub(crate) catalog: Catalog,
    pub(crate) pages: BTreeMap<String, String>,
    pub(crate) calendar: FiscalCalendar,
    /// What was folded by that catalog and calendar.
    pub(crate) folds: Folds,
}

/// What the clones of a [`Service`] share.
pub struct Inner {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Entropy,
    known: RwLock<Arc<Known>>,
    pub(crate) tokens: Tokens,
    pub(crate) recorder: Recorder,
    pub(crate) intake: Arc<dyn Intake>,
    pub(crate) limits: Limits,
    pub(crate) limiter: Limiter,
    pub(crate) metrics: Metrics,
    pub(crate) vitals: LastVitals,
    /// The handlers' own checks are switched off: what is left is row-level security.
    #[cfg(feature = "testing")]
    pub(crate) database_alone: bool,
}

impl std::ops::Deref for Service {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Service {
    /// Puts the parts together. Must be called on a tokio runtime: the writer of the access log runs there.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(Inner::of(parts)))
    }

    /// The same, with the handlers' own checks switched off.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn with_row_level_security_alone(parts: Parts) -> Self {
        Self(Arc::new(Inner { database_alone: true, ..Inner::of(parts) }))
    }
}

impl Service {
    /// Goes over to another catalog, other pages of collectors and another calendar. What is being answered ends by
    /// the old ones.
    pub fn adopt(&self, catalog: Catalog, pages: BTreeMap<String, String>, calendar: FiscalCalendar) {
        let known = Arc::new(Known { catalog, pages, calendar, folds: Folds::default() });
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
        // What a token lets its person see was worked out by the old ones.
        self.tokens.forget();
    }
}

impl Inner {
    /// What the configuration and the collectors say now.
    pub(crate) fn known(&self) -> Arc<Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn of(parts: Parts) -> Self {
        let Parts { store, clock, entropy, catalog, pages, calendar, token_key, intake, limits } = parts;
        Self {
            recorder: Recorder::start(store.clone()),
            tokens: Tokens::new(token_key),
            limiter: Limiter::new(&limits),
            metrics: Metrics::new(),
            vitals: LastVitals::default(),
            store,
            clock,
            entropy,
            known: RwLock::new(Arc::new(Known { catalog, pages, calendar, folds: Folds::default() })),
            intake,
            limits,
            #[cfg(feature = "testing")]
            database_alone: false,
        }
    }

    /// Whether the handlers check by themselves, beside row-level security.
    pub(crate) fn checks(&self) -> bool {
        #[cfg(feature = "testing")]
        return !self.database_alone;
        #[cfg(not(feature = "testing"))]
        true
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A fresh id, in the order of time.
    pub(crate) fn fresh_id(&self) -> Uuid {
        let mut random = [0; 10];
        (self.entropy)(&mut random);
        let millis = u64::try_from(self.now().micros() / 1000).unwrap_or_default();
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}
