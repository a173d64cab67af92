//! Lockfiles: which packages at which versions a project is built from, by its own word.
//!
//! Each reader is pure over the file's bytes. What it counts is the population that a scanner has to examine; what comes
//! from no registry is told apart, because no advisory database knows it.

mod bundler;
mod cargo;
mod composer;
mod cyclonedx;
mod error;
mod golang;
mod npm;
mod pipfile;
mod pnpm;
mod python;
mod requirements;
mod spdx;
mod system;
#[cfg(test)]
mod tests;
mod text;
mod yarn;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Package;
pub use error::LockError;
pub(crate) use text::{Text, shown};

/// Largest lockfile that is read, in bytes. The largest that are known of real projects have about 10 MB.
pub const LARGEST: usize = 64 * 1024 * 1024;

/// Most packages that one lockfile may name.
pub const MOST: usize = 200_000;

/// Most other files that one file may take in.
pub const MOST_REFERRED: usize = 1_000;

/// The kinds of lockfile that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// `Cargo.lock`, versions 1 to 4.
    Cargo,
    /// `package-lock.json` and `npm-shrinkwrap.json`, versions 1 to 3.
    Npm,
    /// `pnpm-lock.yaml`, versions 5 to 9.
    Pnpm,
    /// `yarn.lock`, of Yarn 1 and of the later ones.
    Yarn,
    /// `requirements.txt` and what is named like it.
    Requirements,
    /// `poetry.lock`.
    Poetry,
    /// `uv.lock`.
    Uv,
    /// `Pipfile.lock`.
    Pipfile,
    /// `go.mod` of Go 1.17 or newer, which lists all modules that the build takes.
    GoMod,
    /// `go.sum`, which lists more than is built.
    GoSum,
    /// `Gemfile.lock`.
    Bundler,
    /// `composer.lock`.
    Composer,
    /// A bill of materials in CycloneDX JSON, for what has no lockfile (Maven).
    CycloneDx,
    /// A bill of materials in SPDX JSON.
    Spdx,
    /// dpkg's status, of an image.
    Dpkg,
    /// apk's list of what is installed, of an image.
    Apk,
}

impl Format {
    /// Every kind.
    pub const ALL: [Self; 16] = [
        Self::Cargo,
        Self::Npm,
        Self::Pnpm,
        Self::Yarn,
        Self::Requirements,
        Self::Poetry,
        Self::Uv,
        Self::Pipfile,
        Self::GoMod,
        Self::GoSum,
        Self::Bundler,
        Self::Composer,
        Self::CycloneDx,
        Self::Dpkg,
        Self::Apk,
        Self::Spdx,
    ];

    /// The kind of lockfile that a file of this path is by its name; none where it is none.
    pub fn of(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or(path);
        Some(match name {
            "Cargo.lock" => Self::Cargo,
            "package-lock.json" | "npm-shrinkwrap.json" => Self::Npm,
            "pnpm-lock.yaml" => Self::Pnpm,
            "yarn.lock" => Self::Yarn,
            "poetry.lock" => Self::Poetry,
            "uv.lock" => Self::Uv,
            "Pipfile.lock" => Self::Pipfile,
            "go.mod" => Self::GoMod,
            "go.sum" => Self::GoSum,
            "Gemfile.lock" | "gems.locked" => Self::Bundler,
            "composer.lock" => Self::Composer,
            "bom.json" => Self::CycloneDx,
            name if name.ends_with(".cdx.json") => Self::CycloneDx,
            name if name.ends_with(".spdx.json") => Self::Spdx,
            name if is_requirements(path, name) => Self::Requirements,
            _ => return None,
        })
    }

    /// Whether it is a bill of materials: those count only where a job names them, because what they list is in lockfiles too.
    #[must_use]
    pub fn is_bill(self) -> bool {
        matches!(self, Self::CycloneDx | Self::Spdx)
    }

