//! What a job holds its targets against.

use std::collections::BTreeMap;

use exhibit_evidence::observation::Subject;
use exhibit_evidence::{Severity, SubjectId, Timestamp};
use serde::Deserialize;

use crate::SettingProblem;
use crate::policy::{glob, holds_until, is_place, read, terms};
use crate::references::Reference;

/// The table `policy`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Policy {
    /// Codes of exclusions that do not make a population incomplete.
    pub(super) allow_excluded: Vec<String>,
    /// Vulnerabilities of less severity than this are counted, not noted.
    pub(super) note_from: Severity,
    /// Whether those that no version fixes are counted, not noted.
    pub(super) only_fixable: bool,
    /// What one counts as whose severity nobody tells.
    pub(super) unknown_severity: Severity,
    /// Days within which one of a severity has to be gone; a severity that is not named has no limit.
    pub(super) days: BTreeMap<Severity, u32>,
    /// Days after which a scanner's database, and a result that was written elsewhere, is stale.
    pub(super) database_days: u32,
    /// Days after which the list of exploited vulnerabilities is stale.
    pub(super) known_exploited_days: u32,
    /// Whether requirements have to be pinned to bytes too, by hashes.
    pub(super) hashes: bool,
    /// Packages that may not be there.
    pub(super) denied: Vec<Denied>,
    /// Vulnerabilities that are accepted for a reason and a time.
    pub(super) allow: Vec<Allowed>,
    /// Images that may be named by tag, for a reason and a time.
    pub(super) allow_unpinned: Vec<AllowedImage>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            allow_excluded: Vec::new(),
            note_from: Severity::Low,
            only_fixable: false,
            unknown_severity: Severity::High,
            days: BTreeMap::from([(Severity::Critical, 7), (Severity::High, 30), (Severity::Medium, 90)]),
            database_days: 7,
            known_exploited_days: 30,
            hashes: false,
            denied: Vec::new(),
            allow: Vec::new(),
            allow_unpinned: Vec::new(),
        }
    }
}

/// A package that may not be there.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Denied {
    /// A package URL, or a pattern of such: `pkg:npm/event-stream*`. `*` stands for anything.
    pub(super) package: String,
    /// Why.
    pub(super) reason: String,
}

impl Denied {
    /// Whether it means the package of this URL, with or without its version.
    pub(super) fn means(&self, purl: &str) -> bool {
        // As package URLs are written: the `@` of a scope is escaped.
        let means = self.package.replace("/@", "/%40");
        let glob = glob_set(&means);
        let unversioned = purl.split('@').next().unwrap_or(purl);
        [purl, unversioned].iter().any(|one| *one == means || glob.as_ref().is_some_and(|glob| glob.is_match(one)))
    }
}

/// Package URLs are no paths: `*` stands for `/` too.
fn glob_set(pattern: &str) -> Option<globset::GlobMatcher> {
    globset::Glob::new(pattern).ok().map(|glob| glob.compile_matcher())
}

/// A vulnerability that is accepted.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Allowed {
    /// Any of its names.
    pub(super) advisory: String,
    /// The package, as a package URL without version; all packages if it is left out.
    pub(super) package: Option<String>,
    /// The target; all of them if it is left out.
    pub(super) subject: Option<SubjectId>,
    /// The lockfile, or a pattern of such; all of them if it is left out.
    pub(super) lockfile: Option<String>,
    /// Why.
    pub(super) reason: String,
    /// The last day on which it holds, `2027-03-31`.
    pub(super) until: String,
}

impl Allowed {
    /// Whether it holds at this instant.
    pub(super) fn holds(&self, at: Timestamp) -> bool {
        holds_until(&self.until, at)
    }
}

/// An image that may be named by tag.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AllowedImage {
    /// Its name as it is written, with or without the tag, or a pattern of such: `registry.example/*`. `*` stands for anything.
    pub(super) image: String,
    /// The place; all of them if it is left out.
    pub(super) subject: Option<SubjectId>,
    /// The file, or a pattern of such; all of them if it is left out.
    pub(super) file: Option<String>,
    /// Why.
    pub(super) reason: String,
    /// The last day on which it holds, `2027-03-31`.
    pub(super) until: String,
}

impl AllowedImage {
    /// Whether it speaks of this, on whatever day.
    pub(super) fn covers(&self, one: &Reference, subject: &Subject, file: &str) -> bool {
        let tagged = one.tag.as_ref().map(|tag| format!("{}:{tag}", one.image));
        let names = [Some(&one.image), tagged.as_ref()];
        let glob = glob_set(&self.image);
        let means = |name: &String| *name == self.image || glob.as_ref().is_some_and(|glob| glob.is_match(name));
        names.into_iter().flatten().any(means)
            && self.subject.as_ref().is_none_or(|own| *own == subject.id)
            && self.file.as_ref().is_none_or(|pattern| is_place(pattern, file))
    }

    /// Whether it holds at this instant.
    pub(super) fn holds(&self, at: Timestamp) -> bool {
        holds_until(&self.until, at)
    }
}

/// Reads `policy`.
pub(super) fn policy(table: &toml::Table) -> Result<Policy, SettingProblem> {
    let policy: Policy = read("policy", table)?;
    for (key, days) in [("database_days", policy.database_days), ("known_exploited_days", policy.known_exploited_days)]
    {
        if days == 0 {
            return Err(SettingProblem::new(&format!("policy.{key}"), "expected at least 1"));
        }
    }
    for (index, denied) in policy.denied.iter().enumerate() {
        if !denied.package.starts_with("pkg:") || glob_set(&denied.package).is_none() {
            let message = "expected a package URL, or a pattern of such";
            return Err(SettingProblem::new(&format!("policy.denied.{index}.package"), message));
        }
    }
    for (index, allowed) in policy.allow.iter().enumerate() {
        let key = format!("policy.allow.{index}");
        if let Some(problem) = terms(&key, &allowed.reason, &allowed.until) {
            return Err(problem);
        }
        if allowed.lockfile.as_deref().is_some_and(|pattern| glob(pattern).is_none()) {
            let expected = "expected a lockfile's path, or a pattern of such";
            return Err(SettingProblem::new(&format!("{key}.lockfile"), expected));
        }
    }
    for (index, allowed) in policy.allow_unpinned.iter().enumerate() {
        let key = format!("policy.allow_unpinned.{index}");
        if let Some(problem) = terms(&key, &allowed.reason, &allowed.until) {
            return Err(problem);
        }
        if glob_set(&allowed.image).is_none() {
            return Err(SettingProblem::new(&format!("{key}.image"), "expected an image's name, or a pattern of such"));
        }
        if allowed.file.as_deref().is_some_and(|pattern| glob(pattern).is_none()) {
            return Err(SettingProblem::new(&format!("{key}.file"), "expected a file's path, or a pattern of such"));
        }
    }
    Ok(policy)
}
