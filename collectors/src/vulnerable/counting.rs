//! What there is: the lockfiles of a target, read by Exhibit itself, whatever a scanner says of them.

use std::path::Path;

use exhibit_evidence::Digest;

use super::facts::LockfileFacts;
use super::settings::{Target, patterns};
use crate::packages::find::{self, Found, Listing};
use crate::packages::image::{self, Image};
use crate::packages::{Format, Locked};

/// A lockfile that was read.
pub(super) struct Lock {
    /// Its path below the target.
    pub(super) path: String,
    /// What it says.
    pub(super) locked: Locked,
    /// Its bytes.
    pub(super) bytes: Vec<u8>,
}

impl Lock {
    /// As facts; which packages were examined is added later.
    pub(super) fn facts(&self) -> LockfileFacts {
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
            unpinned: self.locked.unpinned.clone(),
            unhashed: self.locked.unhashed,
            unexamined: Vec::new(),
        }
    }
}

/// What was counted of one target.
#[derive(Default)]
pub(super) struct Counted {
    /// Its lockfiles, by path.
    pub(super) locks: Vec<Lock>,
    /// The commit that they are from.
    pub(super) commit: Option<String>,
    /// Which image it is.
    pub(super) image: Option<Image>,
    /// What could not be found out: a code and a sentence.
    pub(super) problems: Vec<(&'static str, String)>,
    /// Lockfiles that are there and could not be read.
    pub(super) unreadable: Vec<String>,
    /// Whether somebody handed in what is counted, so that there may be more.
    pub(super) part: bool,
}

/// Counts what a target holds.
pub(super) fn count(target: &Target, base: &Path) -> Counted {
    let exclude = patterns(&target.exclude).unwrap_or_default();
    let listing = if let Some(folder) = &target.folder {
        find::in_folder(&base.join(folder), &exclude)
    } else if let Some(repository) = &target.repository {
        find::in_repository(&base.join(repository), target.reference.as_deref().unwrap_or("HEAD"), &exclude)
    } else if let Some(lockfile) = &target.lockfile {
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
pub(super) fn read(listing: Listing) -> Counted {
    let mut counted = Counted { commit: listing.commit, ..Counted::default() };
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

fn of_image(target: &Target, base: &Path) -> Counted {
    let mut counted = Counted::default();
    let Some(path) = &target.image else { return counted };
    match image::identify(&base.join(path), target.image_name.as_deref()) {
        Ok(image) => counted.image = Some(image),
        Err(error) => counted.problems.push(("image-unidentified", error.to_string())),
    }
    let Some(bill) = &target.bill else { return counted };
    let name = bill.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let read = std::fs::read(base.join(bill)).map_err(|error| format!("{name}: {}", error.kind()));
    let read = read.and_then(|bytes| {
        let locked = Format::CycloneDx.read(&name, &bytes).map_err(|error| error.to_string())?;
        Ok(Lock { path: name.clone(), locked, bytes })
    });
    match read {
        Ok(lock) => counted.locks.push(lock),
        Err(why) => {
            counted.problems.push(("lockfile-unreadable", why));
            counted.unreadable.push(name);
        }
    }
    counted
}