    /// How people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Cargo => "Cargo.lock",
            Self::Npm => "package-lock.json",
            Self::Pnpm => "pnpm-lock.yaml",
            Self::Yarn => "yarn.lock",
            Self::Requirements => "requirements file",
            Self::Poetry => "poetry.lock",
            Self::Uv => "uv.lock",
            Self::Pipfile => "Pipfile.lock",
            Self::GoMod => "go.mod",
            Self::GoSum => "go.sum",
            Self::Bundler => "Gemfile.lock",
            Self::Composer => "composer.lock",
            Self::CycloneDx => "CycloneDX bill of materials",
            Self::Spdx => "SPDX bill of materials",
            Self::Dpkg => "dpkg database",
            Self::Apk => "apk database",
        }
    }

    /// The package that a name in a lockfile of this kind means, at no version; none where the kind does not tell.
    pub fn named(self, name: &str) -> Option<Package> {
        let kind = match self {
            Self::Cargo => "cargo",
            Self::Npm | Self::Pnpm | Self::Yarn => "npm",
            Self::Requirements | Self::Poetry | Self::Uv | Self::Pipfile => "pypi",
            Self::GoMod | Self::GoSum => "golang",
            Self::Bundler => "gem",
            Self::Composer => "composer",
            // A database lists nothing beside its packages, and a bill of materials does not tell what else is.
            Self::Dpkg | Self::Apk | Self::CycloneDx | Self::Spdx => return None,
        };
        Package::named(kind, name, None).ok()
    }

    /// Reads a lockfile of this kind; `file` is its name for errors.
    ///
    /// # Errors
    /// When it is larger than [`LARGEST`], is not of this kind, or holds something that can't be understood: a
    /// population that leaves out what was not understood would be none.
    pub fn read(self, file: &str, bytes: &[u8]) -> Result<Locked, LockError> {
        let mut gather = Gather::new(self, file);
        if bytes.len() > LARGEST {
            return Err(gather.wrong(None, "", format!("at most {} MiB", LARGEST >> 20)));
        }
        let text = gather.text(bytes)?;
        match self {
            Self::Cargo => cargo::read(&mut gather, text),
            Self::Npm => npm::read(&mut gather, text),
            Self::Pnpm => pnpm::read(&mut gather, text),
            Self::Yarn => yarn::read(&mut gather, text),
            Self::Requirements => requirements::read(&mut gather, text),
            Self::Poetry => python::poetry(&mut gather, text),
            Self::Uv => python::uv(&mut gather, text),
            Self::Pipfile => pipfile::read(&mut gather, text),
            Self::GoMod => golang::module(&mut gather, text),
            Self::GoSum => golang::sums(&mut gather, text),
            Self::Bundler => bundler::read(&mut gather, text),
            Self::Composer => composer::read(&mut gather, text),
            Self::CycloneDx => cyclonedx::read(&mut gather, text),
            Self::Spdx => spdx::read(&mut gather, text),
            Self::Dpkg => system::dpkg(&mut gather, text, "debian"),
            Self::Apk => system::apk(&mut gather, text, "alpine"),
        }?;
        Ok(gather.locked)
    }
}

/// Reads a distribution's package database; `distribution` is its `ID` in os-release, `file` is its name for errors.
///
/// # Errors
/// As [`Format::read`]; and when the format is no package database.
pub fn installed(format: Format, distribution: &str, file: &str, bytes: &[u8]) -> Result<Locked, LockError> {
    let mut gather = Gather::new(format, file);
    if bytes.len() > LARGEST {
        return Err(gather.wrong(None, "", format!("at most {} MiB", LARGEST >> 20)));
    }
    // Names and versions are ASCII; what maintainers wrote beside them was not always UTF-8.
    let text = String::from_utf8_lossy(bytes);
    if text.trim().is_empty() {
        return Err(gather.wrong(None, "", format!("a {}, but it is empty", format.title())));
    }
    match format {
        Format::Dpkg => system::dpkg(&mut gather, &text, distribution),
        Format::Apk => system::apk(&mut gather, &text, distribution),
        _ => Err(gather.wrong(None, "", "a package database")),
    }?;
    Ok(gather.locked)
}

/// `requirements.txt`, `requirements-dev.txt`, `dev_requirements.txt`, `requirements/base.txt`.
fn is_requirements(path: &str, name: &str) -> bool {
    let Some(stem) = name.strip_suffix(".txt") else { return false };
    let folder = path.rsplit('/').nth(1);
    stem.starts_with("requirements") || stem.ends_with("requirements") || folder == Some("requirements")
}

/// What a lockfile says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locked {
    /// What kind of lockfile it is.
    pub format: Format,
    /// What was counted, in words, where that is not simply all that the file lists.
    pub counted: Option<&'static str>,
    /// The packages of registries that it pins, each once.
    pub packages: BTreeSet<Package>,
    /// What it names beside them, which comes from no registry.
    pub apart: Vec<Apart>,
    /// What it asks for without saying at which version.
    pub unpinned: Vec<Unpinned>,
    /// Packages that it pins to a version, but not to bytes: without a hash, where this kind of file can hold one.
    pub unhashed: u64,
    /// Other files that it takes in, as it names them.
    pub refers: Vec<String>,
}

