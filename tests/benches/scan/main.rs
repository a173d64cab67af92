//! `cargo bench -p exhibit-tests --bench scan`: `exhibit scan` beside kingfisher and gitleaks, the real programs.
//!
//! A log of 272 MB with 162 planted leaks, without encoded forms and with them, and a git repository of 1,300 commits and
//! 124 MB of blobs. All run in turns with the same number of threads; the best of three counts. CPU seconds and peaks of
//! memory are the kernel's. `-- log`, `-- encoded` and `-- git` run one part alone. No Postgres is started.

#![expect(clippy::print_stdout, reason = "the figures are what a benchmark is for")]

mod corpus;
mod peers;
mod repository;
mod running;

use std::{collections::BTreeSet, fs, path::Path};

use exhibit_tests::fresh_binary;
use serde_json::Value;

use peers::Peers;
use repository::Measures;
use running::{Best, Tool};

/// Runs of each, in turns.
const ROUNDS: usize = 3;
const THREADS: usize = 2;
const LOG_BYTES: usize = 272_000_000;
const LEAKS: usize = 162;

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |half: &str| asked.is_empty() || asked.iter().any(|one| one == half);
    let peers = Peers::installed();
    let folder = tempfile::tempdir().expect("a temporary folder");
    if wanted("log") {
        log(folder.path(), &peers, false);
    }
    if wanted("encoded") {
        log(folder.path(), &peers, true);
    }
    if wanted("git") {
        git(folder.path(), &peers);
    }
}

fn log(folder: &Path, peers: &Peers, encoded: bool) {
    let file = folder.join("mixed.log");
    let planted = corpus::write(&file, LOG_BYTES, LEAKS);
    let size = fs::metadata(&file).expect("it was written").len();
    let forms = if encoded { "encoded forms too" } else { "no encoded forms" };
    println!(
        "log: {size} bytes, {} planted leaks, {forms}, {THREADS} threads, best of {ROUNDS} in turns",
        planted.len()
    );
    let file = file.to_str().expect("UTF-8");
    let threads = THREADS.to_string();
    let out = |name: &str| folder.join(name).to_str().expect("UTF-8").to_owned();
    let ours = |more: &'static [&'static str]| {
        let arguments = ["scan", "--quiet", "--threads", &threads, "--format", "json", file];
        let encoded: &[&str] = if encoded { &["--encoded"] } else { &[] };
        let name: Vec<&str> = [&["exhibit scan"], more, encoded].concat();
        Tool::new(&name.join(" "), fresh_binary(), &[&arguments, more, encoded].concat())
    };
    let tools = [
        ours(&[]),
        ours(&["--personal-data"]),
        peers.kingfisher(THREADS, &["--git-history=none", "--no-dedup"], file, &out("kingfisher.json"), encoded),
        peers.gitleaks(THREADS, ("dir", &[]), file, &out("gitleaks.json"), encoded),
        Tool::new("wc -l, for comparison", Path::new("wc"), &["-l", file]),
    ];
    let best = running::in_turns(&tools, ROUNDS);
    table(&tools, &best);

    let lines = |told: &Value, list: &[&str], line: &[&str]| -> Vec<u64> {
        let list = list.iter().fold(told, |value, key| &value[*key]);
        let line = |one: &Value| line.iter().fold(one, |value, key| &value[*key]).as_u64();
        list.as_array().map(|list| list.iter().filter_map(line).collect()).unwrap_or_default()
    };
    let told: Value = serde_json::from_slice(&best[0].stdout).expect("JSON");
    recall("exhibit", &lines(&told, &["findings"], &["line"]), &planted);
    let strangers: BTreeSet<&str> = told["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|one| !planted.contains(&one["line"].as_u64().unwrap_or(0)))
        .filter_map(|one| one["rule"].as_str())
        .collect();
    println!("  rules of ours that hit a clean line: {strangers:?}");
    let read = |name: &str| serde_json::from_slice(&fs::read(out(name)).unwrap_or_default()).unwrap_or(Value::Null);
    recall("kingfisher", &lines(&read("kingfisher.json"), &["findings"], &["finding", "line"]), &planted);
    recall("gitleaks", &lines(&read("gitleaks.json"), &[], &["StartLine"]), &planted);
}

/// How many planted leaks were found, and how many clean lines were hit.
fn recall(name: &str, lines: &[u64], planted: &BTreeSet<u64>) {
    if !lines.is_empty() && lines.iter().all(|line| *line == 0) {
        println!("{name}: {} findings; of a file this large it tells no lines", lines.len());
        return;
    }
    let lines: BTreeSet<u64> = lines.iter().copied().collect();
    let found = planted.intersection(&lines).count();
    println!("{name}: {found} of {} planted leaks, {} clean lines hit", planted.len(), lines.len() - found);
}

fn git(folder: &Path, peers: &Peers) {
    let repository = folder.join("repository");
    let measures = Measures { commits: 1_300, bytes: 124_000_000, leaks: 40 };
    repository::write(&repository, measures);
    println!("git: {measures:?}, {THREADS} threads, best of {ROUNDS} in turns");
    let path = repository.to_str().expect("UTF-8");
    let threads = THREADS.to_string();
    let out = |name: &str| folder.join(name).to_str().expect("UTF-8").to_owned();
    let ours = ["scan", "--quiet", "--threads", &threads, "--git", "--format", "json", path];
    let every = ["-C", path, "cat-file", "--batch-all-objects", "--unordered", "--batch"];
    let tools = [
        Tool::new("exhibit scan --git", fresh_binary(), &ours),
        peers.kingfisher(THREADS, &["--no-dedup"], path, &out("kingfisher-git.json"), false),
        peers.gitleaks(THREADS, ("git", &["--log-opts=--all"]), path, &out("gitleaks-git.json"), false),
        Tool::new("git cat-file, for comparison", Path::new("git"), &every),
    ];
    let best = running::in_turns(&tools, ROUNDS);
    table(&tools, &best);
    let told: Value = serde_json::from_slice(&best[0].stdout).expect("JSON");
    println!("exhibit: {} examined, {} excluded", told["examined"], told["excluded"]);
    let list = |told: &Value| told.as_array().map_or(0, Vec::len);
    let read = |name: &str| serde_json::from_slice(&fs::read(out(name)).unwrap_or_default()).unwrap_or(Value::Null);
    let (kingfisher, gitleaks): (Value, Value) = (read("kingfisher-git.json"), read("gitleaks-git.json"));
    println!(
        "findings: exhibit {}, kingfisher {}, gitleaks {}; {} leaks came in and went out again",
        list(&told["findings"]),
        list(&kingfisher["findings"]),
        list(&gitleaks),
        measures.leaks
    );
}

fn table(tools: &[Tool], best: &[Best]) {
    let ours = best[0].seconds;
    println!("  {:<40} {:>9} {:>8} {:>9} {:>10} {:>5}", "", "seconds", "ratio", "CPU s", "peak MiB", "exit");
    for (tool, best) in tools.iter().zip(best) {
        let (seconds, ratio) = (best.seconds, best.seconds / ours);
        let (mib, exit) = (best.peak_kib / 1024, best.exit);
        println!("  {:<40} {seconds:>9.3} {ratio:>8.2} {:>9.3} {mib:>10} {exit:>5}", tool.name, best.busy);
    }
    for tool in tools {
        println!("  {}", tool.told());
    }
}
