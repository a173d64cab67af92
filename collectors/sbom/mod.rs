//! `sbom`: whether there is a bill of materials for each target, and whether it can be relied on.
//!
//! `collect` counts what a target holds and reads its bill, `importing` takes one that is handed in, `comparing` holds bill and target
//! against each other, `changes` tells what is another than in the last bill, `facts` is what is kept, `judge` decides from that alone, `self_test` sends bills that are known through all of it.

mod changes;
mod collect;
mod comparing;
mod conditions;
mod facts;
mod importing;
mod judge;
mod self_test;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use exhibit_detect::Engine;
use exhibit_evidence::{
    Observation, Timestamp, assessment::Judgement, deployment::Environment, observation::SelfTest,
};

use crate::{
    CollectError, Collected, Collector, Given, JudgeError, Scope, SettingProblem, Settings, collector::in_order,
};

/// The collector, for the registry.
pub fn collector() -> Box<dyn Collector> {
    Box::new(Sbom)
}

/// Looks at bills of materials.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sbom;

impl Collector for Sbom {
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

    /// Those that the policy names, what is part of the project itself, and what a bill that lists nothing can't be held against:
    /// that is no gap in what is counted.
    fn accepted_exclusions(&self, policy: &toml::Table) -> BTreeSet<String> {
        let named = settings::policy(policy).map(|policy| policy.allow_excluded).unwrap_or_default();
        named.into_iter().chain([collect::LOCAL, collect::NOTHING_LISTED].map(str::to_owned)).collect()
    }

    /// As the cases of `container_scan` and `dependency_scan`.
    fn prepare_case(&self, input: &Path, scratch: &Path, now: Timestamp) -> io::Result<PathBuf> {
        crate::vulnerable::prepare_case(input, scratch, now)
    }
}
