//! `repository_secrets`: secrets in every tracked file, in every blob that a repository stores, and in built front ends.
//!
//! `stored` takes git's own count, `look` reads each blob and file once and searches it, `gather` tells what stands at
//! HEAD from what only history holds, `place` gives bundles' files a name that outlives a build, `collect` keeps facts,
//! `judge` decides from facts alone, `conditions` says why each deviation matters, `self_test` sends a good and a bad
//! repository through all of it.

mod collect;
mod conditions;
mod facts;
mod gather;
mod judge;
mod look;
mod place;
mod self_test;
mod settings;
mod stored;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::{fs, io};

use exhibit_detect::Engine;
use exhibit_evidence::{
    Digest, Observation, Timestamp, assessment::Judgement, deployment::Environment, observation::SelfTest,
};

use crate::ci_secrets::fixture;
use crate::{CollectError, Collected, Collector, JudgeError, Scope, SettingProblem, Settings, collector::in_order};

/// The collector, for the registry.
pub fn collector() -> Box<dyn Collector> {
    Box::new(RepositorySecrets)
}

/// Observes git repositories and built front ends.
#[derive(Clone, Copy, Debug, Default)]
pub struct RepositorySecrets;

impl Collector for RepositorySecrets {
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
        _environments: &[Environment],
        policy: &toml::Table,
    ) -> Result<Vec<Judgement>, JudgeError> {
        judge::judge(observation, policy)
    }

    /// Each `<name>.toml` of a case's input becomes a repository of that name; all else is copied.
    fn prepare_case(&self, input: &Path, scratch: &Path, _now: Timestamp) -> io::Result<PathBuf> {
        if input.is_dir() {
            copy(input, scratch)?;
        }
        fixture::build_all(input, scratch)?;
        Ok(scratch.to_owned())
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let place = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy(&path, &place)?;
        } else if path.extension().is_none_or(|end| end != "toml") {
            fs::copy(&path, place)?;
        }
    }
    Ok(())
}
