//! What a job of this collector may say.

use exhibit_evidence::{EnvironmentId, Severity, SubjectId};
use serde::Deserialize;

use crate::SettingProblem;
use crate::kept::KeepUpTo;
use crate::policy::{self, Allowance, RuleSeverity};
use crate::scanners::ScannerSettings;

/// The table `source`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    /// What is analysed.
    pub targets: Vec<Target>,
    /// Up to which size each result is kept beside the evidence.
    #[serde(default)]
    pub keep_results_mib: KeepUpTo,
}

/// One folder, and what looks at it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Target {
    /// Its name in findings.
    pub subject: SubjectId,
    /// Its environment, where the job has more than one.
    pub environment: Option<EnvironmentId>,
    /// The folder.
    pub path: String,
    /// Patterns of the files that are to be analysed, relative to it.
    pub files: Vec<String>,
    /// Whether the scanner gets each file by itself.
    #[serde(default)]
    pub each_file: bool,
    /// The scanner.
    pub scanner: ScannerSettings,
}

/// Of `source`, what concerns a result that is handed in.
pub(super) fn keep(table: &toml::Table) -> Result<KeepUpTo, SettingProblem> {
    #[derive(Deserialize)]
    struct Beside {
        #[serde(default)]
        keep_results_mib: KeepUpTo,
    }
    policy::read("source", table).map(|Beside { keep_results_mib }| keep_results_mib)
}

/// Reads `source`.
pub(super) fn source(table: &toml::Table) -> Result<Source, Vec<SettingProblem>> {
    let source: Source = policy::read("source", table).map_err(|problem| vec![problem])?;
    let mut problems = Vec::new();
    if source.targets.is_empty() {
        problems.push(SettingProblem::new("source.targets", "expected at least one target"));
    }
    for (index, target) in source.targets.iter().enumerate() {
        let key = format!("source.targets.{index}");
        let same = |other: &Target| other.subject == target.subject && other.environment == target.environment;
        if source.targets[..index].iter().any(same) {
            problems.push(SettingProblem::new(&format!("{key}.subject"), "expected a name that no other target has"));
        }
        if target.files.is_empty() {
            problems.push(SettingProblem::new(&format!("{key}.files"), "expected patterns of the files to analyse"));
        }
        for (at, pattern) in target.files.iter().enumerate() {
            if policy::glob(pattern).is_none() {
                let message = "expected a pattern of paths such as `**/Dockerfile`";
                problems.push(SettingProblem::new(&format!("{key}.files.{at}"), message));
            }
        }
        problems.extend(target.scanner.look_through(&format!("{key}.scanner")));
    }
    if problems.is_empty() { Ok(source) } else { Err(problems) }
}

/// The table `policy`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Policy {
    /// The least severity that is a finding.
    pub fail_from: Severity,
    /// The severity of what the scanner gives none.
    pub ungraded: Severity,
    /// Severities by rule.
    pub severities: Vec<RuleSeverity>,
    /// What may stand where it stands.
    pub allow: Vec<Allowance>,
    /// Codes of what may be left out.
    pub allow_excluded: Vec<String>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            fail_from: Severity::Medium,
            ungraded: Severity::Medium,
            severities: Vec::new(),
            allow: Vec::new(),
            allow_excluded: Vec::new(),
        }
    }
}

/// Reads `policy`.
pub(super) fn policy(table: &toml::Table) -> Result<Policy, SettingProblem> {
    let read: Policy = policy::read("policy", table)?;
    match policy::misread(&read.allow) {
        Some(problem) => Err(problem),
        None => Ok(read),
    }
}
