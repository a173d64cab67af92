//! What a job of this collector may say.

use std::path::PathBuf;

use exhibit_detect::Confidence;
use exhibit_evidence::{EnvironmentId, Severity, SubjectId, Timestamp};
use serde::Deserialize;

use super::facts::Stands;
use crate::SettingProblem;
use crate::policy::{self, Allowance, glob, is_rule, read};
use crate::sources::logs::LEFT;
use crate::sources::settings::CredentialSource;

/// The table `source`: repositories, bundles, or both.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    /// Git repositories.
    #[serde(default)]
    pub(super) repositories: Vec<RepositorySource>,
    /// Built front ends.
    #[serde(default)]
    pub(super) bundles: Vec<BundleSource>,
    /// Where the real secrets are that must be in none of them: as in `unique_credentials`.
    #[serde(default)]
    pub(super) secrets: Vec<CredentialSource>,
}

/// One repository.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RepositorySource {
    /// Its authored name.
    pub(super) id: SubjectId,
    /// Where it lies: a working copy's folder, its `.git`, or a bare clone; relative to the configuration.
    pub(super) path: PathBuf,
    /// The environment it belongs to; may be left out where the job has exactly one.
    pub(super) environment: Option<EnvironmentId>,
}

/// One built front end: what browsers get.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BundleSource {
    /// Its authored name.
    pub(super) id: SubjectId,
    /// Files, folders and patterns, relative to the configuration.
    pub(super) files: Vec<String>,
    /// The environment it belongs to; may be left out where the job has exactly one.
    pub(super) environment: Option<EnvironmentId>,
}

/// The table `policy`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Policy {
    /// What is less sure than this is kept as a fact, and is no deviation.
    pub(super) minimum_confidence: Confidence,
    /// Severities in place of those that follow from rule and place.
    pub(super) severities: Vec<PlacedSeverity>,
    /// Whether a remark in the line of a secret (`exhibit:allow RULE REASON`) allows it.
    pub(super) honour_remarks: bool,
    /// Places where something may stand.
    pub(super) allow: Vec<Allowance>,
    /// Attestations that what is only in history was rotated.
    pub(super) rotated: Vec<Rotated>,
    /// Codes of what may be left out.
    pub(super) allow_excluded: Vec<String>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            minimum_confidence: Confidence::Medium,
            severities: Vec::new(),
            honour_remarks: false,
            allow: Vec::new(),
            rotated: Vec::new(),
            allow_excluded: Vec::new(),
        }
    }
}

/// The severity of what a rule finds, everywhere or where it stands.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlacedSeverity {
    /// A rule's id, or all that begin with it: `generic.*`.
    pub(super) rule: String,
    /// `tracked`, `history`, `unreferenced` or `bundle`; without it, everywhere.
    #[serde(rename = "where")]
    pub(super) stands: Option<Stands>,
    /// `critical`, `high`, `medium`, `low` or `info`.
    pub(super) severity: Severity,
}

/// An attestation: whatever this place carried until then has been rotated at its provider.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rotated {
    /// The repository.
    pub(super) repository: SubjectId,
    /// The file's path in it, or a pattern of paths.
    pub(super) path: String,
    /// The rule, or all that begin with it; without it, all of them.
    pub(super) rule: Option<String>,
    /// The instant of the rotation: what a younger version holds is not covered.
    pub(super) until: Timestamp,
    /// Who attests.
    pub(super) by: String,
    /// Where it is recorded: a ticket, a change.
    pub(super) reference: String,
}

impl Rotated {
    /// Whether it covers what this place last carried then.
    pub(super) fn covers(&self, repository: &SubjectId, path: &str, rule: &str, last: Timestamp) -> bool {
        self.repository == *repository
            && self.rule.as_ref().is_none_or(|own| is_rule(own, rule))
            && policy::is_place(&self.path, path)
            && last <= self.until
    }
}

/// A Git LFS pointer: the content is not in the repository.
pub(super) const LFS_POINTER: &str = "lfs-pointer";
/// A submodule: the content is in another repository.
pub(super) const SUBMODULE: &str = "submodule";

/// Codes that `allow_excluded` may name: those of files, and those of git.
fn exclusions() -> Vec<&'static str> {
    LEFT.iter().copied().chain([LFS_POINTER, SUBMODULE]).collect()
}

