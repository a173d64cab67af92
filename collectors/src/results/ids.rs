//! The names of a vulnerability: many databases name the same one, and one of its names is chosen to stand for all.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

use super::text;

/// How many names of one vulnerability are kept.
const MOST: usize = 64;

/// A database's name for a vulnerability, in the one form that it is compared in: `CVE-2021-23337`, `GHSA-wcg3-cvx6-7396`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AdvisoryId(String);

/// The prefixes of databases, in the order in which their names are preferred; a name with none of them comes last.
///
/// CVE comes first because every other one refers to it, then GitHub's, which spans ecosystems, then each ecosystem's own,
/// then distributions and vendors.
const PREFERRED: &[&str] = &[
    "CVE-", "GHSA-", "RUSTSEC-", "PYSEC-", "GO-", "RUBYSEC-", "OSVDB-", "MAL-", "OSV-", "DSA-", "DLA-", "USN-",
    "RHSA-", "ALAS", "ELSA-", "SUSE-", "ALSA-", "RLSA-", "ALPINE-", "DEBIAN-", "UBUNTU-", "GSD-", "SNYK-", "TEMP-",
];

/// What a distribution puts before a CVE when it gives it an entry of its own.
const COPIES: &[&str] = &["DEBIAN-", "UBUNTU-", "ALPINE-", "CGA-", "BIT-", "ROOT-OS-"];

impl AdvisoryId {
    /// The name in its one form: made visible, cut, and in the case that its database writes.
    pub fn new(name: &str) -> Self {
        let name = text::visible(name.trim(), text::NAME);
        let upper = name.to_ascii_uppercase();
        let form = if upper.starts_with("GHSA-") {
            format!("GHSA-{}", name[5..].to_ascii_lowercase())
        } else if PREFERRED.iter().any(|prefix| upper.starts_with(prefix)) {
            upper
        } else {
            name
        };
        Self(form)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The CVE that a distribution's own entry copies: `DEBIAN-CVE-2021-1` and `CVE-2021-1` are one vulnerability.
    fn copied(&self) -> Option<Self> {
        let rest = COPIES.iter().find_map(|prefix| self.0.strip_prefix(prefix))?;
        rest.starts_with("CVE-").then(|| Self(rest.to_owned()))
    }

    /// By preference: database, then year and number as numbers, then the text.
    fn rank(&self) -> (usize, Vec<u64>, &str) {
        let database = PREFERRED.iter().position(|prefix| self.0.starts_with(prefix)).unwrap_or(PREFERRED.len());
        let numbers = self.0.split('-').filter_map(|part| part.parse().ok()).collect();
        (database, numbers, &self.0)
    }
}

impl fmt::Display for AdvisoryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// All names of one vulnerability. Two that share a name are one.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ids(BTreeSet<AdvisoryId>);

impl Ids {
    /// The set of these names; empty ones are left out.
    pub fn new<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> Self {
        let mut all = Self::default();
        names.into_iter().for_each(|name| all.add(name.as_ref()));
        all
    }

    /// Adds a name.
    pub fn add(&mut self, name: &str) {
        if name.trim().is_empty() || self.0.len() >= MOST {
            return;
        }
        let id = AdvisoryId::new(name);
        self.0.extend(id.copied());
        self.0.insert(id);
    }

    /// Adds all names of another set.
    pub fn join(&mut self, other: &Self) {
        let room = MOST.saturating_sub(self.0.len());
        self.0.extend(other.0.iter().take(room).cloned());
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether both name the same vulnerability.
    pub fn meets(&self, other: &Self) -> bool {
        self.0.intersection(&other.0).next().is_some()
    }

    /// The name that stands for all: a CVE where there is one (of several the earliest), else GitHub's, else the ecosystem's
    /// own, else a distribution's, else the first by text.
    pub fn canonical(&self) -> Option<&AdvisoryId> {
        self.0.iter().min_by_key(|id| id.rank())
    }

    /// The names in the order of their text.
    pub fn iter(&self) -> impl Iterator<Item = &AdvisoryId> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_stands_for_all() {
        for (names, expected) in [
            (&["RUSTSEC-2020-0071", "ghsa-WCG3-cvx6-7396", "cve-2020-26235"][..], "CVE-2020-26235"),
            (&["RUSTSEC-2020-0071", "GHSA-WCG3-CVX6-7396"], "GHSA-wcg3-cvx6-7396"),
            (&["CVE-2021-10000", "CVE-2021-9999"], "CVE-2021-9999"),
            (&["DSA-5000-1", "PYSEC-2021-98"], "PYSEC-2021-98"),
            (&["DEBIAN-CVE-2021-1"], "CVE-2021-1"),
            (&["a house's own", "GO-2021-0113"], "GO-2021-0113"),
            (&["", " "], ""),
        ] {
            let ids = Ids::new(names);
            assert_eq!(ids.canonical().map_or("", AdvisoryId::as_str), expected, "{names:?}");
        }
    }

    #[test]
    fn sets_that_share_a_name_meet() {
        let ours = Ids::new(["PYSEC-2021-98", "CVE-2021-33203"]);
        assert!(ours.meets(&Ids::new(["cve-2021-33203"])));
        assert!(!ours.meets(&Ids::new(["CVE-2021-33204"])));
        assert!(!ours.meets(&Ids::default()));
    }
}
