//! `cargo bench -p exhibit-tests --bench export`: a million pieces of evidence as NDJSON, beside `COPY … TO STDOUT`.
//!
//! The program as it is released serves a ledger on a Postgres that writes through to the disk, and is asked for all of it,
//! with a token, uncompressed. Its peer is `psql` with a `COPY` of the same columns in the same order, as a role that no
//! policy limits. They take turns. What the kernel says of the server's memory is read after each export.
//!
//! Both cases are measured, one after the other in one process: on a fresh ledger, while the service archives all of its
//! days, and when that is done. What was filled is kept, and each run serves a copy of it.

#![expect(clippy::print_stdout, reason = "the figures are what a benchmark is for")]

use std::{
    fs,
    io::{Read, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use exhibit_evidence::Clock as _;
use exhibit_pipeline::SystemClock;
use exhibit_store::{
    SERVICE_ROLE, Store,
    cluster::{self, ClusterOptions, RunningCluster},
};
use exhibit_tests::{Seed, at, fill, fresh_binary};

/// Pieces of evidence in the ledger.
const PIECES: u64 = 1_000_000;
/// Rounds of both.
const ROUNDS: usize = 3;
/// What is promised of the server's memory, in KiB.
const MOST: u64 = 64 * 1024;

const CONFIGURATION: &str = "\
[deployment]
name = \"Export\"
data_dir = \"data\"

[service]
listen = \"127.0.0.1:0\"

[environments.production]
[environments.staging]
";

const COPY: &str = "COPY (SELECT v.seq, e.record FROM exhibit.evidence v JOIN exhibit.entries e ON e.seq = v.seq \
                    ORDER BY v.seq) TO STDOUT";

fn main() {
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("filled-{PIECES}"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    filled(&kept, &runtime);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("export-{PIECES}"));
    copy(&kept, &folder);
    let token = token(&folder);
    let cluster = runtime.block_on(cluster::start(ClusterOptions::new(folder.join("data/postgres"))));
    let cluster = cluster.expect("a private Postgres");
    let (mut service, address) = serve(&folder);

    println!("{PIECES} pieces; resident when it begins to serve: {:.1} MiB", mib(memory(&service, "VmRSS:")));
    let archive = folder.join("data/archive");
    let fresh = measure("on a fresh ledger, which is archived meanwhile", 1, &service, &address, &token, &cluster);
    let begun = Instant::now();
    let segments = settled(&archive);
    // It was not forgotten since the export began, so that it holds for all of the archiving.
    let peak = memory(&service, "VmHWM:").max(fresh);
    println!(
        "  the server's peak until all was archived ({segments} objects, {:.0} s more): {:.1} MiB, at most {:.0}",
        begun.elapsed().as_secs_f64(),
        mib(peak),
        mib(MOST)
    );
    println!("  resident afterwards: {:.1} MiB", mib(memory(&service, "VmRSS:")));
    measure("when all is archived", ROUNDS, &service, &address, &token, &cluster);
    let counted = last_count(&address, &token);
    end(&mut service);
    runtime.block_on(cluster.release()).expect("the server stops");
    println!("rows on record of the last export: {counted}");
    assert_eq!(counted, PIECES, "the access log says another number");
}

/// Exports and copies in turns; prints what came of it, and tells the server's peak.
fn measure(case: &str, rounds: usize, service: &Child, address: &str, token: &str, cluster: &RunningCluster) -> u64 {
    let mut rates: [Vec<f64>; 2] = Default::default();
    let mut peaks = Vec::new();
    for round in 0..rounds {
        for turn in 0..2 {
            let begun = Instant::now();
            if (turn + round) % 2 == 0 {
                fs::write(format!("/proc/{}/clear_refs", service.id()), "5").expect("the peak is forgotten");
                let rows = export(address, token);
                assert_eq!(rows, PIECES, "the export is not whole");
                peaks.push(memory(service, "VmHWM:"));
                rates[0].push(PIECES as f64 / begun.elapsed().as_secs_f64());
            } else {
                assert_eq!(copied(cluster), PIECES, "the copy is not whole");
                rates[1].push(PIECES as f64 / begun.elapsed().as_secs_f64());
            }
        }
    }
    let ratio = median(rates[0].iter().zip(&rates[1]).map(|(ours, theirs)| ours / theirs).collect());
    let peak = peaks.iter().copied().max().unwrap_or_default();
    println!("{case}:");
    println!("  NDJSON over the API   {:>9.0} rows a second", median(rates[0].clone()));
    println!("  psql, COPY TO STDOUT  {:>9.0} rows a second", median(rates[1].clone()));
    println!("  ratio                 {ratio:>9.2}");
    println!("  the server's peak     {:>9.1} MiB, at most {:.0}", mib(peak), mib(MOST));
    peak
}

/// Waits until no object comes into the archive any more; tells how many there are.
fn settled(archive: &Path) -> usize {
    let (mut last, mut since) = (0, Instant::now());
    while since.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_secs(1));
        let found = objects(&archive.join("segments"));
        if found != last {
            (last, since) = (found, Instant::now());
        }
    }
    last
}

