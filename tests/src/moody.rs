//! A collector in a test's hand: it hangs, panics or fails when it is told to, and else does what the real one does.

use std::{
    collections::BTreeSet,
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

use exhibit_collectors::{
    CollectError, Collected, Collector, JudgeError, Registry, Scope, collector::SettingProblem, collector::Settings,
};
use exhibit_detect::Engine;
use exhibit_evidence::{CheckId, Observation, assessment::Judgement, deployment::Environment, observation::SelfTest};

/// What a [`Moody`] does when it is to observe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// What the real one does.
    Work,
    /// Waits until it is told another mood, then does that.
    Wait,
    /// Finds its source unreachable.
    Fail,
    /// Panics, with words that must not be kept.
    Panic,
}

/// Tells a [`Moody`] what to do, and how often it was begun. Clones share one mood.
#[derive(Clone)]
pub struct Moods(Arc<(Mutex<(Mood, usize)>, Condvar)>);

impl Moods {
    /// From now on, this.
    pub fn set(&self, mood: Mood) {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).0 = mood;
        self.0.1.notify_all();
    }

    /// How often an observation was begun.
    #[must_use]
    pub fn begun(&self) -> usize {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    fn begin(&self) -> Mood {
        let mut state = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.1 += 1;
        // A test that failed must come to its end, and a runtime waits for its threads.
        let ended = self.0.1.wait_timeout_while(state, LONGEST, |state| state.0 == Mood::Wait);
        ended.unwrap_or_else(PoisonError::into_inner).0.0
    }
}

/// Nothing waits longer than this.
const LONGEST: Duration = Duration::from_secs(90);

/// Words of a panic, and a value of a secret in them.
pub const PANIC: &str = "while reading postgres://app:canary-Qm3xT8vLp2@db/shop";

/// A collector with moods.
pub struct Moody {
    real: Registry,
    id: &'static str,
    moods: Moods,
}

impl Moody {
    /// One that stands in for the built-in collector of that id, and what tells it what to do.
    ///
    /// # Panics
    /// Where there is none of that id.
    #[must_use]
    pub fn new(id: &'static str) -> (Self, Moods) {
        let real = Registry::built_in().expect("the built-in collectors are in order");
        assert!(real.get(id).is_some(), "no collector {id}");
        let moods = Moods(Arc::new((Mutex::new((Mood::Work, 0)), Condvar::new())));
        (Self { real, id, moods: moods.clone() }, moods)
    }

    fn real(&self) -> &dyn Collector {
        &*self.real.get(self.id).expect("it was there").collector
    }
}

impl Collector for Moody {
    fn check_settings(&self, settings: &Settings) -> Result<(), Vec<SettingProblem>> {
        self.real().check_settings(settings)
    }

    fn self_test(&self, engine: &Engine) -> SelfTest {
        self.real().self_test(engine)
    }

    fn collect(&self, scope: &Scope<'_>, settings: &Settings) -> Result<Collected, CollectError> {
        match self.moods.begin() {
            Mood::Work | Mood::Wait => self.real().collect(scope, settings),
            Mood::Fail => Err(CollectError::Other("the source can't be reached".to_owned())),
            Mood::Panic => panic!("{PANIC}"),
        }
    }

    fn judge(
        &self,
        observation: &Observation,
        environments: &[Environment],
        policy: &toml::Table,
    ) -> Result<Vec<Judgement>, JudgeError> {
        self.real().judge(observation, environments, policy)
    }

    fn accepted_exclusions(&self, policy: &toml::Table) -> BTreeSet<String> {
        self.real().accepted_exclusions(policy)
    }
    fn rests_on_the_count(&self, check: &CheckId) -> Option<&'static [&'static str]> {
        self.real().rests_on_the_count(check)
    }
}
