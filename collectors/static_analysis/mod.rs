//! `static_analysis`: what scanners find in code and configuration, whichever scanner it is.
//!
//! `collect` counts files and runs the scanner, `importing` takes in what one told elsewhere, `look` reads one result, `facts` is what is kept, `judge` decides from that
//! alone, `self_test` sends a good and a bad result through both.

mod collect;
mod facts;
mod importing;
mod judge;
mod look;
mod self_test;
mod settings;
mod silenced;
#[cfg(test)]
mod tests;

use exhibit_detect::Engine;
use exhibit_evidence::{Observation, assessment::Judgement, deployment::Environment, observation::SelfTest};

use crate::{CollectError, Collected, Collector, Given, JudgeError, Scope, SettingProblem, Settings, collector::in_order};

/// The collector, for the registry.
pub fn collector() -> Box<dyn Collector> {
    Box::new(StaticAnalysis)
}

/// Has a scanner look at files.
#[derive(Clone, Copy, Debug, Default)]
pub struct StaticAnalysis;

impl Collector for StaticAnalysis {
    fn check_settings(&self, settings: &Settings) -> Result<(), Vec<SettingProblem>> {
        let source = settings::source(&settings.source).err().unwrap_or_default();
        in_order(source.into_iter().chain(settings::policy(&settings.policy).err()))
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

    fn import(&self, scope: &Scope<'_>, settings: &Settings, given: &Given<'_>) -> Result<Collected, CollectError> {
        let keep = settings::keep(&settings.source).map_err(CollectError::Settings)?;
        importing::import(scope, keep, given)
    }

    fn beside_imported(&self) -> &'static [&'static str] {
        &["keep_results_mib"]
    }
}