/// Files below a folder.
fn objects(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries.flatten().map(|entry| if entry.path().is_dir() { objects(&entry.path()) } else { 1 }).sum()
}

/// Copies the folder, which nobody uses now, with owners and rights.
fn copy(from: &Path, to: &Path) {
    if to.exists() {
        fs::remove_dir_all(to).expect("what an earlier run left is removed");
    }
    let copied = Command::new("cp").args(["--archive", "--reflink=auto"]).arg(from).arg(to).status().expect("cp runs");
    assert!(copied.success(), "the ledger can't be copied");
}

/// A fresh token of an officer, good for a month.
fn token(folder: &Path) -> String {
    let until = SystemClock.now().plus(TimeDelta::days(30)).to_string();
    let made = Command::new(fresh_binary())
        .args(["token", "create", "--person", "a benchmark", "--role", "officer", "--format", "json", "--expires"])
        .arg(&until[..10])
        .current_dir(folder)
        .output()
        .expect("it starts");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let made: serde_json::Value = serde_json::from_slice(&made.stdout).expect("JSON");
    made["token"].as_str().expect("a token").to_owned()
}

/// A deployment whose own Postgres is filled, and which was never served. One that was broken off goes on where it stopped.
fn filled(folder: &Path, runtime: &tokio::runtime::Runtime) {
    if folder.join("filled").exists() {
        return;
    }
    fs::create_dir_all(folder).expect("a folder");
    fs::write(folder.join("exhibit.toml"), CONFIGURATION).expect("a configuration");
    // Makes what a deployment has before its first entry.
    token(folder);
    // Where Postgres can't live below this folder, because its user may not enter it, a copy would not hold it.
    assert!(!folder.join("data/postgres-is-in").exists(), "{} is closed to other users", folder.display());
    runtime.block_on(seed(&folder.join("data/postgres")));
    fs::write(folder.join("filled"), "").expect("noted");
}

async fn seed(postgres: &Path) {
    let cluster = cluster::start(ClusterOptions::new(postgres)).await.expect("a private Postgres");
    let store = Store::open_private(cluster.connection()).await.expect("a store");
    let from = at("2025-01-01T00:00:00Z");
    let seed = Seed { pieces: PIECES, from, every: TimeDelta::minutes(10), promised: false };
    fill(&store, &seed, |pieces| {
        if pieces.is_multiple_of(50_000) {
            println!("seeded {pieces} of {PIECES}");
        }
    })
    .await;
    store.close().await;
    cluster.release().await.expect("the server stops");
}

