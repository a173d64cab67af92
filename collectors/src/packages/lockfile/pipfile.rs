//! `Pipfile.lock`.

use serde::Deserialize;
use serde_json::Value;

use super::text::{self, Entries};
use super::{Gather, LockError, Why};

#[derive(Deserialize)]
struct Pinned {
    version: Option<String>,
    #[serde(default)]
    hashes: Vec<String>,
    git: Option<String>,
    hg: Option<String>,
    svn: Option<String>,
    bzr: Option<String>,
    file: Option<String>,
    path: Option<String>,
}

pub(super) fn read(gather: &mut Gather<'_>, text: &str) -> Result<(), LockError> {
    let file: Entries<Value> = text::json(gather, text)?;
    let Some((_, about)) = file.0.iter().find(|(key, _)| key == "_meta") else {
        return Err(gather.wrong(None, "_meta", "what every Pipfile.lock says of itself"));
    };
    if about.get("pipfile-spec").and_then(Value::as_u64).is_some_and(|version| version > 6) {
        return Err(gather.wrong(None, "pipfile-spec", "a version up to 6"));
    }
    // `default`, `develop`, and categories of a project's own.
    for (category, list) in file.0.into_iter().filter(|(key, _)| key != "_meta") {
        let shape = |_| gather.wrong(None, &category, "a mapping of packages");
        let list: Entries<Pinned> = serde_json::from_value(list).map_err(shape)?;
        for (name, one) in &list.0 {
            pinned(gather, name, one)?;
        }
    }
    Ok(())
}

fn pinned(gather: &mut Gather<'_>, name: &str, one: &Pinned) -> Result<(), LockError> {
    if [&one.git, &one.hg, &one.svn, &one.bzr].iter().any(|repository| repository.is_some()) {
        return gather.apart(name, Why::Git);
    }
    if one.path.is_some() {
        return gather.apart(name, Why::Local);
    }
    if let Some(file) = &one.file {
        return gather.apart(name, if file.contains("://") { Why::Url } else { Why::Local });
    }
    let Some(version) = one.version.as_deref().and_then(|version| version.strip_prefix("==")) else {
        return Err(gather.wrong(None, name, "a version, such as `==1.0`"));
    };
    if one.hashes.is_empty() {
        gather.locked.unhashed += 1;
    }
    gather.package("pypi", name, version.trim_start_matches('='), None)
}
