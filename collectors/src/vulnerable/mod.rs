//! Known vulnerabilities in what is deployed: what the scans of dependencies and of container images have in common.
//!
//! The population is counted here, from lockfiles and the package databases of images; what a scanner says is held against it. A scanner
//! that examined less than there is, whose database is old, or that failed in silence, makes no pass. `settings` is what a
//! job says, `counting` finds and counts, `scanning` has a scanner run or reads what one wrote, `comparing` holds the two
//! against each other, `earlier` says what became of what was noted before, `judge` decides from facts alone.

mod collect;
mod comparing;
mod conditions;
pub(crate) mod counting;
mod earlier;
pub(crate) mod exporting;
pub(crate) mod facts;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod importing;
mod judge;
mod known;
mod lasting;
mod pinning;
mod policy;
pub(crate) mod scanning;
mod self_test;
pub(crate) mod settings;
#[cfg(test)]
mod stories;
mod telling;
#[cfg(test)]
mod tests;
mod verdicts;

use std::io;
use std::path::{Path, PathBuf};

use exhibit_detect::Engine;
use exhibit_evidence::{
    CheckId, ConditionId, Observation, Timestamp, assessment::Judgement, deployment::Environment, observation::SelfTest,
};

use crate::packages::image::making;
use crate::packages::lockfile::Why;
use crate::{
    CollectError, Collected, Collector, Given, JudgeError, Scope, SettingProblem, Settings, collector::in_order,
};

/// What a collector of this family looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Looks {
    /// Lockfiles of projects.
    Dependencies,
    /// Container images.
    Images,
}

impl Looks {
    /// What the ids of checks and conditions begin with.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::Dependencies => "dependency-scan",
            Self::Images => "container-scan",
        }
    }

    /// The collector's id.
    pub(crate) fn collector(self) -> &'static str {
        match self {
            Self::Dependencies => "dependency_scan",
            Self::Images => "container_scan",
        }
    }

    fn check(self, name: &str) -> CheckId {
        CheckId::new(format!("{}.{name}", self.prefix())).expect("authored ids, and a test makes each")
    }

    fn condition(self, name: &str) -> ConditionId {
        ConditionId::new(format!("{}.{name}", self.prefix())).expect("authored ids, and a test makes each")
    }

    /// What the population counts.
    fn unit(self) -> &'static str {
        match self {
            Self::Dependencies => "package at a version in a lockfile",
            Self::Images => "package at a version in an image",
        }
    }

    /// What this way of looking can't see.
    fn blind_spots(self) -> Vec<String> {
        let list: &[&str] = match self {
            Self::Dependencies => &[
                "vulnerabilities that no advisory database has yet, or that the scanner's database leaves out",
                "packages that are built in without a lockfile naming them: copied sources, git submodules, downloads of a build",
                "whether what is deployed was built from these lockfiles",
                "whether the vulnerable code of a package is reached, unless the scanner tells",
            ],
            Self::Images => &[
                "vulnerabilities that no advisory database has yet, or that the scanner's database leaves out",
                "software in the image that no package manager installed, and packages that the tools of languages installed without a lockfile, unless a bill of materials lists them",
                "whether this image is the one that runs",
                "images that are named elsewhere than in Dockerfiles, compose files, the containers of Kubernetes manifests, workflows of GitHub and pipelines of GitLab: in values of charts, commands, fields of other objects",
                "whether the vulnerable code of a package is reached, unless the scanner tells",
            ],
        };
        list.iter().map(|spot| (*spot).to_owned()).collect()
    }
}

impl Collector for Looks {
    fn check_settings(&self, settings: &Settings) -> Result<(), Vec<SettingProblem>> {
        let source = match settings::source(*self, &settings.source) {
            Ok(source) => source.look_through(),
            Err(problem) => vec![problem],
        };
        in_order(source.into_iter().chain(policy::policy(&settings.policy).err()))
    }

    fn self_test(&self, engine: &Engine) -> SelfTest {
        self_test::run(*self, engine)
    }

    fn collect(&self, scope: &Scope<'_>, settings: &Settings) -> Result<Collected, CollectError> {
        collect::collect(*self, scope, settings)
    }

    fn judge(
        &self,
        observation: &Observation,
        _environments: &[Environment],
        policy: &toml::Table,
    ) -> Result<Vec<Judgement>, JudgeError> {
        judge::judge(*self, observation, policy)
    }

    fn import(&self, scope: &Scope<'_>, settings: &Settings, given: &Given<'_>) -> Result<Collected, CollectError> {
        importing::import(*self, scope, settings, given)
    }

    /// Lockfiles alone tell what is denied and what is not pinned.
    fn rests_on_the_count(&self, check: &CheckId) -> Option<&'static [&'static str]> {
        let own = ["denied-packages", "pinned-packages"].iter().any(|name| self.check(name) == *check);
        own.then_some(&verdicts::OF_COUNTING)
    }

    fn beside_imported(&self) -> &'static [&'static str] {
        &["keep_results_mib", "known_exploited", "vex"]
    }

    /// Those that the policy names, and what is part of the project itself.
    fn never_gaps(&self) -> &'static [&'static str] {
        const { &[Why::Local.code()] }
    }

    fn prepare_case(&self, input: &Path, scratch: &Path, now: Timestamp) -> io::Result<PathBuf> {
        prepare_case(input, scratch, now)
    }
}

/// Each `<name>.toml` of a case's folder `repositories` becomes a git repository, and those are all there is, unless there are
/// files in a folder `files`.
///
/// Each `<name>.toml` of a folder `images` becomes an image `<name>.tar` beside all else. Where `ages.txt` tells ages,
/// all is copied, and each file that it names gets its own.
pub(crate) fn prepare_case(input: &Path, scratch: &Path, now: Timestamp) -> io::Result<PathBuf> {
    if input.join(crate::ages::AGES).is_file() {
        return crate::ages::prepare(input, scratch, now);
    }
    let images = input.join("images");
    if images.is_dir() {
        crate::ages::copy(input, scratch)?;
        making::make_all(&images, input, scratch)?;
        return Ok(scratch.to_owned());
    }
    let repositories = input.join("repositories");
    if !repositories.is_dir() {
        return Ok(input.to_owned());
    }
    crate::ci_secrets::fixture::build_all(&repositories, scratch)?;
    let files = input.join("files");
    if files.is_dir() {
        crate::ages::copy(&files, scratch)?;
    }
    Ok(scratch.to_owned())
}