/// Starts the service; tells where it listens.
fn serve(folder: &Path) -> (Child, String) {
    let log = folder.join("log");
    let child = Command::new(fresh_binary())
        .arg("serve")
        .current_dir(folder)
        .stdin(Stdio::null())
        .stderr(fs::File::create(&log).expect("a log"))
        .spawn()
        .expect("it starts");
    let begun = Instant::now();
    let mut said = String::new();
    while !said.contains("serving") {
        assert!(begun.elapsed() < Duration::from_secs(300), "it does not begin to serve:\n{said}");
        std::thread::sleep(Duration::from_millis(100));
        said = fs::read_to_string(&log).expect("a log");
    }
    let line = said.lines().find(|line| line.contains("evidence API listening")).expect("it says where");
    let port = line.split("127.0.0.1:").nth(1).expect("a port").chars().take_while(char::is_ascii_digit);
    (child, format!("127.0.0.1:{}", port.collect::<String>()))
}

/// Ends it, so that it hands its work back.
fn end(service: &mut Child) {
    let told = Command::new("sh").arg("-c").arg(format!("kill -TERM {}", service.id())).status().expect("a shell");
    assert!(told.success());
    assert!(service.wait().expect("it ends").success());
}

fn ask(address: &str, token: &str, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let head = format!(
        "GET {path} HTTP/1.1\r\nhost: exhibit\r\nauthorization: Bearer {token}\r\naccept-encoding: identity\r\n\
         connection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("it takes the question");
    stream
}

/// Reads the whole answer; tells how many rows it holds.
fn export(address: &str, token: &str) -> u64 {
    let stream = ask(address, token, "/api/v1/evidence?format=ndjson");
    let (rows, tail) = lines(stream, b"}\n");
    assert!(tail.ends_with(b"0\r\n\r\n"), "the answer broke off");
    rows
}

/// Reads the whole copy; tells how many rows it holds.
fn copied(cluster: &RunningCluster) -> u64 {
    let connection = cluster.connection();
    let mut psql = Command::new("psql")
        .args(["--no-psqlrc", "--quiet", "--username", SERVICE_ROLE, "--host"])
        .arg(&connection.socket_directory)
        .args(["--port", &connection.port.to_string(), "--command", COPY, connection.database])
        .stdout(Stdio::piped())
        .spawn()
        .expect("psql runs");
    let (rows, _) = lines(psql.stdout.take().expect("its output is a pipe"), b"}\n");
    assert!(psql.wait().expect("it ends").success(), "psql failed");
    rows
}

/// Counts how often two bytes follow each other, to the end; tells the last bytes too.
fn lines(mut from: impl Read, end: &[u8; 2]) -> (u64, Vec<u8>) {
    let (mut rows, mut tail, mut buffer) = (0, Vec::new(), vec![0; 1 << 18]);
    loop {
        let read = from.read(&mut buffer).expect("it can be read");
        if read == 0 {
            return (rows, tail);
        }
        let bytes = &buffer[..read];
        rows += u64::from(tail.last() == Some(&end[0]) && bytes[0] == end[1]);
        rows += pairs(bytes, end);
        tail.extend_from_slice(&bytes[read.saturating_sub(8)..]);
        tail.drain(..tail.len().saturating_sub(8));
    }
}

fn pairs(bytes: &[u8], end: &[u8; 2]) -> u64 {
    bytes.windows(2).filter(|two| two == end).count() as u64
}

/// How many rows the access log says that the last stream gave.
fn last_count(address: &str, token: &str) -> u64 {
    // The line is written when the stream has ended, a moment after its reader knows.
    for _ in 0..50 {
        let mut answer = String::new();
        let path = "/api/v1/access-log?route=/api/v1/evidence&limit=1";
        ask(address, token, path).read_to_string(&mut answer).expect("it can be read");
        let body = answer.split_once("\r\n\r\n").map(|pair| pair.1).unwrap_or_default();
        let found: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
        if let Some(count) = found["items"][0]["row_count"].as_u64() {
            return count;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("the access log does not say how many rows were given");
}

/// What the kernel says of the server's memory, in KiB.
fn memory(service: &Child, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", service.id())).expect("it runs");
    let line = status.lines().find(|line| line.starts_with(name)).expect("the kernel says so");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number of KiB")
}

fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}
