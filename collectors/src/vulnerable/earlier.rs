//! What became of what was noted before: still there, gone with its package, gone with its version, or only not reported.
//!
//! Something is gone only where that is seen: its lockfile was read, and does not have it; or whoever reported it looked again,
//! and does not report it. All else stays open, or is told to be unchanged.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use exhibit_evidence::{CheckId, Fingerprint, Severity, Timestamp, observation::Subject};
use globset::GlobSet;

use super::comparing::LookedAt;
use super::facts::{Became, Earlier, History, LockfileFacts, Seen, TargetFacts};
use super::pinning::{self, Referring};
use super::{Looks, conditions, judge};
use crate::Scope;
use crate::own::{EarlierFinding, Window};
use crate::packages::Package;
use crate::results::Ids;

/// The checks whose findings are about vulnerabilities.
pub(super) const ABOUT_VULNERABILITIES: [&str; 3] = ["known-vulnerabilities", "remediation-in-time", "known-exploited"];

/// The attribute of a finding that is in no lockfile that could be read.
pub(super) const OUTSIDE: &str = "outside";
/// The attribute that tells when something was last seen before it was gone.
pub(super) const GONE_AFTER: &str = "gone_after";

/// What a run knows of the targets that it looked at.
pub(super) struct Looked<'a> {
    /// Their facts.
    pub(super) targets: &'a mut [TargetFacts],
    /// For each of them, what of it was not seen; none where nothing was.
    pub(super) unseen: &'a [Option<Unseen>],
    /// The files that refer to images.
    pub(super) referring: &'a [Referring],
}

/// What of a target was not seen, and who saw the rest.
pub(super) struct Unseen {
    /// Lockfiles that could not be read.
    pub(super) lockfiles: Vec<String>,
    /// Whether there may be more than was counted: somebody handed in a part.
    pub(super) more: bool,
    /// What the settings leave out.
    pub(super) left_out: GlobSet,
    /// Whether a scanner said nothing, or more than was kept.
    pub(super) silent: bool,
    /// What each scanner examined.
    pub(super) looked: LookedAt,
}

/// What became of all that was noted before.
pub(super) struct Followed {
    /// What is not there as it was.
    pub(super) earlier: Vec<Earlier>,
    /// What is.
    pub(super) there: BTreeMap<CheckId, Vec<Fingerprint>>,
    /// Whether that could be asked for.
    pub(super) history: History,
}

impl Followed {
    fn nothing(history: History) -> Self {
        Self { earlier: Vec::new(), there: BTreeMap::new(), history }
    }
}

/// Tells since when each vulnerability has been open, which are back, and what became of all that was noted before.
pub(super) fn follow(looks: Looks, scope: &Scope<'_>, looked: &mut Looked<'_>) -> Followed {
    let Some(source) = scope.own.earlier else { return Followed::nothing(History::NotSupplied) };
    let (open, closed) = match source.open().and_then(|open| Ok((open, source.closed()?))) {
        Ok(both) => both,
        Err(why) => return Followed::nothing(History::Unknown { why }),
    };
    let checks: Vec<_> = judge::checks(looks).map(|name| (name, looks.check(name))).collect();
    let mut followed = Followed::nothing(History::Known);
    let index = index(looked.targets);
    for finding in open {
        let Some((name, _)) = checks.iter().find(|(_, check)| *check == finding.check) else { continue };
        let Some(mut earlier) = read(name, &finding) else { continue };
        let present = ABOUT_VULNERABILITIES.contains(name) && still_seen(&finding, &earlier, looked, &index);
        earlier.became = Became::Present;
        if !present {
            earlier.attributes.clone_from(&finding.attributes);
            earlier.became = became(name, &finding, &earlier, looked);
        }
        if earlier.became == Became::Present {
            followed.there.entry(earlier.check).or_default().push(earlier.fingerprint);
        } else {
            earlier.place = Some(finding.place);
            followed.earlier.push(earlier);
        }
    }
    for target in looked.targets.iter_mut() {
        let subject = target.subject.clone();
        let new = target.vulnerabilities.iter_mut().filter(|seen| seen.first_seen.is_none());
        new.for_each(|seen| back(looks, &subject, seen, &closed));
    }
    followed.earlier.sort_by(|one, other| (&one.check, &one.fingerprint).cmp(&(&other.check, &other.fingerprint)));
    followed.there.values_mut().for_each(|all| all.sort_unstable());
    followed
}

fn read(name: &str, finding: &EarlierFinding) -> Option<Earlier> {
    let attribute = |name: &str| finding.attributes.get(name).cloned();
    let severity = attribute("severity");
    let package = attribute("package").and_then(|purl| Package::parse(&purl).ok());
    let advisory = attribute("advisory").unwrap_or_default();
    if ABOUT_VULNERABILITIES.contains(&name) && (package.is_none() || advisory.is_empty()) {
        return None;
    }
    Some(Earlier {
        fingerprint: finding.fingerprint,
        check: finding.check.clone(),
        condition: Some(finding.condition.clone()),
        subject: finding.subject.clone(),
        first_observed: finding.first_observed,
        advisory,
        place: None,
        attributes: BTreeMap::new(),
        package,
        version: attribute("version"),
        lockfile: finding.place.file.clone().unwrap_or_default(),
        severity: severity.and_then(|word| Severity::ALL.into_iter().find(|one| one.word() == word)),
        became: Became::NotExamined,
    })
}