/// Reads `source`.
pub(super) fn source(table: &toml::Table) -> Result<Source, SettingProblem> {
    let source: Source = read("source", table)?;
    if source.repositories.is_empty() && source.bundles.is_empty() {
        return Err(SettingProblem::new("source.repositories", "expected at least one repository or one of `bundles`"));
    }
    let repositories =
        source.repositories.iter().enumerate().map(|(at, one)| ("repositories", at, &one.id, &one.environment));
    let bundles = source.bundles.iter().enumerate().map(|(at, one)| ("bundles", at, &one.id, &one.environment));
    let mut taken = Vec::new();
    for (list, at, id, environment) in repositories.chain(bundles) {
        if taken.contains(&(id, environment)) {
            let key = format!("source.{list}.{at}.id");
            return Err(SettingProblem::new(&key, "another repository or bundle has the same id"));
        }
        taken.push((id, environment));
    }
    for (index, bundle) in source.bundles.iter().enumerate() {
        let problem = |message: &str| Err(SettingProblem::new(&format!("source.bundles.{index}.files"), message));
        if bundle.files.is_empty() || bundle.files.iter().any(|pattern| pattern.trim().is_empty()) {
            return problem("expected at least one file, folder or pattern");
        }
        if bundle.files.iter().any(|pattern| glob(pattern).is_none()) {
            return problem("expected patterns such as `dist/*.js` or `.next/static/**/*.js`");
        }
    }
    for (index, secrets) in source.secrets.iter().enumerate() {
        if let Some(problem) = secrets.problem(&format!("source.secrets.{index}")) {
            return Err(problem);
        }
    }
    Ok(source)
}

/// Reads `policy`.
pub(super) fn policy(table: &toml::Table) -> Result<Policy, SettingProblem> {
    let policy: Policy = read("policy", table)?;
    if let Some(problem) = policy::misread(&policy.allow) {
        return Err(problem);
    }
    for (index, rotated) in policy.rotated.iter().enumerate() {
        let problem =
            |name: &str, message: &str| Err(SettingProblem::new(&format!("policy.rotated.{index}.{name}"), message));
        if glob(&rotated.path).is_none() {
            return problem("path", "expected a file's path, or a pattern of paths");
        }
        if rotated.by.trim().is_empty() {
            return problem("by", "expected who attests it");
        }
        if rotated.reference.trim().is_empty() {
            return problem("reference", "expected where it is recorded");
        }
    }
    policy::known_words("policy.allow_excluded", &policy.allow_excluded, &exclusions())?;
    Ok(policy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_understood_is_told_by_key() {
        let refused = |text: &str| {
            let problem = source(&toml::from_str(text).expect("TOML")).expect_err(text);
            format!("{}: {}", problem.key.join("."), problem.message)
        };
        for (text, told) in [
            ("", "source.repositories: expected at least one repository or one of `bundles`"),
            (
                "repositories = [{ id = 'a', path = 'x' }]\nbundles = [{ id = 'a', files = ['dist'] }]",
                "source.bundles.0.id: another repository or bundle has the same id",
            ),
            (
                "bundles = [{ id = 'a', files = [] }]",
                "source.bundles.0.files: expected at least one file, folder or pattern",
            ),
            (
                "bundles = [{ id = 'a', files = ['a[b'] }]",
                "source.bundles.0.files: expected patterns such as `dist/*.js` or `.next/static/**/*.js`",
            ),
        ] {
            assert_eq!(refused(text), told);
        }
    }

    #[test]
    fn policies_are_read_and_no_problem_repeats_a_value() {
        let read = |text: &str| policy(&toml::from_str(text).expect("TOML"));
        assert_eq!(read("").expect("empty").minimum_confidence, Confidence::Medium);
        read("severities = [{ rule = 'google.*', where = 'bundle', severity = 'low' }]").expect("in order");
        for text in [
            "minimum_confidence = 'hunter2'",
            "honour_remarks = 'hunter2'",
            "allow_excluded = ['hunter2']",
            "allow_excluded = ['not-in-clone']",
            "allow = [{ place = 'a', reason = 'hunter2', until = '2027-02-30' }]",
            "severities = [{ rule = 'a', where = 'hunter2', severity = 'low' }]",
            "rotated = [{ repository = 'a', path = 'hunter2', until = '2026-01-01T00:00:00.000000Z', by = ' ', reference = 'x' }]",
        ] {
            assert!(!read(text).expect_err(text).message.contains("hunter2"), "{text}");
        }
    }
}
