//! `Cargo.lock`, versions 1 to 4.

use serde::Deserialize;

use super::{Gather, LockError, Why, text};

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    version: Option<u64>,
    #[serde(default)]
    package: Vec<Crate>,
    /// The project itself, in files of Cargo before 1.13.
    #[serde(default)]
    root: Option<Crate>,
}

#[derive(Deserialize)]
struct Crate {
    name: String,
    version: String,
    #[serde(default)]
    source: Option<String>,
}

pub(super) fn read(gather: &mut Gather<'_>, text: &str) -> Result<(), LockError> {
    let file: File = text::toml(gather, text)?;
    if file.version.is_some_and(|version| version > 4) {
        return Err(gather.wrong(None, "version", "a version from 1 to 4"));
    }
    if file.package.is_empty() && file.root.is_none() {
        return Err(gather.wrong(None, "package", "at least the project's own entry"));
    }
    for one in file.package.iter().chain(&file.root) {
        match one.source.as_deref().map(|source| source.split_once('+').map_or(source, |(kind, _)| kind)) {
            None => gather.apart(&one.name, Why::Local)?,
            Some("registry" | "sparse") => gather.package("cargo", &one.name, &one.version, None)?,
            Some("git") => gather.apart(&one.name, Why::Git)?,
            Some(_) => return Err(gather.wrong(None, &one.name, "a source of registry+, sparse+ or git+")),
        }
    }
    Ok(())
}
