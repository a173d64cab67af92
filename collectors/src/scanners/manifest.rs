//! An adapter's file, read strictly: what is wrong is named by file, line and key.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use exhibit_evidence::Digest;
use serde::Deserialize;

use super::ages::DatabaseSource;
use super::{fill, places};
use crate::collector::expectation;
use crate::packages::Format as Lockfile;
use crate::results::{Format, text};
use crate::runner::{Limits, WORK};

/// A scanner, as its adapter describes it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adapter {
    /// Its permanent name: lower-case letters, digits and hyphens.
    pub id: String,
    /// What people call it.
    pub title: String,
    /// How it is known that this adapter fits the scanner.
    #[serde(default)]
    pub proven: Proven,
    /// The program: a name, or a path relative to the configuration.
    pub program: String,
    /// Whether it needs the network.
    #[serde(default)]
    pub network: bool,
    /// Names of variables that it gets from the environment of Exhibit.
    #[serde(default)]
    pub pass: Vec<String>,
    /// Names of such variables whose values are files that it reads: what the network's certificates are held against, say.
    #[serde(default)]
    pub pass_files: Vec<String>,
    /// Variables that it gets beside them. `{work}` is its own folder; parameters may be named too.
    #[serde(default)]
    pub set: BTreeMap<String, String>,
    /// Further files and folders that it reads.
    #[serde(default)]
    pub read: Vec<String>,
    /// What a job may say beside the target.
    #[serde(default)]
    pub parameters: BTreeMap<String, Parameter>,
    /// How its version is asked for.
    pub version: Version,
    /// How the age of its database is found; none for a scanner whose rules are part of its version.
    pub database: Option<DatabaseSource>,
    /// Its limits, where they are other than usual.
    #[serde(default)]
    limits: RawLimits,
    /// What it can be asked to look at, by name.
    pub modes: BTreeMap<String, Mode>,
    /// SHA-256 of the file.
    #[serde(skip, default = "nothing")]
    pub digest: Digest,
}

fn nothing() -> Digest {
    Digest([0; 32])
}

/// How it is known that an adapter fits its scanner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Proven {
    /// The scanner itself runs in Exhibit's tests.
    Live,
    /// From its documentation and from what it printed elsewhere.
    #[default]
    Recorded,
}

/// Something that a job may say beside the target.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// What it is, for people.
    pub title: String,
    /// What kind of value it takes.
    pub kind: ParameterKind,
    /// What is taken if the job says nothing; without it, a job that uses the parameter has to say it.
    pub default: Option<String>,
}

/// What kind of value a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ParameterKind {
    /// A file or folder, relative to the configuration, that the scanner reads.
    Path,
    /// A file or folder that the scanner changes too.
    Writable,
    /// Any text.
    Text,
}

/// How the version is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// The arguments.
    pub arguments: Vec<String>,
    /// Where it stands in a JSON document on standard output (RFC 6901).
    pub pointer: Option<String>,
    /// The text that it stands behind, up to the next white space; without either, it is the first word that begins with a digit,
    /// perhaps after a `v`.
    pub after: Option<String>,
}

/// One thing that a scanner can be asked to look at.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mode {
    /// What the target is.
    pub looks_at: LooksAt,
    /// Which kinds of lockfile it takes, where it looks at one at a time; all of them if none is named.
    #[serde(default)]
    pub lockfiles: Vec<Lockfile>,
    /// Whether it gets the lockfiles in a folder of their own: nothing else that lies in the project has a say in what it finds.
    #[serde(default)]
    pub alone: bool,
    /// The arguments, with `{target}`, and `{output}` where the result goes to a file.
    pub arguments: Vec<String>,
    /// Further ones, by which it reports whatever comments and files in the target ask it to pass over. A job that says
    /// `heed_suppressions = true` leaves them out.
    #[serde(default)]
    pub regardless: Vec<String>,
    /// Whether it gets the target by a name that nobody can know beforehand, unless the job heeds suppressions: a list in the target
    /// that names files by their whole paths then names none of them.
    #[serde(default)]
    pub renamed: bool,
    /// What in a line of the target, `*` for anything between, has it pass something over without a word whatever its arguments.
    #[serde(default)]
    pub silencers: Vec<String>,
    /// The form of the result.
    pub format: Format,
    /// Whether it prints nothing at all where it finds nothing, so that its status alone says so.
    #[serde(default)]
    pub silent: bool,
    /// What its exit status means.
    pub status: Statuses,
}

/// What a target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LooksAt {
    /// A folder.
    Folder,
    /// A file: a lockfile, a Dockerfile.
    File,
    /// The folder that one lockfile lies in.
    Project,
    /// A container image in a file or folder.
    Image,
    /// A bill of materials.
    Sbom,
    /// A git repository.
    Repository,
}

