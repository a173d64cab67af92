//! What a secret manager's own command prints: `railway variables --json`, `doppler secrets`, `op item
//! get`, `az`, `gcloud`, `fly`, `heroku config --json`, `gh api …/secrets`, any other.
//!
//! The manager stays in charge of who may read: nothing of its protocol, its tokens or its cache is
//! known here. Its output comes through a pipe into memory that is wiped; a value is never an argument,
//! and never in a file.

use super::interpolate::{Strictness, Variables};
use super::json::{self, Json, NotJson};
use super::settings::{Kind, Problem};
use super::{
    Credential, Listing, Origin, Place, Reading, Root, SecretValue, Source, SourceError, Surroundings, Unread, Version,
    dotenv, files, instant, is_name, names,
};
use crate::process::Program;
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;
use zeroize::Zeroizing;

/// Bytes that a counting command may print: a number.
const A_NUMBER: u64 = 256;

/// The table `command` of a source of credentials.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandSettings {
    /// Program and arguments; there is no shell.
    pub run: Vec<String>,
    /// What it prints.
    pub format: Format,
    /// Another command that prints how many names there are, by the manager's own count.
    pub count: Option<Vec<String>>,
    /// Where in its JSON the names are, keys separated by dots; at the top unless it says otherwise.
    pub items: Option<String>,
    /// The field that holds an item's name, in a list of objects: `name` unless it says otherwise.
    pub name_field: Option<String>,
    /// The field that holds its value, keys separated by dots, where the value is not the item itself.
    pub value_field: Option<String>,
    /// The field that holds the instant of its last change (RFC 3339).
    pub since_field: Option<String>,
    /// What the one value is called, for the format `value`.
    pub name: Option<String>,
    /// Whether only the first line is that value.
    #[serde(default)]
    pub first_line: bool,
    /// Names of variables that it gets from the environment of this process.
    #[serde(default)]
    pub pass_environment: Vec<String>,
    /// The folder that it runs in; the configuration's own unless it says otherwise.
    pub folder: Option<String>,
    /// How long it may take, in seconds, 1 to 3,600.
    #[serde(default = "a_minute")]
    pub time_limit: u64,
}

impl CommandSettings {
    /// A command and what it prints, without further settings.
    pub(super) fn new(run: Vec<String>, format: Format) -> Self {
        Self {
            run,
            format,
            count: None,
            items: None,
            name_field: None,
            value_field: None,
            since_field: None,
            name: None,
            first_line: false,
            pass_environment: Vec::new(),
            folder: None,
            time_limit: a_minute(),
        }
    }
}

fn a_minute() -> u64 {
    60
}

/// What a command prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// An object of names and values, or a list of objects.
    Json,
    /// `NAME=value`, as in a dotenv file.
    Dotenv,
    /// Names alone, as JSON or one a line: the manager does not show values.
    Names,
    /// One value and nothing else.
    Value,
}

/// Credentials that a command prints.
#[derive(Debug, Clone)]
pub struct CommandSource {
    root: Root,
    environment: String,
    settings: CommandSettings,
}

impl Kind for CommandSettings {
    fn problem(&self) -> Option<Problem> {
        let empty = |command: &Vec<String>| command.first().is_none_or(|program| program.is_empty());
        let fields = [&self.items, &self.name_field, &self.value_field, &self.since_field];
        if empty(&self.run) {
            return Some(("run", "expected a program and its arguments"));
        }
        if self.count.as_ref().is_some_and(empty) {
            return Some(("count", "expected a program and its arguments"));
        }
        if (self.format == Format::Value) != self.name.is_some() {
            return Some(("name", "goes with the format `value`, which needs it"));
        }
        if self.name.as_ref().is_some_and(|name| !is_name(name)) {
            return Some(("name", "expected letters, digits, `_`, `.`, `-` and `/`"));
        }
        if matches!(self.format, Format::Dotenv | Format::Value) && fields.iter().any(|field| field.is_some()) {
            return Some(("", "`items` and fields go with JSON only"));
        }
        if self.first_line && self.format != Format::Value {
            return Some(("first_line", "goes with the format `value` only"));
        }
        if !(1..=3600).contains(&self.time_limit) {
            return Some(("time_limit", "expected 1 to 3600 seconds"));
        }
        None
    }

    fn open<'a>(&self, around: &Surroundings<'a>, environment: &str) -> Box<dyn Source + 'a> {
        let (root, environment) = (around.root.clone(), environment.to_owned());
        Box::new(CommandSource { root, environment, settings: self.clone() })
    }
}

