//! Lists beside the scanners: vulnerabilities that are known to be exploited, and vendors' statements.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use chrono::DateTime;
use exhibit_evidence::{Digest, Timestamp};
use serde::Deserialize;

use super::facts::KnownExploited;
use crate::packages::Package;
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
        let wrong = |why: &str| format!("the list of exploited vulnerabilities can't be read: {why}");
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
            .map_err(|error| wrong(&error.kind().to_string()))?;
        if bytes.len() as u64 > LARGEST {
            return Err(wrong("it is larger than 64 MiB"));
        }
        let list: Catalogue = serde_json::from_slice(&bytes).map_err(|error| {
            wrong(&format!(
                "expected CISA's catalogue in JSON, with `vulnerabilities` and their `cveID`, at line {}",
                error.line()
            ))
        })?;
        if list.vulnerabilities.is_empty() {
            return Err(wrong("it lists nothing"));
        }
        let released = list.released.as_deref().and_then(|text| DateTime::parse_from_rfc3339(text).ok());
        let told = KnownExploited {
            digest: Digest::of(&bytes),
            entries: list.vulnerabilities.len() as u64,
            version: list.version.map(|version| results::text::visible(&version, 40)),
            released: released.map(|at| Timestamp::new(at.to_utc())),
        };
        let names = list.vulnerabilities.iter().map(|entry| AdvisoryId::new(&entry.id).as_str().to_owned());
        Ok((Self(names.collect()), told))
    }

    /// Whether one of these names is on it.
    pub(super) fn lists(&self, ids: &Ids) -> bool {
        ids.iter().any(|id| self.0.contains(id.as_str()))
    }
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
