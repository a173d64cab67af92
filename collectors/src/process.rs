//! Other programs: started without a shell and with an environment of their own, read while they run, and ended with
//! everything that they started.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use zeroize::Zeroizing;

/// Where programs are looked for, whatever the environment of this process says.
pub(crate) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Bytes that are handed on at a time.
const CHUNK: usize = 256 * 1024;
/// How often it is looked whether a program whose output has ended has ended too.
const LOOK: Duration = Duration::from_millis(5);
/// So much of what a program says to its standard error is looked through.
const MOST_SAID: usize = 64 * 1024;

/// A program to run.
#[derive(Debug)]
pub struct Program<'a> {
    /// Program and arguments; there is no shell. A program with a `/` in it is relative to `folder`.
    pub command: &'a [String],
    /// The folder that it runs in.
    pub folder: &'a Path,
    /// Names of variables that it gets from the environment of this process; beside them it gets `PATH` and `LANG`.
    pub pass: &'a [String],
    /// Further variables. Their values appear in no message, but root and the same user can see them while it runs.
    pub set: &'a [(&'a str, Zeroizing<String>)],
    /// What it reads from its standard input.
    pub input: Option<&'a [u8]>,
    /// How long it may take.
    pub time_limit: Duration,
    /// How many bytes it may print.
    pub most: u64,
}

/// Why a program did not do what it should. Holds nothing that it printed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// There is no command.
    #[error("no program is named")]
    Empty,
    /// It could not be started.
    #[error("{program} can't be started: {why}")]
    NotStarted {
        /// The program.
        program: String,
        /// The operating system's kind of error, in words.
        why: String,
    },
    /// It ended with another status than 0.
    #[error(
        "{program} ended with status {status}; what it wrote to standard error is not kept, because it may hold secrets"
    )]
    Failed {
        /// The program.
        program: String,
        /// The status.
        status: i32,
    },
    /// A signal ended it.
    #[error("{program} was ended by signal {signal}")]
    Signalled {
        /// The program.
        program: String,
        /// The signal's number.
        signal: i32,
    },
    /// It took too long, and was ended with everything that it had started.
    #[error("{program} took more than {seconds} s and was ended")]
    TooLong {
        /// The program.
        program: String,
        /// The limit, in seconds.
        seconds: u64,
    },
    /// It printed too much, and was ended with everything that it had started.
    #[error("{program} printed more than {most} bytes and was ended")]
    TooMuch {
        /// The program.
        program: String,
        /// The limit, in bytes.
        most: u64,
    },
    /// Its output could not be read.
    #[error("what {program} printed could not be read: {why}")]
    Unreadable {
        /// The program.
        program: String,
        /// The operating system's kind of error, in words.
        why: String,
    },
}

impl RunError {
    fn not_started(program: &str, error: &io::Error) -> Self {
        let why = match error.kind() {
            ErrorKind::NotFound => "no such program".to_owned(),
            kind => kind.to_string(),
        };
        Self::NotStarted { program: program.to_owned(), why }
    }

    pub(crate) fn unreadable(program: &str, error: &io::Error) -> Self {
        Self::Unreadable { program: program.to_owned(), why: error.kind().to_string() }
    }

    /// A steady code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty | Self::NotStarted { .. } => "command-not-started",
            Self::Failed { .. } | Self::Signalled { .. } => "command-failed",
            Self::TooLong { .. } => "command-too-long",
            Self::TooMuch { .. } => "command-too-much",
            Self::Unreadable { .. } => "command-unreadable",
        }
    }
}

