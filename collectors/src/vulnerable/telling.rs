//! What findings say of vulnerabilities, in words and in attributes.

use std::collections::{BTreeMap, BTreeSet};

use super::earlier::{GONE_AFTER, OUTSIDE};
use super::facts::{Judged, Seen};
use crate::results::Fix;
use crate::words::plural;

/// How several scanners agree, in one sentence with a space before it; nothing where there is one. `unexamined` is how many
/// each tells alone in packages that nobody else says to have examined.
pub(super) fn agreement(target: &Judged, unexamined: &BTreeMap<String, u64>) -> String {
    let Some(agreement) = &target.agreement else { return String::new() };
    let names: Vec<&str> = agreement.alone.keys().map(String::as_str).collect();
    let mut told = vec![format!("{} told by all of {}", agreement.by_all, names.join(" and "))];
    if agreement.by_some > 0 {
        told.push(format!("{} by some", agreement.by_some));
    }
    for (who, alone) in agreement.alone.iter().filter(|(_, alone)| **alone > 0) {
        told.push(match unexamined.get(who).copied().unwrap_or(0) {
            0 => format!("{alone} only by {who}"),
            // A vulnerability may be in several lockfiles.
            some => {
                let places = plural(some, "place");
                format!("{alone} only by {who} (in {places} nobody else says to have examined the package)")
            }
        });
    }
    format!(" Of what several scanners report, {}.", told.join(", "))
}

/// What it is, in which package, and what helps.
pub(super) fn detail(seen: &Seen) -> String {
    let mut text = format!("{} in {}", seen.advisory, seen.package);
    if let Some(title) = &seen.title {
        text.push_str(&format!(": {}", title.trim_end_matches('.')));
    }
    match (seen.fix, seen.fixed.is_empty()) {
        (_, false) => text.push_str(&format!("; fixed in {}", seen.fixed.join(", "))),
        (Fix::None, _) => text.push_str("; there is no fix yet"),
        (Fix::Refused, _) => text.push_str("; there will be no fix"),
        _ => {}
    }
    if let Some(scored) = &seen.scored {
        text.push_str(&format!(
            "; CVSS {}.{}: {}.{}",
            scored.version / 10,
            scored.version % 10,
            scored.tenths / 10,
            scored.tenths % 10
        ));
    }
    text
}

pub(super) fn attributes(target: &Judged, seen: &Seen) -> BTreeMap<String, String> {
    let mut all = BTreeMap::from([
        ("advisory".to_owned(), seen.advisory.clone()),
        ("package".to_owned(), seen.package.unversioned().purl()),
        ("scanner".to_owned(), seen.seen_by.join(", ")),
    ]);
    let names: Vec<&str> = seen.ids.iter().map(|id| id.as_str()).filter(|name| *name != seen.advisory).collect();
    let databases: BTreeSet<String> =
        target.scans.iter().filter(|scan| seen.seen_by.contains(&scan.name)).map(|scan| scan.database_name()).collect();
    let databases: Vec<String> = databases.into_iter().collect();
    let mut add = |name: &str, value: Option<String>| {
        all.extend(value.filter(|value| !value.is_empty()).map(|value| (name.to_owned(), value)));
    };
    add("version", seen.package.version().map(str::to_owned));
    add("aliases", Some(names.join(", ")));
    add("database", Some(databases.join("; ")));
    add("severity", seen.severity.map(|severity| severity.word().to_owned()));
    add("fixed", Some(seen.fixed.join(", ")));
    add("vector", seen.scored.as_ref().map(|scored| scored.vector.clone()));
    add("layer", seen.layer.clone());
    add(OUTSIDE, (!seen.in_population).then(|| "of no lockfile that could be read".to_owned()));
    add(GONE_AFTER, seen.gone_after.map(|at| at.to_string()));
    add("commit", target.commit.clone());
    add("reference", target.pulled.as_ref().map(|pulled| pulled.reference.clone()));
    add("image", target.image.as_ref().map(|image| image.manifest.clone().unwrap_or_else(|| image.config.clone())));
    all
}
