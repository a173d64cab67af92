//! One run of a scanner over one target, from its adapter to a result that can be read.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use exhibit_evidence::Digest;
use serde::{Deserialize, Serialize};

use super::ages::{self, Database};
use super::fill;
use super::manifest::{Adapter, LooksAt, Mode, ParameterKind, Proven, Version};
use super::settings::ScannerSettings;
use super::versions;
use crate::results::{Format, Source};
use crate::runner::{Binary, Ended, InForce, Limits, OUTPUT, Ran, Runner, RunnerError, Task, Used, plain};

/// How much of an answer about version or age is read.
const ANSWER: u64 = 1 << 20;
/// How long an answer about version or age may take.
const ANSWER_TIME: Duration = Duration::from_secs(60);
/// What stands for a target that is renamed, in a folder that nobody can know.
const LINK: &str = "target";

/// What is to be scanned, and by what.
pub struct Request<'a> {
    /// What runs it.
    pub runner: &'a dyn Runner,
    /// The scanner.
    pub adapter: &'a Adapter,
    /// What the job says of it.
    pub settings: &'a ScannerSettings,
    /// The folder that the settings' paths start from.
    pub base: &'a Path,
    /// The target, with its whole path or relative to `base`.
    pub target: &'a Path,
    /// What the target is.
    pub looks_at: LooksAt,
    /// The target's steady name: recorded answers are found by it.
    pub name: &'a str,
}

/// A scanner that did its work.
#[derive(Debug)]
pub struct Scan {
    /// What evidence says of the scanner and its run.
    pub facts: ScannerFacts,
    /// Whether it says that it found something.
    pub said: Said,
    /// Its result, from the beginning.
    pub result: File,
    /// The result's size, in bytes.
    pub result_bytes: u64,
    /// The form of the result.
    pub format: Format,
    /// The target as the scanner knew it, and names what is in it.
    pub known_as: PathBuf,
}

/// Its result, from the beginning each time.
impl Source for Scan {
    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        let mut result = &self.result;
        result.rewind()?;
        Ok(Box::new(result))
    }
}

/// What a scanner's exit status says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Said {
    /// It found nothing.
    Clean,
    /// It found nothing, and printed nothing either, as this scanner does then: what it examined nobody knows.
    Silent,
    /// It found something.
    Findings,
    /// Only the result says.
    Either,
}

impl Said {
    /// Why status and result can't both be true, if they can't.
    #[must_use]
    pub fn contradiction(self, findings: u64) -> Option<String> {
        match (self, findings) {
            (Self::Clean | Self::Silent, 1..) => {
                Some(format!("its status says that it found nothing, its result holds {findings} findings"))
            }
            (Self::Findings, 0) => Some("its status says that it found something, its result holds nothing".to_owned()),
            _ => None,
        }
    }
}

/// What evidence says of a scanner and its run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScannerFacts {
    /// The adapter's name.
    pub adapter: String,
    /// The adapter file's digest.
    pub adapter_digest: Digest,
    /// What people call the scanner.
    pub title: String,
    /// How it is known that the adapter fits.
    pub proven: Proven,
    /// Which of the adapter's modes.
    pub mode: String,
    /// The arguments, as the adapter has them: without paths.
    pub arguments: Vec<String>,
    /// Whether the job lets comments and files in the target have it pass over findings.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub heeds_suppressions: bool,
    /// Where the program lies.
    pub program: String,
    /// The program's digest.
    pub program_digest: Digest,
    /// Whether the job's settings pin that digest.
    pub pinned: bool,
    /// Its version, as it says; none if it could not be found out.
    pub version: Option<String>,
    /// Why the version is not known.
    pub version_unknown: Option<String>,
    /// Its database.
    pub database: Database,
    /// How it ended.
    pub ended: Ended,
    /// The limits that were in force.
    pub in_force: InForce,
    /// What it needed.
    pub used: Used,
}

