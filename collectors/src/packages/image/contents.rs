//! What an image holds: its layers laid over one another as a container's file system is, and of that the files that tell
//! which packages are installed.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::panic::{self, AssertUnwindSafe};

use globset::GlobSet;
use serde::{Deserialize, Serialize};

use super::watched::{PARTS, Watched, holds_watched, is_fixed, leads_to_watched, watched};
use super::{ImageError, Opened, form, same};
use crate::packages::find::{Found, Listing, Unread, settle};
use crate::packages::lockfile::{Format, LARGEST, shown};
use crate::reading::{Entry, Kind, Layers, Limits};

/// Largest sum of files that are kept of an image, in bytes.
const LARGEST_SUM: usize = 256 << 20;
/// Most files that are kept of an image; what a language's tools installed counts as kept.
const MOST_KEPT: usize = 200_000;
/// Most lockfiles.
const MOST_LOCKFILES: usize = 10_000;
/// Longest path of a file in a layer, in bytes: PATH_MAX of Linux.
const LONGEST_PATH: usize = 4096;
/// What a file is called that takes away one of a layer below.
const WHITEOUT: &str = ".wh.";
/// What a file is called that takes away all that layers below have in its folder.
const OPAQUE: &str = ".wh..wh..opq";

/// What tells which packages an image holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// The package databases that can be read, by path.
    pub databases: Vec<Found>,
    /// The lockfiles.
    pub lockfiles: Listing,
    /// Which distribution it is of.
    pub distribution: Option<Distribution>,
    /// What lists packages and can't be counted, each with its reason.
    pub uncounted: Vec<Unread>,
    /// How many packages the tools of languages installed without a lockfile, by language: they are not counted.
    pub installed: BTreeMap<String, u64>,
}

/// A distribution of Linux, as `os-release` tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Distribution {
    /// Its `ID`: `debian`, `alpine`.
    pub id: String,
    /// Its `VERSION_ID`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// A file that is kept.
struct Kept {
    watched: Option<Watched>,
    bytes: Vec<u8>,
    /// Why it is not read, where it is not.
    unread: Option<String>,
}

/// The file system so far.
#[derive(Default)]
struct Laid {
    kept: BTreeMap<String, Kept>,
    sum: usize,
    /// Package databases that an upper layer took away.
    removed: BTreeMap<String, (Watched, usize)>,
}

/// Reads all layers, lowest first, and holds each to its digests.
pub(super) fn contents(opened: &Opened, exclude: &GlobSet, limits: Limits) -> Result<Contents, ImageError> {
    let done = panic::catch_unwind(AssertUnwindSafe(|| lay(opened, limits)));
    let laid = done.unwrap_or_else(|_| Err(form("a layer's reader gave up".to_owned())))?;
    let contents = laid.told(exclude);
    if contents.lockfiles.files.len() > MOST_LOCKFILES {
        return Err(form(format!(
            "more than {MOST_LOCKFILES} lockfiles: leave out folders that hold none of your own"
        )));
    }
    Ok(contents)
}

fn lay(opened: &Opened, limits: Limits) -> Result<Laid, ImageError> {
    let all = opened.layers.len();
    if all != opened.image.layers.len() {
        let told = opened.image.layers.len();
        return Err(form(format!("its manifest names {all} layers, and its configuration {told}")));
    }
    let layers = Layers::new(limits);
    let mut laid = Laid::default();
    for (at, (layer, plain)) in opened.layers.iter().zip(&opened.image.layers).enumerate() {
        let number = at + 1;
        let unread = |why: String| ImageError::Layer { number, all, why };
        let Some(mut part) = opened.files.part(&layer.name)? else { return Err(unread("it is missing".to_owned())) };
        let mut above = BTreeMap::new();
        let read = layers.read(&mut part, &mut |entry, bytes| laid.take(&mut above, number, entry, bytes));
        let read = read.map_err(|error| {
            let limit = layers.hit().map(|limit| format!("it unpacks to more than {limit}"));
            unread(limit.unwrap_or_else(|| crate::reading::in_short(&error)))
        })?;
        if let Some(named) = &layer.digest {
            same("a layer", named, &read.packed.to_string())?;
        }
        same("an unpacked layer", plain, &read.plain.to_string())?;
        laid.cover(above);
    }
    Ok(laid)
}

