//! `pnpm-lock.yaml`, versions 5 to 9.

use serde::Deserialize;

use super::npm::{elsewhere, is_git_archive};
use super::text::{self, Entries, Text};
use super::{Gather, LockError, Why};

/// One document: newer ones write what configures pnpm itself as a document before the project's.
#[derive(Deserialize)]
struct File {
    #[serde(rename = "lockfileVersion")]
    version: Text,
    #[serde(default)]
    packages: Entries<Entry>,
    #[serde(default)]
    importers: Entries<Text>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    name: Text,
    version: Text,
    resolution: Resolution,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Resolution {
    #[serde(rename = "type")]
    kind: Text,
    tarball: Text,
    integrity: Text,
}

pub(super) fn read(gather: &mut Gather<'_>, text: &str) -> Result<(), LockError> {
    let documents: Vec<File> = text::yaml(gather, text)?;
    if documents.is_empty() {
        return Err(gather.wrong(None, "lockfileVersion", "a version from 5 to 9"));
    }
    for file in documents {
        let version = file.version.get().and_then(|version| version.split('.').next()?.parse::<u32>().ok());
        let Some(version) = version.filter(|version| (5..=9).contains(version)) else {
            return Err(gather.wrong(None, "lockfileVersion", "a version from 5 to 9"));
        };
        for (path, _) in file.importers.0.iter().filter(|(path, _)| path != ".") {
            gather.apart(path, Why::Local)?;
        }
        for (key, entry) in &file.packages.0 {
            package(gather, version, key, entry)?;
        }
    }
    Ok(())
}

fn package(gather: &mut Gather<'_>, lock: u32, key: &str, entry: &Entry) -> Result<(), LockError> {
    // What depends on the peers around it stands behind the version: `_a@1` before version 6, `(a@1)` since.
    let plain = key.split('(').next().unwrap_or(key);
    let below = plain.strip_prefix('/');
    let parts = match (lock, below) {
        (5, Some(path)) => {
            path.rsplit_once('/').map(|(name, version)| (name, version.split('_').next().unwrap_or(version)))
        }
        (5, None) => None,
        _ => at_version(below.unwrap_or(plain)),
    };
    let own = entry.name.get().zip(entry.version.get());
    let name = own.map(|(name, _)| name).or(parts.map(|(name, _)| name)).unwrap_or(plain);
    let why = match entry.resolution.kind.get() {
        Some("git") => Some(Why::Git),
        Some("directory") => Some(Why::Local),
        _ if entry.resolution.tarball.get().is_some_and(is_git_archive) => Some(Why::Git),
        _ => elsewhere(plain).or_else(|| parts.and_then(|(_, version)| elsewhere(version))),
    };
    if let Some(why) = why {
        return gather.apart(name, why);
    }
    let Some((name, version)) = parts.or(own) else {
        return Err(gather.wrong(None, key, "a name and a version"));
    };
    if entry.resolution.integrity.get().is_none() {
        gather.locked.unhashed += 1;
    }
    gather.package("npm", name, version, None)
}

/// `name@version`, `@scope/name@version`.
fn at_version(key: &str) -> Option<(&str, &str)> {
    let at = key.get(1..)?.find('@')? + 1;
    Some((&key[..at], &key[at + 1..]))
}