/// Why there is no result. Nothing was found out about the target then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    /// The settings do not fit the adapter.
    #[error("{scanner}: {message}")]
    Settings {
        /// The adapter.
        scanner: String,
        /// What was expected.
        message: String,
    },
    /// It is another program than the one that the settings pin.
    #[error("{scanner} was not run: its program has the digest {found}, and the settings pin {pinned}")]
    Pin {
        /// The adapter.
        scanner: String,
        /// The program's digest.
        found: Digest,
        /// The pinned one.
        pinned: Digest,
    },
    /// It could not be run to its end.
    #[error(transparent)]
    Runner(#[from] RunnerError),
    /// It failed, by its own word.
    #[error("{scanner} {ended}, which means that it failed{}", said(.words))]
    Failed {
        /// The adapter.
        scanner: String,
        /// How it ended.
        ended: Ended,
        /// The end of what it wrote to standard error, or else of what it printed.
        words: String,
    },
    /// It ended as if it had a result, and has none.
    #[error("{scanner} {ended}, and left no result{}", said(.words))]
    Nothing {
        /// The adapter.
        scanner: String,
        /// How it ended.
        ended: Ended,
        /// The end of what it wrote to standard error.
        words: String,
    },
}

fn said(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!("; it said: {words}") }
}

impl ScanError {
    /// A steady code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Settings { .. } => "scanner-settings",
            Self::Pin { .. } => "scanner-other-digest",
            Self::Runner(error) => error.code(),
            Self::Failed { .. } => "scanner-failed",
            Self::Nothing { .. } => "scanner-no-result",
        }
    }
}

/// Runs a scanner over a target.
///
/// # Errors
/// When there is no result of it.
pub fn scan(request: &Request<'_>) -> Result<Scan, ScanError> {
    let adapter = request.adapter;
    let (mode_name, mode) = mode(request)?;
    let heeds_suppressions = request.settings.heed_suppressions;
    let (mut prepared, pinned) = Prepared::of(request)?;
    let (version, version_unknown) = match prepared.version(&adapter.version) {
        Ok(version) => (Some(version), None),
        Err(why) => (None, Some(why)),
    };
    let database = prepared.database().unwrap_or_else(|why| Database::Unknown { why });

    let renamed = if mode.renamed && !heeds_suppressions { Some(prepared.rename()?) } else { None };
    let given = mode.given(heeds_suppressions);
    let arguments = prepared.fill(&given)?;
    let mut limits = adapter.limits();
    limits.time = request.settings.seconds.map_or(limits.time, Duration::from_secs);
    let ran = prepared.run(&format!("scan/{}", request.name), &arguments, &limits)?;
    let said = interpret(adapter, mode, &ran)?;
    let (result, result_bytes) = result(adapter, mode, said, &ran)?;
    let said = if result_bytes == 0 { Said::Silent } else { said };
    let facts = ScannerFacts {
        adapter: adapter.id.clone(),
        adapter_digest: adapter.digest,
        title: adapter.title.clone(),
        proven: adapter.proven,
        mode: mode_name.to_owned(),
        arguments: given,
        heeds_suppressions,
        program: prepared.program.resolved.display().to_string(),
        program_digest: prepared.program.digest,
        pinned,
        version,
        version_unknown,
        database,
        ended: ran.ended,
        in_force: ran.in_force.clone(),
        used: ran.used,
    };
    let known_as = renamed.map_or_else(|| prepared.target.clone(), |link| link.path().join(LINK));
    Ok(Scan { facts, said, result, result_bytes, format: mode.format, known_as })
}

pub(super) fn wrong(adapter: &Adapter, message: impl Into<String>) -> ScanError {
    ScanError::Settings { scanner: adapter.id.clone(), message: message.into() }
}

fn mode<'a>(request: &Request<'a>) -> Result<(&'a str, &'a Mode), ScanError> {
    let adapter = request.adapter;
    adapter.mode(request.settings.mode.as_deref(), request.looks_at).ok_or_else(|| {
        let known: Vec<&str> = adapter.modes.keys().map(String::as_str).collect();
        wrong(adapter, format!("mode: expected which of its modes fits this target, one of {}", known.join(", ")))
    })
}

/// Whether it did its work, and what its status says.
fn interpret(adapter: &Adapter, mode: &Mode, ran: &Ran) -> Result<Said, ScanError> {
    let failed = || {
        let words = ran.last_words();
        let words = if words.is_empty() { last_printed(&ran.stdout) } else { words };
        ScanError::Failed { scanner: adapter.id.clone(), ended: ran.ended, words }
    };
    let Ended::Status(status) = ran.ended else { return Err(failed()) };
    let status = i64::from(status);
    let meant = &mode.status;
    if meant.clean.contains(&status) {
        Ok(Said::Clean)
    } else if meant.findings.contains(&status) {
        Ok(Said::Findings)
    } else if meant.either.contains(&status) {
        Ok(Said::Either)
    } else {
        Err(failed())
    }
}