/// Where the vulnerabilities of each target are that are in a package, by its purl without a version.
type Index = Vec<HashMap<String, Vec<usize>>>;

fn index(targets: &[TargetFacts]) -> Index {
    let of_one = |target: &TargetFacts| {
        let mut places: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, seen) in target.vulnerabilities.iter().enumerate() {
            places.entry(seen.package.unversioned().purl()).or_default().push(at);
        }
        places
    };
    targets.iter().map(of_one).collect()
}

/// Whether it is among what is seen now; then that keeps the name and the day of the first time.
fn still_seen(finding: &EarlierFinding, earlier: &Earlier, looked: &mut Looked<'_>, index: &Index) -> bool {
    let Some(package) = &earlier.package else { return false };
    let purl = package.purl();
    let aliases = finding.attributes.get("aliases").map(String::as_str).unwrap_or_default();
    let ids = Ids::new(aliases.split(", ").chain([earlier.advisory.as_str()]));
    let gone_after = finding.attributes.get(GONE_AFTER).and_then(|at| at.parse::<Timestamp>().ok());
    let mut found = false;
    for (number, target) in looked.targets.iter_mut().enumerate() {
        if target.subject != earlier.subject {
            continue;
        }
        // What is in no lockfile that could be read may be in the one that could not.
        let unseen = looked.unseen.get(number).and_then(Option::as_ref);
        let unread = unseen.is_none_or(|unseen| unseen.more || unseen.lockfiles.contains(&earlier.lockfile))
            && target.lockfiles.iter().all(|lockfile| lockfile.path != earlier.lockfile);
        for at in index[number].get(&purl).into_iter().flatten() {
            let seen = &mut target.vulnerabilities[*at];
            let same_place = seen.lockfile == earlier.lockfile || (unread && !seen.in_population);
            if same_place && (seen.advisory == earlier.advisory || seen.ids.meets(&ids)) {
                found = true;
                seen.lockfile.clone_from(&earlier.lockfile);
                seen.advisory.clone_from(&earlier.advisory);
                let first = seen.first_seen.map_or(earlier.first_observed, |first| first.min(earlier.first_observed));
                seen.first_seen = Some(first);
                seen.gone_after = seen.gone_after.max(gone_after);
            }
        }
    }
    found
}

/// What was noted once, was gone, and is seen again: it keeps the name and the day of the first time too.
fn back(looks: Looks, subject: &Subject, seen: &mut Seen, closed: &BTreeMap<Fingerprint, Window>) {
    if closed.is_empty() {
        return;
    }
    let unversioned = seen.package.unversioned().purl();
    let check = looks.check(ABOUT_VULNERABILITIES[0]);
    let windows = seen.ids.iter().filter_map(|id| {
        let place = [id.as_str(), unversioned.as_str(), seen.lockfile.as_str()];
        let fingerprint = Fingerprint::of(&check, &subject.environment, &subject.id, &place).ok()?;
        Some((id.as_str().to_owned(), *closed.get(&fingerprint)?))
    });
    let windows: Vec<(String, Window)> = windows.collect();
    let Some((name, _)) = windows.iter().min_by_key(|(_, window)| window.first_observed) else { return };
    seen.advisory.clone_from(name);
    seen.first_seen = windows.iter().map(|(_, window)| window.first_observed).min();
    seen.gone_after = windows.iter().map(|(_, window)| window.last_observed).max();
}

fn became(name: &str, finding: &EarlierFinding, earlier: &Earlier, looked: &Looked<'_>) -> Became {
    if name == "pinned-images" {
        return pinning::became(earlier, looked.referring);
    }
    let at = looked.targets.iter().position(|target| target.subject == earlier.subject);
    let Some((target, Some(unseen))) = at.and_then(|at| Some((&looked.targets[at], looked.unseen.get(at)?.as_ref())))
    else {
        return Became::NotExamined;
    };
    let lockfile = target.lockfiles.iter().position(|lockfile| lockfile.path == earlier.lockfile);
    if lockfile.is_none() && is_left_out(&unseen.left_out, &earlier.lockfile) {
        return Became::LeftOut;
    }
    match (name, lockfile) {
        ("fresh-database", _) => database(finding, target, unseen),
        ("denied-packages" | "pinned-packages", Some(lockfile)) => {
            listed(name, finding, earlier, &target.lockfiles[lockfile])
        }
        ("denied-packages" | "pinned-packages", None) if is_partial(unseen) => Became::NotExamined,
        ("denied-packages" | "pinned-packages", None) => Became::Removed,
        _ => vulnerability(finding, earlier, target, unseen, lockfile),
    }
}

