//! Running programs in turns, with their time and their peak of memory.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeVal,
};

/// A program and its arguments.
pub(crate) struct Tool {
    pub(crate) name: String,
    program: PathBuf,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
}

/// The quickest of several runs.
pub(crate) struct Best {
    pub(crate) seconds: f64,
    /// What it and its own children had of all cores, by itself and in the kernel, in seconds.
    pub(crate) busy: f64,
    /// The highest of all runs, in KiB: what the kernel calls VmHWM.
    pub(crate) peak_kib: u64,
    pub(crate) exit: i32,
    pub(crate) stdout: Vec<u8>,
}

impl Tool {
    pub(crate) fn new(name: &str, program: &Path, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        Self { name: name.to_owned(), program: program.to_owned(), arguments, variables: Vec::new() }
    }

    pub(crate) fn with(mut self, variable: &str, value: &str) -> Self {
        self.variables.push((variable.to_owned(), value.to_owned()));
        self
    }

    /// As it would be typed, without folders.
    pub(crate) fn told(&self) -> String {
        let name =
            |text: &str| Path::new(text).file_name().map_or(text.to_owned(), |n| n.to_string_lossy().into_owned());
        let variables = self.variables.iter().map(|(variable, value)| format!("{variable}={value}"));
        let arguments = self.arguments.iter().map(|argument| name(argument));
        let all: Vec<String> = variables.chain([name(&self.program.to_string_lossy())]).chain(arguments).collect();
        all.join(" ")
    }

    fn run(&self) -> Best {
        let (begun, busy) = (Instant::now(), busy());
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let mut out = child.stdout.take().expect("a pipe");
        let reader = std::thread::spawn(move || {
            let (mut kept, mut buffer) = (Vec::new(), vec![0; 1 << 20]);
            while let Ok(count @ 1..) = out.read(&mut buffer) {
                // Of what only measures, such as all objects of a repository, nothing is to be kept.
                if kept.len() < 16 << 20 {
                    kept.extend_from_slice(&buffer[..count]);
                }
            }
            kept
        });
        let status = format!("/proc/{}/status", child.id());
        let mut peak_kib = 0;
        let exit = loop {
            let text = fs::read_to_string(&status).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let told = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
            peak_kib = peak_kib.max(told.unwrap_or(0));
            if let Some(ended) = child.try_wait().expect("it can be asked") {
                break ended.code().unwrap_or(-1);
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let seconds = begun.elapsed().as_secs_f64();
        let busy = self::busy() - busy;
        Best { seconds, busy, peak_kib, exit, stdout: reader.join().expect("no panic") }
    }
}

/// What children that have ended had of all cores, in seconds.
fn busy() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the kernel counts");
    let seconds = |time: TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    seconds(usage.user_time()) + seconds(usage.system_time())
}

/// Runs each in turn, so many times, after one round that warms caches.
pub(crate) fn in_turns(tools: &[Tool], rounds: usize) -> Vec<Best> {
    let mut best: Vec<Best> = tools.iter().map(Tool::run).collect();
    for round in 0..rounds {
        for (tool, best) in tools.iter().zip(&mut best) {
            let run = tool.run();
            let (peak_kib, busy) = (best.peak_kib.max(run.peak_kib), best.busy.min(run.busy));
            if round == 0 || run.seconds < best.seconds {
                *best = run;
            }
            (best.peak_kib, best.busy) = (peak_kib, busy);
        }
    }
    best
}