fn result(adapter: &Adapter, mode: &Mode, said: Said, ran: &Ran) -> Result<(File, u64), ScanError> {
    let nothing = || ScanError::Nothing { scanner: adapter.id.clone(), ended: ran.ended, words: ran.last_words() };
    let file = if mode.leaves_file() { ran.output().ok_or_else(nothing)? } else { &ran.stdout };
    let size = file.metadata().map_err(|_| nothing())?.len();
    if size == 0 && !(mode.silent && said == Said::Clean) {
        return Err(nothing());
    }
    Ok((file.try_clone().map_err(|_| nothing())?, size))
}

/// How much of what a scanner printed in words is told, in bytes.
const WORDS: u64 = 1_000;

/// The end of what a scanner printed, as one line: some say there what went wrong.
fn last_printed(stdout: &File) -> String {
    let size = stdout.metadata().map_or(0, |found| found.len());
    printed(stdout, size.saturating_sub(WORDS))
}

/// The beginning of what a scanner printed, as one line: words where a result was expected.
pub(crate) fn first_printed(stdout: &File) -> String {
    printed(stdout, 0)
}

fn printed(mut file: &File, from: u64) -> String {
    let mut text = Vec::new();
    let read = file.seek(io::SeekFrom::Start(from)).and_then(|_| file.take(WORDS).read_to_end(&mut text));
    let _ = file.rewind();
    read.map(|_| plain(&String::from_utf8_lossy(&text))).unwrap_or_default()
}

/// A scanner that was found, and what its placeholders stand for.
pub(super) struct Prepared<'a> {
    request: &'a Request<'a>,
    pub(super) program: Binary,
    target: PathBuf,
    values: BTreeMap<&'a str, String>,
    readable: Vec<PathBuf>,
    writable: Vec<PathBuf>,
    set: Vec<(String, String)>,
}

impl<'a> Prepared<'a> {
    /// Finds the scanner; beside it, whether the settings pin it.
    pub(super) fn of(request: &'a Request<'a>) -> Result<(Self, bool), ScanError> {
        let adapter = request.adapter;
        let program = request.settings.program.as_deref().unwrap_or(&adapter.program);
        let program = request.runner.locate(program, request.base)?;
        let pinned = request.settings.pin().map_err(|()| wrong(adapter, "pin: expected `sha256:` and 64 digits"))?;
        if let Some(pinned) = pinned.filter(|pinned| *pinned != program.digest) {
            return Err(ScanError::Pin { scanner: adapter.id.clone(), found: program.digest, pinned });
        }
        Ok((Self::new(request, program)?, pinned.is_some()))
    }

    fn new(request: &'a Request<'a>, program: Binary) -> Result<Self, ScanError> {
        let adapter = request.adapter;
        let absolute = |path: &Path| -> Result<(PathBuf, String), ScanError> {
            let path = std::path::absolute(request.base.join(path))
                .map_err(|error| wrong(adapter, format!("a path can't be had: {}", error.kind())))?;
            let text =
                path.to_str().ok_or_else(|| wrong(adapter, "a path holds other characters than UTF-8"))?.to_owned();
            Ok((path, text))
        };
        let (target, text) = absolute(request.target)?;
        let mut values = BTreeMap::from([(fill::TARGET, text), (fill::OUTPUT, OUTPUT.to_owned())]);
        let (mut readable, mut writable) = (vec![target.clone()], Vec::new());
        for (name, parameter) in &adapter.parameters {
            let given = request.settings.parameters.get(name).or(parameter.default.as_ref());
            let Some(given) = given else { continue };
            if parameter.kind == ParameterKind::Text {
                values.insert(name, given.clone());
                continue;
            }
            let (path, text) = absolute(Path::new(given))?;
            if !path.exists() {
                return Err(wrong(
                    adapter,
                    format!("parameters.{name}: there is nothing at this path: {}", parameter.title),
                ));
            }
            values.insert(name, text);
            if parameter.kind == ParameterKind::Writable {
                writable.push(path);
            } else {
                readable.push(path);
            }
        }
        let mut prepared = Self { request, program, target, values, readable, writable, set: Vec::new() };
        for path in prepared.fill(&adapter.read)?.iter().chain(&request.settings.read) {
            prepared.readable.push(request.base.join(path));
        }
        let named = adapter.pass_files.iter().filter_map(std::env::var_os);
        prepared
            .readable
            .extend(named.filter(|file| !file.is_empty()).filter_map(|file| std::path::absolute(file).ok()));
        for (name, value) in &adapter.set {
            let value = prepared.filled(value)?;
            prepared.set.push((name.clone(), value));
        }
        Ok(prepared)
    }

