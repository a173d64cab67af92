//! `pnpm-lock.yaml`, versions 5 to 9.

use std::collections::HashSet;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::npm::{elsewhere, is_git_archive};
use super::text::{self, Entries, Text};
use super::{Gather, LockError, Why};

/// One document: newer ones write what configures pnpm itself as a document before the project's.
#[derive(Deserialize)]
struct File {
    #[serde(rename = "lockfileVersion")]
    version: Text,
    packages: Option<Entries<Entry>>,
    /// How the packages depend on one another: a part of its own behind the packages since version 9.
    snapshots: Option<IgnoredAny>,
    #[serde(default)]
    importers: Entries<Option<Importer>>,
    #[serde(flatten)]
    own: Importer,
}

/// A project, and what it depends on directly.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Importer {
    dependencies: Entries<Direct>,
    #[serde(rename = "devDependencies")]
    for_development: Entries<Direct>,
    #[serde(rename = "optionalDependencies")]
    optional: Entries<Direct>,
}

/// The version that is taken: plain before version 6, beside what was asked for since.
#[derive(Deserialize)]
#[serde(untagged)]
enum Direct {
    Told { version: String },
    Plain(String),
}

impl Importer {
    /// What is taken from a registry under its own name.
    fn plain(&self) -> impl Iterator<Item = &str> {
        let all = [&self.dependencies, &self.for_development, &self.optional];
        all.into_iter().flat_map(|part| &part.0).filter_map(|(name, direct)| {
            let (Direct::Told { version } | Direct::Plain(version)) = direct;
            version.starts_with(|first: char| first.is_ascii_digit()).then_some(name.as_str())
        })
    }
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
        let packages = file.packages.as_ref().map_or(&[][..], |packages| &packages.0);
        // Packages stand behind the projects that depend on them: a file that was cut off between them would hold none.
        let mut names = HashSet::new();
        for (key, entry) in packages {
            names.insert(package(gather, version, key, entry)?);
        }
        let projects = file.importers.0.iter().filter_map(|(_, importer)| importer.as_ref()).chain([&file.own]);
        if let Some(lost) = projects.flat_map(Importer::plain).find(|name| !names.contains(name)) {
            return Err(gather.wrong(
                None,
                lost,
                "the package in `packages`, on which a project depends: was it cut off?",
            ));
        }
        if version >= 9 && !packages.is_empty() && file.snapshots.is_none() {
            return Err(gather.wrong(None, "snapshots", "how the packages depend on one another: was it cut off?"));
        }
    }
    Ok(())
}

/// Counts one, and tells its name.
fn package<'e>(gather: &mut Gather<'_>, lock: u32, key: &'e str, entry: &'e Entry) -> Result<&'e str, LockError> {
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
        return gather.apart(name, why).map(|()| name);
    }
    let Some((name, version)) = parts.or(own) else {
        return Err(gather.wrong(None, key, "a name and a version"));
    };
    if entry.resolution.integrity.get().is_none() {
        gather.locked.unhashed += 1;
    }
    gather.package("npm", name, version, None).map(|()| name)
}

/// `name@version`, `@scope/name@version`.
fn at_version(key: &str) -> Option<(&str, &str)> {
    let at = key.get(1..)?.find('@')? + 1;
    Some((&key[..at], &key[at + 1..]))
}
