//! Two scanners on one target: which vulnerabilities both found, and which only one of them.
//!
//! Findings are the same when they are in the same package at the same version and share a name, directly or through others:
//! what one scanner calls PYSEC-2021-98 alone, and another GHSA-… alone, is one thing as soon as a third knows both names.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::{Fix, Ids, Package, Vulnerability};

/// A vulnerability of one package, as all who saw it tell it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merged {
    /// What all of them tell together.
    pub vulnerability: Box<Vulnerability>,
    /// Who saw it, by the names that the caller gave.
    pub seen_by: BTreeSet<String>,
    /// Every place in which it was seen.
    pub places: BTreeSet<String>,
}

/// How two scanners or more agree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    /// How many vulnerabilities all of them found.
    pub by_all: u64,
    /// How many only one of them found, by its name.
    pub alone: BTreeMap<String, u64>,
    /// How many several found, but not all.
    pub by_some: u64,
}

/// What several scanners found, each vulnerability once, in the order of packages and names. A scanner that tells a package
/// without a version (npm, Dependabot) means every version of it that another one found.
pub fn merge<'v>(told: impl IntoIterator<Item = (&'v str, Box<Vulnerability>)>) -> Vec<Merged> {
    let told: Vec<_> = told.into_iter().collect();
    let mut groups = Groups::new(told.len());
    let mut first: HashMap<(&Package, &str), usize> = HashMap::new();
    for (number, (_, one)) in told.iter().enumerate() {
        for id in one.ids.iter() {
            let earliest = *first.entry((&one.package, id.as_str())).or_insert(number);
            groups.join(number, earliest);
        }
    }
    let mut merged: BTreeMap<usize, Merged> = BTreeMap::new();
    drop(first);
    for (number, (who, one)) in told.into_iter().enumerate() {
        let places = one.place.iter().cloned().collect();
        let seen = Merged { vulnerability: one, seen_by: BTreeSet::from([who.to_owned()]), places };
        merged.entry(groups.of(number)).and_modify(|entry| entry.join(&seen)).or_insert(seen);
    }
    let all = merged.into_values();
    let (mut all, open): (Vec<_>, Vec<_>) = all.partition(|one| one.vulnerability.package.version().is_some());
    for one in open {
        let mut met = false;
        for other in &mut all {
            if other.vulnerability.package.unversioned() == one.vulnerability.package
                && other.vulnerability.ids.meets(&one.vulnerability.ids)
            {
                other.join(&one);
                met = true;
            }
        }
        if !met {
            all.push(one);
        }
    }
    all.sort_by(|a, b| order(a).cmp(&order(b)));
    all
}

impl Merged {
    fn join(&mut self, other: &Self) {
        self.seen_by.extend(other.seen_by.iter().cloned());
        self.places.extend(other.places.iter().cloned());
        join(&mut self.vulnerability, &other.vulnerability);
    }
}

fn order(one: &Merged) -> (&Package, &Ids) {
    (&one.vulnerability.package, &one.vulnerability.ids)
}

/// The version from which on something is mended.
fn from(fixed: &str) -> &str {
    fixed.strip_prefix(">=").map_or(fixed, str::trim_start)
}

/// Adds what another scanner tells of the same vulnerability.
fn join(one: &mut Vulnerability, other: &Vulnerability) {
    one.ids.join(&other.ids);
    one.rated.join(&other.rated);
    for version in &other.fixed {
        // `>=1.2.6` of one is the `1.2.6` of another, whose shorter word is taken.
        match one.fixed.iter_mut().find(|own| from(own) == from(version)) {
            Some(own) if own.len() > version.len() => own.clone_from(version),
            Some(_) => {}
            None => one.fixed.push(version.clone()),
        }
    }
    one.fix = match (one.fix, other.fix) {
        (Fix::Available, _) | (_, Fix::Available) => Fix::Available,
        (Fix::Unknown, fix) | (fix, Fix::Unknown) => fix,
        (fix, _) => fix,
    };
    one.title = one.title.take().or_else(|| other.title.clone());
    one.place = one.place.take().or_else(|| other.place.clone());
    one.layer = one.layer.take().or_else(|| other.layer.clone());
    one.reach = one.reach.max(other.reach);
    one.exploited |= other.exploited;
    // Excused by one and found by another is found.
    one.vex = match (one.vex.take(), other.vex.clone()) {
        (Some(own), Some(others)) => Some(if own.excuses() { others } else { own }),
        (own, others) => own.or(others).filter(|vex| !vex.excuses()),
    };
    // Left out by one and found by another is found.
    one.suppressed = one.suppressed.take().filter(|_| other.suppressed.is_some());
    one.sort = one.sort.take().or_else(|| other.sort.clone());
}

/// How these scanners agree. One that found nothing is named by nobody, so that all have to be given.
pub fn agreement(merged: &[Merged], scanners: &[&str]) -> Agreement {
    let mut agreement = Agreement::default();
    for scanner in scanners {
        agreement.alone.insert((*scanner).to_owned(), 0);
    }
    for one in merged {
        match one.seen_by.iter().next() {
            _ if one.seen_by.len() >= scanners.len() => agreement.by_all += 1,
            Some(who) if one.seen_by.len() == 1 => *agreement.alone.entry(who.clone()).or_default() += 1,
            _ => agreement.by_some += 1,
        }
    }
    agreement
}

/// Disjoint sets of numbers.
struct Groups(Vec<usize>);

impl Groups {
    fn new(count: usize) -> Self {
        Self((0..count).collect())
    }

    /// The least number of the set that a number is in.
    fn of(&mut self, mut number: usize) -> usize {
        while self.0[number] != number {
            self.0[number] = self.0[self.0[number]];
            number = self.0[number];
        }
        number
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.of(one), self.of(other));
        let (least, greatest) = (one.min(other), one.max(other));
        self.0[greatest] = least;
    }
}

#[cfg(test)]
#[path = "merge_tests.rs"]
mod tests;
