//! What a scanner printed once, replayed: for cases, and for scanners that can't be had here.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use exhibit_evidence::Digest;
use serde::Deserialize;

use super::orders::{Bounds, Fence};
use super::{Binary, Ended, InForce, Ran, Runner, RunnerError, Task, Used};
use crate::process::RunError;

/// Answers that lie in a folder: for each task's key a folder with `stdout`, `stderr`, `output` (what the scanner left in
/// its file) and `run.toml`, each of which may be missing.
#[derive(Clone, Debug)]
pub struct Recorded {
    folder: PathBuf,
}

/// `run.toml`: how it ended, if not with status 0.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ending {
    /// Its status.
    status: Option<i32>,
    /// The signal that ended it.
    signal: Option<i32>,
    /// After how many seconds it was ended.
    took_too_long: Option<u64>,
    /// Which limit of bytes its output went beyond.
    printed_too_much: Option<u64>,
}

/// `binaries.toml`: digests of programs, by name, where a case needs a certain one.
type Digests = BTreeMap<String, Digest>;

impl Recorded {
    /// The folder of a case's input that holds such answers.
    pub const FOLDER: &str = "recorded";

    /// Answers from this folder.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Those of a case's input, if there are any.
    #[must_use]
    pub fn of_case(input: &Path) -> Option<Self> {
        let folder = input.join(Self::FOLDER);
        folder.is_dir().then(|| Self::new(&folder))
    }
}

/// What is missing is none; what is there and can't be read is no answer.
fn there<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

fn text(path: &Path) -> io::Result<Option<String>> {
    there(fs::read_to_string(path))
}

impl Runner for Recorded {
    fn locate(&self, program: &str, base: &Path) -> Result<Binary, RunnerError> {
        let name = program.rsplit('/').next().unwrap_or(program);
        let wrong = |why: String| RunnerError::NoProgram { program: program.to_owned(), why };
        let digests = text(&self.folder.join("binaries.toml")).map_err(|error| wrong(error.to_string()))?;
        let digests: Digests = digests
            .map_or_else(|| Ok(Digests::new()), |text| toml::from_str(&text))
            .map_err(|error| wrong(error.to_string()))?;
        let path = if program.contains('/') { base.join(program) } else { Path::new("/usr/bin").join(name) };
        // Of a recording there is no program; its name is as steady as what it printed.
        let digest = digests.get(name).copied().unwrap_or_else(|| Digest::of(name.as_bytes()));
        Ok(Binary { name: program.to_owned(), resolved: path.clone(), path, digest })
    }

    fn run(&self, task: &Task<'_>) -> Result<Ran, RunnerError> {
        let program = || task.program.name.clone();
        let folder = self.folder.join(task.key);
        if !folder.is_dir() {
            return Err(RunnerError::NotRecorded { key: task.key.to_owned() });
        }
        let wrong = |why: String| RunnerError::NotReady { program: program(), why };
        let unreadable = |error: io::Error| RunnerError::from(RunError::unreadable(&task.program.name, &error));
        let ending: Ending = text(&folder.join("run.toml"))
            .map_err(unreadable)?
            .map_or_else(|| Ok(Ending::default()), |text| toml::from_str(&text))
            .map_err(|error| wrong(error.to_string()))?;
        if let Some(seconds) = ending.took_too_long {
            return Err(RunError::TooLong { program: program(), seconds }.into());
        }
        if let Some(most) = ending.printed_too_much {
            return Err(RunError::TooMuch { program: program(), most }.into());
        }
        let stdout = there(File::open(folder.join("stdout"))).map_err(unreadable)?;
        let stdout = stdout.map_or_else(|| File::open("/dev/null"), Ok).map_err(unreadable)?;
        let limits = task.limits;
        Ok(Ran {
            ended: ending.signal.map_or(Ended::Status(ending.status.unwrap_or(0)), Ended::Signal),
            stdout_bytes: stdout.metadata().map_err(unreadable)?.len(),
            stdout,
            words: there(fs::read(folder.join("stderr"))).map_err(unreadable)?.unwrap_or_default(),
            in_force: InForce {
                bounds: Bounds {
                    cpu_seconds: limits.cpu_seconds,
                    file_bytes: limits.file_bytes,
                    open_files: limits.open_files,
                },
                no_new_privileges: true,
                fence: Fence::Full,
                no_network: !task.network,
                memory_bytes: None,
                processes: None,
            },
            used: Used::default(),
            output: there(File::open(folder.join("output"))).map_err(unreadable)?,
            _folder: None,
        })
    }
}
