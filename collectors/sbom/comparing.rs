//! A bill against the target that it is of.

use std::collections::{BTreeMap, BTreeSet};

use exhibit_evidence::Digest;

use super::facts::{BillFacts, Element, Identity, Lacking, Missing};
use crate::packages::bill::Bill;
use crate::packages::lockfile::Why;
use crate::packages::{Package, image::Image};
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
}

/// Holds a bill against what was counted.
pub(super) fn compare(given: &Given, bill: &Bill, counted: &Counted) -> BillFacts {
    let listed = bill.packages();
    let own: BTreeSet<&Package> = counted.locks.iter().flat_map(|lock| &lock.locked.packages).collect();
    let unqualified: BTreeSet<Package> = own.iter().map(|package| package.unqualified()).collect();
    let beyond = listed.iter().filter(|package| !own.contains(package) && !unqualified.contains(package)).count();
    let mut missing: Vec<Missing> = missing(&listed, bill, counted).into_iter().collect();
    let missing_in_all = missing.len() as u64;
    missing.truncate(MOST_MISSING);
    BillFacts {
        name: given.name.clone(),
        digest: Digest::of(&given.bytes),
        size: given.bytes.len() as u64,
        form: bill.form.clone(),
        timestamp: bill.timestamp,
        authors: bill.authors.clone(),
        tools: bill.tools.clone(),
        describes: bill.described.name.clone(),
        identity: if given.run.is_some() { Identity::MadeOfIt } else { identity(bill, counted) },
        run: given.run.clone(),
        components: bill.components.len() as u64,
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
            // Some write no architecture, which leaves the same package.
            if !listed.contains(package) && !listed.contains(&package.unqualified()) {
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

/// Whether the bill says that it describes this target.
fn identity(bill: &Bill, counted: &Counted) -> Identity {
    let described = &bill.described;
    if let Some(image) = &counted.image {
        return of_image(bill, image);
    }
    let Some(commit) = &counted.commit else { return Identity::Unnameable };
    if described.commits.contains(commit) {
        return Identity::Same { by: format!("the commit {commit}") };
    }
    match described.commits.iter().next() {
        Some(named) => Identity::Other { named: format!("the commit {named}"), target: format!("the commit {commit}") },
        None => Identity::Unsaid,
    }
}

fn of_image(bill: &Bill, image: &Image) -> Identity {
    let described = &bill.described;
    let file = image.file.map(|file| file.to_string());
    let own = [image.manifest.as_deref(), Some(image.config.as_str()), file.as_deref()];
    if let Some(same) = own.into_iter().flatten().find(|own| described.digests.contains(*own)) {
        return Identity::Same { by: format!("the digest {same}") };
    }
    let target = format!("the image {}", image.manifest.as_ref().unwrap_or(&image.config));
    if let Some(layer) = described.layers.iter().find(|layer| !image.layers.contains(layer)) {
        return Identity::Other { named: format!("the layer {layer}, which is none of this image's"), target };
    }
    match (described.digests.iter().next(), &image.manifest) {
        (Some(named), Some(_)) => Identity::Other { named: format!("the digest {named}"), target },
        // What `docker save` writes holds no manifest, whose digest most tools name an image by; some make one up.
        (Some(named), None) => Identity::Incomparable { named: format!("the digest {named}") },
        (None, _) if described.layers.is_empty() => Identity::Unsaid,
        (None, _) => Identity::Incomparable { named: "layers alone, which other images may have too".to_owned() },
    }
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
