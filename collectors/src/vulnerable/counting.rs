//! What there is: the lockfiles of a target, read by Exhibit itself, whatever a scanner says of them.

use std::collections::BTreeSet;
use std::path::Path;

use exhibit_evidence::{Digest, Timestamp};
use globset::GlobSet;

use super::facts::{BillFacts, HeldFacts, LockfileFacts};
use super::settings::patterns;
use crate::packages::bill::{Bill, Identity, differing, holds};
use crate::packages::find::{self, Found, Listing};
use crate::packages::image::{self, Contents, Image, ImageError};
use crate::packages::{Locked, lockfile};

/// Where something is counted: one of folder, repository, lockfile and image.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place<'t> {
    /// A folder, whose lockfiles are found.
    pub(crate) folder: Option<&'t Path>,
    /// A git repository.
    pub(crate) repository: Option<&'t Path>,
    /// What of the repository counts; without it HEAD.
    pub(crate) reference: Option<&'t str>,
    /// One lockfile.
    pub(crate) lockfile: Option<&'t Path>,
    /// An image.
    pub(crate) image: Option<&'t Path>,
    /// Which of several images.
    pub(crate) image_name: Option<&'t str>,
    /// What somebody says that the image holds.
    pub(crate) bill: Option<&'t Path>,
    /// Folders and files that are left out, as patterns.
    pub(crate) exclude: &'t [String],
}

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

/// Counts what a target holds.
pub(crate) fn count(target: &Place<'_>, base: &Path) -> Counted {
    let exclude = patterns(target.exclude).unwrap_or_default();
    let listing = if let Some(folder) = target.folder {
        find::in_folder(&base.join(folder), &exclude)
    } else if let Some(repository) = target.repository {
        find::in_repository(&base.join(repository), target.reference.unwrap_or("HEAD"), &exclude)
    } else if let Some(lockfile) = target.lockfile {
        find::one(&base.join(lockfile))
    } else {
        return of_image(target, base);
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

/// Counts what is in an image by its own package databases and lockfiles; a bill of materials adds what it lists beyond them.
fn of_image(target: &Place<'_>, base: &Path) -> Counted {
    let mut counted = Counted::default();
    let Some(path) = target.image else { return counted };
    match image::open(&base.join(path), target.image_name) {
        Ok(opened) => {
            let contents = opened.contents(&patterns(target.exclude).unwrap_or_default());
            counted.image = Some(opened.image);
            counted.hold(contents);
        }
        Err(error) => counted.problems.push(("image-unidentified", error.to_string())),
    }
    if let Some(bill) = target.bill {
        counted.compare(&base.join(bill));
    }
    counted
}

impl Counted {
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
    fn compare(&mut self, bill: &Path) {
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
