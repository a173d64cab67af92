//! What a collector is: something that observes, something that judges, and a test of itself.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
};

use exhibit_detect::Engine;
use exhibit_evidence::{
    CanonicalError, CheckId, Clock, Digest, EnvironmentId, Observation, Timestamp,
    assessment::Judgement,
    deployment::Environment,
    observation::{SelfTest, Subject},
    to_canonical,
};

use crate::own::Own;
use crate::results::text::{MESSAGE, visible};

/// A job's settings: the collector's own tables of `exhibit.toml`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// What to look at.
    pub source: toml::Table,
    /// What to hold it against.
    pub policy: toml::Table,
}

impl Settings {
    /// Digest of the policy, canonical JSON: evidence and assessments say which policy was in force.
    ///
    /// # Errors
    /// When the policy holds something that has no canonical form, a float for example.
    pub fn policy_digest(&self) -> Result<Digest, CanonicalError> {
        Ok(Digest::of(&to_canonical(&self.policy)?))
    }

    /// Digest of source and policy, canonical JSON.
    ///
    /// # Errors
    /// As [`Settings::policy_digest`].
    pub fn digest(&self) -> Result<Digest, CanonicalError> {
        Ok(Digest::of(&to_canonical(&(&self.source, &self.policy))?))
    }
}

/// A setting that a collector can't work with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingProblem {
    /// The keys that lead to it, from `source` or `policy` on; list items by their index.
    pub key: Vec<String>,
    /// What was expected there. Never repeats the value.
    pub message: String,
}

impl SettingProblem {
    /// A problem at `key`, its parts separated by dots.
    pub fn new(key: &str, message: impl Into<String>) -> Self {
        Self { key: key.split('.').map(str::to_owned).collect(), message: message.into() }
    }

    /// What a reader of TOML did not understand at `key`: of its words, those that say what was expected.
    pub(crate) fn unread(key: &str, error: &toml::de::Error) -> Self {
        Self::new(key, expectation(error.message()))
    }
}

/// Settings are in order where nothing is wrong with them.
pub(crate) fn in_order(problems: impl IntoIterator<Item = SettingProblem>) -> Result<(), Vec<SettingProblem>> {
    let problems: Vec<SettingProblem> = problems.into_iter().collect();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// What a message expects, without the value that it found: `invalid type: string "…", expected …`,
/// `expected …, found "…"`.
pub(crate) fn expectation(message: &str) -> String {
    let shows_no_value = ["unknown field", "missing field", "duplicate field"];
    // Keys are anybody's text, too.
    let shown = |text: &str| visible(text, MESSAGE);
    if shows_no_value.iter().any(|start| message.starts_with(start)) {
        return shown(message.lines().next().unwrap_or_default());
    }
    if message.starts_with("expected ") {
        return shown(message.split(", found").next().unwrap_or_default());
    }
    match message.rfind("expected ") {
        Some(at) => shown(&message[at..]),
        None => "expected another form: see the collector's page".to_owned(),
    }
}

/// What a collector may look at, and what it gets from outside so that it needs no clock and no randomness of its own.
pub struct Scope<'a> {
    /// The folder that relative paths of the settings start from.
    pub base: &'a Path,
    /// The environments in the job's scope, in authored order.
    pub environments: &'a [Environment],
    /// The clock: `observed_from` and `observed_to` come from here.
    pub clock: &'a dyn Clock,
    /// 32 random bytes for this run alone: the key of its value fingerprints.
    pub run_key: &'a [u8; 32],
    /// What secrets are found by: the built-in rules, and those of the configuration beside them.
    pub engine: &'a Engine,
    /// What Exhibit knows of itself.
    pub own: Own<'a>,
}

impl Scope<'_> {
    /// The environment that a subject belongs to: the one that the setting at `key` names, or the job's only one.
    pub(crate) fn environment(&self, named: Option<&EnvironmentId>, key: &str) -> Result<EnvironmentId, CollectError> {
        let problem = |message: &str| Err(CollectError::Settings(SettingProblem::new(key, message)));
        match (named, self.environments) {
            (Some(id), environments) if environments.iter().any(|environment| environment.id == *id) => Ok(id.clone()),
            (Some(_), _) => problem("expected one of the job's environments"),
            (None, [only]) => Ok(only.id.clone()),
            (None, _) => problem("expected an environment, because the job does not have exactly one"),
        }
    }
}

/// A raw artifact, before masking.
#[derive(Clone)]
pub struct RawArtifact {
    /// What it is.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its bytes. They pass the detector before anything is stored.
    pub bytes: Vec<u8>,
}

/// What a collector brings back.
#[derive(Clone)]
pub struct Collected {
    /// What was observed; `artifacts` and `facts_artifact` are left for the pipeline to fill.
    pub observation: Observation,
    /// Raw artifacts to keep.
    pub artifacts: Vec<RawArtifact>,
}

/// What a tool said that somebody else ran, as a file that is handed in.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// The file.
    pub file: &'a Path,
    /// The form it is in, by the name that the collector's page lists; none where the file is to tell it.
    pub format: Option<&'a str>,
    /// What it is about.
    pub subject: &'a Subject,
    /// When the tool ran, where the giver says so.
    pub observed_at: Option<Timestamp>,
    /// Files that the population is counted in: lockfiles, for example.
    pub counted_in: &'a [PathBuf],
}

/// Why nothing at all could be observed. What could only partly be observed is an observation with problems instead.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// The settings are not what the collector expects.
    #[error("the job's settings: {}: {}", .0.key.join("."), .0.message)]
    Settings(SettingProblem),
    /// The machine failed while observing.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What came of it.
        source: io::Error,
    },
    /// Anything else, in one sentence that holds no value.
    #[error("{0}")]
    Other(String),
}

