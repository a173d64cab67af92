//! What a job says: which targets, which scanners or which results, and which lists beside them.

use std::path::PathBuf;

use exhibit_evidence::{EnvironmentId, SubjectId, Timestamp};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use serde::Deserialize;

use super::Looks;
use super::counting::Place;
use crate::SettingProblem;
use crate::kept::KeepUpTo;
use crate::policy::read;
use crate::results::Format;
use crate::scanners::ScannerSettings;

/// The table `source`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    /// What is looked at, one or more.
    #[serde(default)]
    pub(super) targets: Vec<Target>,
    /// Where the files lie that refer to images.
    #[serde(default)]
    pub(super) manifests: Vec<Manifests>,
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
    /// One lockfile.
    pub(super) lockfile: Option<PathBuf>,
    /// An image: an OCI layout, or an archive of one or of `docker save`.
    pub(super) image: Option<PathBuf>,
    /// Which of several images in it: a name or the manifest's digest.
    pub(super) image_name: Option<String>,
    /// A bill of materials in CycloneDX JSON that lists what the image holds: its population.
    pub(super) bill: Option<PathBuf>,
    /// Folders and files that are left out, as patterns.
    #[serde(default)]
    pub(super) exclude: Vec<String>,
    /// By what it is examined, one or more.
    #[serde(default)]
    pub(super) scans: Vec<ScanSource>,
}

/// A place whose Dockerfiles, compose files and Kubernetes manifests are read.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifests {
    /// Its authored name.
    pub(super) id: SubjectId,
    /// The environment it belongs to; may be left out where the job has exactly one.
    pub(super) environment: Option<EnvironmentId>,
    /// A folder.
    pub(super) folder: Option<PathBuf>,
    /// A git repository, of which `reference` counts.
    pub(super) repository: Option<PathBuf>,
    /// A branch, tag or commit of the repository; without it HEAD.
    pub(super) reference: Option<String>,
    /// Folders and files that are left out, as patterns.
    #[serde(default)]
    pub(super) exclude: Vec<String>,
}

impl Target {
    /// Where it is counted.
    pub(super) fn place(&self) -> Place<'_> {
        Place {
            folder: self.folder.as_deref(),
            repository: self.repository.as_deref(),
            reference: self.reference.as_deref(),
            lockfile: self.lockfile.as_deref(),
            image: self.image.as_deref(),
            image_name: self.image_name.as_deref(),
            bill: self.bill.as_deref(),
            exclude: &self.exclude,
        }
    }
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
    for (index, target) in source.targets.iter().enumerate() {
        let wrong = |key: &str, message: &str| {
            let key = if key.is_empty() { String::new() } else { format!(".{key}") };
            Err(SettingProblem::new(&format!("source.targets.{index}{key}"), message))
        };
        let same = |other: &Target| other.id == target.id && other.environment == target.environment;
        if source.targets[..index].iter().any(same) {
            return wrong("id", "another target has the same id");
        }
        let kinds = [&target.folder, &target.repository, &target.lockfile, &target.image];
        let named = kinds.iter().filter(|kind| kind.is_some()).count();
        match looks {
            Looks::Dependencies if named != 1 || target.image.is_some() => {
                return wrong("", "expected one of `folder`, `repository` and `lockfile`");
            }
            Looks::Images if named != 1 || target.image.is_none() => return wrong("", "expected `image`"),
            _ => {}
        }
        if target.reference.is_some() && target.repository.is_none() {
            return wrong("reference", "expected only beside `repository`");
        }
        if (target.image_name.is_some() || target.bill.is_some()) && target.image.is_none() {
            return wrong("", "expected `image_name` and `bill` only beside `image`");
        }
        if patterns(&target.exclude).is_none() {
            return wrong("exclude", "expected patterns of paths");
        }
        if target.scans.is_empty() {
            return wrong("scans", "expected at least one: a scanner or a result");
        }
        for (number, scan) in target.scans.iter().enumerate() {
            if scan.scanner.is_some() == scan.result.is_some() {
                return wrong(&format!("scans.{number}"), "expected either `scanner` or `result`");
            }
            if patterns(&scan.lockfiles).is_none() {
                return wrong(&format!("scans.{number}.lockfiles"), "expected patterns of paths");
            }
        }
    }
    for (index, one) in source.manifests.iter().enumerate() {
        let wrong = |key: &str, message: &str| {
            let key = if key.is_empty() { String::new() } else { format!(".{key}") };
            Err(SettingProblem::new(&format!("source.manifests.{index}{key}"), message))
        };
        if looks == Looks::Dependencies {
            return wrong("", "expected only by container_scan");
        }
        let own =
            |id: &SubjectId, environment: &Option<EnvironmentId>| *id == one.id && *environment == one.environment;
        if source.targets.iter().any(|other| own(&other.id, &other.environment))
            || source.manifests[..index].iter().any(|other| own(&other.id, &other.environment))
        {
            return wrong("id", "another target has the same id");
        }
        if one.folder.is_some() == one.repository.is_some() {
            return wrong("", "expected one of `folder` and `repository`");
        }
        if one.reference.is_some() && one.repository.is_none() {
            return wrong("reference", "expected only beside `repository`");
        }
        if patterns(&one.exclude).is_none() {
            return wrong("exclude", "expected patterns of paths");
        }
    }
    Ok(source)
}

impl Source {
    /// What is wrong with the scanners' settings.
    pub(super) fn look_through(&self) -> Vec<SettingProblem> {
        let mut problems = Vec::new();
        for (index, target) in self.targets.iter().enumerate() {
            for (number, scan) in target.scans.iter().enumerate() {
                let key = format!("source.targets.{index}.scans.{number}.scanner");
                problems.extend(scan.scanner.iter().flat_map(|scanner| scanner.look_through(&key)));
            }
        }
        problems
    }
}

/// Patterns of paths: `*` within a name, `**` over folders.
pub(crate) fn patterns(list: &[String]) -> Option<GlobSet> {
    let mut set = GlobSetBuilder::new();
    for pattern in list {
        set.add(GlobBuilder::new(pattern).literal_separator(true).build().ok()?);
    }
    set.build().ok()
}
