//! Lists beside the scanners: vulnerabilities that are known to be exploited, and vendors' statements.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use exhibit_evidence::Digest;
use serde::Deserialize;

use super::facts::KnownExploited;
use crate::packages::{Package, instant};
use crate::results::{self, AdvisoryId, Format, Ids, Statement, Vex};

/// Largest list that is read, in bytes.
const LARGEST: u64 = 64 << 20;

/// A list of exploited vulnerabilities.
#[derive(Debug, Default)]
pub(super) struct Exploited(BTreeSet<String>);

#[derive(Deserialize)]
struct Catalogue {
    #[serde(rename = "catalogVersion")]
    version: Option<String>,
    #[serde(rename = "dateReleased")]
    released: Option<String>,
    vulnerabilities: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "cveID")]
    id: String,
}

impl Exploited {
    /// Reads CISA's catalogue, or a list of its form.
    pub(super) fn read(path: &Path) -> Result<(Self, KnownExploited), String> {
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
            .map_err(|error| unreadable(&error.kind().to_string()))?;
        if bytes.len() as u64 > LARGEST {
            return Err(unreadable("it is larger than 64 MiB"));
        }
        Self::parse(&bytes)
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<(Self, KnownExploited), String> {
        let list: Catalogue = serde_json::from_slice(bytes).map_err(|error| {
            unreadable(&format!(
                "expected CISA's catalogue in JSON, with `vulnerabilities` and their `cveID`, at line {}",
                error.line()
            ))
        })?;
        if list.vulnerabilities.is_empty() {
            return Err(unreadable("it lists nothing"));
        }
        if list.vulnerabilities.iter().any(|entry| entry.id.trim().is_empty()) {
            return Err(unreadable("the `cveID` of one of its vulnerabilities is empty"));
        }
        let told = KnownExploited {
            digest: Digest::of(bytes),
            entries: list.vulnerabilities.len() as u64,
            version: list.version.map(|version| results::text::visible(&version, 40)),
            released: list.released.as_deref().and_then(instant),
        };
        let names = list.vulnerabilities.iter().map(|entry| AdvisoryId::new(&entry.id).as_str().to_owned());
        Ok((Self(names.collect()), told))
    }

    /// Whether one of these names is on it.
    pub(super) fn lists(&self, ids: &Ids) -> bool {
        ids.iter().any(|id| self.0.contains(id.as_str()))
    }
}

fn unreadable(why: &str) -> String {
    format!("the list of exploited vulnerabilities can't be read: {why}")
}

/// Statements of vendors, in the order in which they were read: of several about one thing the last counts.
#[derive(Debug, Default)]
pub(super) struct Statements(Vec<Statement>);

impl Statements {
    /// Reads files of OpenVEX.
    pub(super) fn read(base: &Path, files: &[PathBuf]) -> (Self, Vec<String>) {
        let (mut all, mut problems) = (Vec::new(), Vec::new());
        for file in files {
            let name = file.display().to_string();
            match results::reading(&name, base.join(file).as_path(), Some(Format::OpenVex)) {
                Ok(reading) => all.extend(reading.statements),
                Err(error) => problems.push(error.to_string()),
            }
        }
        (Self(all), problems)
    }

    #[cfg(feature = "fuzzing")]
    pub(super) fn of(all: Vec<Statement>) -> Self {
        Self(all)
    }

    /// What is said of this vulnerability in this package.
    pub(super) fn about(&self, ids: &Ids, package: &Package) -> Option<&Vex> {
        let of_package = |named: &String| {
            Package::parse(named)
                .is_ok_and(|named| named == *package || (named.version().is_none() && named == package.unversioned()))
        };
        self.0
            .iter()
            .filter(|statement| statement.ids.meets(ids))
            .filter(|statement| {
                // Where parts of the product are named, it is about them alone.
                let named = if statement.within.is_empty() { &statement.products } else { &statement.within };
                named.iter().any(of_package)
            })
            .map(|statement| &statement.vex)
            .next_back()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_names_nothing_is_no_list() {
        for (text, says) in [
            (r#"{"vulnerabilities": []}"#, "it lists nothing"),
            (r#"{"vulnerabilities": [{"cveID": "CVE-2021-1"}, {"cveID": " "}]}"#, "is empty"),
            (r#"{"vulnerabilities": [{}]}"#, "their `cveID`, at line 1"),
        ] {
            let error = Exploited::parse(text.as_bytes()).expect_err(text);
            assert!(error.contains(says), "{error}");
        }
        let text = r#"{"dateReleased": "9999-12-31T23:59:59-23:59", "vulnerabilities": [{"cveID": " cve-2021-1"}]}"#;
        let (list, told) = Exploited::parse(text.as_bytes()).expect("a list");
        assert!(list.lists(&Ids::new(["CVE-2021-1"])) && !list.lists(&Ids::new(["CVE-2021-2"])));
        // A time that no record can hold is none.
        assert_eq!((told.entries, told.released), (1, None));
    }
}
