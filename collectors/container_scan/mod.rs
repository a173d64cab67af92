//! `container_scan`: known vulnerabilities in what container images hold, whichever scanner looks for them.
//!
//! All of it is in `src/vulnerable`, which `dependency_scan` shares.

use std::collections::BTreeSet;

use exhibit_detect::Engine;
use exhibit_evidence::{Observation, assessment::Judgement, deployment::Environment, observation::SelfTest};

use crate::vulnerable::Looks;
use crate::{CollectError, Collected, Collector, Given, JudgeError, Scope, SettingProblem, Settings};

const LOOKS: Looks = Looks::Images;

/// The collector, for the registry.
pub fn collector() -> Box<dyn Collector> {
    Box::new(ContainerScan)
}

/// Observes images, and what scanners say of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct ContainerScan;

impl Collector for ContainerScan {
    fn check_settings(&self, settings: &Settings) -> Result<(), Vec<SettingProblem>> {
        LOOKS.check_settings(settings)
    }

    fn self_test(&self, engine: &Engine) -> SelfTest {
        LOOKS.self_test(engine)
    }

    fn collect(&self, scope: &Scope<'_>, settings: &Settings) -> Result<Collected, CollectError> {
        LOOKS.collect(scope, settings)
    }

    fn judge(
        &self,
        observation: &Observation,
        _environments: &[Environment],
        policy: &toml::Table,
    ) -> Result<Vec<Judgement>, JudgeError> {
        LOOKS.judge(observation, policy)
    }

    fn import(&self, scope: &Scope<'_>, settings: &Settings, given: &Given<'_>) -> Result<Observation, CollectError> {
        LOOKS.import(scope, settings, given)
    }

    fn accepted_exclusions(&self, policy: &toml::Table) -> BTreeSet<String> {
        LOOKS.accepted(policy)
    }
}
