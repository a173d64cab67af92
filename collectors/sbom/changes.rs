//! What changed since the last bill of the same target: which packages came, which went, and which are there at other versions.

use std::collections::{BTreeMap, BTreeSet};

use exhibit_evidence::observation::Subject;
use serde_json::Value;

use super::facts::{BillFacts, Changes, Facts, Listed, Listing, Other, Since};
use crate::Scope;
use crate::packages::Package;

/// Most packages of a bill that evidence names, so that the next one can be held against it.
pub(super) const MOST_REMEMBERED: usize = 20_000;
/// Most packages that are named of each kind of change.
const MOST_NAMED: usize = 100;

/// What evidence remembers of a bill; none where it lists more than that.
pub(super) fn remembered(listed: &BTreeSet<Package>) -> Option<Vec<Package>> {
    let all: BTreeSet<Package> = listed.iter().map(Package::unqualified).collect();
    (all.len() <= MOST_REMEMBERED).then(|| all.into_iter().collect())
}

/// What changed since the last bill of this subject; none where nobody supplies what was observed before.
pub(super) fn since(scope: &Scope<'_>, subject: &Subject, bill: &BillFacts) -> Option<Since> {
    let earlier = scope.own.evidence?;
    let has_bill = |facts: &Value| last_of(facts, subject).is_none_or(|last| last.is_some());
    let piece = match earlier.newest(subject, &has_bill) {
        Ok(Some(piece)) => piece,
        Ok(None) => return Some(Since::First),
        Err(why) => return Some(Since::Unknown { why }),
    };
    let unknown = |why: &str| Some(Since::Unknown { why: why.to_owned() });
    let Some(Some(last)) = last_of(&piece.facts, subject) else {
        return unknown("the evidence of the last one is in a form that this version does not read");
    };
    let too_many = |whose: &str| unknown(&format!("{whose} lists more than {MOST_REMEMBERED} packages"));
    match (&last.listed, &bill.listed) {
        (Some(before), Some(now)) => {
            let Changed { added, removed, changed } = changes(before, now);
            let (evidence, observed, digest) = (piece.evidence, piece.observed_to, last.digest);
            Some(Since::Bill(Box::new(Changes { evidence, observed, digest, added, removed, changed })))
        }
        (None, _) if last.digest == bill.digest => too_many("it"),
        (None, _) => too_many("the last one"),
        (_, None) => too_many("this one"),
    }
}

/// The bill of a subject in earlier facts; `Some(None)` where it had none that could be read; none where these facts can't be
/// read, which has to be told: an older bill is not the last one.
fn last_of(facts: &Value, subject: &Subject) -> Option<Option<BillFacts>> {
    // A run that observed nothing at all has no facts.
    if facts.get("format").is_none() {
        return Some(None);
    }
    let facts: Facts = serde_json::from_value(facts.clone()).ok()?;
    let of_it = facts.targets.into_iter().find(|target| target.subject == *subject);
    Some(of_it.and_then(|target| match target.bill {
        Listing::Read(bill) => Some(*bill),
        _ => None,
    }))
}

/// What is another.
#[derive(Default)]
struct Changed {
    added: Listed<String>,
    removed: Listed<String>,
    changed: Listed<Other>,
}

/// What is another in the second list than in the first.
fn changes(before: &[Package], now: &[Package]) -> Changed {
    let (before, now) = (by_name(before), by_name(now));
    let mut changes = Changed::default();
    for (name, versions) in &now {
        match before.get(name) {
            None => add_all(&mut changes.added, name, versions),
            Some(same) if same == versions => {}
            Some(others) => {
                changes.changed.count += 1;
                if changes.changed.examples.len() < MOST_NAMED {
                    let told = |versions: &BTreeSet<Option<&str>>| {
                        versions.iter().map(|version| version.unwrap_or("no version").to_owned()).collect()
                    };
                    let other = Other { package: name.purl(), from: told(others), to: told(versions) };
                    changes.changed.examples.push(other);
                }
            }
        }
    }
    let gone = before.iter().filter(|(name, _)| !now.contains_key(*name));
    gone.for_each(|(name, versions)| add_all(&mut changes.removed, name, versions));
    changes
}

fn by_name(list: &[Package]) -> BTreeMap<Package, BTreeSet<Option<&str>>> {
    let mut names: BTreeMap<Package, BTreeSet<Option<&str>>> = BTreeMap::new();
    for package in list {
        names.entry(package.unversioned()).or_default().insert(package.version());
    }
    names
}

fn add_all(listed: &mut Listed<String>, name: &Package, versions: &BTreeSet<Option<&str>>) {
    for version in versions {
        listed.count += 1;
        if listed.examples.len() < MOST_NAMED {
            listed.examples.push(name.clone().at_least(*version).purl());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(purls: &[&str]) -> Vec<Package> {
        purls.iter().map(|purl| Package::parse(purl).expect("a package")).collect()
    }

    #[test]
    fn what_came_what_went_and_what_is_another_is_told_apart() {
        let before = list(&["pkg:npm/a@1", "pkg:npm/b@1", "pkg:npm/b@2", "pkg:npm/c@1", "pkg:pypi/a@1"]);
        let now = list(&["pkg:npm/a@1", "pkg:npm/b@2", "pkg:npm/b@3", "pkg:npm/d@1", "pkg:pypi/a@1"]);
        let told = changes(&before, &now);
        assert_eq!((told.added.count, told.added.examples.as_slice()), (1, ["pkg:npm/d@1".to_owned()].as_slice()));
        assert_eq!((told.removed.count, told.removed.examples.as_slice()), (1, ["pkg:npm/c@1".to_owned()].as_slice()));
        assert_eq!(told.changed.count, 1);
        let Other { package, from, to } = &told.changed.examples[0];
        assert_eq!((package.as_str(), from.join(" "), to.join(" ")), ("pkg:npm/b", "1 2".to_owned(), "2 3".to_owned()));
        let none = changes(&now, &now);
        assert_eq!((none.added.count, none.removed.count, none.changed.count), (0, 0, 0));
    }

    #[test]
    fn lists_are_bounded_and_counts_are_not() {
        let many: Vec<Package> =
            (0..250).map(|at| Package::parse(&format!("pkg:npm/p{at}@1")).expect("a package")).collect();
        let told = changes(&[], &many);
        assert_eq!((told.added.count, told.added.examples.len()), (250, MOST_NAMED));
        let more: BTreeSet<Package> =
            (0..=MOST_REMEMBERED).map(|at| Package::parse(&format!("pkg:npm/p{at}@1")).expect("a package")).collect();
        assert_eq!(remembered(&more), None);
    }

    #[test]
    fn builds_of_a_package_for_two_machines_are_one_package() {
        let both = list(&["pkg:deb/debian/a@1?arch=amd64", "pkg:deb/debian/a@1?arch=arm64"]);
        assert_eq!(remembered(&both.into_iter().collect()).map(|list| list.len()), Some(1));
    }
}
