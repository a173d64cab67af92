//! `package-lock.json` and `npm-shrinkwrap.json`, versions 1 to 3.

use serde::Deserialize;

use super::text::{self, Entries, Text};
use super::{Gather, LockError, Why};

#[derive(Deserialize)]
struct File {
    #[serde(rename = "lockfileVersion")]
    version: u64,
    /// From version 2 on: by the path below the project.
    packages: Option<Entries<Installed>>,
    /// Up to version 2: by name, nested as they are installed.
    dependencies: Option<Entries<Nested>>,
}

#[derive(Deserialize)]
struct Installed {
    name: Option<String>,
    version: Option<String>,
    #[serde(default)]
    resolved: Text,
    #[serde(default)]
    link: bool,
    integrity: Option<String>,
}

#[derive(Deserialize)]
struct Nested {
    version: Option<String>,
    #[serde(default)]
    resolved: Text,
    integrity: Option<String>,
    dependencies: Option<Entries<Nested>>,
}

pub(super) fn read(gather: &mut Gather<'_>, text: &str) -> Result<(), LockError> {
    let file: File = text::json(gather, text)?;
    match (file.version, file.packages, file.dependencies) {
        (2 | 3, Some(packages), _) => packages.0.iter().try_for_each(|(path, one)| installed(gather, path, one)),
        (1 | 2, _, dependencies) => nested(gather, &dependencies.unwrap_or_default()),
        (3, None, _) => Err(gather.wrong(None, "packages", "a mapping of what is installed")),
        _ => Err(gather.wrong(None, "lockfileVersion", "1, 2 or 3")),
    }
}

fn installed(gather: &mut Gather<'_>, path: &str, one: &Installed) -> Result<(), LockError> {
    // The project itself, and links to folders that have an entry of their own.
    if path.is_empty() || one.link {
        return Ok(());
    }
    let folder = path.rsplit_once("node_modules/").map(|(_, name)| name);
    let Some(name) = folder.map(|folder| one.name.as_deref().unwrap_or(folder)) else {
        return gather.apart(one.name.as_deref().unwrap_or(path), Why::Local);
    };
    let Some(version) = one.version.as_deref() else {
        return Err(gather.wrong(None, path, "a version"));
    };
    count(gather, name, version, one.resolved.get(), one.integrity.is_some())
}

fn nested(gather: &mut Gather<'_>, list: &Entries<Nested>) -> Result<(), LockError> {
    for (name, one) in &list.0 {
        let Some(version) = one.version.as_deref() else {
            return Err(gather.wrong(None, name, "a version"));
        };
        let (name, version) = aliased(version).unwrap_or((name, version));
        count(gather, name, version, one.resolved.get(), one.integrity.is_some())?;
        if let Some(deeper) = &one.dependencies {
            nested(gather, deeper)?;
        }
    }
    Ok(())
}

fn count(
    gather: &mut Gather<'_>,
    name: &str,
    version: &str,
    resolved: Option<&str>,
    hashed: bool,
) -> Result<(), LockError> {
    if let Some(why) = elsewhere(version).or_else(|| resolved.filter(|at| !at.starts_with("http")).and_then(elsewhere))
    {
        return gather.apart(name, why);
    }
    if resolved.is_some_and(is_git_archive) {
        return gather.apart(name, Why::Git);
    }
    if !hashed {
        gather.locked.unhashed += 1;
    }
    gather.package("npm", name, version, None)
}

/// The package behind `npm:NAME@VERSION`, which is installed under another name.
pub(super) fn aliased(spec: &str) -> Option<(&str, &str)> {
    let spec = spec.strip_prefix("npm:")?;
    let at = spec.rfind('@').filter(|at| *at > 0)?;
    Some((&spec[..at], &spec[at + 1..]))
}

/// Where something comes from that a version or a range names instead of a registry's release.
pub(super) fn elsewhere(spec: &str) -> Option<Why> {
    let local = ["file:", "link:", "workspace:", "portal:", "exec:", "./", "../"];
    let git = ["git+", "git:", "git@", "ssh:", "github:", "gitlab:", "bitbucket:", "gist:"];
    if local.iter().any(|start| spec.starts_with(start)) {
        return Some(Why::Local);
    }
    if git.iter().any(|start| spec.starts_with(start)) || is_git_archive(spec) {
        return Some(Why::Git);
    }
    (spec.starts_with("http:") || spec.starts_with("https:")).then_some(Why::Url)
}

/// The archive of a commit, as hosts of repositories serve it.
pub(super) fn is_git_archive(address: &str) -> bool {
    address.contains("://codeload.github.com/")
        || address.contains(".git#")
        || (address.contains("/repository/archive") && !address.contains("/-/"))
}