/// Whether patterns that leave out a file, or a folder with all that is in it, mean this path.
pub(super) fn is_left_out(patterns: &GlobSet, path: &str) -> bool {
    let folders = path.match_indices('/').map(|(at, _)| &path[..at]);
    folders.chain([path]).any(|part| !part.is_empty() && patterns.is_match(part))
}

/// Whether what is not there may be what could not be read, or what nobody handed in.
fn is_partial(unseen: &Unseen) -> bool {
    unseen.more || !unseen.lockfiles.is_empty()
}

/// What became of a scanner's stale word.
fn database(finding: &EarlierFinding, target: &TargetFacts, unseen: &Unseen) -> Became {
    let name = finding.attributes.get("scanner").map(String::as_str).unwrap_or_default();
    let lockfile = finding.place.file.as_deref();
    if target.scans.iter().any(|scan| scan.name == name && scan.lockfile.as_deref() == lockfile) {
        // Where it is still stale, that is noted.
        Became::Fixed
    } else if unseen.silent || unseen.more {
        Became::NotExamined
    } else {
        Became::Removed
    }
}

/// What became of something that the lockfile alone tells.
fn listed(name: &str, finding: &EarlierFinding, earlier: &Earlier, lockfile: &LockfileFacts) -> Became {
    let condition = finding.condition.as_str().rsplit('.').next().unwrap_or_default();
    let wanted = earlier.package.as_ref();
    let is_there = || lockfile.packages.iter().any(|package| wanted == Some(&package.unversioned()));
    match (name, condition) {
        ("denied-packages", _) => {
            let beside = lockfile.aside.iter().filter_map(|apart| lockfile.format.named(&apart.name));
            if is_there() || beside.into_iter().any(|package| wanted == Some(&package)) {
                Became::Present
            } else {
                Became::Removed
            }
        }
        (_, conditions::UNHASHED) if lockfile.unhashed > 0 => Became::Present,
        (_, conditions::UNHASHED) => Became::Fixed,
        _ => {
            let asked = finding.attributes.get("package").or(finding.place.key.as_ref());
            let asked = asked.map(String::as_str).unwrap_or_default();
            let named = lockfile.format.named(asked);
            if lockfile.unpinned.iter().any(|one| one.name == asked) {
                Became::Present
            } else if lockfile.packages.iter().any(|package| named.as_ref() == Some(&package.unversioned())) {
                Became::Fixed
            } else {
                Became::Removed
            }
        }
    }
}

/// What became of a vulnerability that is not seen this time.
fn vulnerability(
    finding: &EarlierFinding,
    earlier: &Earlier,
    target: &TargetFacts,
    unseen: &Unseen,
    lockfile: Option<usize>,
) -> Became {
    let outside = finding.attributes.contains_key(OUTSIDE) || earlier.lockfile.is_empty();
    let Some(number) = lockfile else {
        // It was in no lockfile, or its lockfile is gone; that is known only where all that there is was seen.
        return match (outside, is_partial(unseen)) {
            (true, _) => unchanged(finding, target, unseen),
            (false, true) => Became::NotExamined,
            (false, false) => Became::Removed,
        };
    };
    let packages = &target.lockfiles[number].packages;
    let there: Vec<usize> =
        earlier.package.iter().flat_map(|package| target.lockfiles[number].versions_of(package)).collect();
    if there.is_empty() {
        return Became::Removed;
    }
    let unexamined: BTreeSet<u32> = target.lockfiles[number].unexamined.iter().copied().collect();
    let is_unexamined = |at: &usize| u32::try_from(*at).is_ok_and(|at| unexamined.contains(&at));
    if target.scans.is_empty() || there.iter().any(is_unexamined) {
        return Became::NotExamined;
    }
    // Where a scanner was silent, only those who reported it count: another one that never did says nothing.
    let by_reporters = || there.iter().all(|at| reporters(finding).any(|who| unseen.looked.has(who, number, *at)));
    if unseen.silent && !by_reporters() {
        return Became::NotExamined;
    }
    if !there.iter().any(|at| packages[*at].version() == earlier.version.as_deref()) {
        return Became::Fixed;
    }
    unchanged(finding, target, unseen)
}

/// The scanners that reported it.
fn reporters(finding: &EarlierFinding) -> impl Iterator<Item = &str> {
    finding.attributes.get("scanner").into_iter().flat_map(|names| names.split(", "))
}

/// Why something that is there as it was is no longer reported.
fn unchanged(finding: &EarlierFinding, target: &TargetFacts, unseen: &Unseen) -> Became {
    if unseen.silent && !reporters(finding).any(|who| unseen.looked.spoke(who)) {
        return Became::NotExamined;
    }
    let database = finding.attributes.get("database").map(String::as_str).unwrap_or_default();
    let same = target.scans.iter().any(|scan| database.split("; ").any(|one| one == scan.database_name()));
    if same { Became::NoLongerReported } else { Became::DatabaseChanged }
}
