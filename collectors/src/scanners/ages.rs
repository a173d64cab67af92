//! How old a scanner's database is.

use std::fs;
use std::path::Path;

use exhibit_evidence::Timestamp;
use serde::{Deserialize, Serialize};

use crate::packages::instant;

/// Where it is said how old a database is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseSource {
    /// A JSON file.
    pub file: Option<String>,
    /// Arguments with which the scanner prints it as JSON.
    pub arguments: Option<Vec<String>>,
    /// Where in either the time stands (RFC 6901), as RFC 3339 has it.
    pub pointer: Option<String>,
    /// A git repository, whose last commit's time it is.
    pub commit: Option<String>,
    /// Whether the scanner asks a service while it runs, so that it is as fresh as the run.
    #[serde(default)]
    pub service: bool,
}

impl DatabaseSource {
    pub(super) fn look_through(&self) -> Result<(), &'static str> {
        match (&self.file, &self.arguments, &self.commit, self.service, &self.pointer) {
            (Some(_), None, None, false, Some(_))
            | (None, Some(_), None, false, Some(_))
            | (None, None, Some(_), false, None)
            | (None, None, None, true, None) => Ok(()),
            _ => Err("expected `file` with `pointer`, `arguments` with `pointer`, `commit`, or `service = true`"),
        }
    }

    /// The texts in it that may hold placeholders.
    pub(super) fn texts(&self) -> Vec<&String> {
        self.file.iter().chain(&self.commit).chain(self.arguments.iter().flatten()).collect()
    }
}

/// What is known of a scanner's database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Database {
    /// It has none: what it knows is part of its version.
    #[default]
    None,
    /// A service that it asked while it ran.
    Service,
    /// One of this age.
    Updated {
        /// When it was made.
        at: Timestamp,
    },
    /// One whose age could not be found out.
    Unknown {
        /// Why, in one sentence.
        why: String,
    },
}

/// The time at `pointer` of a JSON text.
pub(super) fn time_in(text: &[u8], pointer: &str) -> Result<Timestamp, String> {
    let document: serde_json::Value = serde_json::from_slice(text)
        .map_err(|error| format!("what says how old the database is is no JSON: {error}"))?;
    let time = document.pointer(pointer).and_then(serde_json::Value::as_str);
    let time = time.ok_or_else(|| format!("what says how old the database is holds no text at {pointer}"))?;
    instant(time).ok_or_else(|| format!("what says how old the database is holds no time of RFC 3339 at {pointer}"))
}

/// Files that are larger say nothing about an age.
const LARGEST: u64 = 1 << 20;

/// The time at `pointer` of a JSON file.
pub(super) fn time_in_file(path: &Path, pointer: &str) -> Result<Timestamp, String> {
    let wrong = |why: String| format!("the file that says how old the database is can't be read: {why}");
    let found = fs::metadata(path).map_err(|error| wrong(error.kind().to_string()))?;
    if !found.is_file() || found.len() > LARGEST {
        return Err(wrong(format!("expected a file of at most {LARGEST} bytes")));
    }
    time_in(&fs::read(path).map_err(|error| wrong(error.kind().to_string()))?, pointer)
}

/// The time of a git repository's last commit.
pub(super) fn time_of_commit(path: &Path) -> Result<Timestamp, String> {
    let wrong = |error: git2::Error| format!("the database's last commit can't be read: {}", error.message());
    let repository = git2::Repository::open(path).map_err(wrong)?;
    let commit = repository.head().and_then(|head| head.peel_to_commit()).map_err(wrong)?;
    let micros = commit.time().seconds().checked_mul(1_000_000).and_then(Timestamp::from_micros);
    micros.ok_or_else(|| "the database's last commit has no time that a calendar knows".to_owned())
}