impl Program<'_> {
    /// Runs it to its end, and hands on what it prints. Everything that it started and that did not leave its process group
    /// is gone when this returns.
    ///
    /// # Errors
    /// When it can't be started, does not end well or in time, or prints too much. `out` may have seen a part of it.
    pub fn run(&self, out: &mut dyn FnMut(&[u8])) -> Result<(), RunError> {
        self.followed(Stdio::null(), &mut |_, bytes| out(bytes))
    }

    /// The same with both streams, where `stderr` is a pipe. The limit is that of standard output.
    fn followed(&self, stderr: Stdio, hear: &mut dyn FnMut(Stream, &[u8])) -> Result<(), RunError> {
        let program = self.command.first().ok_or(RunError::Empty)?;
        let deadline = Instant::now() + self.time_limit;
        let stdin = if self.input.is_some() { Stdio::piped() } else { Stdio::null() };
        let mut running = self.start(stdin, stderr)?;
        if let (Some(input), Some(mut pipe)) = (self.input, running.child.stdin.take()) {
            // Small: it fits into the pipe. Who does not read it is not forced to.
            let _ = pipe.write_all(input);
        }
        let mut printed = 0_u64;
        let pumped = running.pump(deadline, None, &mut |stream, bytes| {
            if stream == Stream::Output {
                printed += bytes.len() as u64;
            }
            if printed <= self.most {
                hear(stream, bytes);
            }
            printed <= self.most
        });
        match pumped.map_err(|error| RunError::unreadable(program, &error))? {
            Pumped::Ended => {}
            Pumped::Stopped => return Err(RunError::TooMuch { program: program.clone(), most: self.most }),
            Pumped::TooLong => return Err(self.too_long(program)),
        }
        let status = running.ended(deadline).ok_or_else(|| self.too_long(program))?;
        match (status.code(), status.signal()) {
            (Some(0), _) => Ok(()),
            (Some(status), _) => Err(RunError::Failed { program: program.clone(), status }),
            (None, signal) => Err(RunError::Signalled { program: program.clone(), signal: signal.unwrap_or(0) }),
        }
    }

    /// Runs it to its end, and gives everything that it prints, wiped on drop.
    ///
    /// # Errors
    /// As [`Program::run`].
    pub fn printed(&self) -> Result<Zeroizing<Vec<u8>>, RunError> {
        let mut printed = Zeroizing::new(Vec::new());
        self.run(&mut |bytes| gather(&mut printed, bytes))?;
        Ok(printed)
    }

    /// The same for a program whose own word tells one failure from another: with the error comes whether the beginning of what
    /// it says to its standard error holds one of `phrases`. Nothing else of that is kept.
    ///
    /// # Errors
    /// As [`Program::run`].
    pub fn printed_or_said(&self, phrases: &[&str]) -> Result<Zeroizing<Vec<u8>>, (RunError, bool)> {
        let (mut printed, mut said) = (Zeroizing::new(Vec::new()), Zeroizing::new(Vec::new()));
        let done = self.followed(Stdio::piped(), &mut |stream, bytes| match stream {
            Stream::Output => gather(&mut printed, bytes),
            Stream::Error if said.len() < MOST_SAID => gather(&mut said, bytes),
            Stream::Error => {}
        });
        let holds = |phrase: &&str| said.windows(phrase.len().max(1)).any(|part| part == phrase.as_bytes());
        done.map_err(|error| (error, phrases.iter().any(holds)))?;
        Ok(printed)
    }

    fn too_long(&self, program: &str) -> RunError {
        RunError::TooLong { program: program.to_owned(), seconds: self.time_limit.as_secs() }
    }

    /// Starts it, in a process group of its own, with its standard output in a pipe.
    pub(crate) fn start(&self, stdin: Stdio, stderr: Stdio) -> Result<Running, RunError> {
        let program = self.command.first().ok_or(RunError::Empty)?;
        let path = if program.contains('/') { self.folder.join(program) } else { PathBuf::from(program) };
        let mut command = Command::new(&path);
        let passed = self.pass.iter().filter_map(|name| Some((OsString::from(name), std::env::var_os(name)?)));
        command
            .args(&self.command[1..])
            .current_dir(self.folder)
            .env_clear()
            .env("PATH", PATH)
            .env("LANG", "C.UTF-8")
            .envs(passed)
            .envs(self.set.iter().map(|(name, value)| (name, value.as_str())))
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(stderr)
            .process_group(0);
        let child = command.spawn().map_err(|error| RunError::not_started(program, &error))?;
        Ok(Running { child })
    }
}

/// Adds bytes that may be secrets.
fn gather(gathered: &mut Zeroizing<Vec<u8>>, bytes: &[u8]) {
    if gathered.capacity() - gathered.len() < bytes.len() {
        // Growing in place would leave copies behind.
        let mut grown = Zeroizing::new(Vec::with_capacity((gathered.len() + bytes.len()).next_power_of_two()));
        grown.extend_from_slice(gathered);
        *gathered = grown;
    }
    gathered.extend_from_slice(bytes);
}

