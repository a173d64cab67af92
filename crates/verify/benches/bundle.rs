//! `cargo bench -p exhibit-verify --bench bundle [-- entries]`: `exhibit-verify` of a bundle beside `sha256sum` of its bytes.
//!
//! A bundle of 1,000,000 entries is made in the temporary folder; both read it from there, in turns, after a first round
//! that warms the file cache. Ratios are printed; nothing is asserted but that the bundle holds.

#![expect(clippy::print_stdout, reason = "the figures are what a benchmark is for")]

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use exhibit_evidence::{Envelope, samples};
use exhibit_ledger::bundle::{About, BundleWriter};
use exhibit_ledger::checkpoint::Checkpoint;
use exhibit_ledger::note::SigningKey;
use exhibit_ledger::tree::{Frontier, NodeMap, leaf_hash};

const ROUNDS: usize = 5;

fn main() {
    let named = std::env::args().skip(1).find(|word| !word.starts_with("--"));
    let entries = named.map_or(1_000_000, |text| text.parse().expect("a number of entries"));
    let folder = tempfile::tempdir().expect("a folder");
    let bundle = folder.path().join("bundle.tar");
    let key = SigningKey::from_seed(samples::ORIGIN, &[7; 32]).expect("a key");
    make(entries, &key, folder.path(), &bundle);
    let bytes = std::fs::metadata(&bundle).expect("it is there").len();
    println!("a bundle of {entries} entries, {bytes} bytes");

    let (mut ours, mut theirs, mut most) = (Vec::new(), Vec::new(), 0);
    for round in 0..=ROUNDS {
        let begun = Instant::now();
        let done = Command::new("sha256sum").arg(&bundle).stdout(Stdio::null()).status().expect("it runs");
        let sum = begun.elapsed();
        assert!(done.success());

        let (took, peak) = verify(&key.verifier().to_string(), &bundle);
        most = most.max(peak);
        if round > 0 {
            theirs.push(sum);
            ours.push(took);
        }
    }
    let (ours, theirs) = (median(ours), median(theirs));
    println!("exhibit-verify {:>7.2} s, at most {} MiB", ours.as_secs_f64(), most / 1024);
    println!("sha256sum      {:>7.2} s", theirs.as_secs_f64());
    println!("ratio          {:>7.2}, promised at most 1", ours.as_secs_f64() / theirs.as_secs_f64());
}

/// Writes a bundle. Its contents wait in a file beside it.
fn make(entries: u64, key: &SigningKey, folder: &Path, bundle: &Path) {
    let record = |number: u64| {
        let body = samples::body(number, &key.verifier().to_string());
        let envelope = Envelope { id: samples::id(number), recorded_at: samples::at(number), body };
        envelope.to_record().expect("a record").into_bytes()
    };
    let mut frontier = Frontier::new();
    for number in 0..entries {
        frontier.append(leaf_hash(&record(number)));
    }
    let checkpoint = Checkpoint::of(samples::ORIGIN, &frontier).sign(&[key]).expect("signed");
    let about = About { period: "2026-Q3".to_owned(), report: "interim".to_owned(), renderer: "none".to_owned() };
    let spool = File::options().read(true).write(true).create_new(true).open(folder.join("spool")).expect("a spool");
    let mut writer = BundleWriter::with_spool(about, checkpoint, None, &NodeMap::new(), spool).expect("a bundle");
    for number in 0..entries {
        writer.push_record(record(number)).expect("it follows");
    }
    writer.keys([key.verifier()], &[]).expect("keys");
    let mut out = BufWriter::with_capacity(1 << 20, File::create(bundle).expect("a file"));
    writer.finish(key, &mut out).expect("written");
    out.flush().expect("written");
    std::fs::remove_file(folder.join("spool")).expect("removed");
}

/// Runs the program; tells how long it took, and the most memory that it held, in KiB.
fn verify(key: &str, bundle: &Path) -> (Duration, u64) {
    let begun = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_exhibit-verify"))
        .args(["--key", key])
        .arg(bundle)
        .stdout(Stdio::null())
        .spawn()
        .expect("it runs");
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    loop {
        // The most so far; once it has ended, the kernel says nothing more of it.
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next()).and_then(|kib| kib.parse().ok());
        most = most.max(kib.unwrap_or(0));
        if let Some(ended) = child.try_wait().expect("it is ours") {
            assert!(ended.success(), "it does not hold");
            return (begun.elapsed(), most);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
