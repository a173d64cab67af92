//! What became of what was noted before: still there, gone with its package, gone with its version, or only not reported.

use exhibit_evidence::Severity;

use super::Looks;
use super::facts::{Became, Earlier, History, TargetFacts};
use crate::Scope;
use crate::own::EarlierFinding;
use crate::packages::Package;
use crate::results::Ids;

/// The checks whose findings are about vulnerabilities.
pub(super) const ABOUT_VULNERABILITIES: [&str; 3] = ["known-vulnerabilities", "remediation-in-time", "known-exploited"];

/// What a run knows of the targets that it looked at.
pub(super) struct Looked<'a> {
    /// Their facts.
    pub(super) targets: &'a mut [TargetFacts],
    /// For each of them, what of it was not counted; none where nothing was.
    pub(super) unseen: &'a [Option<Unseen>],
}

/// What of a target was not counted.
pub(super) struct Unseen {
    /// Lockfiles that could not be read.
    pub(super) lockfiles: Vec<String>,
    /// Whether there may be more than was counted: somebody handed in a part.
    pub(super) more: bool,
}

/// Tells since when each vulnerability has been open, and what became of those that are not seen.
pub(super) fn follow(looks: Looks, scope: &Scope<'_>, looked: &mut Looked<'_>) -> (Vec<Earlier>, History) {
    let Some(source) = scope.own.earlier else { return (Vec::new(), History::NotSupplied) };
    let open = match source.open() {
        Ok(open) => open,
        Err(why) => return (Vec::new(), History::Unknown { why }),
    };
    let checks = ABOUT_VULNERABILITIES.map(|name| looks.check(name));
    let mut gone = Vec::new();
    for finding in open.iter().filter(|finding| checks.contains(&finding.check)) {
        let Some(earlier) = read(finding) else { continue };
        if !still_seen(finding, &earlier, looked) {
            let became = became(finding, &earlier, looked);
            gone.push(Earlier { became, ..earlier });
        }
    }
    gone.sort_by(|one, other| (&one.check, &one.fingerprint).cmp(&(&other.check, &other.fingerprint)));
    (gone, History::Known)
}

fn read(finding: &EarlierFinding) -> Option<Earlier> {
    let attribute = |name: &str| finding.attributes.get(name).cloned();
    let severity = attribute("severity");
    Some(Earlier {
        fingerprint: finding.fingerprint,
        check: finding.check.clone(),
        subject: finding.subject.clone(),
        first_observed: finding.first_observed,
        advisory: attribute("advisory")?,
        package: Package::parse(&attribute("package")?).ok()?,
        version: attribute("version"),
        lockfile: finding.place.file.clone().unwrap_or_default(),
        severity: severity.and_then(|word| Severity::ALL.into_iter().find(|one| one.word() == word)),
        became: Became::NotExamined,
    })
}

/// Whether it is among what is seen now; then that keeps the name and the day of the first time.
fn still_seen(finding: &EarlierFinding, earlier: &Earlier, looked: &mut Looked<'_>) -> bool {
    let aliases = finding.attributes.get("aliases").map(String::as_str).unwrap_or_default();
    let ids = Ids::new(aliases.split(", ").chain([earlier.advisory.as_str()]));
    let mut found = false;
    for target in looked.targets.iter_mut().filter(|target| target.subject == earlier.subject) {
        for seen in &mut target.vulnerabilities {
            let same = seen.package.unversioned() == earlier.package && seen.lockfile == earlier.lockfile;
            if same && (seen.advisory == earlier.advisory || seen.ids.meets(&ids)) {
                found = true;
                seen.advisory.clone_from(&earlier.advisory);
                let first = seen.first_seen.map_or(earlier.first_observed, |first| first.min(earlier.first_observed));
                seen.first_seen = Some(first);
            }
        }
    }
    found
}

fn became(finding: &EarlierFinding, earlier: &Earlier, looked: &Looked<'_>) -> Became {
    let at = looked.targets.iter().position(|target| target.subject == earlier.subject);
    let Some((target, unseen)) = at.map(|at| (&looked.targets[at], looked.unseen.get(at))) else {
        return Became::NotExamined;
    };
    let Some(Some(unseen)) = unseen else { return Became::NotExamined };
    let Some(lockfile) = target.lockfiles.iter().find(|lockfile| lockfile.path == earlier.lockfile) else {
        // Gone, if all that is there was seen: it may be what could not be read, or what nobody handed in.
        return match (target.scans.is_empty() || unseen.more || !unseen.lockfiles.is_empty(), earlier.lockfile.as_str())
        {
            (true, _) => Became::NotExamined,
            (false, "") => unchanged(finding, target),
            (false, _) => Became::Removed,
        };
    };
    let there: Vec<(usize, &Package)> =
        lockfile.packages.iter().enumerate().filter(|(_, package)| package.unversioned() == earlier.package).collect();
    if there.is_empty() {
        return Became::Removed;
    }
    let unexamined = |at: usize| u32::try_from(at).is_ok_and(|at| lockfile.unexamined.contains(&at));
    if target.scans.is_empty() || there.iter().any(|(at, _)| unexamined(*at)) {
        return Became::NotExamined;
    }
    if !there.iter().any(|(_, package)| package.version() == earlier.version.as_deref()) {
        return Became::Fixed;
    }
    unchanged(finding, target)
}

/// Why a package that is there as it was is no longer reported.
fn unchanged(finding: &EarlierFinding, target: &TargetFacts) -> Became {
    let database = finding.attributes.get("database").map(String::as_str).unwrap_or_default();
    let same = target.scans.iter().any(|scan| database.split("; ").any(|one| one == scan.database_name()));
    if same { Became::NoLongerReported } else { Became::DatabaseChanged }
}
