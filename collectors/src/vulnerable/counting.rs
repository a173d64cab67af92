//! What there is: the lockfiles of a target, read by Exhibit itself, whatever a scanner says of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use exhibit_evidence::{Digest, Timestamp};
use globset::GlobSet;

use super::facts::{BillFacts, HeldFacts, LockfileFacts};
use crate::Scope;
use crate::packages::bill::{Bill, Identity, differing, holds};
use crate::packages::find::{self, Found, Listing};
use crate::packages::image::{self, Contents, Image, ImageError};
use crate::packages::{Locked, lockfile};
use crate::pulling::{Pull, Pulled, Registry};
use crate::targets::Target;

/// The code of an image that could not be had from its registry.
pub(crate) const NOT_PULLED: &str = "image-not-pulled";

/// A lockfile that was read.
pub(crate) struct Lock {
    /// Its path below the target.
    pub(crate) path: String,
    /// What it says.
    pub(crate) locked: Locked,
    /// Its bytes.
    pub(crate) bytes: Vec<u8>,
}

impl Lock {
    /// As facts; which packages were examined is added later.
    pub(crate) fn facts(&self) -> LockfileFacts {
        let mut apart = std::collections::BTreeMap::new();
        for one in &self.locked.apart {
            *apart.entry(one.why.code().to_owned()).or_default() += 1;
        }
        LockfileFacts {
            path: self.path.clone(),
            format: self.locked.format,
            digest: Digest::of(&self.bytes),
            counted: self.locked.counted.map(str::to_owned),
            packages: self.locked.packages.iter().cloned().collect(),
            apart,
            aside: self.locked.apart.clone(),
            unpinned: self.locked.unpinned.clone(),
            unhashed: self.locked.unhashed,
            unexamined: Vec::new(),
        }
    }
}

/// What was counted of one target.
#[derive(Default)]
pub(crate) struct Counted {
    /// Its lockfiles, by path.
    pub(crate) locks: Vec<Lock>,
    /// The commit that they are from.
    pub(crate) commit: Option<String>,
    /// When that was made.
    pub(crate) committed_at: Option<Timestamp>,
    /// Which image it is.
    pub(crate) image: Option<Image>,
    /// What was pulled of a registry, for as long as it is looked at.
    pub(crate) pulled: Option<Pulled>,
    /// What of it was read.
    pub(crate) held: Option<HeldFacts>,
    /// What its bill of materials lists beside what was counted.
    pub(crate) bill: Option<BillFacts>,
    /// What could not be found out: a code and a sentence.
    pub(crate) problems: Vec<(&'static str, String)>,
    /// Lockfiles that are there and could not be read.
    pub(crate) unreadable: Vec<String>,
    /// Whether somebody handed in what is counted, so that there may be more.
    pub(crate) part: bool,
    /// What the settings leave out.
    pub(crate) left_out: GlobSet,
}

/// Counts what a target holds. `registries` says how those are asked that images are pulled of.
pub(crate) fn count(target: &Target, registries: &[Registry], scope: &Scope<'_>) -> Counted {
    let base = scope.base;
    let exclude = target.left_out();
    let listing = if let Some(folder) = &target.folder {
        find::in_folder(&base.join(folder), &exclude)
    } else if let Some(repository) = &target.repository {
        find::in_repository(&base.join(repository), target.reference.as_deref().unwrap_or("HEAD"), &exclude)
    } else if let Some(lockfile) = &target.lockfile {
        find::one(&base.join(lockfile))
    } else {
        return of_image(target, registries, scope);
    };
    match listing {
        Ok(listing) => read(listing),
        Err(error) => Counted { problems: vec![("target-unreadable", error.to_string())], ..Counted::default() },
    }
}

/// Reads what was found.
pub(crate) fn read(listing: Listing) -> Counted {
    let mut counted = Counted { commit: listing.commit, committed_at: listing.committed_at, ..Counted::default() };
    for unread in listing.unread {
        counted.problems.push(("lockfile-unreadable", format!("{}: {}", unread.path, unread.reason)));
        counted.unreadable.push(unread.path);
    }
    for Found { path, format, bytes } in listing.files {
        match format.read(&path, &bytes) {
            Ok(locked) => counted.locks.push(Lock { path, locked, bytes }),
            Err(error) => {
                counted.problems.push(("lockfile-unreadable", error.to_string()));
                counted.unreadable.push(path);
            }
        }
    }
    counted
}

/// The lockfiles that were handed in, each once.
pub(crate) fn handed_in(files: &[PathBuf]) -> Counted {
    let mut all = Listing::default();
    let mut problems = Vec::new();
    let mut there = BTreeSet::new();
    for path in files {
        if !there.insert(fs::canonicalize(path).unwrap_or_else(|_| path.clone())) {
            continue;
        }
        match find::one(path) {
            Ok(listing) => {
                all.files.extend(listing.files);
                all.unread.extend(listing.unread);
            }
            Err(error) => problems.push(("lockfile-unreadable", format!("{}: {error}", crate::given::name_of(path)))),
        }
    }
    // In whatever order they were named.
    all.files.sort_by(|one, other| (&one.path, &one.bytes).cmp(&(&other.path, &other.bytes)));
    let mut counted = read(all);
    counted.problems.extend(problems);
    counted.part = true;
    counted
}

/// Counts what is in an image by its own package databases and lockfiles.
fn of_image(target: &Target, registries: &[Registry], scope: &Scope<'_>) -> Counted {
    let mut counted = Counted::default();
    let pull = Pull::of(target.pull.as_deref(), target.platform.as_deref(), registries, scope.clock.now());
    match pull.map(|pull| pull.pull(scope.base)).transpose() {
        Ok(pulled) => counted.pulled = pulled,
        Err(error) => {
            counted.problems.push((NOT_PULLED, error.to_string()));
            return counted;
        }
    }
    let path = counted.root(target, scope.base);
    match image::open(&path, target.image_name.as_deref()) {
        Ok(opened) => {
            let contents = opened.contents(&target.left_out());
            counted.image = Some(opened.image);
            counted.hold(contents);
        }
        Err(error) => counted.problems.push(("image-unidentified", error.to_string())),
    }
    counted
}

impl Counted {
    /// Where what was counted lies.
    pub(crate) fn root(&self, target: &Target, base: &Path) -> PathBuf {
        self.pulled.as_ref().map_or_else(|| target.root(base), |pulled| pulled.layout().to_owned())
    }