fn refused(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.into())
}

impl Laid {
    /// Takes in one entry of a layer: what it takes away is gone at once, for it lies below; what it adds comes `above`.
    fn take(
        &mut self,
        above: &mut BTreeMap<String, Kept>,
        layer: usize,
        entry: &Entry,
        bytes: &mut dyn Read,
    ) -> io::Result<()> {
        let path = normal(&entry.name)?;
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
        if name == OPAQUE {
            self.remove(layer, |kept| folder.is_empty() || below(kept, folder), folder);
            return Ok(());
        }
        if let Some(gone) = name.strip_prefix(WHITEOUT) {
            // Others of this kind are marks of the file system that layers were made with.
            if !gone.is_empty() && !gone.starts_with(WHITEOUT) {
                let gone = if folder.is_empty() { gone.to_owned() } else { format!("{folder}/{gone}") };
                self.remove(layer, |kept| kept == gone || below(kept, &gone), &gone);
            }
            return Ok(());
        }
        if path.is_empty() {
            return Ok(());
        }
        let is_folder = entry.kind == Kind::Folder;
        // What is put at its place, or at that of a folder above it, takes it away.
        self.remove(layer, |kept| kept == path || (!is_folder && below(kept, &path)), &path);
        above.retain_below(&path, is_folder);
        let watched = watched(&path);
        match (entry.kind, watched) {
            (Kind::File, Some(watched)) => {
                let kept = self.keep(watched, entry, bytes)?;
                if above.len() + self.kept.len() >= MOST_KEPT {
                    return Err(refused(format!("more than {MOST_KEPT} files that tell of packages")));
                }
                above.insert(path, kept);
            }
            (Kind::SymbolicLink | Kind::HardLink, _) if watched.is_some() || holds_watched(&path) => {
                let to =
                    if entry.kind == Kind::HardLink { Some(normal(&entry.link)?) } else { target(&path, &entry.link) };
                if !to.is_some_and(|to| leads_to_watched(&path, &to)) || matches!(watched, Some(Watched::Lockfile(_))) {
                    let unread = Some("it is a link, which is not followed".to_owned());
                    above.insert(path, Kept { watched, bytes: Vec::new(), unread });
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn keep(&mut self, watched: Watched, entry: &Entry, bytes: &mut dyn Read) -> io::Result<Kept> {
        let mut kept = Kept { watched: Some(watched), bytes: Vec::new(), unread: None };
        if matches!(watched, Watched::Installed(_) | Watched::Unread(_)) {
            return Ok(kept);
        }
        if entry.size > LARGEST as u64 {
            kept.unread = Some(format!("it is larger than {} MiB", LARGEST >> 20));
            return Ok(kept);
        }
        bytes.read_to_end(&mut kept.bytes)?;
        self.sum += kept.bytes.len();
        if self.sum > LARGEST_SUM {
            return Err(refused(format!("more than {} MiB of package databases and lockfiles", LARGEST_SUM >> 20)));
        }
        Ok(kept)
    }

    /// Takes away what is kept at `root` or below it and is meant.
    fn remove(&mut self, layer: usize, meant: impl Fn(&str) -> bool, root: &str) {
        let gone: Vec<String> = self
            .kept
            .range(root.to_owned()..)
            .map(|(path, _)| path)
            // Between a folder and what is in it lie names that begin as it does.
            .take_while(|path| path.starts_with(root))
            .filter(|path| meant(path))
            .cloned()
            .collect();
        for path in gone {
            let Some(kept) = self.kept.remove(&path) else { continue };
            self.sum -= kept.bytes.len();
            if let Some(whose @ (Watched::Database(_) | Watched::Unread(_))) = kept.watched {
                self.removed.insert(path, (whose, layer));
            }
        }
    }

    /// Lays a layer over those below.
    fn cover(&mut self, above: BTreeMap<String, Kept>) {
        for path in above.keys() {
            self.removed.remove(path);
        }
        self.kept.extend(above);
    }

    fn told(self, exclude: &GlobSet) -> Contents {
        let mut contents = Contents::default();
        let mut parts = Vec::new();
        let mut told = |path: String, reason: String| contents.uncounted.push(Unread { path, reason });
        for (path, (whose, layer)) in self.removed {
            // One that was moved to the other place that it may have is not gone.
            if self.kept.iter().any(|(other, kept)| kept.watched == Some(whose) && is_fixed(other)) && is_fixed(&path) {
                continue;
            }
            told(path, format!("layer {layer} takes it away, and what it listed may still be there"));
        }
        let mut releases = Vec::new();
        for (path, kept) in self.kept {
            match (kept.watched, kept.unread) {
                (Some(Watched::Lockfile(_)), _) if exclude.is_match(&path) => {}
                (Some(Watched::Lockfile(_)), Some(reason)) => contents.lockfiles.unread.push(Unread { path, reason }),
                (Some(Watched::Release | Watched::Installed(_)), Some(_)) => {}
                (_, Some(reason)) => told(path, reason),
                (Some(Watched::Lockfile(format)), None) => {
                    contents.lockfiles.files.push(Found { path, format, bytes: kept.bytes });
                }
                (Some(Watched::Unread(whose)), None) => {
                    told(path, format!("it is a package database of {whose}, which can't be read here"));
                }
                (Some(Watched::Installed(language)), None) => {
                    *contents.installed.entry(language.to_owned()).or_default() += 1;
                }
                (Some(Watched::Release), None) => releases.push(kept.bytes),
                (Some(Watched::Database(_)), None) if path.starts_with(PARTS) => {
                    parts.extend(kept.bytes);
                    parts.extend(b"\n\n");
                }
                (Some(Watched::Database(format)), None) => {
                    contents.databases.push(Found { path, format, bytes: kept.bytes });
                }
                (None, None) => {}
            }
        }
        if !parts.is_empty() {
            let path = PARTS.to_owned();
            contents.databases.push(Found { path, format: Format::Dpkg, bytes: parts });
        }
        contents.distribution = releases.iter().find_map(|bytes| distribution(bytes));
        let settled = settle(&mut contents.lockfiles, &mut |_| {
            Err("only what is named as lockfiles are is read of an image".to_owned())
        });
        if let Err(error) = settled {
            told("the image's lockfiles".to_owned(), error.to_string());
        }
        contents
    }
}

/// A layer's own entries follow one another, and of two at one place the last counts.
trait RetainBelow {
    fn retain_below(&mut self, path: &str, is_folder: bool);
}

impl RetainBelow for BTreeMap<String, Kept> {
    fn retain_below(&mut self, path: &str, is_folder: bool) {
        self.remove(path);
        if is_folder || self.is_empty() {
            return;
        }
        let gone = |kept: &&String| below(kept, path);
        let list: Vec<String> = self
            .range(path.to_owned()..)
            .map(|(kept, _)| kept)
            .take_while(|kept| kept.starts_with(path))
            .filter(gone)
            .cloned()
            .collect();
        for path in list {
            self.remove(&path);
        }
    }
}

fn below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// A path in a layer, from the root on; one that leads out of it is refused.
fn normal(name: &str) -> io::Result<String> {
    if name.len() > LONGEST_PATH {
        return Err(refused("a file's path is longer than any"));
    }
    let parts: Vec<&str> = name.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if parts.contains(&"..") {
        return Err(refused(format!("it names a file outside of the image: `{}`", shown(name))));
    }
    Ok(parts.join("/"))
}

/// Where a symbolic link leads, from the root on; none where that is outside.
fn target(path: &str, link: &str) -> Option<String> {
    let mut parts: Vec<&str> = if link.starts_with('/') { Vec::new() } else { path.split('/').collect() };
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            // Above the root is the root.
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

/// Reads `os-release`: `KEY=VALUE` in lines, as a shell would.
fn distribution(bytes: &[u8]) -> Option<Distribution> {
    let text = String::from_utf8_lossy(bytes);
    let value = |key: &str| {
        let line = text.lines().rev().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='))?;
        let value = line.trim().trim_matches(['"', '\'']);
        let plain = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        (plain && !value.is_empty() && value.len() <= 64).then(|| value.to_owned())
    };
    Some(Distribution { id: value("ID")?, version: value("VERSION_ID") })
}