    /// Gives the target a name that nobody can know beforehand, for as long as the folder is kept that comes back.
    fn rename(&mut self) -> Result<tempfile::TempDir, ScanError> {
        let made = tempfile::Builder::new().prefix("exhibit-").rand_bytes(20).tempdir();
        let linked = made.and_then(|folder| {
            std::os::unix::fs::symlink(&self.target, folder.path().join(LINK))?;
            Ok(folder)
        });
        let failed =
            |why: String| wrong(self.request.adapter, format!("the target can't be given another name: {why}"));
        let folder = linked.map_err(|error| failed(error.kind().to_string()))?;
        let path = folder.path().join(LINK);
        let name = path.to_str().ok_or_else(|| failed("its folder is not UTF-8".to_owned()))?;
        // What ends so is the folder that a link leads to, not the link.
        self.values.insert(fill::TARGET, format!("{name}/"));
        Ok(folder)
    }

    fn fill(&self, texts: &[String]) -> Result<Vec<String>, ScanError> {
        texts.iter().map(|text| self.filled(text)).collect()
    }

    fn filled(&self, text: &str) -> Result<String, ScanError> {
        let parameters = &self.request.adapter.parameters;
        let missing = |name: &&str| parameters.contains_key(*name) && !self.values.contains_key(name);
        if let Some(name) = fill::names(text).into_iter().find(missing) {
            let message = format!("parameters.{name}: expected a value: {}", parameters[name].title);
            return Err(wrong(self.request.adapter, message));
        }
        Ok(fill::fill(text, &self.values))
    }

    fn run(&self, step: &str, arguments: &[String], limits: &Limits) -> Result<Ran, RunnerError> {
        let adapter = self.request.adapter;
        self.request.runner.run(&Task {
            key: &format!("{}/{step}", adapter.id),
            program: &self.program,
            arguments,
            pass: &adapter.passed(),
            set: &self.set,
            readable: &self.readable,
            writable: &self.writable,
            network: adapter.network,
            limits,
        })
    }

    /// What it prints when it is asked something beside the scan.
    fn answer(&self, step: &str, arguments: &[String]) -> Result<Vec<u8>, String> {
        let arguments = self.fill(arguments).map_err(|error| error.to_string())?;
        let limits = Limits { time: ANSWER_TIME, output_bytes: ANSWER, ..self.request.adapter.limits() };
        let ran = self.run(step, &arguments, &limits).map_err(|error| error.to_string())?;
        if ran.ended != Ended::Status(0) {
            return Err(format!("{} {}{}", self.program.name, ran.ended, said(&ran.last_words())));
        }
        let mut answer = Vec::new();
        (&ran.stdout).read_to_end(&mut answer).map_err(|error| error.kind().to_string())?;
        Ok(answer)
    }

    pub(super) fn version(&self, asked: &Version) -> Result<String, String> {
        versions::version_in(&self.answer("version", &asked.arguments)?, asked)
    }

    pub(super) fn database(&self) -> Result<Database, String> {
        let Some(source) = &self.request.adapter.database else { return Ok(Database::None) };
        if source.service {
            return Ok(Database::Service);
        }
        let path = |text: &String| {
            let filled = self.filled(text).map_err(|error| error.to_string())?;
            Ok::<_, String>(self.request.base.join(filled))
        };
        let pointer = source.pointer.as_deref().unwrap_or_default();
        let at = match (&source.file, &source.arguments, &source.commit) {
            (Some(file), ..) => ages::time_in_file(&path(file)?, pointer)?,
            (_, Some(arguments), _) => ages::time_in(&self.answer("database", arguments)?, pointer)?,
            (.., Some(commit)) => ages::time_of_commit(&path(commit)?)?,
            _ => return Err("its adapter does not say where its age stands".to_owned()),
        };
        Ok(Database::Updated { at })
    }
}