/// One of the two streams that a program writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

/// How reading from a program came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pumped {
    /// Nobody can write any more.
    Ended,
    /// Whoever was handed the bytes wanted no more.
    Stopped,
    /// The time was over.
    TooLong,
}

/// What there is to read, or at its end, by position; and whether the lifeline is cut.
type Ready = (Vec<usize>, bool);

/// Waits until there is something to read, or the end of it, or of the lifeline; none when the time is over.
fn ready(
    pipes: &[(Stream, File)],
    lifeline: Option<BorrowedFd<'_>>,
    deadline: Instant,
) -> Result<Option<Ready>, Errno> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        let millis = u16::try_from(left.as_millis().max(1)).unwrap_or(u16::MAX);
        let mut asked: Vec<_> = pipes.iter().map(|(_, pipe)| PollFd::new(pipe.as_fd(), PollFlags::POLLIN)).collect();
        // That the other side hung up is told unasked.
        asked.extend(lifeline.map(|lifeline| PollFd::new(lifeline, PollFlags::empty())));
        match poll(&mut asked, PollTimeout::from(millis)) {
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => {
                let is = |at: &usize| asked[*at].any() == Some(true);
                return Ok(Some(((0..pipes.len()).filter(is).collect(), lifeline.is_some() && is(&pipes.len()))));
            }
            Err(error) => return Err(error),
        }
    }
}

/// A program that runs. What is left of it and its group is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
}

impl Running {
    /// Hands on what it writes to the streams that are pipes, as it comes, until there is no more, `hand_on` wants no more, or
    /// the time is over. Where there is a lifeline, a socket whose other side it holds: when it is gone, so that nobody stands
    /// above the rest of its group any more, the rest is ended. To be called once.
    pub(crate) fn pump(
        &mut self,
        deadline: Instant,
        mut lifeline: Option<BorrowedFd<'_>>,
        hand_on: &mut dyn FnMut(Stream, &[u8]) -> bool,
    ) -> io::Result<Pumped> {
        let output = self.child.stdout.take().map(|pipe| (Stream::Output, File::from(OwnedFd::from(pipe))));
        let error = self.child.stderr.take().map(|pipe| (Stream::Error, File::from(OwnedFd::from(pipe))));
        let mut pipes: Vec<_> = output.into_iter().chain(error).collect();
        // What comes through them may be secrets.
        let mut buffer = Zeroizing::new(vec![0; CHUNK]);
        while !pipes.is_empty() {
            let Some((ready, cut)) = ready(&pipes, lifeline, deadline)? else { return Ok(Pumped::TooLong) };
            if cut {
                lifeline = None;
                self.end_group();
            }
            // From behind, so that one that has ended can go.
            for at in ready.into_iter().rev() {
                let (stream, pipe) = &mut pipes[at];
                match pipe.read(&mut buffer) {
                    Ok(0) => drop(pipes.remove(at)),
                    Ok(count) if !hand_on(*stream, &buffer[..count]) => return Ok(Pumped::Stopped),
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(Pumped::Ended)
    }

    /// The number of its process, and of its group.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended; none when the time was over first.
    pub(crate) fn ended(&mut self, deadline: Instant) -> Option<ExitStatus> {
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < deadline => std::thread::sleep(LOOK),
                _ => return None,
            }
        }
    }
}

impl Running {
    /// Ends whoever is still in its group, which is its own and named after it: they were started by it.
    fn end_group(&self) {
        if let Ok(group) = i32::try_from(self.child.id()) {
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end_group();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run<'a>(command: &[&str], with: impl FnOnce(&mut Program<'a>)) -> (Result<(), RunError>, String) {
        let command: Vec<String> = command.iter().map(|part| (*part).to_owned()).collect();
        let mut program = Program {
            command: command.leak(),
            folder: Path::new("/"),
            pass: &[],
            set: &[],
            input: None,
            time_limit: Duration::from_secs(60),
            most: 1_000_000,
        };
        with(&mut program);
        let mut printed = Vec::new();
        let done = program.run(&mut |bytes| printed.extend_from_slice(bytes));
        (done, String::from_utf8_lossy(&printed).into_owned())
    }

