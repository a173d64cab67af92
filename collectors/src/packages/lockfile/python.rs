//! `poetry.lock` and `uv.lock`.

use std::collections::HashSet;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::text::{self, Entries, Text};
use super::{Gather, LockError, Why};

#[derive(Deserialize)]
struct Poetry {
    #[serde(default)]
    package: Vec<Poem>,
    /// Every version writes it, and nothing else does.
    metadata: PoetryMetadata,
}

#[derive(Deserialize)]
struct PoetryMetadata {
    #[serde(rename = "content-hash")]
    _content: String,
    /// Since Poetry 1.0.
    #[serde(rename = "lock-version")]
    version: Option<String>,
    /// By name: up to Poetry 0.12 the hashes alone, then with the files, and since 1.3 at each package.
    #[serde(default)]
    hashes: Entries<Vec<IgnoredAny>>,
    #[serde(default)]
    files: Entries<Vec<IgnoredAny>>,
}

impl PoetryMetadata {
    /// The names of packages with hashes.
    fn hashed(&self) -> impl Iterator<Item = &str> {
        let all = self.hashes.0.iter().chain(&self.files.0);
        all.filter(|(_, hashes)| !hashes.is_empty()).map(|(name, _)| name.as_str())
    }
}

#[derive(Deserialize)]
struct Poem {
    name: String,
    version: String,
    #[serde(default)]
    source: Option<PoetrySource>,
    #[serde(default)]
    files: Vec<IgnoredAny>,
}

#[derive(Deserialize)]
struct PoetrySource {
    #[serde(rename = "type", default)]
    kind: Text,
}

pub(super) fn poetry(gather: &mut Gather<'_>, text: &str) -> Result<(), LockError> {
    let file: Poetry = text::toml(gather, text)?;
    let version = file.metadata.version.as_deref().map(|version| version.split('.').next().unwrap_or(version));
    if version.is_some_and(|version| !matches!(version, "0" | "1" | "2")) {
        return Err(gather.wrong(None, "lock-version", "a version from 1.0 to 2.x"));
    }
    let named: HashSet<&str> = file.metadata.hashed().collect();
    for one in &file.package {
        match one.source.as_ref().and_then(|source| source.kind.get()) {
            // Another index than PyPI is "legacy".
            None | Some("legacy" | "pypi") => {
                if one.files.is_empty() && !named.contains(one.name.as_str()) {
                    gather.locked.unhashed += 1;
                }
                gather.package("pypi", &one.name, &one.version, None)?;
            }
            Some("git") => gather.apart(&one.name, Why::Git)?,
            Some("url") => gather.apart(&one.name, Why::Url)?,
            Some("file" | "directory") => gather.apart(&one.name, Why::Local)?,
            Some(_) => {
                return Err(gather.wrong(None, &one.name, "a source of type git, url, file, directory or legacy"));
            }
        }
    }
    Ok(())
}

#[derive(Deserialize)]
struct Uv {
    version: u64,
    #[serde(default)]
    package: Vec<UvPackage>,
}

#[derive(Deserialize)]
struct UvPackage {
    name: String,
    #[serde(default)]
    version: Option<String>,
    source: UvSource,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct UvSource {
    registry: Option<Text>,
    git: Option<Text>,
    url: Option<Text>,
    path: Option<Text>,
    directory: Option<Text>,
    editable: Option<Text>,
    r#virtual: Option<Text>,
}

pub(super) fn uv(gather: &mut Gather<'_>, text: &str) -> Result<(), LockError> {
    let file: Uv = text::toml(gather, text)?;
    if file.version != 1 {
        return Err(gather.wrong(None, "version", "1"));
    }
    if file.package.is_empty() {
        return Err(gather.wrong(None, "package", "at least the project's own entry"));
    }
    for one in &file.package {
        let source = &one.source;
        let local = [&source.path, &source.directory, &source.editable, &source.r#virtual];
        if source.registry.is_some() {
            let Some(version) = one.version.as_deref() else {
                return Err(gather.wrong(None, &one.name, "a version"));
            };
            gather.package("pypi", &one.name, version, None)?;
        } else if source.git.is_some() {
            gather.apart(&one.name, Why::Git)?;
        } else if source.url.is_some() {
            gather.apart(&one.name, Why::Url)?;
        } else if local.iter().any(|local| local.is_some()) {
            gather.apart(&one.name, Why::Local)?;
        } else {
            return Err(gather.wrong(None, &one.name, "a source"));
        }
    }
    Ok(())
}
