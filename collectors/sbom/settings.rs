//! What a job of this collector may say.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Deserialize;

use super::facts::Element;
use crate::SettingProblem;
use crate::kept::KeepUpTo;
use crate::policy::read;
use crate::pulling::{self, Registry};
use crate::scanners::ScannerSettings;
use crate::targets::{self, Kind};

/// Where the targets stand.
pub(super) const TARGETS: &str = "source.targets";

/// The table `source`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    /// What there has to be a bill of.
    pub(super) targets: Vec<Target>,
    /// How the registries are asked that images are pulled of.
    #[serde(default)]
    pub(super) registries: Vec<Registry>,
    /// Up to which size each bill is kept beside the evidence.
    #[serde(default)]
    pub(super) keep_results_mib: KeepUpTo,
}

/// One target.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Target {
    /// What it is.
    #[serde(flatten)]
    pub(super) at: targets::Target,
    /// The bill that somebody's pipeline made.
    pub(super) bill: Option<PathBuf>,
    /// What makes one now.
    pub(super) scanner: Option<ScannerSettings>,
}

/// Of `source`, what concerns a bill that is handed in.
pub(super) fn keep(table: &toml::Table) -> Result<KeepUpTo, SettingProblem> {
    #[derive(Deserialize)]
    struct Beside {
        #[serde(default)]
        keep_results_mib: KeepUpTo,
    }
    read("source", table).map(|Beside { keep_results_mib }| keep_results_mib)
}

/// Reads `source`.
pub(super) fn source(table: &toml::Table) -> Result<Source, Vec<SettingProblem>> {
    let source: Source = read("source", table).map_err(|problem| vec![problem])?;
    let mut problems = pulling::problems(&source.registries);
    if source.targets.is_empty() {
        problems.push(SettingProblem::new(TARGETS, "expected at least one target"));
    }
    let all = source.targets.iter().map(|target| &target.at).collect();
    problems.extend(targets::problems(&[(TARGETS, all, &[Kind::Folder, Kind::Repository, Kind::Image, Kind::Pull])]));
    for (index, target) in source.targets.iter().enumerate() {
        if target.bill.is_some() == target.scanner.is_some() {
            problems.push(targets::problem(TARGETS, index, "", "expected either `bill` or `scanner`"));
        }
        let key = format!("{TARGETS}.{index}.scanner");
        problems.extend(target.scanner.iter().flat_map(|scanner| scanner.look_through(&key)));
        problems.extend(target.scanner.iter().filter_map(|scanner| scanner.heeding(&key)));
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
        Self { elements: Element::USUAL.into(), days: 90, allow_excluded: Vec::new() }
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
