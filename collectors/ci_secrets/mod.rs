//! `ci_secrets`: secrets in the clear in CI configuration, now and in the whole git history.
//!
//! `repository` opens honestly, `walk` finds every version of every CI file, `count` counts them by another way,
//! `examine` reads each blob once, `understand` knows what the configuration means, `collect` keeps facts, `judge`
//! decides from facts alone.

mod collect;
pub mod conditions;
pub mod count;
mod examine;
pub mod facts;
pub mod fixture;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod generate;
mod glob;
pub mod judge;
pub mod recognise;
pub mod repository;
mod self_test;
pub mod settings;
mod tally;
#[cfg(test)]
mod tests;
mod understand;
pub mod walk;

use crate::{CollectError, Collected, Collector, JudgeError, Scope, SettingProblem, Settings, collector::in_order};
use exhibit_detect::Engine;
use exhibit_evidence::assessment::Judgement;
use exhibit_evidence::deployment::Environment;
use exhibit_evidence::observation::SelfTest;
use exhibit_evidence::{Digest, Observation, Timestamp};
use std::io;
use std::path::{Path, PathBuf};

/// The collector, for the registry.
pub fn collector() -> Box<dyn Collector> {
    Box::new(CiSecrets)
}

/// Observes git repositories' CI configuration.
#[derive(Clone, Copy, Debug, Default)]
pub struct CiSecrets;

impl Collector for CiSecrets {
    fn rule_pack(&self) -> Option<Digest> {
        Some(Digest(Engine::builtin().rule_pack_digest()))
    }

    fn check_settings(&self, settings: &Settings) -> Result<(), Vec<SettingProblem>> {
        let (source, policy) = (settings::source(&settings.source), settings::policy(&settings.policy));
        in_order(source.err().into_iter().chain(policy.err()))
    }

    fn self_test(&self, engine: &Engine) -> SelfTest {
        self_test::run(engine)
    }

    fn collect(&self, scope: &Scope<'_>, settings: &Settings) -> Result<Collected, CollectError> {
        collect::collect(scope, settings)
    }

    fn judge(
        &self,
        observation: &Observation,
        environments: &[Environment],
        policy: &toml::Table,
    ) -> Result<Vec<Judgement>, JudgeError> {
        judge::judge(observation, environments, policy)
    }

    fn prepare_case(&self, input: &Path, scratch: &Path, _now: Timestamp) -> io::Result<PathBuf> {
        fixture::build_all(input, scratch)?;
        Ok(scratch.to_owned())
    }
}
