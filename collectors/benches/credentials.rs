//! `cargo bench -p exhibit-collectors --bench credentials`: 200 environments with 500 credentials each, compared.
//!
//! Every environment is a generated variable file. Most values are its own; some are shared with the next environment, some
//! differ from another's by a digit, some are defaults. Printed: how long collecting (reading, counting, comparing) and
//! judging took, and how much memory the process had at most, beside what it had before the first run.

#![expect(clippy::print_stdout, reason = "the figures are what a benchmark is for")]

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use exhibit_collectors::{Registry, Scope, Settings};
use exhibit_evidence::{Clock, EnvironmentId, Timestamp, deployment::Environment};
use sha2::{Digest as _, Sha256};

const ENVIRONMENTS: usize = 200;
const CREDENTIALS: usize = 500;
/// Runs, of which the median is printed.
const ROUNDS: usize = 5;

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        "2026-11-20T12:00:00.000000Z".parse().expect("an instant")
    }
}

/// The same value for the same words, on every machine.
fn value(words: &str) -> String {
    Sha256::digest(words).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn generate(folder: &Path, environment: usize) {
    let mut text = String::new();
    for number in 0..CREDENTIALS {
        let own = format!("{environment} {number}");
        let line = match number % 50 {
            0 => format!("DATABASE_{number}_URL=postgres://app:{}@db{number}.internal/app\n", value(&own)),
            1 => format!("SHARED_{number}_PASSWORD={}\n", value(&format!("{} {number}", environment / 2))),
            2 => format!(
                "NEAR_{number}_PASSWORD={}-{environment}\n",
                value(&format!("near {} {number}", environment / 4))
            ),
            3 => format!("DEFAULT_{number}_PASSWORD=changeme{number}\n"),
            _ => format!("SERVICE_{number}_TOKEN={}\n", value(&own)),
        };
        text.push_str(&line);
    }
    fs::write(folder.join(format!("e{environment}.env")), text).expect("written");
}

/// What the process had at most so far, in KiB, as Linux counts it.
fn peak() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

fn mebibytes(kibibytes: Option<u64>) -> String {
    kibibytes.map_or_else(|| "not known here".to_owned(), |kib| format!("{} MiB", kib / 1024))
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut source = String::new();
    let mut environments = Vec::new();
    for number in 0..ENVIRONMENTS {
        generate(folder.path(), number);
        let id = format!("e{number}");
        source.push_str(&format!("[[credentials]]\nenvironment = '{id}'\ndotenv = '{id}.env'\n"));
        environments.push(Environment { id: EnvironmentId::new(&id).expect("an id"), title: id, disposable: false });
    }
    let registry = Registry::built_in().expect("the collectors are in order");
    let collector = &registry.get("unique_credentials").expect("it is built in").collector;
    let settings = Settings { source: toml::from_str(&source).expect("a source"), policy: toml::Table::new() };
    let scope = Scope {
        base: folder.path(),
        environments: &environments,
        clock: &Noon,
        run_key: &[7; 32],
        engine: exhibit_detect::Engine::builtin(),
        own: exhibit_collectors::own::Own::default(),
    };
    let before = peak();
    let (mut collecting, mut judging) = (Vec::new(), Vec::new());
    let (mut first, mut findings) = (None, 0);
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let collected = collector.collect(&scope, &settings).expect("the files can be read");
        collecting.push(begun.elapsed());
        let begun = Instant::now();
        let judged = collector.judge(&collected.observation, &environments, &settings.policy).expect("judged");
        judging.push(begun.elapsed());
        findings = judged.iter().map(|one| one.findings.len()).sum();
        first = first.or_else(peak);
    }
    println!("{ENVIRONMENTS} environments x {CREDENTIALS} credentials, {findings} findings, median of {ROUNDS} runs");
    println!("collecting {:?}, judging {:?}", median(&mut collecting), median(&mut judging));
    println!("at most {} after the first run, {} before it", mebibytes(first), mebibytes(before));
}