/// What exit statuses, 0 to 255, mean. Any other is a failure.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statuses {
    /// It looked, and found nothing.
    #[serde(default)]
    pub clean: BTreeSet<i64>,
    /// It looked, and found something.
    #[serde(default)]
    pub findings: BTreeSet<i64>,
    /// It looked; whether it found something only its result says.
    #[serde(default)]
    pub either: BTreeSet<i64>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLimits {
    seconds: Option<u64>,
    cpu_seconds: Option<u64>,
    output_mib: Option<u64>,
    error_mib: Option<u64>,
    file_mib: Option<u64>,
    open_files: Option<u64>,
    memory_mib: Option<u64>,
    processes: Option<u64>,
}

/// What is wrong with an adapter's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdapterProblem {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The keys that lead there, separated by dots; empty for the whole file.
    pub key: String,
    /// What was expected.
    pub message: String,
}

impl fmt::Display for AdapterProblem {
    fn fmt(&self, form: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(form, "{}:{}: ", self.file, self.line)?;
        if !self.key.is_empty() {
            write!(form, "{}: ", self.key)?;
        }
        form.write_str(&self.message)
    }
}

impl std::error::Error for AdapterProblem {}

impl AdapterProblem {
    /// Keys are the file's own text: what a terminal would obey is made visible.
    fn new(file: &str, line: usize, key: &str, message: &str) -> Self {
        let (key, message) = (text::visible(key, text::NAME), text::visible(message, text::MESSAGE));
        Self { file: file.to_owned(), line, key, message }
    }
}

impl Adapter {
    /// Reads the text of an adapter's file; `file` is for messages.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of its lines.
    pub fn parse(written: &str, file: &str) -> Result<Self, Vec<AdapterProblem>> {
        let mut adapter: Self = toml::from_str(written).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let (line, key) = (places::line(written, at), places::key_at(written, at));
            vec![AdapterProblem::new(file, line, &key, &expectation(error.message()))]
        })?;
        adapter.digest = Digest::of(written.as_bytes());
        let mut found = Vec::new();
        adapter.look_through(&mut |key: &str, message: &str| {
            found.push(AdapterProblem::new(file, places::line_of(written, key), key, message));
        });
        found.sort_by_key(|problem| problem.line);
        if found.is_empty() { Ok(adapter) } else { Err(found) }
    }

    /// The names of all variables that it gets from the environment of Exhibit.
    #[must_use]
    pub fn passed(&self) -> Vec<String> {
        [self.pass.as_slice(), self.pass_files.as_slice()].concat()
    }

    /// The mode of this name; without a name, the only one for such a target.
    #[must_use]
    pub fn mode(&self, name: Option<&str>, looks_at: LooksAt) -> Option<(&str, &Mode)> {
        let mut fitting = self.modes.iter().filter(|(id, mode)| match name {
            Some(name) => id.as_str() == name,
            None => mode.looks_at == looks_at,
        });
        match (fitting.next(), fitting.next()) {
            (Some((id, mode)), None) => Some((id.as_str(), mode)),
            _ => None,
        }
    }

    /// The limits that a run gets.
    #[must_use]
    pub fn limits(&self) -> Limits {
        let (usual, own) = (Limits::default(), &self.limits);
        let mib = |own: Option<u64>, usual: u64| own.map_or(usual, |own| own << 20);
        Limits {
            time: own.seconds.map_or(usual.time, Duration::from_secs),
            cpu_seconds: own.cpu_seconds.unwrap_or(usual.cpu_seconds),
            output_bytes: mib(own.output_mib, usual.output_bytes),
            error_bytes: mib(own.error_mib, usual.error_bytes),
            file_bytes: mib(own.file_mib, usual.file_bytes),
            open_files: own.open_files.unwrap_or(usual.open_files),
            memory_bytes: mib(own.memory_mib, usual.memory_bytes),
            processes: own.processes.unwrap_or(usual.processes),
        }
    }

    fn look_through(&self, wrong: &mut dyn FnMut(&str, &str)) {
        if !is_id(&self.id) {
            wrong("id", "expected lower-case letters, digits and hyphens, beginning with a letter");
        }
        if self.title.trim().is_empty() {
            wrong("title", "expected what people call the scanner");
        }
        if self.program.is_empty() {
            wrong("program", "expected the name of a program, or a path");
        }
        if self.passed().iter().chain(self.set.keys()).any(|name| name.is_empty() || name.contains(['=', '\0'])) {
            wrong("pass", "expected names of variables");
        }
        self.look_through_names(wrong);
        self.look_through_limits(wrong);
        if let Some(database) = &self.database
            && let Err(message) = database.look_through()
        {
            wrong("database", message);
        }
        if self.version.pointer.is_some() && self.version.after.is_some() {
            wrong("version", "expected `pointer` or `after`, not both");
        }
        if self.modes.is_empty() {
            wrong("modes", "expected at least one mode, such as [modes.folder]");
        }
        for (id, mode) in &self.modes {
            let key = |part: &str| format!("modes.{id}.{part}");
            if !mode.arguments.iter().any(|argument| fill::names(argument).contains(&fill::TARGET)) {
                wrong(&key("arguments"), "expected `{target}` in one of the arguments");
            }
            if mode.alone && !matches!(mode.looks_at, LooksAt::File | LooksAt::Project) {
                wrong(&key("alone"), "expected only where it looks at one lockfile at a time: `file` or `project`");
            }
            if mode.silencers.iter().any(|silencer| silencer.trim_matches(['*', ' ']).is_empty()) {
                wrong(&key("silencers"), "expected texts that stand in a line, such as `scanner:ignore`");
            }
            if mode.silent && (mode.status.clean.is_empty() || mode.leaves_file()) {
                wrong(&key("silent"), "expected a status that means `clean`, and a result on standard output");
            }
            mode.status.look_through(&mut |message| wrong(&key("status"), message));
        }
    }

    /// Every placeholder stands for something, and every parameter is used.
    fn look_through_names(&self, wrong: &mut dyn FnMut(&str, &str)) {
        let mut used = BTreeSet::new();
        let mut look = |key: &str, texts: &mut dyn Iterator<Item = &String>, built_in: &[&str]| {
            for name in texts.flat_map(|text| fill::names(text)) {
                if self.parameters.contains_key(name) {
                    used.insert(name.to_owned());
                } else if !built_in.contains(&name) {
                    let known: Vec<&str> =
                        built_in.iter().copied().chain(self.parameters.keys().map(String::as_str)).collect();
                    wrong(key, &format!("`{{{name}}}` stands for nothing here; expected one of: {}", known.join(", ")));
                }
            }
        };
        let work = WORK.trim_matches(['{', '}']);
        for (id, mode) in &self.modes {
            look(&format!("modes.{id}.arguments"), &mut mode.arguments.iter(), &[fill::TARGET, fill::OUTPUT]);
            look(&format!("modes.{id}.regardless"), &mut mode.regardless.iter(), &[]);
        }
        look("set", &mut self.set.values(), &[work]);
        look("read", &mut self.read.iter(), &[]);
        look("version.arguments", &mut self.version.arguments.iter(), &[]);
        if let Some(database) = &self.database {
            look("database", &mut database.texts().into_iter(), &[]);
        }
        for (name, parameter) in &self.parameters {
            let key = format!("parameters.{name}");
            if [fill::TARGET, fill::OUTPUT, work].contains(&name.as_str()) {
                wrong(&key, "expected another name: this one stands for something else");
            } else if fill::names(&format!("{{{name}}}")).is_empty() {
                wrong(&key, "expected a name of lower-case letters and `_`");
            } else if !used.contains(name) {
                wrong(&key, "expected a parameter that something uses");
            }
            if parameter.title.trim().is_empty() {
                wrong(&format!("{key}.title"), "expected what it is, for people");
            }
        }
    }

    fn look_through_limits(&self, wrong: &mut dyn FnMut(&str, &str)) {
        let own = &self.limits;
        let bounded = [
            ("seconds", own.seconds, 86_400),
            ("cpu_seconds", own.cpu_seconds, 864_000),
            ("output_mib", own.output_mib, 4_096),
            ("error_mib", own.error_mib, 1_024),
            ("file_mib", own.file_mib, 1 << 20),
            ("open_files", own.open_files, 1 << 20),
            ("memory_mib", own.memory_mib, 1 << 20),
            ("processes", own.processes, 1 << 20),
        ];
        for (key, given, most) in bounded {
            if given.is_some_and(|given| given == 0 || given > most) {
                wrong(&format!("limits.{key}"), &format!("expected 1 to {most}"));
            }
        }
    }
}

