//! Runs scanners: programs of others that look at a target and print what they found.
//!
//! A scanner gets an argument list and no shell, an environment and a folder of its own, and nothing on its standard
//! input. Between it and Exhibit stands a helper, which is Exhibit's own program started once more ([`helper`]): it sets
//! the limits before the scanner starts, and stays above it, so that whatever the scanner starts can be found and ended,
//! even when Exhibit itself is gone. What was really in force is part of what comes back ([`InForce`]).
//!
//! Cases replay what was recorded instead ([`Recorded`]), through the same trait.

mod binary;
mod cgroup;
mod fence;
pub mod helper;
mod kin;
mod orders;
mod recorded;
mod spawning;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use exhibit_evidence::letters::hides;
use serde::{Deserialize, Serialize};

use crate::process;
use crate::scratch::Scratch;

pub use binary::Binary;
pub use orders::{Bounds, Fence, InForce};
pub use recorded::Recorded;
pub use spawning::Spawning;

/// The file, in the scanner's own folder, in which a scanner that does not print its result leaves it.
pub const OUTPUT: &str = "output";
/// What stands for the scanner's own folder in [`Task::set`].
pub const WORK: &str = "{work}";

/// Runs scanners, or replays what one printed.
pub trait Runner: Send + Sync {
    /// The program that `program` names, or that lies at this path relative to `base`, with its digest.
    ///
    /// # Errors
    /// When there is none, or it can't be read.
    fn locate(&self, program: &str, base: &Path) -> Result<Binary, RunnerError>;

    /// Runs a scanner to its end. That it ended badly is no error here: what its status means is for its adapter to say.
    ///
    /// # Errors
    /// When it can't be started as it should, takes too long or writes too much. Nothing of it runs any more then.
    fn run(&self, task: &Task<'_>) -> Result<Ran, RunnerError>;
}

/// What is to be run.
#[derive(Debug)]
pub struct Task<'a> {
    /// What it is, such as `trivy/scan`: recorded answers are found by it.
    pub key: &'a str,
    /// The program.
    pub program: &'a Binary,
    /// Its arguments. It runs in a new folder, in which [`OUTPUT`] is a file that it may write.
    pub arguments: &'a [String],
    /// Names of variables that it gets from the environment of this process.
    pub pass: &'a [String],
    /// Further variables, in which [`WORK`] stands for its folder. They hold no secrets.
    pub set: &'a [(String, String)],
    /// Files and folders that it may read: its target, its database.
    pub readable: &'a [PathBuf],
    /// Files and folders of its own elsewhere that it may change.
    pub writable: &'a [PathBuf],
    /// Whether it may use the network.
    pub network: bool,
    /// Its limits.
    pub limits: &'a Limits,
}

/// How much of everything a scanner may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long it may take.
    pub time: Duration,
    /// CPU seconds of each of its processes.
    pub cpu_seconds: u64,
    /// Bytes on its standard output, or in the file that it leaves.
    pub output_bytes: u64,
    /// Bytes on its standard error.
    pub error_bytes: u64,
    /// Bytes of each file that it writes.
    pub file_bytes: u64,
    /// Files that each of its processes has open.
    pub open_files: u64,
    /// Bytes of memory of all its processes, where there is a cgroup to hold them to it.
    pub memory_bytes: u64,
    /// Processes and threads, where there is a cgroup to hold them to it.
    pub processes: u64,
}

impl Default for Limits {
    /// Ten minutes, half an hour of CPU, 512 MiB of output, 8 MiB of words, files of 4 GiB, 4,096 open files, 4 GiB, 4,096 processes.
    fn default() -> Self {
        Self {
            time: Duration::from_secs(600),
            cpu_seconds: 1_800,
            output_bytes: 512 << 20,
            error_bytes: 8 << 20,
            file_bytes: 4 << 30,
            open_files: 4_096,
            memory_bytes: 4 << 30,
            processes: 4_096,
        }
    }
}

/// How a scanner ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// By itself, with this status.
    Status(i32),
    /// By this signal.
    Signal(i32),
}

impl std::fmt::Display for Ended {
    fn fmt(&self, form: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Status(status) => write!(form, "ended with status {status}"),
            // The kernel's word that a limit of ours was reached.
            Self::Signal(24) => form.write_str("was ended because it used more CPU time than it may"),
            Self::Signal(25) => form.write_str("was ended because it wrote a larger file than it may"),
            Self::Signal(signal) => write!(form, "was ended by signal {signal}"),
        }
    }
}

/// What a scanner needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    /// CPU time of all its processes, in milliseconds.
    pub cpu_millis: u64,
    /// The most memory that one of its processes held, in KiB.
    pub peak_kib: u64,
    /// Processes that it had left running when it ended. They were ended too.
    pub left_running: u64,
}

/// What came of a run. The scanner's folder goes away with it.
pub struct Ran {
    /// How it ended.
    pub ended: Ended,
    /// What it printed.
    pub stdout: File,
    /// How many bytes it printed.
    pub stdout_bytes: u64,
    /// The end of what it wrote to standard error.
    words: Vec<u8>,
    /// The limits that were in force.
    pub in_force: InForce,
    /// What it needed.
    pub used: Used,
    /// The file [`OUTPUT`] in its folder, if it is a plain file.
    output: Option<File>,
    /// Held so that the files stay.
    _folder: Option<Scratch>,
}