impl Source for CommandSource {
    fn kind(&self) -> &'static str {
        "command"
    }

    fn environment(&self) -> &str {
        &self.environment
    }

    fn label(&self) -> String {
        format!("what `{}` prints", self.what())
    }

    fn counted_by(&self) -> &'static str {
        match self.settings.count {
            Some(_) => "the configured counting command",
            None => {
                "the names in the command's output, counted by a reader that keeps no values; whether it prints all there are, only the command knows"
            }
        }
    }

    fn rights(&self) -> &'static str {
        "what the configured commands may read with the variables that they are given"
    }

    fn listing(&self) -> Result<Listing, SourceError> {
        if let Some(command) = &self.settings.count {
            let printed = self.text(command, A_NUMBER)?;
            let number = printed.split_whitespace().next().and_then(|number| number.parse().ok());
            let refused =
                || SourceError::refused(command.join(" "), "command-output", "it was expected to print a number first");
            return Ok(Listing { names: number.ok_or_else(refused)? });
        }
        let printed = self.text(&self.settings.run, files::MAX_BYTES)?;
        self.counted(&printed)
    }

    fn read(&self) -> Result<Reading, SourceError> {
        let printed = self.text(&self.settings.run, files::MAX_BYTES)?;
        self.taken(&printed)
    }
}

fn only_names(unread: Vec<Unread>) -> Reading {
    Reading { unread, ..Reading::default() }
}

impl CommandSource {
    pub(super) fn new(root: Root, environment: String, settings: CommandSettings) -> Self {
        Self { root, environment, settings }
    }

    /// How many names a command printed.
    fn counted(&self, printed: &str) -> Result<Listing, SourceError> {
        let names = match self.settings.format {
            Format::Dotenv => dotenv::names_in(printed).len() as u64,
            Format::Value => 1,
            Format::Names if !self.prints_json(printed) => {
                printed.lines().filter(|line| !line.trim().is_empty()).count() as u64
            }
            Format::Json | Format::Names => {
                let counted = json::count(printed, &self.path()).map_err(|error| self.not_json(&error))?;
                counted.ok_or_else(|| self.malformed("items", "an object or a list"))?
            }
        };
        Ok(Listing { names })
    }

    /// What a command printed.
    fn taken(&self, printed: &str) -> Result<Reading, SourceError> {
        match self.settings.format {
            Format::Dotenv => self.assignments(printed),
            Format::Value => {
                let name = self.settings.name.clone().unwrap_or_default();
                let whole = printed.strip_suffix('\n').unwrap_or(printed);
                let value = if self.settings.first_line { whole.lines().next().unwrap_or("") } else { whole };
                let mut reading = Reading { examined: 1, ..Reading::default() };
                reading.credentials.push(self.credential(&name, value, None));
                Ok(reading)
            }
            Format::Names if !self.prints_json(printed) => {
                let names = printed.lines().map(str::trim).filter(|line| !line.is_empty());
                names.map(|name| self.unread(name, None)).collect::<Result<Vec<_>, _>>().map(only_names)
            }
            Format::Json | Format::Names => {
                let read = Json::read(printed).map_err(|error| self.not_json(&error))?;
                self.items(&read)
            }
        }
    }

    /// What was run, as configured.
    fn what(&self) -> String {
        self.settings.run.join(" ")
    }

    fn path(&self) -> Vec<&str> {
        self.settings.items.as_deref().map(|path| path.split('.').collect()).unwrap_or_default()
    }

    fn prints_json(&self, printed: &str) -> bool {
        self.settings.items.is_some() || printed.trim_start().starts_with(['[', '{'])
    }

    /// Everything that a command prints, as text, wiped on drop.
    fn text(&self, command: &[String], most: u64) -> Result<Zeroizing<String>, SourceError> {
        let what = command.join(" ");
        let Root::Folder(base) = &self.root else {
            return Err(SourceError::refused(what, "command-not-started", "there is no folder to run it in"));
        };
        let folder = self.settings.folder.as_ref().map_or_else(|| base.clone(), |folder| base.join(folder));
        let printed = printed(command, &folder, &self.settings.pass_environment, self.settings.time_limit, most)?;
        files::decode(&what, &printed)
    }

    fn assignments(&self, printed: &str) -> Result<Reading, SourceError> {
        let what = self.what();
        let none = Variables::new();
        let mut reading = Reading::default();
        // A manager prints values, not templates: nothing is interpolated, as in single quotes.
        for found in dotenv::parse(&what, printed, &none, Variables::new(), Strictness::Literal)? {
            match found.value {
                Some(text) => reading.credentials.push(self.credential(&found.name, text.as_str(), None)),
                None => reading.unread.push(self.unread(&found.name, None)?),
            }
        }
        let mut known = std::collections::HashSet::new();
        if let Some(twice) = reading.credentials.iter().find(|found| !known.insert(found.name.as_str())) {
            return Err(self.malformed(&twice.name, "each name once"));
        }
        reading.examined = reading.credentials.len() as u64;
        Ok(reading)
    }