    /// Whether it is an image that could not be had from its registry.
    pub(crate) fn is_out_of_reach(&self, target: &Target) -> bool {
        target.pull.is_some() && self.pulled.is_none()
    }

    /// Takes in what an image holds.
    fn hold(&mut self, contents: Result<Contents, ImageError>) {
        let contents = match contents {
            Ok(contents) => contents,
            Err(error) => return self.problems.push(("image-unread", error.to_string())),
        };
        for one in contents.uncounted {
            self.problems.push(("packages-uncounted", format!("{}: {}", one.path, one.reason)));
            self.unreadable.push(one.path);
        }
        for Found { path, format, bytes } in contents.databases {
            // A database without a distribution's name is taken for the one that its kind comes from.
            let usual = if format == lockfile::Format::Apk { "alpine" } else { "debian" };
            let distribution = contents.distribution.as_ref().map_or(usual, |one| one.id.as_str());
            match lockfile::installed(format, distribution, &path, &bytes) {
                Ok(locked) => self.locks.push(Lock { path, locked, bytes }),
                Err(error) => {
                    self.problems.push(("packages-uncounted", error.to_string()));
                    self.unreadable.push(path);
                }
            }
        }
        let read = read(contents.lockfiles);
        self.locks.extend(read.locks);
        self.problems.extend(read.problems);
        self.unreadable.extend(read.unreadable);
        self.held = Some(HeldFacts { distribution: contents.distribution, installed: contents.installed });
    }

    /// Holds a bill of materials against what was counted; what it lists beyond that is part of what there is.
    pub(crate) fn compare(&mut self, bill: &Path) {
        let name = crate::given::name_of(bill);
        let mut read = match find::one(bill) {
            Ok(listing) => read(listing),
            Err(error) => {
                self.problems.push(("lockfile-unreadable", format!("{name}: {error}")));
                return self.unreadable.push(name);
            }
        };
        self.problems.append(&mut read.problems);
        self.unreadable.append(&mut read.unreadable);
        let Some(mut lock) = read.locks.pop() else { return };
        let listed = std::mem::take(&mut lock.locked.packages);
        let own: BTreeSet<_> = self.locks.iter().flat_map(|lock| lock.locked.packages.iter().cloned()).collect();
        let beyond: BTreeSet<_> = differing(&listed, &own).into_iter().cloned().collect();
        let identity = match Bill::read(&lock.bytes) {
            Ok(bill) => bill.identity(self.image.as_ref(), None),
            // It is the same bytes that could be read as a list.
            Err(_) => Identity::Unsaid,
        };
        if let Identity::Other { named, target } = &identity {
            let message = format!("{}: the bill of materials names {named}, and the target is {target}", lock.path);
            self.problems.push(("bill-of-something-else", message));
        }
        self.bill = Some(BillFacts {
            path: lock.path.clone(),
            digest: Digest::of(&lock.bytes),
            listed: listed.len() as u64,
            missing: own.iter().filter(|package| !holds(&listed, package)).cloned().collect(),
            beyond: beyond.len() as u64,
            identity,
        });
        lock.locked.packages = beyond;
        lock.locked.counted =
            Some("the components that have a package URL and that were not counted in the image itself");
        self.locks.push(lock);
    }
}