    #[test]
    fn what_it_prints_comes_whole_and_its_environment_is_its_own() {
        let set = [("ONE", Zeroizing::new("1".to_owned()))];
        let (done, printed) = run(&["sh", "-c", "cat; echo; env; echo no >&2"], |program| {
            program.input = Some(b"input");
            program.set = &set;
        });
        assert_eq!(done, Ok(()));
        let mut lines: Vec<&str> = printed.lines().filter(|line| !line.starts_with("_=")).collect();
        lines.sort_unstable();
        assert_eq!(lines, ["LANG=C.UTF-8", "ONE=1", &format!("PATH={PATH}"), "PWD=/", "input"]);
        let pass = ["CARGO_MANIFEST_DIR".to_owned()];
        let (_, printed) = run(&["env"], |program| program.pass = &pass);
        assert!(printed.contains("CARGO_MANIFEST_DIR="), "{printed}");
    }

    #[test]
    fn how_it_ends_is_told_without_what_it_said() {
        let (done, printed) = run(&["sh", "-c", "echo some; echo hunter2 >&2; exit 3"], |_| {});
        let error = done.expect_err("failed");
        assert_eq!((error.code(), printed.as_str()), ("command-failed", "some\n"));
        assert!(!error.to_string().contains("hunter2"));
        assert_eq!(run(&["sh", "-c", "kill -9 $$"], |_| {}).0.expect_err("signal").code(), "command-failed");
        assert_eq!(run(&["no-such-program"], |_| {}).0.expect_err("none").code(), "command-not-started");
        assert_eq!(run(&[], |_| {}).0, Err(RunError::Empty));
        let (done, printed) = run(&["yes"], |program| program.most = 1000);
        assert_eq!(done.expect_err("too much").code(), "command-too-much");
        assert!(printed.len() <= 1000);
    }

    #[test]
    fn one_phrase_of_what_it_said_can_be_asked_for() {
        let said = |script: &str| {
            let command = ["sh", "-c", script].map(str::to_owned);
            let (folder, time_limit) = (Path::new("/"), Duration::from_secs(60));
            let program =
                Program { command: &command, folder, pass: &[], set: &[], input: None, time_limit, most: 1_000_000 };
            program.printed_or_said(&["no such key", "not this key"])
        };
        assert_eq!(said("echo text; echo no such key >&2").expect("it ends well").as_slice(), b"text\n");
        let failed = |script: &str| {
            let (error, phrase) = said(script).expect_err("it fails");
            (error.code(), phrase)
        };
        assert_eq!(failed("echo 'error: not this key, hunter2' >&2; exit 1"), ("command-failed", true));
        assert_eq!(failed("echo another error >&2; exit 1"), ("command-failed", false));
        assert_eq!(failed("yes | head -c 1000000 >&2; exit 1"), ("command-failed", false));
        assert_eq!(failed("exec 2>&-; exit 1"), ("command-failed", false));
    }

    #[test]
    fn what_takes_too_long_is_ended_with_all_that_it_started() {
        let folder = tempfile::tempdir().expect("a folder");
        let script = "sleep 600 & echo $! > child; echo begun; wait";
        let (done, printed) = run(&["sh", "-c", script], |program| {
            program.folder = folder.path();
            program.time_limit = Duration::from_millis(500);
        });
        assert_eq!((done.expect_err("too long").code(), printed.as_str()), ("command-too-long", "begun\n"));
        let child = std::fs::read_to_string(folder.path().join("child")).expect("it was started");
        let state = || std::fs::read_to_string(format!("/proc/{}/stat", child.trim()));
        // Killed, and perhaps not yet waited for by whoever inherited it.
        let gone = (0..1000).any(|_| {
            std::thread::sleep(Duration::from_millis(5));
            state().map_or(true, |stat| stat.contains(") Z "))
        });
        assert!(gone, "{:?}", state());
    }

    #[test]
    fn one_that_closes_its_output_and_stays_is_ended_too() {
        let (done, _) =
            run(&["sh", "-c", "exec >&-; sleep 600"], |program| program.time_limit = Duration::from_millis(300));
        assert_eq!(done.expect_err("too long").code(), "command-too-long");
    }
}
