//! `cargo bench -p exhibit-tests --bench export`: a million pieces of evidence as NDJSON, beside `COPY … TO STDOUT`.
//!
//! The program as it is released serves a ledger on a Postgres that writes through to the disk, and is asked for all of it,
//! with a token, uncompressed. Its peer is `psql` with a `COPY` of the same columns in the same order, as a role that no
//! policy limits. They take turns. What the kernel says of the server's memory is read after each export.

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
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("export-{PIECES}"));
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("exhibit.toml"), CONFIGURATION).expect("a configuration");
    let token = token(&folder);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let cluster = runtime.block_on(seeded(&folder));
    let (mut service, address) = serve(&folder);

    let mut rates: [Vec<f64>; 2] = Default::default();
    let mut peaks = Vec::new();
    println!("{PIECES} pieces; resident before the first export: {:.1} MiB", mib(memory(&service, "VmRSS:")));
    for round in 0..ROUNDS {
        for turn in 0..2 {
            let begun = Instant::now();
            if (turn + round) % 2 == 0 {
                fs::write(format!("/proc/{}/clear_refs", service.id()), "5").expect("the peak is forgotten");
                let rows = export(&address, &token);
                assert_eq!(rows, PIECES, "the export is not whole");
                peaks.push(memory(&service, "VmHWM:"));
                rates[0].push(PIECES as f64 / begun.elapsed().as_secs_f64());
            } else {
                assert_eq!(copied(&cluster), PIECES, "the copy is not whole");
                rates[1].push(PIECES as f64 / begun.elapsed().as_secs_f64());
            }
        }
    }
    let counted = last_count(&address, &token);
    end(&mut service);
    runtime.block_on(cluster.release()).expect("the server stops");

    let ratio = median(rates[0].iter().zip(&rates[1]).map(|(ours, theirs)| ours / theirs).collect());
    println!("NDJSON over the API   {:>9.0} rows a second", median(rates[0].clone()));
    println!("psql, COPY TO STDOUT  {:>9.0} rows a second", median(rates[1].clone()));
    println!("ratio                 {ratio:>9.2}");
    let peak = peaks.iter().copied().max().unwrap_or_default();
    println!("the server's peak     {:>9.1} MiB, at most {:.0}", mib(peak), mib(MOST));
    println!("rows on record of the last export: {counted}");
    assert_eq!(counted, PIECES, "the access log says another number");
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

/// The deployment's own Postgres, filled.
async fn seeded(folder: &Path) -> RunningCluster {
    let beside = folder.join("data/postgres-is-in");
    let postgres = fs::read_to_string(beside)
        .map_or_else(|_| folder.join("data/postgres"), |place| place.trim_end().to_owned().into());
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
    cluster
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