/// Why evidence could not be judged.
#[derive(Debug, thiserror::Error)]
pub enum JudgeError {
    /// The facts are not of the shape that this version of the collector writes.
    #[error("the evidence's facts are not in the form that this version of the collector reads: {0}")]
    Facts(#[from] serde_json::Error),
    /// The policy is not what the judge expects.
    #[error("the policy: {}: {}", .0.key.join("."), .0.message)]
    Policy(SettingProblem),
    /// Something has no canonical form.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
}

/// A collector. Its manifest lies beside it as `collector.toml`.
pub trait Collector: Send + Sync {
    /// Digest of the built-in rules it works by, where it works by rules. Evidence names those of its own run: they may hold more.
    fn rule_pack(&self) -> Option<Digest> {
        None
    }

    /// Whether these settings are what the collector expects; touches nothing outside.
    ///
    /// # Errors
    /// Every setting that it can't work with, by key.
    fn check_settings(&self, settings: &Settings) -> Result<(), Vec<SettingProblem>>;

    /// Runs a known-bad and a known-good fixture through the same code and rules as a real run.
    fn self_test(&self, engine: &Engine) -> SelfTest;

    /// Observes. Blocking; holds no opinion; no value of a secret leaves it.
    ///
    /// # Errors
    /// When nothing at all could be observed.
    fn collect(&self, scope: &Scope<'_>, settings: &Settings) -> Result<Collected, CollectError>;

    /// Judges an observation: pure, one judgement for each check of the manifest, in the manifest's order.
    ///
    /// # Errors
    /// When the facts are of another version, or the policy can't be read.
    fn judge(
        &self,
        observation: &Observation,
        environments: &[Environment],
        policy: &toml::Table,
    ) -> Result<Vec<Judgement>, JudgeError>;

    /// What a tool said that somebody else ran, as an observation of `given.subject` alone: by the same rules of population and age
    /// as what is observed here. The scope's clock says when it was handed in. What it can't read, though its form was named or
    /// is plain, is an observation with that problem: it was handed in as this job's evidence.
    ///
    /// # Errors
    /// When the file can't be had, or nothing says whose output it is; always, for a collector that takes no results of others.
    fn import(&self, scope: &Scope<'_>, settings: &Settings, given: &Given<'_>) -> Result<Collected, CollectError> {
        let _ = (scope, settings, given);
        Err(CollectError::Other("this collector takes no results of others".to_owned()))
    }

    /// The keys of `source` that say something of what is handed in too: lists that it is held against, for example.
    fn beside_imported(&self) -> &'static [&'static str] {
        &[]
    }

    /// The codes of exclusions that the policy names: only these may keep a population from being complete.
    fn accepted_exclusions(&self, policy: &toml::Table) -> BTreeSet<String> {
        let codes = policy.get("allow_excluded").and_then(toml::Value::as_array);
        let named = codes.into_iter().flatten().filter_map(toml::Value::as_str);
        named.chain(self.never_gaps().iter().copied()).map(str::to_owned).collect()
    }

    /// For a check that is answered by what was counted alone, whoever examined how much of it: the codes of the problems that
    /// keep it from passing all the same. None for all others, which any problem and any gap keeps from passing.
    fn rests_on_the_count(&self, check: &CheckId) -> Option<&'static [&'static str]> {
        let _ = check;
        None
    }

    /// The codes of exclusions that are no gap, whatever the policy names.
    fn never_gaps(&self) -> &'static [&'static str] {
        &[]
    }

    /// Makes a case's `input` folder into what the source settings point at, for inputs that can't lie in a folder as
    /// they are (a git repository, say). `now` is when the run will be: files that have an age get it before then. Returns
    /// the base folder for the run.
    ///
    /// # Errors
    /// When the input can't be made.
    fn prepare_case(&self, input: &Path, scratch: &Path, now: Timestamp) -> io::Result<PathBuf> {
        let _ = (scratch, now);
        Ok(input.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_problem_of_a_setting_repeats_its_value() {
        let value = r#"Zq7"vX9`kQ2' expected Wm4"#;
        let everywhere = [
            ("repositories", toml::Value::from(value)),
            ("credentials", vec![toml::Value::from(value)].into()),
            ("subject", value.into()),
            ("accept", value.into()),
            ("minimum_length", value.into()),
            ("minimum_entropy", value.into()),
            ("keys", vec![toml::Value::from(value)].into()),
            ("rotated", vec![toml::Value::from(rotated(value))].into()),
        ];
        for (key, value) in everywhere {
            let table = toml::Table::from_iter([(key.to_owned(), value)]);
            let settings = Settings { source: table.clone(), policy: table };
            for registered in crate::Registry::built_in().expect("in order").iter() {
                for problem in registered.collector.check_settings(&settings).expect_err("refused") {
                    let told = ["Zq7", "vX9", "kQ2", "Wm4"].iter().any(|piece| problem.message.contains(piece));
                    assert!(!told, "{key}: {problem:?}");
                }
            }
        }
    }

    /// An attestation of a rotation whose only fault is its instant.
    fn rotated(until: &str) -> toml::Table {
        [("repository", "app"), ("path", "p"), ("key", "k"), ("until", until), ("by", "b"), ("reference", "r")]
            .into_iter()
            .map(|(key, text)| (key.to_owned(), toml::Value::from(text)))
            .collect()
    }
}