impl Mode {
    /// Whether it takes such a lockfile.
    pub(crate) fn takes(&self, lockfile: Lockfile) -> bool {
        self.lockfiles.is_empty() || self.lockfiles.contains(&lockfile)
    }

    /// The arguments that it gets, by whether the job heeds what the target asks to be passed over.
    pub(super) fn given(&self, heed_suppressions: bool) -> Vec<String> {
        let further = if heed_suppressions { &[] } else { self.regardless.as_slice() };
        [self.arguments.as_slice(), further].concat()
    }

    /// Whether the result goes to a file, and not to standard output.
    #[must_use]
    pub fn leaves_file(&self) -> bool {
        self.arguments.iter().any(|argument| fill::names(argument).contains(&fill::OUTPUT))
    }
}

impl Statuses {
    fn look_through(&self, wrong: &mut dyn FnMut(&str)) {
        let all = [&self.clean, &self.findings, &self.either];
        let distinct: BTreeSet<&i64> = all.iter().copied().flatten().collect();
        if distinct.is_empty() {
            wrong("expected the statuses that mean `clean`, `findings` or `either`");
        }
        if distinct.iter().any(|status| !(0..=255).contains(*status)) {
            wrong("expected statuses from 0 to 255");
        }
        if distinct.len() < all.iter().map(|statuses| statuses.len()).sum() {
            wrong("expected each status once: it can mean one thing only");
        }
    }
}

fn is_id(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}
