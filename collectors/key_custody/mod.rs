//! `key_custody`: is the current key where it has to be, and would a restore with it succeed?
//!
//! - `settings`, `policy`: what people write; `proof`: how two places show that they hold one key, without showing it;
//! - `looking`: asks a place, `restic`, `bucket` and `nearby` help; `drill`: opens a canary with a copy; `collect`: puts it together
//!   and says facts (keys end there); `snapshot` restores a vault's own backup into a scratch vault;
//! - `attested`: what people say of places that no program can look at;
//! - `facts`: the form of what leaves; `judge`: verdicts; `checks`, `keeping`: the checks; `conditions`: their words;
//! - `self_test`: a known-bad and a known-good fixture, before every run.

mod attested;
mod bucket;
pub mod canary;
mod checks;
mod collect;
mod conditions;
mod drill;
mod drill_settings;
mod facts;
#[cfg(feature = "fuzzing")]
pub mod fuzzing {
    //! Opened to `fuzz/`.
    pub use super::restic::fuzzing::restic;
}
mod judge;
mod keeping;
mod looking;
mod nearby;
mod policy;
mod proof;
mod restic;
mod self_test;
mod settings;
mod snapshot;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};

use exhibit_detect::Engine;
use exhibit_evidence::{Observation, Timestamp, assessment::Judgement, deployment::Environment, observation::SelfTest};

use crate::sources::Root;
use crate::{CollectError, Collected, Collector, JudgeError, Scope, SettingProblem, Settings, collector::in_order};

/// The collector.
#[must_use]
pub fn collector() -> Box<dyn Collector> {
    Box::new(KeyCustody)
}

/// Holds the places of keys against the services that run with them.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyCustody;

impl Collector for KeyCustody {
    fn check_settings(&self, settings: &Settings) -> Result<(), Vec<SettingProblem>> {
        let source = settings::Source::read(&settings.source).err().unwrap_or_default();
        in_order(source.into_iter().chain(policy::Policy::read(&settings.policy).err()))
    }

    fn self_test(&self, _engine: &Engine) -> SelfTest {
        self_test::run()
    }

    fn collect(&self, scope: &Scope<'_>, settings: &Settings) -> Result<Collected, CollectError> {
        let source = settings::Source::read(&settings.source).map_err(|mut problems| {
            let other = SettingProblem::new("source", "expected `[[source.keys]]`");
            CollectError::Settings(problems.pop().unwrap_or(other))
        })?;
        let subjects = source.keys.iter().enumerate().map(|(at, key)| ("keys", at, &key.subject));
        let vaults = source.vaults.iter().enumerate().map(|(at, vault)| ("vaults", at, &vault.subject));
        for (of, at, subject) in subjects.chain(vaults) {
            if scope.environments.iter().all(|known| known.id != subject.environment) {
                let key = format!("source.{of}.{at}.environment");
                let expected = "expected one of the environments in the job's scope";
                return Err(CollectError::Settings(SettingProblem::new(&key, expected)));
            }
        }
        let run = collect::Run {
            root: Root::folder(scope.base),
            environments: scope.environments,
            clock: scope.clock,
            run_key: scope.run_key,
            source: &source,
            counted: &settings::count(&settings.source),
            attestations: scope.own.attestations,
        };
        Ok(Collected { observation: collect::observe(&run), artifacts: Vec::new() })
    }

    fn judge(
        &self,
        observation: &Observation,
        _environments: &[Environment],
        policy: &toml::Table,
    ) -> Result<Vec<Judgement>, JudgeError> {
        judge::judge(observation, policy)
    }

    /// That no program looks at an attested place is what its settings say; whether it counts is for the judge.
    fn never_gaps(&self) -> &'static [&'static str] {
        &[collect::ATTESTED]
    }

    /// Copies the input, and gives each file the age and the mode that a checkout does not keep: `ages.txt` in it has lines
    /// `<hours before the run> <mode> <file>`.
    fn prepare_case(&self, input: &Path, scratch: &Path, now: Timestamp) -> io::Result<PathBuf> {
        crate::ages::prepare(input, scratch, now)
    }
}

