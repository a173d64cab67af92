//! Runs scanners for real, below the helper.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::cgroup::Group;
use super::orders::{Bounds, Message, Orders};
use super::{Binary, OUTPUT, Ran, Runner, RunnerError, Task, WORK, helper};
use crate::process::{Program, Pumped, RunError, Running, Stream};
use crate::scratch::{For, Scratch};

/// How much of what a scanner writes to standard error is kept: its end.
const KEPT_WORDS: usize = 16 * 1024;
/// How long the helper may take to end what is below it.
const GRACE: Duration = Duration::from_secs(10);
/// Bytes of what the helper says that are read.
const LONGEST_ANSWER: u64 = 64 * 1024;

/// Runs scanners below a helper.
#[derive(Clone, Debug)]
pub struct Spawning {
    /// The helper's program and arguments.
    helper: Vec<String>,
}

impl Spawning {
    /// With this program as helper: one that calls [`helper::main`] when its first argument is [`helper::COMMAND`].
    #[must_use]
    pub fn with_helper(program: &Path) -> Self {
        Self { helper: vec![program.to_string_lossy().into_owned(), helper::COMMAND.to_owned()] }
    }

    /// With the program that this process runs as helper, even if its file was replaced meanwhile.
    #[must_use]
    pub fn by_this_program() -> Self {
        Self::with_helper(Path::new("/proc/self/exe"))
    }
}

impl Runner for Spawning {
    fn locate(&self, program: &str, base: &Path) -> Result<Binary, RunnerError> {
        Binary::find(program, base)
    }

    fn run(&self, task: &Task<'_>) -> Result<Ran, RunnerError> {
        let name = &task.program.name;
        let not_ready = |why: String| RunnerError::NotReady { program: name.clone(), why };
        let io = |error: std::io::Error| not_ready(error.kind().to_string());
        let folder = Scratch::new(For::Scanner).map_err(io)?;
        let work = folder.folder("work").map_err(io)?;
        fs::create_dir(work.join("tmp")).map_err(io)?;
        let orders = orders(task, &work)?;
        let environment = environment(task, &work);
        let (ours, theirs) = UnixStream::pair().map_err(io)?;

        let program = Program {
            command: &self.helper,
            folder: &work,
            pass: task.pass,
            set: &environment,
            input: None,
            time_limit: task.limits.time,
            most: task.limits.output_bytes,
        };
        let deadline = Instant::now() + task.limits.time;
        let mut running = program.start(Stdio::from(OwnedFd::from(theirs)), Stdio::piped())?;
        let mut group = folder.path().file_name().and_then(|name| Group::made(name.to_str()?, task.limits));
        if let Some(group) = &mut group {
            group.take_in(running.id());
        }
        // One that does not take them in ends the run by saying nothing.
        let _ = send(&ours, &orders);

        let mut kept = Kept::new(&folder.path().join("stdout"), task).map_err(io)?;
        let pumped = running.pump(deadline, Some(ours.as_fd()), &mut |stream, bytes| kept.take(stream, bytes));
        // Nobody writes any more, or nobody shall: the helper ends what is left.
        let said = hear(ours, running)?;
        let said = said.as_slice();
        let unreadable = |error| RunnerError::from(RunError::unreadable(name, &error));
        if let [Message::NotStarted(why)] = said {
            return Err(RunError::NotStarted { program: name.clone(), why: why.clone() }.into());
        }
        match pumped.map_err(unreadable)? {
            Pumped::Ended => {}
            Pumped::TooLong => {
                return Err(RunError::TooLong { program: name.clone(), seconds: task.limits.time.as_secs() }.into());
            }
            Pumped::Stopped => return Err(kept.over(name)),
        }
        // The kernel may have ended the helper with it.
        if group.as_ref().is_some_and(Group::ran_out_of_memory) {
            return Err(RunnerError::TooMuchMemory { program: name.clone(), most: task.limits.memory_bytes });
        }
        let [Message::Started(in_force), Message::Ended(ended, used)] = said else {
            return Err(RunnerError::Lost { program: name.clone() });
        };
        let mut in_force = in_force.clone();
        in_force.memory_bytes = group.as_ref().and_then(|group| group.memory_bytes);
        in_force.processes = group.as_ref().and_then(|group| group.processes);
        let output = output(&work.join(OUTPUT), task)?;
        let (stdout, stdout_bytes) = kept.rewound().map_err(unreadable)?;
        Ok(Ran {
            ended: *ended,
            stdout,
            stdout_bytes,
            words: kept.words,
            in_force,
            used: *used,
            output,
            _folder: Some(folder),
        })
    }
}

