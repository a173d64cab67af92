//! What a job says: which repositories, and what to hold them against.

use crate::SettingProblem;
use exhibit_evidence::{EnvironmentId, SubjectId, Timestamp};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::path::PathBuf;

/// `source`: what to look at.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The repositories, one or more.
    pub repositories: Vec<RepositorySource>,
}

/// One repository.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepositorySource {
    /// Its authored name.
    pub id: SubjectId,
    /// Where it lies: a working copy's folder, its `.git`, or a bare clone; relative to the configuration.
    pub path: PathBuf,
    /// The environment it belongs to; may be left out where the job has exactly one.
    #[serde(default)]
    pub environment: Option<EnvironmentId>,
    /// Path patterns of further scripts that the CI system runs: `.ci/run`, `ci/**`.
    #[serde(default)]
    pub ci_paths: Vec<String>,
}

/// `policy`: what to hold it against.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Conditions that this organisation accepts: they are counted, not noted as findings.
    #[serde(default)]
    pub accept: Vec<String>,
    /// Codes of exclusions that do not make a population incomplete: `too-large`, `lfs-pointer`, `malformed-yaml`.
    #[serde(default)]
    pub allow_excluded: Vec<String>,
    /// Attestations that values which are only in history were rotated.
    #[serde(default)]
    pub rotated: Vec<Rotated>,
}

/// An attestation: every value that this place carried until then has been rotated at its provider.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotated {
    /// The repository.
    pub repository: SubjectId,
    /// The file's path in it.
    pub path: String,
    /// The path of keys, as the finding names it.
    pub key: String,
    /// The instant of the rotation: values whose last carrier is younger are not covered.
    pub until: Timestamp,
    /// Who attests.
    pub by: String,
    /// Where it is recorded: a ticket, a change.
    pub reference: String,
}

/// Codes that `allow_excluded` may name.
pub const EXCLUSIONS: &[&str] = &["too-large", "lfs-pointer", "malformed-yaml"];

/// Conditions that `accept` may name.
pub const ACCEPTABLE: &[&str] =
    &["ci-secrets.placeholder", "ci-secrets.service-container-default", "ci-secrets.default-literal"];

/// Reads `source`.
pub fn source(table: &toml::Table) -> Result<Source, SettingProblem> {
    let source: Source = read("source", table)?;
    if source.repositories.is_empty() {
        return Err(SettingProblem::new("source.repositories", "at least one repository is needed"));
    }
    for (index, repository) in source.repositories.iter().enumerate() {
        if source.repositories[..index]
            .iter()
            .any(|other| other.id == repository.id && other.environment == repository.environment)
        {
            return Err(SettingProblem::new(
                &format!("source.repositories.{index}.id"),
                "another repository has the same id",
            ));
        }
    }
    Ok(source)
}

/// Reads `policy`.
pub fn policy(table: &toml::Table) -> Result<Policy, SettingProblem> {
    let policy: Policy = read("policy", table)?;
    for (list, known, key) in
        [(&policy.accept, ACCEPTABLE, "policy.accept"), (&policy.allow_excluded, EXCLUSIONS, "policy.allow_excluded")]
    {
        if let Some(index) = list.iter().position(|item| !known.contains(&item.as_str())) {
            return Err(SettingProblem::new(
                &format!("{key}.{index}"),
                format!("expected one of {}", known.join(", ")),
            ));
        }
    }
    Ok(policy)
}

fn read<T: DeserializeOwned>(key: &str, table: &toml::Table) -> Result<T, SettingProblem> {
    T::deserialize(toml::Value::Table(table.clone()))
        .map_err(|error| SettingProblem::unread(key, &error))
}
