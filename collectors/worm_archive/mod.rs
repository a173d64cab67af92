//! `worm_archive`: Exhibit's own archive, held against the receipts in its ledger.
//!
//! `collect` asks and compares nothing, `facts` is what it keeps, `comparing` finds differences and `judge` decides, both from
//! facts alone, `conditions` says why each deviation matters, `self_test` sends a good and a bad archive through both.

mod collect;
mod comparing;
mod conditions;
mod facts;
mod judge;
mod self_test;
mod settings;
#[cfg(test)]
mod tests;


use exhibit_detect::Engine;
use exhibit_evidence::{
    Observation, assessment::Judgement, deployment::Environment, observation::SelfTest,
};

pub use comparing::{Departure, departures};
pub use conditions::HOLD_LOST;

use crate::{CollectError, Collected, Collector, JudgeError, Scope, SettingProblem, Settings, collector::in_order};

/// The collector, for the registry.
pub fn collector() -> Box<dyn Collector> {
    Box::new(WormArchive)
}

/// Holds the archive against its receipts.
#[derive(Clone, Copy, Debug, Default)]
pub struct WormArchive;

impl Collector for WormArchive {
    fn check_settings(&self, settings: &Settings) -> Result<(), Vec<SettingProblem>> {
        let (source, policy) = (settings::source(&settings.source), settings::policy(&settings.policy));
        in_order(source.err().into_iter().chain(policy.err()))
    }

    fn self_test(&self, _: &Engine) -> SelfTest {
        self_test::run()
    }

    fn collect(&self, scope: &Scope<'_>, settings: &Settings) -> Result<Collected, CollectError> {
        collect::collect(scope, settings)
    }

    fn judge(
        &self,
        observation: &Observation,
        _environments: &[Environment],
        policy: &toml::Table,
    ) -> Result<Vec<Judgement>, JudgeError> {
        judge::judge(observation, &settings::policy(policy).map_err(JudgeError::Policy)?)
    }

    /// What a random sample left out is no gap that somebody has to accept: the method says what it can show.
    fn never_gaps(&self) -> &'static [&'static str] {
        &[collect::NOT_DRAWN]
    }
}