/// Something that comes from no registry, so that no advisory database knows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Apart {
    /// Its name, printable.
    pub name: String,
    /// Where it comes from.
    pub why: Why,
}

/// Where something comes from that is not a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// The project itself: a member of its workspace, a folder, a file beside it.
    Local,
    /// A commit of a git repository.
    Git,
    /// An archive at an address of its own.
    Url,
    /// A bill of materials lists it without a package URL.
    Unnamed,
    /// A bill of materials lists it without a version.
    Unversioned,
}

impl Why {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Local, Self::Git, Self::Url, Self::Unnamed, Self::Unversioned];

    /// The steady code of the exclusion.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Local => "local-package",
            Self::Git => "git-package",
            Self::Url => "url-package",
            Self::Unnamed => "unnamed-component",
            Self::Unversioned => "unversioned-component",
        }
    }

    /// The reason in words.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Local => "part of the project itself, which no advisory database knows",
            Self::Git => "taken from a git repository and not from a registry: advisories name releases, not commits",
            Self::Url => "taken from an address of its own and not from a registry: no advisory database knows it",
            Self::Unnamed => "listed without a package URL, so that no advisory can be looked up for it",
            Self::Unversioned => "listed without a version, so that no advisory can be looked up for it",
        }
    }
}

/// Something that is asked for without a version that is fixed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unpinned {
    /// The package's name, printable.
    pub name: String,
    /// The line, from 1.
    pub line: u64,
}

/// What readers put together.
struct Gather<'f> {
    file: &'f str,
    locked: Locked,
}

impl<'f> Gather<'f> {
    fn new(format: Format, file: &'f str) -> Self {
        let locked = Locked {
            format,
            counted: None,
            packages: BTreeSet::new(),
            apart: Vec::new(),
            unpinned: Vec::new(),
            unhashed: 0,
            refers: Vec::new(),
        };
        Self { file, locked }
    }

    fn text<'b>(&self, bytes: &'b [u8]) -> Result<&'b str, LockError> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let line = bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
            self.wrong(Some(line), "", "text in UTF-8")
        })?;
        if text.trim().is_empty() && self.locked.format != Format::Requirements {
            return Err(self.wrong(None, "", format!("a {}, but it is empty", self.locked.format.title())));
        }
        Ok(text)
    }

    fn wrong(&self, line: Option<usize>, key: &str, expected: impl Into<String>) -> LockError {
        LockError::new(self.file, line, key, expected.into())
    }

    /// Counts a package of a registry.
    fn package(&mut self, kind: &str, name: &str, version: &str, line: Option<usize>) -> Result<(), LockError> {
        let package = Package::named(kind, name, Some(version))
            .map_err(|error| self.wrong(line, name, format!("a package's name: {error}")))?;
        if package.version().is_none() {
            return Err(self.wrong(line, name, "a version"));
        }
        self.add(package, line)
    }

    fn add(&mut self, package: Package, line: Option<usize>) -> Result<(), LockError> {
        self.locked.packages.insert(package);
        self.bounded(line)
    }

    fn apart(&mut self, name: &str, why: Why) -> Result<(), LockError> {
        let apart = Apart { name: text::shown(name), why };
        self.locked.apart.push(apart);
        self.bounded(None)
    }

    fn unpinned(&mut self, name: &str, line: usize) -> Result<(), LockError> {
        self.locked.unpinned.push(Unpinned { name: text::shown(name), line: line as u64 });
        self.bounded(Some(line))
    }

    fn bounded(&self, line: Option<usize>) -> Result<(), LockError> {
        let count = self.locked.packages.len() + self.locked.apart.len() + self.locked.unpinned.len();
        if count > MOST { Err(self.wrong(line, "", format!("at most {MOST} packages"))) } else { Ok(()) }
    }

    /// Another file that is taken in.
    fn refers(&mut self, named: &str, line: usize) -> Result<(), LockError> {
        self.locked.refers.push(named.to_owned());
        let few = self.locked.refers.len() <= MOST_REFERRED;
        if few { Ok(()) } else { Err(self.wrong(Some(line), "", format!("at most {MOST_REFERRED} files taken in"))) }
    }
}
