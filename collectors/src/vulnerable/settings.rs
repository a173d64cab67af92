//! What a job says: which targets, which scanners or which results, and which lists beside them.

use std::path::PathBuf;

use exhibit_evidence::Timestamp;
use serde::Deserialize;

use super::Looks;
use crate::SettingProblem;
use crate::kept::KeepUpTo;
use crate::policy::read;
use crate::pulling::{self, Registry};
use crate::results::Format;
use crate::scanners::ScannerSettings;
use crate::targets::{self, Kind, patterns};

/// Where the targets stand.
pub(super) const TARGETS: &str = "source.targets";
/// Where those stand whose files refer to images.
pub(super) const MANIFESTS: &str = "source.manifests";

/// The table `source`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    /// What is looked at, one or more.
    #[serde(default)]
    pub(super) targets: Vec<Target>,
    /// Folders and repositories whose Dockerfiles, compose files and Kubernetes manifests are read for images.
    #[serde(default)]
    pub(super) manifests: Vec<targets::Target>,
    /// How the registries are asked that images are pulled of.
    #[serde(default)]
    pub(super) registries: Vec<Registry>,
    /// A list of vulnerabilities that are known to be exploited, in the JSON form of CISA's catalogue.
    #[serde(default)]
    pub(super) known_exploited: Option<PathBuf>,
    /// Statements in OpenVEX.
    #[serde(default)]
    pub(super) vex: Vec<PathBuf>,
    /// Up to which size each result is kept beside the evidence.
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
    /// A bill of materials, in CycloneDX or SPDX JSON, that lists what the image holds: its population.
    pub(super) bill: Option<PathBuf>,
    /// By what it is examined, one or more.
    #[serde(default)]
    pub(super) scans: Vec<ScanSource>,
}

/// A scanner to be run, or the result of one that ran elsewhere.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScanSource {
    /// The scanner.
    pub(super) scanner: Option<ScannerSettings>,
    /// A file with its result.
    pub(super) result: Option<PathBuf>,
    /// The form of the result, where its bytes don't tell.
    pub(super) format: Option<Format>,
    /// When the result was written, where the file's own time is not it.
    pub(super) written_at: Option<Timestamp>,
    /// When the database was made that the result comes from, where the result does not say.
    pub(super) database_at: Option<Timestamp>,
    /// The lockfiles that it is about, as patterns; all of them if none is named.
    #[serde(default)]
    pub(super) lockfiles: Vec<String>,
}

/// Reads `source`.
pub(super) fn source(looks: Looks, table: &toml::Table) -> Result<Source, SettingProblem> {
    let source: Source = read("source", table)?;
    let kinds: &[Kind] = match looks {
        Looks::Dependencies => &[Kind::Folder, Kind::Repository, Kind::Lockfile],
        Looks::Images => &[Kind::Image, Kind::Pull],
    };
    if looks == Looks::Dependencies && !source.manifests.is_empty() {
        return Err(targets::problem(MANIFESTS, 0, "", "expected only by container_scan"));
    }
    if looks == Looks::Dependencies && !source.registries.is_empty() {
        return Err(SettingProblem::new("source.registries", "expected only by container_scan and sbom"));
    }
    let all = source.targets.iter().map(|target| &target.at).collect();
    let manifests = source.manifests.iter().collect();
    let lists = [(TARGETS, all, kinds), (MANIFESTS, manifests, &[Kind::Folder, Kind::Repository])];
    let mut problems = targets::problems(&lists);
    for (index, target) in source.targets.iter().enumerate() {
        let mut wrong = |key: &str, message: &str| problems.push(targets::problem(TARGETS, index, key, message));
        if target.bill.is_some() && looks != Looks::Images {
            wrong("bill", "expected only by container_scan");
        }
        if target.scans.is_empty() {
            wrong("scans", "expected at least one: a scanner or a result");
        }
        for (number, scan) in target.scans.iter().enumerate() {
            if scan.scanner.is_some() == scan.result.is_some() {
                wrong(&format!("scans.{number}"), "expected either `scanner` or `result`");
            }
            if patterns(&scan.lockfiles).is_none() {
                wrong(&format!("scans.{number}.lockfiles"), "expected patterns of paths");
            }
        }
    }
    problems.into_iter().next().map_or(Ok(source), Err)
}

impl Source {
    /// What is wrong with the scanners' settings.
    pub(super) fn look_through(&self) -> Vec<SettingProblem> {
        let mut problems = pulling::problems(&self.registries);
        for (index, target) in self.targets.iter().enumerate() {
            for (number, scan) in target.scans.iter().enumerate() {
                let key = format!("{TARGETS}.{index}.scans.{number}.scanner");
                problems.extend(scan.scanner.iter().flat_map(|scanner| scanner.look_through(&key)));
                problems.extend(scan.scanner.iter().filter_map(|scanner| scanner.heeding(&key)));
            }
        }
        problems
    }
}