    fn items(&self, read: &Json) -> Result<Reading, SourceError> {
        let found = read.at(self.path()).ok_or_else(|| self.malformed("items", "an object or a list"))?;
        let name_field = self.settings.name_field.as_deref().unwrap_or("name");
        let mut reading = Reading::default();
        let mut known = std::collections::HashSet::new();
        let named = found.entries().iter().map(|(name, item)| (Some(name.as_str()), item));
        let listed = found.items().iter().map(|item| (item.text().or_else(|| item.text_at([name_field])), item));
        for (name, item) in named.chain(listed) {
            let name = name.filter(|name| is_label(name));
            let name = name.ok_or_else(|| self.malformed(name_field, "the name of each item"))?;
            if !known.insert(name) {
                return Err(self.malformed(name, "each name once"));
            }
            self.item(name, item, &mut reading)?;
        }
        reading.examined = reading.credentials.len() as u64;
        Ok(reading)
    }

    fn item(&self, name: &str, item: &Json, reading: &mut Reading) -> Result<(), SourceError> {
        let version = match self.settings.since_field.as_deref() {
            None => None,
            Some(field) => {
                let since = item.text_at(field.split('.')).and_then(instant);
                Some(Version::since(since.ok_or_else(|| self.malformed(name, "the instant of its last change"))?))
            }
        };
        if self.settings.format == Format::Names {
            reading.unread.push(self.unread(name, version)?);
            return Ok(());
        }
        let value = match self.settings.value_field.as_deref() {
            Some(field) => item.at(field.split('.')),
            None => Some(item),
        };
        match value {
            // What the manager keeps to itself (a sealed variable) it prints as null, or leaves out.
            None | Some(Json::Null) => reading.unread.push(self.unread(name, version)?),
            Some(Json::Text(text)) => reading.credentials.push(self.credential(name, text, version)),
            Some(_) => return Err(self.malformed(name, "a text, a number or a boolean, or else a `value_field`")),
        }
        Ok(())
    }

    fn credential(&self, name: &str, value: &str, version: Option<Version>) -> Credential {
        let value = SecretValue::new(value.as_bytes().to_vec());
        let place = Place::keyed(self.what(), name);
        Credential { version, ..Credential::plain(&self.environment, name, value, place, Origin::Command) }
    }

    fn unread(&self, name: &str, version: Option<Version>) -> Result<Unread, SourceError> {
        if !is_label(name) {
            return Err(self.malformed("name", "a name in each line"));
        }
        let place = Place::keyed(self.what(), name);
        let reason = "the manager's command does not show its value";
        Ok(Unread { version, ..Unread::new(name, place, "platform", reason) })
    }

    fn not_json(&self, error: &NotJson) -> SourceError {
        let (line, expected) = (error.line, error.expected.to_owned());
        SourceError::Malformed { file: self.what(), line, key: "output".to_owned(), expected }
    }

    fn malformed(&self, key: &str, expected: &str) -> SourceError {
        SourceError::Malformed { file: self.what(), line: 1, key: key.to_owned(), expected: expected.to_owned() }
    }
}

/// Labels of managers may hold blanks. What looks like a value is none: a command that prints values where names were
/// expected is told, without them.
fn is_label(name: &str) -> bool {
    is_name(&name.replace(' ', "-")) && !names::looks_drawn(name)
}

/// Everything that a command prints, wiped on drop.
pub(super) fn printed(
    command: &[String],
    folder: &std::path::Path,
    pass: &[String],
    seconds: u64,
    most: u64,
) -> Result<Zeroizing<Vec<u8>>, SourceError> {
    let folder = PathBuf::from(folder);
    let time_limit = Duration::from_secs(seconds);
    let program = Program { command, folder: &folder, pass, set: &[], input: None, time_limit, most };
    program.printed().map_err(|error| SourceError::refused(command.join(" "), error.code(), error.to_string()))
}

/// Opened to `fuzz/`.
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing {
    use super::*;

    const SETTINGS: [&str; 7] = [
        "format='json'",
        "format='json',items='a.b',name_field='n',value_field='v.w',since_field='s'",
        "format='dotenv'",
        "format='names'",
        "format='names',items='secrets',since_field='updated_at'",
        "format='value',name='A_KEY'",
        "format='value',name='A_KEY',first_line=true",
    ];

    /// What a command may print; the first byte chooses the form in which it should be. What can be read and counted gives the
    /// same number.
    ///
    /// # Panics
    /// When that does not hold.
    pub fn command(bytes: &[u8]) {
        let Some((choice, printed)) = bytes.split_first() else { return };
        let settings = SETTINGS[usize::from(*choice) % SETTINGS.len()];
        let settings: CommandSettings = toml::from_str(&format!("a={{run=['it'],{settings}}}"))
            .map(|table: std::collections::BTreeMap<String, CommandSettings>| table.into_values().next())
            .expect("TOML")
            .expect("settings");
        let source = CommandSource::new(Root::Memory(&[]), "production".to_owned(), settings);
        let Ok(printed) = files::decode("it", printed) else { return };
        if let (Ok(listing), Ok(reading)) = (source.counted(&printed), source.taken(&printed)) {
            assert_eq!(listing.names, reading.examined + reading.unread.len() as u64);
        }
    }
}

#[cfg(test)]
#[path = "command_tests.rs"]
mod tests;
