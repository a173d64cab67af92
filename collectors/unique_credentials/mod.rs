//! Environments × credentials: are they unique, strong and complete? Only facts leave; see
//! `README.md` for what it proves and what it does not.
//!
//! - `settings`: what people write; `collect`: reads the sources, says facts (values end there);
//! - `facts`: the form of what leaves; `matrix`: the facts arranged;
//! - `breached`: lists of breached passwords, asked by range;
//! - `judge`: verdicts; `sharing`, `strength`, `missing`: the checks; `conditions`: their words;
//! - `self_test`: a known-bad and a known-good fixture, before every run.

pub mod breached;
mod collect;
mod conditions;
mod examples;
pub mod facts;
mod held;
mod hosts;
mod judge;
pub mod login;
mod matrix;
mod missing;
mod recipients;
mod rotation;
pub mod rules;
mod self_test;
pub mod settings;
mod sharing;
mod strength;
mod transport;

use crate::sources::Root;
use crate::{CollectError, Collected, Collector, JudgeError, Scope, SettingProblem, Settings, collector::in_order};
use exhibit_detect::RunKey;
use exhibit_detect::Engine;
use exhibit_evidence::Observation;
use exhibit_evidence::assessment::Judgement;
use exhibit_evidence::deployment::Environment;
use exhibit_evidence::observation::SelfTest;

/// The collector.
#[must_use]
pub fn collector() -> Box<dyn Collector> {
    Box::new(UniqueCredentials)
}

struct UniqueCredentials;

impl Collector for UniqueCredentials {
    fn check_settings(&self, settings: &Settings) -> Result<(), Vec<SettingProblem>> {
        let source = settings::SourceSettings::read(&settings.source).err().unwrap_or_default();
        in_order(source.into_iter().chain(settings::Policy::read(&settings.policy).err()))
    }

    fn self_test(&self, _: &Engine) -> SelfTest {
        self_test::run()
    }

    fn collect(&self, scope: &Scope<'_>, settings: &Settings) -> Result<Collected, CollectError> {
        let source = settings::SourceSettings::read(&settings.source).map_err(|mut problems| {
            let other = SettingProblem::new("source", "expected `[[source.credentials]]`");
            CollectError::Settings(problems.pop().unwrap_or(other))
        })?;
        let policy = settings::Policy::read(&settings.policy).map_err(CollectError::Settings)?;
        for (at, configured) in source.credentials.iter().enumerate() {
            if scope.environments.iter().all(|known| known.id != configured.environment) {
                let key = format!("source.credentials.{at}.environment");
                let expected = "expected one of the environments in the job's scope";
                return Err(CollectError::Settings(SettingProblem::new(&key, expected)));
            }
        }
        for (at, server) in source.operating_test.iter().flat_map(|test| &test.servers).enumerate() {
            if scope.environments.iter().all(|known| known.id != server.environment) {
                let key = format!("source.operating_test.servers.{at}.environment");
                let expected = "expected one of the environments in the job's scope";
                return Err(CollectError::Settings(SettingProblem::new(&key, expected)));
            }
        }
        let network = login::Network { base: scope.base.to_owned() };
        let run = collect::Run {
            root: Root::folder(scope.base),
            environments: scope.environments,
            clock: scope.clock,
            run_key: RunKey::new(*scope.run_key),
            source,
            policy,
            dial: &network,
            lists: &breached::Network { root: Root::folder(scope.base) },
        };
        Ok(Collected { observation: collect::observe(&run), artifacts: Vec::new() })
    }

    fn never_gaps(&self) -> &'static [&'static str] {
        &[collect::NOT_SENSITIVE]
    }

    fn judge(
        &self,
        observation: &Observation,
        environments: &[Environment],
        policy: &toml::Table,
    ) -> Result<Vec<Judgement>, JudgeError> {
        judge::judge(observation, environments, policy)
    }
}

#[cfg(test)]
mod tests;
