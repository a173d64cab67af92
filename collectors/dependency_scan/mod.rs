//! `dependency_scan`: known vulnerabilities in the packages that lockfiles pin, whichever scanner looks for them.
//!
//! All of it is in `src/vulnerable`, which `container_scan` shares.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use exhibit_detect::Engine;
use exhibit_evidence::{Observation, Timestamp, assessment::Judgement, deployment::Environment, observation::SelfTest};

use crate::vulnerable::Looks;
use crate::{CollectError, Collected, Collector, Given, JudgeError, Scope, SettingProblem, Settings};

const LOOKS: Looks = Looks::Dependencies;

/// The collector, for the registry.
pub fn collector() -> Box<dyn Collector> {
    Box::new(DependencyScan)
}

/// Observes projects' lockfiles, and what scanners say of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct DependencyScan;

impl Collector for DependencyScan {
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

    /// Each `<name>.toml` of a case's folder `repositories` becomes a git repository; all else is copied.
    fn prepare_case(&self, input: &Path, scratch: &Path, _now: Timestamp) -> io::Result<PathBuf> {
        let repositories = input.join("repositories");
        if !repositories.is_dir() {
            return Ok(input.to_owned());
        }
        crate::ci_secrets::fixture::build_all(&repositories, scratch)?;
        Ok(scratch.to_owned())
    }
}
