//! A bill against the target that it is of.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::changes;
use super::facts::{BillFacts, Element, Lacking, Missing};
use crate::kept::{KeepUpTo, Printed};
use crate::packages::Package;
use crate::packages::bill::{Bill, Identity, differing, holds};
use crate::packages::lockfile::Why;
use crate::scanners::ScannerFacts;
use crate::vulnerable::counting::Counted;

/// Most missing packages that are named.
pub(super) const MOST_MISSING: usize = 5_000;
/// Most components that are named which lack something.
const MOST_EXAMPLES: usize = 20;

/// A bill's bytes, and where they are from.
pub(super) struct Given {
    /// The file's name, or the adapter's.
    pub(super) name: String,
    /// The run that made it.
    pub(super) run: Option<ScannerFacts>,
    /// What was read.
    pub(super) bytes: Vec<u8>,
    /// The same, to be kept.
    pub(super) printed: Printed,
}

impl Given {
    /// What these bytes are, to be kept up to a size.
    pub(super) fn new(name: String, run: Option<ScannerFacts>, bytes: Vec<u8>, keep: KeepUpTo) -> io::Result<Self> {
        let printed = keep.read(&mut bytes.as_slice())?;
        Ok(Self { name, run, bytes, printed })
    }
}

/// Holds a bill against what was counted.
pub(super) fn compare(given: &Given, bill: &Bill, counted: &Counted) -> BillFacts {
    let listed = bill.packages();
    let own: BTreeSet<Package> = counted.locks.iter().flat_map(|lock| lock.locked.packages.iter().cloned()).collect();
    let beyond = differing(&listed, &own).len();
    let mut missing: Vec<Missing> = missing(&listed, bill, counted).into_iter().collect();
    let missing_in_all = missing.len() as u64;
    missing.truncate(MOST_MISSING);
    BillFacts {
        name: given.name.clone(),
        digest: given.printed.digest,
        size: given.printed.size,
        form: bill.form.clone(),
        timestamp: bill.timestamp,
        authors: bill.authors.clone(),
        tools: bill.tools.clone(),
        describes: bill.described.name.clone(),
        identity: match &given.run {
            Some(_) => Identity::MadeOfIt,
            None => bill.identity(counted.image.as_ref(), counted.commit.as_deref()),
        },
        run: given.run.clone(),
        components: bill.components.len() as u64,
        listed: changes::remembered(&listed),
        since: None,
        beyond: beyond as u64,
        missing,
        missing_in_all,
        lacking: lacking(bill),
    }
}

fn missing(listed: &BTreeSet<Package>, bill: &Bill, counted: &Counted) -> BTreeSet<Missing> {
    let mut missing = BTreeSet::new();
    let names: BTreeSet<&str> = bill.components.iter().map(|component| component.name.as_str()).collect();
    for lock in &counted.locks {
        let mut miss = |package: String| missing.insert(Missing { package, place: lock.path.clone() });
        for package in &lock.locked.packages {
            if !holds(listed, package) {
                miss(package.purl());
            }
        }
        for apart in lock.locked.apart.iter().filter(|apart| apart.why != Why::Local) {
            // What comes from no registry has no package URL that all write alike.
            let short = apart.name.rsplit('/').next().unwrap_or_default();
            if !names.contains(apart.name.as_str()) && !names.contains(short) {
                miss(apart.name.clone());
            }
        }
    }
    missing
}

/// What the bill does not say.
fn lacking(bill: &Bill) -> BTreeMap<Element, Lacking> {
    let mut lacking: BTreeMap<Element, Lacking> = BTreeMap::new();
    let mut lack = |element: Element, name: Option<&str>| {
        let entry = lacking.entry(element).or_default();
        entry.count += 1;
        if entry.examples.len() < MOST_EXAMPLES {
            entry.examples.extend(name.map(str::to_owned));
        }
    };
    if bill.authors.is_empty() && bill.tools.is_empty() {
        lack(Element::Author, None);
    }
    if bill.timestamp.is_none() {
        lack(Element::Timestamp, None);
    }
    for component in &bill.components {
        let purl = component.package.as_ref().map(Package::purl);
        let called = match (component.name.as_str(), &purl) {
            ("", Some(purl)) => purl.as_str(),
            ("", None) => "one without a name",
            (name, _) => name,
        };
        for (element, there) in [
            (Element::Supplier, component.supplied),
            (Element::Name, !component.name.is_empty()),
            (Element::Version, component.version.is_some()),
            (Element::Identifier, component.package.is_some() || component.identified),
            (Element::Relationship, component.related),
        ] {
            if !there {
                lack(element, Some(called));
            }
        }
    }
    lacking
}