fn orders(task: &Task<'_>, work: &Path) -> Result<Vec<u8>, RunnerError> {
    let limits = task.limits;
    let orders = Orders {
        program: task.program.path.clone(),
        arguments: task.arguments.to_vec(),
        folder: work.to_owned(),
        bounds: Bounds {
            cpu_seconds: limits.cpu_seconds,
            file_bytes: limits.file_bytes,
            open_files: limits.open_files,
        },
        readable: task.readable.to_vec(),
        writable: task.writable.to_vec(),
        network: task.network,
    };
    let not_ready = |why: String| RunnerError::NotReady { program: task.program.name.clone(), why };
    let orders = serde_json::to_vec(&orders).map_err(|error| not_ready(error.to_string()))?;
    if orders.len() as u64 > u64::from(helper::LONGEST) {
        return Err(not_ready("its arguments are longer than 1 MiB".to_owned()));
    }
    Ok(orders)
}

/// What every scanner gets: a home and a place for temporary files of its own, no colours.
fn environment<'a>(task: &Task<'a>, work: &Path) -> Vec<(&'a str, Zeroizing<String>)> {
    let work = work.to_string_lossy();
    let mut set = vec![
        ("HOME", Zeroizing::new(work.to_string())),
        ("TMPDIR", Zeroizing::new(format!("{work}/tmp"))),
        ("XDG_CACHE_HOME", Zeroizing::new(format!("{work}/cache"))),
        ("XDG_CONFIG_HOME", Zeroizing::new(format!("{work}/config"))),
        ("NO_COLOR", Zeroizing::new("1".to_owned())),
        ("TERM", Zeroizing::new("dumb".to_owned())),
    ];
    set.extend(task.set.iter().map(|(name, value)| (name.as_str(), Zeroizing::new(value.replace(WORK, &work)))));
    set
}

fn send(mut socket: &UnixStream, orders: &[u8]) -> std::io::Result<()> {
    socket.set_write_timeout(Some(GRACE))?;
    socket.write_all(&u32::try_from(orders.len()).unwrap_or(u32::MAX).to_be_bytes())?;
    socket.write_all(orders)
}

/// Tells the helper that it is over, and gives what it said; then nothing of it or below it runs any more.
fn hear(socket: UnixStream, mut running: Running) -> Result<Vec<Message>, RunnerError> {
    let deadline = Instant::now() + GRACE;
    // Closing this direction alone is the word.
    let _ = socket.shutdown(std::net::Shutdown::Write);
    running.ended(deadline);
    drop(running);
    let mut said = Vec::new();
    let _ = socket.set_read_timeout(Some(Duration::from_secs(1)));
    let _ = (&socket).take(LONGEST_ANSWER).read_to_end(&mut said);
    Ok(said.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect())
}

/// The file that the scanner left, unless it is something else than a plain file: whatever it leads to is not its result.
fn output(path: &Path, task: &Task<'_>) -> Result<Option<File>, RunnerError> {
    if !fs::symlink_metadata(path).is_ok_and(|found| found.is_file()) {
        return Ok(None);
    }
    let Ok(file) = File::open(path) else { return Ok(None) };
    let (size, most) = (file.metadata().map_or(u64::MAX, |found| found.len()), task.limits.output_bytes);
    if size > most {
        return Err(RunnerError::TooLarge { program: task.program.name.clone(), size, most });
    }
    Ok(Some(file))
}

/// What is kept of a scanner's two streams.
struct Kept {
    stdout: File,
    stdout_bytes: u64,
    words: Vec<u8>,
    words_bytes: u64,
    most: (u64, u64),
    /// Why its output could not be kept.
    failed: Option<std::io::Error>,
}

impl Kept {
    fn new(path: &PathBuf, task: &Task<'_>) -> std::io::Result<Self> {
        let stdout = File::options().read(true).write(true).create_new(true).open(path)?;
        let most = (task.limits.output_bytes, task.limits.error_bytes);
        Ok(Self { stdout, stdout_bytes: 0, words: Vec::new(), words_bytes: 0, most, failed: None })
    }

    fn take(&mut self, stream: Stream, bytes: &[u8]) -> bool {
        match stream {
            Stream::Output => {
                self.stdout_bytes += bytes.len() as u64;
                if self.stdout_bytes > self.most.0 {
                    return false;
                }
                self.failed = self.stdout.write_all(bytes).err();
                self.failed.is_none()
            }
            Stream::Error => {
                self.words_bytes += bytes.len() as u64;
                self.words.extend_from_slice(&bytes[bytes.len().saturating_sub(KEPT_WORDS)..]);
                let over = self.words.len().saturating_sub(KEPT_WORDS);
                self.words.drain(..over);
                self.words_bytes <= self.most.1
            }
        }
    }

    /// Why it wanted no more.
    fn over(&self, program: &str) -> RunnerError {
        let program = program.to_owned();
        if let Some(error) = &self.failed {
            return RunnerError::NotReady { program, why: format!("its output can't be kept: {}", error.kind()) };
        }
        if self.stdout_bytes > self.most.0 {
            return RunError::TooMuch { program, most: self.most.0 }.into();
        }
        RunnerError::TooManyWords { program, most: self.most.1 }
    }

    fn rewound(&mut self) -> std::io::Result<(File, u64)> {
        self.stdout.rewind()?;
        Ok((self.stdout.try_clone()?, self.stdout_bytes))
    }
}
