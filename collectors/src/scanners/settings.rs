//! What a job says about the scanner that it uses.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use exhibit_evidence::Digest;
use serde::Deserialize;

use super::built_in;
use super::manifest::{Adapter, AdapterProblem};
use crate::collector::SettingProblem;

/// What adapters' files end in.
const ENDING: &str = ".toml";
/// Larger files are no adapters.
const LARGEST: u64 = 1 << 20;

/// A scanner in a job's settings.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScannerSettings {
    /// The name of a built-in adapter, or the path of an own one, which ends in `.toml`.
    pub adapter: String,
    /// Which of the adapter's modes, where more than one fits the target.
    pub mode: Option<String>,
    /// The program, if it is not where programs usually are: a path relative to the configuration.
    pub program: Option<String>,
    /// The digest that the program has to have, `sha256:…`.
    pub pin: Option<String>,
    /// What the adapter's parameters are.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// Further files and folders that it has to read, such as those of an interpreter that lies elsewhere.
    #[serde(default)]
    pub read: Vec<String>,
    /// How many seconds it may take, 1 to 86,400.
    pub seconds: Option<u64>,
    /// Whether comments and files in the target may have it pass over findings.
    #[serde(default)]
    pub heed_suppressions: bool,
}

impl ScannerSettings {
    /// What is wrong with them, as far as that can be told without looking at anything outside; `key` is where they stand.
    #[must_use]
    pub fn look_through(&self, key: &str) -> Vec<SettingProblem> {
        let mut problems = Vec::new();
        let mut wrong =
            |part: &str, message: String| problems.push(SettingProblem::new(&format!("{key}.{part}"), message));
        if self.pin().is_err() {
            wrong("pin", "expected `sha256:` and 64 lower-case hexadecimal digits".to_owned());
        }
        if self.seconds.is_some_and(|seconds| !(1..=86_400).contains(&seconds)) {
            wrong("seconds", "expected 1 to 86,400".to_owned());
        }
        if self.adapter.ends_with(ENDING) {
            return problems;
        }
        let Some(adapter) = built_in().iter().find(|adapter| adapter.id == self.adapter) else {
            let known: Vec<&str> = built_in().iter().map(|adapter| adapter.id.as_str()).collect();
            wrong(
                "adapter",
                format!("expected one of {}, or the path of an own adapter, which ends in {ENDING}", known.join(", ")),
            );
            return problems;
        };
        if self.mode.as_ref().is_some_and(|mode| !adapter.modes.contains_key(mode)) {
            let known: Vec<&str> = adapter.modes.keys().map(String::as_str).collect();
            wrong("mode", format!("expected one of {}", known.join(", ")));
        }
        if self.parameters.keys().any(|name| !adapter.parameters.contains_key(name)) {
            let known: Vec<&str> = adapter.parameters.keys().map(String::as_str).collect();
            wrong("parameters", format!("expected names among: {}", known.join(", ")));
        }
        problems
    }

    /// What is wrong with them where it is the policy alone that accepts what is to stand, as for dependencies.
    pub(crate) fn heeding(&self, key: &str) -> Option<SettingProblem> {
        let message = "expected only by static_analysis; of dependencies, the policy says what is accepted";
        self.heed_suppressions.then(|| SettingProblem::new(&format!("{key}.heed_suppressions"), message))
    }

    /// The digest that the program has to have.
    pub(super) fn pin(&self) -> Result<Option<Digest>, ()> {
        self.pin.as_ref().map(|pin| pin.parse().map_err(|_| ())).transpose()
    }

    /// The adapter.
    ///
    /// # Errors
    /// When it is none of the built-in ones, or its file can't be read or is not in order.
    pub fn adapter(&self, base: &Path) -> Result<Adapter, Vec<AdapterProblem>> {
        if self.adapter.ends_with(ENDING) {
            return own(Path::new(&self.adapter), base);
        }
        built_in().iter().find(|adapter| adapter.id == self.adapter).cloned().ok_or_else(|| {
            let message = "there is no built-in adapter of this name".to_owned();
            vec![AdapterProblem { file: self.adapter.clone(), line: 1, key: String::new(), message }]
        })
    }
}

/// Reads an own adapter, whose path is relative to `base`.
///
/// # Errors
/// When it can't be read, or what is wrong with it.
pub fn own(path: &Path, base: &Path) -> Result<Adapter, Vec<AdapterProblem>> {
    let file = path.display().to_string();
    let unread = |why: String| vec![AdapterProblem { file: file.clone(), line: 1, key: String::new(), message: why }];
    let mut text = String::new();
    fs::File::open(base.join(path))
        .and_then(|opened| opened.take(LARGEST + 1).read_to_string(&mut text))
        .map_err(|error| unread(format!("could not be read as an adapter: {}", error.kind())))?;
    if text.len() as u64 > LARGEST {
        return Err(unread(format!("larger than {LARGEST} bytes, which no adapter is")));
    }
    Adapter::parse(&text, &file)
}

/// The own adapters that a job's settings name, wherever in them.
#[must_use]
pub fn named_in(settings: &toml::Table) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for (key, value) in settings {
        look(key, value, &mut found);
    }
    found.sort();
    found.dedup();
    found
}

fn look(key: &str, value: &toml::Value, found: &mut Vec<PathBuf>) {
    match value {
        toml::Value::String(text) if key == "adapter" && text.ends_with(ENDING) => found.push(PathBuf::from(text)),
        toml::Value::Array(items) => items.iter().for_each(|item| look(key, item, found)),
        toml::Value::Table(table) => table.iter().for_each(|(key, value)| look(key, value, found)),
        _ => {}
    }
}
