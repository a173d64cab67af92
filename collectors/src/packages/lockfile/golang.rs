//! `go.mod` and `go.sum`.
//!
//! `go.sum` lists the hashes of all that Go ever looked at while it chose versions: more than is built. Since Go 1.17 `go.mod`
//! lists every module that the build takes, so it is what counts where both are there.

use std::collections::BTreeMap;

use super::{Gather, LockError, Why};

/// What is counted of `go.mod`.
const BUILT: &str = "the modules that go.mod requires, which since Go 1.17 are all that the build takes";
/// What is counted of `go.sum`.
const HASHED: &str = "the module versions whose source go.sum holds a hash of, which may be more than the build takes";

/// A module, and the version that is replaced, where the replacement is of one alone.
type Replaced<'t> = (&'t str, Option<&'t str>);

pub(super) fn module(gather: &mut Gather<'_>, text: &str) -> Result<(), LockError> {
    let mut required: Vec<(&str, &str, usize)> = Vec::new();
    let mut replaced: BTreeMap<Replaced<'_>, (&str, Option<&str>)> = BTreeMap::new();
    let (mut named, mut lists_all) = (false, false);
    let mut block: Option<&str> = None;
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let code = line.split("//").next().unwrap_or(line).trim();
        let words: Vec<&str> = code.split_whitespace().collect();
        let (verb, rest) = match (block, words.as_slice()) {
            (_, []) => continue,
            (Some(_), [")"]) => {
                block = None;
                continue;
            }
            (Some(verb), rest) => (verb, rest),
            (None, [verb, "("]) => {
                block = Some(verb);
                continue;
            }
            (None, [verb, rest @ ..]) => (*verb, rest),
        };
        match (verb, rest) {
            ("module", [_]) => named = true,
            ("go", [version]) => lists_all = lists_all_since(version),
            ("require", [path, version]) => required.push((unquoted(path), version, number)),
            ("replace", [old, "=>", new]) => {
                replaced.insert((unquoted(old), None), (unquoted(new), None));
            }
            ("replace", [old, "=>", new, version]) => {
                replaced.insert((unquoted(old), None), (unquoted(new), Some(version)));
            }
            ("replace", [old, only, "=>", new]) => {
                replaced.insert((unquoted(old), Some(only)), (unquoted(new), None));
            }
            ("replace", [old, only, "=>", new, version]) => {
                replaced.insert((unquoted(old), Some(only)), (unquoted(new), Some(version)));
            }
            ("module" | "go" | "require" | "replace", _) => {
                return Err(gather.wrong(Some(number), verb, "a path, and a version where there is one"));
            }
            // `toolchain`, `exclude`, `retract`, `tool`, `godebug`, `ignore`: nothing that is built.
            _ => {}
        }
    }
    if let Some(verb) = block {
        return Err(gather.wrong(None, verb, "`)` behind its list"));
    }
    if !named {
        return Err(gather.wrong(None, "module", "the module's own path"));
    }
    if !lists_all && !required.is_empty() {
        return Err(gather.wrong(None, "go", "1.17 or newer: before it, go.mod lists only what is required directly"));
    }
    gather.locked.counted = Some(BUILT);
    for (path, version, line) in required {
        let replacement = replaced.get(&(path, Some(version))).or_else(|| replaced.get(&(path, None)));
        match replacement {
            None => gather.package("golang", path, version, Some(line))?,
            Some((other, Some(version))) => gather.package("golang", other, version, Some(line))?,
            Some((_, None)) => gather.apart(path, Why::Local)?,
        }
    }
    Ok(())
}

fn unquoted(path: &str) -> &str {
    path.trim_matches(['"', '`'])
}

/// Whether a `go.mod` of this version of the language lists all that is built.
fn lists_all_since(version: &str) -> bool {
    let mut parts = version.split('.');
    let major: u32 = parts.next().and_then(|part| part.parse().ok()).unwrap_or(0);
    // `1.21rc2`
    let minor = parts.next().unwrap_or("0");
    let minor: u32 =
        minor.split(|one: char| !one.is_ascii_digit()).next().and_then(|part| part.parse().ok()).unwrap_or(0);
    (major, minor) >= (1, 17)
}

pub(super) fn sums(gather: &mut Gather<'_>, text: &str) -> Result<(), LockError> {
    gather.locked.counted = Some(HASHED);
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [] => {}
            [_, version, hash] if version.ends_with("/go.mod") && hash.starts_with("h1:") => {}
            [path, version, hash] if version.starts_with('v') && hash.starts_with("h1:") => {
                gather.package("golang", path, version, Some(number))?;
            }
            _ => return Err(gather.wrong(Some(number), "", "a path, a version and `h1:` with a hash")),
        }
    }
    Ok(())
}
