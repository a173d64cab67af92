//! `yarn.lock`: the classic form of Yarn 1, and the YAML of the later ones.

use serde::Deserialize;

use super::npm::{aliased, elsewhere, is_git_archive};
use super::text::{self, Entries, Text};
use super::{Gather, LockError, Why};

pub(super) fn read(gather: &mut Gather<'_>, text: &str) -> Result<(), LockError> {
    if text.lines().any(|line| line.starts_with("__metadata:")) { later(gather, text) } else { classic(gather, text) }
}

/// An entry of the classic form, as far as it was read.
struct Block<'t> {
    line: usize,
    /// The first of the ranges that it answers.
    asked: String,
    version: Option<&'t str>,
    resolved: Option<&'t str>,
    hashed: bool,
}

fn classic(gather: &mut Gather<'_>, text: &str) -> Result<(), LockError> {
    let mut block: Option<Block<'_>> = None;
    let mut says_so = false;
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let bare = line.trim();
        if bare.is_empty() || bare.starts_with('#') {
            says_so |= bare.contains("yarn lockfile v1");
            continue;
        }
        if !line.starts_with([' ', '\t']) {
            if let Some(done) = block.take() {
                close(gather, &done)?;
            }
            let Some(ranges) = bare.strip_suffix(':') else {
                return Err(gather.wrong(Some(number), "", "ranges and a colon, such as `\"name@^1.0.0\":`"));
            };
            let asked = first_range(ranges);
            block = Some(Block { line: number, asked, version: None, resolved: None, hashed: false });
            continue;
        }
        let Some(open) = block.as_mut() else {
            return Err(gather.wrong(Some(number), "", "the ranges of a package before what is said of it"));
        };
        // Two spaces are the entry's own; deeper ones are what it depends on.
        let own = line.strip_prefix("  ").filter(|rest| !rest.starts_with(' '));
        match own.and_then(|own| own.split_once(' ')) {
            Some(("version", value)) => open.version = Some(value.trim().trim_matches('"')),
            Some(("resolved", value)) => open.resolved = Some(value.trim().trim_matches('"')),
            Some(("integrity", _)) => open.hashed = true,
            _ => {}
        }
    }
    match block {
        Some(done) => close(gather, &done),
        None if says_so || !gather.locked.packages.is_empty() => Ok(()),
        None => Err(gather.wrong(None, "", "entries, or `# yarn lockfile v1` above none")),
    }
}

/// The first of `"a@^1, a@^2"` or `a@^1, "b@npm:a@1"`.
fn first_range(ranges: &str) -> String {
    let first = match ranges.strip_prefix('"') {
        Some(rest) => rest.split('"').next().unwrap_or(rest),
        None => ranges.split(',').next().unwrap_or(ranges),
    };
    first.split(", ").next().unwrap_or(first).trim().to_owned()
}

fn close(gather: &mut Gather<'_>, block: &Block<'_>) -> Result<(), LockError> {
    let line = Some(block.line);
    let Some((name, range)) = split(&block.asked) else {
        return Err(gather.wrong(line, &block.asked, "a name and a range, such as `name@^1.0.0`"));
    };
    let Some(version) = block.version else {
        return Err(gather.wrong(line, &block.asked, "a version"));
    };
    let name = range.strip_prefix("npm:").map_or(name, |_| aliased(range).map_or(name, |(name, _)| name));
    let git = block.resolved.is_some_and(|at| is_git_archive(at) || at.starts_with("git"));
    if let Some(why) = elsewhere(range).or(git.then_some(Why::Git)) {
        return gather.apart(name, why);
    }
    // The hash of the classic form stands behind `#`, or as `integrity`.
    if !block.hashed && !block.resolved.is_some_and(|at| at.contains('#')) {
        gather.locked.unhashed += 1;
    }
    gather.package("npm", name, version, line)
}

/// `name@range`, `@scope/name@range`.
fn split(asked: &str) -> Option<(&str, &str)> {
    let first = asked.chars().next()?.len_utf8();
    let at = asked[first..].find('@')? + first;
    Some((&asked[..at], &asked[at + 1..]))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    version: Text,
    resolution: Text,
    checksum: Text,
}

fn later(gather: &mut Gather<'_>, text: &str) -> Result<(), LockError> {
    let documents: Vec<Entries<Entry>> = text::yaml(gather, text)?;
    if documents.iter().flat_map(|document| &document.0).all(|(key, _)| key == "__metadata") {
        return Err(gather.wrong(None, "", "at least the project's own entry"));
    }
    for (key, entry) in documents.into_iter().flat_map(|document| document.0) {
        if key == "__metadata" {
            continue;
        }
        let resolution = entry.resolution.get();
        let Some((name, reference)) = resolution.and_then(split) else {
            return Err(gather.wrong(None, &key, "a resolution, such as `name@npm:1.0.0`"));
        };
        let Some(version) = entry.version.get() else {
            return Err(gather.wrong(None, &key, "a version"));
        };
        // A patched package is the registry's, with changes of one's own, which may be patched again.
        let patched = reference.strip_prefix("patch:");
        let of_registry = |patched: &str| patched.contains("npm%3A") || patched.contains("npm%253A");
        let registry = reference.starts_with("npm:") || patched.is_some_and(of_registry);
        if registry {
            if entry.checksum.get().is_none() {
                gather.locked.unhashed += 1;
            }
            gather.package("npm", name, version, None)?;
        } else {
            let of_project = ["workspace%3A", "portal%3A", "link%3A", "file%3A"];
            let local = patched.is_some_and(|patched| of_project.iter().any(|start| patched.contains(start)));
            gather.apart(name, elsewhere(reference).unwrap_or(if local { Why::Local } else { Why::Url }))?;
        }
    }
    Ok(())
}