impl std::fmt::Debug for Ran {
    fn fmt(&self, form: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        form.debug_struct("Ran")
            .field("ended", &self.ended)
            .field("stdout_bytes", &self.stdout_bytes)
            .finish_non_exhaustive()
    }
}

/// How many characters of a scanner's own words are repeated.
const WORDS: usize = 400;

impl Ran {
    /// The file that it left, read from its beginning; none if it left none, or something that is no plain file.
    #[must_use]
    pub fn output(&self) -> Option<&File> {
        self.output.as_ref()
    }

    /// The end of its words on standard error, in one line without anything that a terminal would obey. Not masked:
    /// whoever keeps it masks it.
    #[must_use]
    pub fn last_words(&self) -> String {
        last_words(&self.words)
    }
}

fn last_words(words: &[u8]) -> String {
    let text = plain(&String::from_utf8_lossy(words));
    let skipped = text.chars().count().saturating_sub(WORDS);
    let end: String = text.chars().skip(skipped).collect();
    if skipped > 0 { format!("…{end}") } else { end }
}

/// A scanner's words in one line: no escapes for terminals, no other control characters, no reordering marks.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            escape(&mut characters);
        } else if character.is_whitespace() || character.is_control() {
            if !plain.ends_with(' ') && !plain.is_empty() {
                plain.push(' ');
            }
        } else if !hides(character) {
            plain.push(character);
        }
    }
    plain.truncate(plain.trim_end().len());
    plain
}

/// Passes over an escape sequence of ECMA-48: a control sequence, a string up to its end, or one character.
fn escape(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match characters.next() {
        Some('[') => while characters.next().is_some_and(|next| !('@'..='~').contains(&next)) {},
        Some(']' | 'P' | 'X' | '^' | '_') => {
            while let Some(next) = characters.next() {
                if next == '\u{7}' || (next == '\u{1b}' && characters.next_if_eq(&'\\').is_some()) {
                    break;
                }
            }
        }
        _ => {}
    }
}

/// Why a scanner could not be run to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunnerError {
    /// It can't be started, takes too long, prints too much.
    #[error(transparent)]
    Process(#[from] process::RunError),
    /// It wrote too much to standard error, and was ended with everything that it had started.
    #[error("{program} wrote more than {most} bytes to standard error and was ended")]
    TooManyWords {
        /// The program.
        program: String,
        /// The limit, in bytes.
        most: u64,
    },
    /// The file that it left is larger than allowed.
    #[error("{program} left a result of {size} bytes; at most {most} are read")]
    TooLarge {
        /// The program.
        program: String,
        /// Its size, in bytes.
        size: u64,
        /// The limit, in bytes.
        most: u64,
    },
    /// The program is not there or can't be read.
    #[error("{program}: {why}")]
    NoProgram {
        /// The program.
        program: String,
        /// What was expected.
        why: String,
    },
    /// A folder or file for the run could not be had.
    #[error("{program} could not be run: {why}")]
    NotReady {
        /// The program.
        program: String,
        /// The reason.
        why: String,
    },
    /// It used more memory than its cgroup allows.
    #[error("{program} used more than {most} bytes of memory and was ended")]
    TooMuchMemory {
        /// The program.
        program: String,
        /// The limit, in bytes.
        most: u64,
    },
    /// The helper that stands above it was ended, so that nothing is known of how the scanner did.
    #[error("{program} was lost: the helper that held its limits ended without saying how it did")]
    Lost {
        /// The program.
        program: String,
    },
    /// Nothing was recorded.
    #[error("nothing is recorded for {key}")]
    NotRecorded {
        /// What was asked for.
        key: String,
    },
}

impl RunnerError {
    /// A steady code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Process(process::RunError::TooLong { .. }) => "scanner-too-long",
            Self::Process(process::RunError::TooMuch { .. })
            | Self::TooManyWords { .. }
            | Self::TooLarge { .. }
            | Self::TooMuchMemory { .. } => "scanner-too-much",
            Self::Process(process::RunError::Unreadable { .. }) | Self::Lost { .. } => "scanner-lost",
            Self::Process(_) | Self::NoProgram { .. } | Self::NotReady { .. } | Self::NotRecorded { .. } => {
                "scanner-not-started"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scanners_words_can_move_no_cursor_and_forge_no_line() {
        let told = plain(
            "\u{1b}[2J\u{1b}[1;31mred\u{1b}[0m\r\nall clear\u{1b}]0;title\u{7}!\u{202e}x\u{9b}31m\0  end \u{1b}]8;;y\u{1b}\\z\n",
        );
        assert_eq!(told, "red all clear!x 31m end z");
        assert_eq!(plain("\u{1b}[31"), "");
        let long = last_words(format!("{}end", "ä".repeat(1000)).as_bytes());
        assert!(long.starts_with('…') && long.ends_with("end") && long.chars().count() == WORDS + 1, "{long}");
    }

    #[test]
    fn a_limits_signal_is_told_as_the_limit() {
        assert!(Ended::Signal(24).to_string().contains("CPU time"));
        assert!(Ended::Signal(25).to_string().contains("larger file"));
        assert_eq!(Ended::Signal(9).to_string(), "was ended by signal 9");
        assert_eq!(Ended::Status(2).to_string(), "ended with status 2");
    }
}
