//! What a job of this collector may say.

use std::collections::BTreeSet;
use std::path::PathBuf;

use exhibit_evidence::{EnvironmentId, SubjectId};
use serde::Deserialize;

use super::facts::Element;
use crate::SettingProblem;
use crate::policy::read;
use crate::scanners::ScannerSettings;
use crate::vulnerable::counting::Place;
use crate::vulnerable::settings::patterns;

/// The table `source`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    /// What there has to be a bill of.
    pub(super) targets: Vec<Target>,
}

/// One target.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Target {
    /// Its authored name.
    pub(super) id: SubjectId,
    /// The environment it belongs to; may be left out where the job has exactly one.
    pub(super) environment: Option<EnvironmentId>,
    /// A folder, whose lockfiles are found.
    pub(super) folder: Option<PathBuf>,
    /// A git repository, of which `reference` counts.
    pub(super) repository: Option<PathBuf>,
    /// A branch, tag or commit of the repository; without it HEAD.
    pub(super) reference: Option<String>,
    /// An image: an OCI layout, or an archive of one or of `docker save`.
    pub(super) image: Option<PathBuf>,
    /// Which of several images in it.
    pub(super) image_name: Option<String>,
    /// Folders and lockfiles that are left out, as patterns.
    #[serde(default)]
    pub(super) exclude: Vec<String>,
    /// The bill that somebody's pipeline made.
    pub(super) bill: Option<PathBuf>,
    /// What makes one now.
    pub(super) scanner: Option<ScannerSettings>,
}

impl Target {
    /// Where it is counted. Its bill is no part of that.
    pub(super) fn place(&self) -> Place<'_> {
        Place {
            folder: self.folder.as_deref(),
            repository: self.repository.as_deref(),
            reference: self.reference.as_deref(),
            image: self.image.as_deref(),
            image_name: self.image_name.as_deref(),
            exclude: &self.exclude,
            ..Place::default()
        }
    }
}

/// Reads `source`.
pub(super) fn source(table: &toml::Table) -> Result<Source, Vec<SettingProblem>> {
    let source: Source = read("source", table).map_err(|problem| vec![problem])?;
    let mut problems = Vec::new();
    if source.targets.is_empty() {
        problems.push(SettingProblem::new("source.targets", "expected at least one target"));
    }
    for (index, target) in source.targets.iter().enumerate() {
        let mut wrong = |key: &str, message: &str| {
            problems.push(SettingProblem::new(&format!("source.targets.{index}{key}"), message));
        };
        let same = |other: &Target| other.id == target.id && other.environment == target.environment;
        if source.targets[..index].iter().any(same) {
            wrong(".id", "another target has the same id");
        }
        let kinds = [&target.folder, &target.repository, &target.image];
        if kinds.iter().filter(|kind| kind.is_some()).count() != 1 {
            wrong("", "expected one of `folder`, `repository` and `image`");
        }
        if target.reference.is_some() && target.repository.is_none() {
            wrong(".reference", "expected only beside `repository`");
        }
        if target.image_name.is_some() && target.image.is_none() {
            wrong(".image_name", "expected only beside `image`");
        }
        if target.bill.is_some() == target.scanner.is_some() {
            wrong("", "expected either `bill` or `scanner`");
        }
        if patterns(&target.exclude).is_none() {
            wrong(".exclude", "expected patterns of paths");
        }
        let key = format!("source.targets.{index}.scanner");
        problems.extend(target.scanner.iter().flat_map(|scanner| scanner.look_through(&key)));
    }
    if problems.is_empty() { Ok(source) } else { Err(problems) }
}

/// The table `policy`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Policy {
    /// What a bill has to say at the least.
    pub(super) elements: BTreeSet<Element>,
    /// Days after which a bill is stale.
    pub(super) days: u32,
    /// Codes of exclusions that do not make a population incomplete.
    pub(super) allow_excluded: Vec<String>,
}

impl Default for Policy {
    fn default() -> Self {
        Self { elements: Element::ALL.into(), days: 90, allow_excluded: Vec::new() }
    }
}

/// Reads `policy`.
pub(super) fn policy(table: &toml::Table) -> Result<Policy, SettingProblem> {
    let policy: Policy = read("policy", table)?;
    if policy.days == 0 {
        return Err(SettingProblem::new("policy.days", "expected at least 1"));
    }
    if policy.elements.is_empty() {
        return Err(SettingProblem::new("policy.elements", "expected at least one element"));
    }
    Ok(policy)
}
