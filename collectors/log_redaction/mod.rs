//! `log_redaction`: secrets in logs, and whether the redaction that should keep them out is at work.
//!
//! `collect` lists, counts and examines; `canary` makes the application log a synthetic secret, `calling` by HTTP, and
//! `awaiting` waits until it shows; `examine` and `sample` look
//! at lines and keep facts; `judge` decides from facts alone, `conditions` says why each deviation matters, `self_test`
//! sends a good and a bad log through all of it.

mod awaiting;
mod binomial;
mod calling;
mod canary;
mod collect;
mod conditions;
mod examine;
mod facts;
mod judge;
mod opening;
mod sample;
mod self_test;
mod settings;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::{fs, io};

use exhibit_detect::Engine;
use exhibit_evidence::{
    Digest, Observation, Timestamp, assessment::Judgement, deployment::Environment, observation::SelfTest,
};

use crate::{CollectError, Collected, Collector, JudgeError, Scope, SettingProblem, Settings, collector::in_order};

/// The collector, for the registry.
pub fn collector() -> Box<dyn Collector> {
    Box::new(LogRedaction)
}

/// Observes logs.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogRedaction;

impl Collector for LogRedaction {
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

    /// What a random sample left out is no gap that somebody has to accept: the method says what it can show.
    fn never_gaps(&self) -> &'static [&'static str] {
        &[collect::NOT_DRAWN]
    }

    /// Cases may write to their logs, and hold text that is packed for the run: `app.log.2.gz.unpacked` becomes
    /// `app.log.2.gz`.
    fn prepare_case(&self, input: &Path, scratch: &Path, _now: Timestamp) -> io::Result<PathBuf> {
        copy(input, scratch)?;
        Ok(scratch.to_owned())
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if entry.file_type()?.is_dir() {
            copy(&path, &to.join(&*name))?;
        } else if let Some(packed) = name.strip_suffix(".unpacked") {
            let mut packer = flate2::write::GzEncoder::new(fs::File::create(to.join(packed))?, flate2::Compression::fast());
            io::copy(&mut fs::File::open(&path)?, &mut packer)?;
            packer.finish()?;
        } else {
            fs::copy(&path, to.join(&*name))?;
        }
    }
    Ok(())
}
