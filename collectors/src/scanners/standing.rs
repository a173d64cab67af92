//! Whether a scanner that a job names could run: its program, pin, version and database, without scanning anything.

use std::path::{Path, PathBuf};

use exhibit_evidence::Digest;
use serde::Deserialize as _;

use super::ages::Database;
use super::manifest::{Adapter, LooksAt};
use super::scan::{Prepared, Request, ScanError, wrong};
use super::settings::ScannerSettings;
use crate::runner::Runner;

/// A scanner that could run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What people call it.
    pub title: String,
    /// Where its program lies, links resolved.
    pub program: PathBuf,
    /// The program's digest.
    pub digest: Digest,
    /// Whether the settings pin that digest.
    pub pinned: bool,
    /// Its version, or why it is not known.
    pub version: Result<String, String>,
    /// Its database, or why its age is not known.
    pub database: Result<Database, String>,
}

/// Looks whether a scanner could run. It is asked for its version, and for the age of its database where that takes a question.
///
/// # Errors
/// When it could not: its adapter is not in order, its program is not there or not the pinned one, or a file that its settings
/// name is not there.
pub fn standing(runner: &dyn Runner, settings: &ScannerSettings, base: &Path) -> Result<Standing, ScanError> {
    let adapter = settings.adapter(base).map_err(|problems| ScanError::Settings {
        scanner: settings.adapter.clone(),
        message: problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
    })?;
    // No target is needed for what is asked; the adapter's folder stands where one would.
    let target = Path::new(".");
    let request =
        Request { runner, adapter: &adapter, settings, base, target, looks_at: LooksAt::Folder, name: "standing" };
    let (prepared, pinned) = Prepared::of(&request)?;
    missing(&adapter, settings)?;
    Ok(Standing {
        title: adapter.title.clone(),
        program: prepared.program.resolved.clone(),
        digest: prepared.program.digest,
        pinned,
        version: prepared.version(&adapter.version),
        database: prepared.database(),
    })
}

/// A parameter without a value and a default, where every mode needs it.
fn missing(adapter: &Adapter, settings: &ScannerSettings) -> Result<(), ScanError> {
    let given = |name: &str| settings.parameters.contains_key(name);
    let needed = |name: &str| {
        let asked = settings.mode.as_ref();
        let mut modes = adapter.modes.iter().filter(|(id, _)| asked.is_none_or(|asked| asked == *id));
        modes.all(|(_, mode)| mode.arguments.iter().any(|argument| argument.contains(&format!("{{{name}}}"))))
    };
    let without = adapter.parameters.iter().filter(|(name, one)| one.default.is_none() && !given(name));
    match without.into_iter().find(|(name, _)| needed(name)) {
        Some((name, one)) => Err(wrong(adapter, format!("parameters.{name}: expected a value: {}", one.title))),
        None => Ok(()),
    }
}

/// The scanners that a job's settings name, wherever in them; what is not in order is left to the check of the settings.
#[must_use]
pub fn all_in(settings: &toml::Table) -> Vec<ScannerSettings> {
    let mut found = Vec::new();
    for value in settings.values() {
        collect(value, &mut found);
    }
    found
}

fn collect(value: &toml::Value, found: &mut Vec<ScannerSettings>) {
    match value {
        toml::Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        toml::Value::Table(table) if table.contains_key("adapter") => {
            if let Ok(one) = ScannerSettings::deserialize(value.clone())
                && !found.contains(&one)
            {
                found.push(one);
            }
        }
        toml::Value::Table(table) => table.values().for_each(|value| collect(value, found)),
        _ => {}
    }
}
