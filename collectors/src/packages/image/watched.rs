//! Which files of an image tell what it holds.

use crate::packages::find::{NOT_ENTERED, discovered};
use crate::packages::lockfile::Format;

/// What a file of an image is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Watched {
    /// It says which distribution this is.
    Release,
    /// A package database that is read, or a part of one.
    Database(Format),
    /// A package database that is not read.
    Unread(&'static str),
    /// A lockfile.
    Lockfile(Format),
    /// A package that somebody installed with a tool of this language.
    Installed(&'static str),
}

/// The folder of one file a package that images without a package manager have.
pub(super) const PARTS: &str = "var/lib/dpkg/status.d";

/// Package databases and what names the distribution, each at the one place where it lies.
const FIXED: [(&str, Watched); 16] = [
    ("etc/os-release", Watched::Release),
    ("usr/lib/os-release", Watched::Release),
    ("var/lib/dpkg/status", Watched::Database(Format::Dpkg)),
    ("lib/apk/db/installed", Watched::Database(Format::Apk)),
    ("usr/lib/apk/db/installed", Watched::Database(Format::Apk)),
    ("var/lib/rpm/rpmdb.sqlite", Watched::Unread("rpm")),
    ("var/lib/rpm/Packages", Watched::Unread("rpm")),
    ("var/lib/rpm/Packages.db", Watched::Unread("rpm")),
    ("usr/lib/sysimage/rpm/rpmdb.sqlite", Watched::Unread("rpm")),
    ("usr/lib/sysimage/rpm/Packages", Watched::Unread("rpm")),
    ("usr/lib/sysimage/rpm/Packages.db", Watched::Unread("rpm")),
    ("usr/lib/opkg/status", Watched::Unread("opkg")),
    ("var/lib/opkg/status", Watched::Unread("opkg")),
    ("nix/var/nix/db/db.sqlite", Watched::Unread("Nix")),
    ("var/lib/chisel/manifest.wall", Watched::Unread("chisel")),
    ("var/lib/pacman/local/ALPM_DB_VERSION", Watched::Unread("pacman")),
];

/// What the file at this path is good for, if anything.
pub(super) fn watched(path: &str) -> Option<Watched> {
    if let Some((_, watched)) = FIXED.iter().find(|(fixed, _)| *fixed == path) {
        return Some(*watched);
    }
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    if folder == PARTS {
        // Beside each package lie the sums of its files.
        return (!name.ends_with(".md5sums")).then_some(Watched::Database(Format::Dpkg));
    }
    if let Some(language) = installed(folder, name) {
        return Some(Watched::Installed(language));
    }
    let entered = !folder.split('/').any(|part| NOT_ENTERED.contains(&part));
    discovered(path).filter(|_| entered).map(Watched::Lockfile)
}

/// The language by whose tools a package was installed, by the file that each such package has.
fn installed(folder: &str, name: &str) -> Option<&'static str> {
    let last = folder.rsplit('/').next().unwrap_or_default();
    match name {
        "METADATA" if last.ends_with(".dist-info") => Some("Python"),
        "PKG-INFO" if last.ends_with(".egg-info") => Some("Python"),
        "package.json" => {
            let mut above = folder.rsplit('/').skip(1);
            let parent = above.next()?;
            let scoped = parent.starts_with('@') && above.next() == Some("node_modules");
            (parent == "node_modules" || scoped).then_some("Node.js")
        }
        _ if last == "specifications" && name.ends_with(".gemspec") => Some("Ruby"),
        _ if [".jar", ".war", ".ear"].iter().any(|end| name.ends_with(end)) => Some("Java"),
        _ => None,
    }
}

/// Whether everything that is watched below a link is watched where it leads, too: then nothing is lost by not following it.
pub(super) fn leads_to_watched(at: &str, to: &str) -> bool {
    let moved = |fixed: &str| match fixed.strip_prefix(at) {
        Some("") => Some(to.to_owned()),
        Some(rest) if rest.starts_with('/') => Some(format!("{to}{rest}")),
        _ => None,
    };
    let parts = (PARTS, Watched::Database(Format::Dpkg));
    FIXED
        .iter()
        .chain([&parts])
        .all(|(fixed, _)| moved(fixed).is_none_or(|moved| watched(&moved).is_some() || moved == PARTS))
}

/// Whether this is one of the places that a whole database lies at.
pub(super) fn is_fixed(path: &str) -> bool {
    FIXED.iter().any(|(fixed, _)| *fixed == path)
}

/// Whether a place that is watched is this path, or lies below it.
pub(super) fn holds_watched(path: &str) -> bool {
    let below = |fixed: &str| fixed.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    FIXED.iter().any(|(fixed, _)| below(fixed)) || below(PARTS)
}
