//! `cargo bench -p exhibit-store --bench ledger [-- append|callers|fsck [entries]]`: the ledger beside plain `COPY`.
//!
//! A private Postgres that writes through to the disk is made for each run. Measured are appending in bulk beside `COPY`
//! of the same rows into one table with the same indexes; appending by 32 callers beside a batch of one; and `fsck`, in a
//! process of its own, beside `COPY … TO` of what it reads. Ratios are printed; nothing is asserted.

#![expect(clippy::print_stdout, reason = "the figures are what a benchmark is for")]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use exhibit_evidence::{Envelope, GroupId, samples};
use exhibit_ledger::note::SigningKey;
use exhibit_ledger::tree::leaf_hash;
use exhibit_store::cluster::{self, ClusterOptions, RunningCluster};
use exhibit_store::{Append, DatabaseUrl, GroupKey, NewDisclosure, NewEntry, NewGroup, Store, Trusted, testing};
use futures_util::StreamExt as _;
use sqlx::Executor as _;

/// Entries that one unit appends: a run.
const RUN: u64 = 4;
/// Runs that one transaction appends in bulk.
const BULK: u64 = 2_000;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let word = |index: usize| words.get(index).map(String::as_str);
    let count = |usual: u64| word(1).map_or(usual, |text| text.parse().expect("a number of entries"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        match word(0) {
            Some("append") => append(count(100_000)).await,
            Some("callers") => callers().await,
            Some("fsck") => fsck(count(1_000_000)).await,
            Some("fsck-alone") => fsck_alone(word(1).expect("a connection string")).await,
            Some(other) => panic!("{other}: append, callers or fsck"),
            None => {
                append(100_000).await;
                callers().await;
                fsck(1_000_000).await;
            }
        }
    });
}

/// A cluster that writes through to the disk, and the store in it.
struct Bench {
    cluster: RunningCluster,
    store: Store,
    folder: tempfile::TempDir,
}

impl Bench {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("ours");
        let cluster = cluster::start(ClusterOptions::new(folder.path().join("data"))).await.expect("Postgres starts");
        let store = Store::open_private(cluster.connection()).await.expect("a store");
        let bench = Self { cluster, store, folder };
        bench.store.append(first()).await.expect("the deployment");
        bench
    }

    /// Lets disk and log come to rest: what a run before has left to be written is no part of the next, and each begins with
    /// the log's files yet to be made.
    async fn settle(&self) {
        let mut plain = testing::connection(&self.superuser()).await.expect("a connection");
        plain.execute("CHECKPOINT").await.expect("a checkpoint");
        assert!(Command::new("sync").status().expect("it runs").success());
    }

    fn superuser(&self) -> DatabaseUrl {
        testing::superuser_url(self.cluster.connection(), cluster::DATABASE)
    }
}

fn verifier_key() -> String {
    let key = SigningKey::from_seed(samples::ORIGIN, &[7; 32]).expect("a key");
    key.verifier().to_string()
}

fn first() -> Append {
    let body = samples::body(0, &verifier_key());
    Append::entries(samples::at(0), vec![NewEntry { id: samples::id(0), body }])
}

/// The unit of a run: its entries, with what they disclose.
fn unit(run: u64) -> Append {
    let numbers = run * RUN + 1..run * RUN + 1 + RUN;
    let mut disclosures = Vec::new();
    let entries = numbers
        .map(|number| {
            let id = samples::id(number);
            for disclosure in samples::disclosures(number) {
                let fresh = NewGroup {
                    id: GroupId(samples::id(number * 2 + disclosures.len() as u64).0),
                    key: GroupKey::new([9; 32]),
                };
                disclosures.push(NewDisclosure { entry: id, disclosure, fresh });
            }
            NewEntry { id, body: samples::body(number, "") }
        })
        .collect();
    Append { disclosures, ..Append::entries(samples::at((run + 1) * RUN), entries) }
}

/// Appends entries in bulk, transactions of which two are on their way at a time; tells how long that took.
async fn fill(store: &Store, entries: u64) -> Duration {
    let mut took = Duration::ZERO;
    let slice = 100_000 / RUN;
    let runs = entries / RUN;
    let mut from = 0;
    while from < runs {
        let until = runs.min(from + slice);
        // Made beforehand: to make them is the importer's work.
        let mut groups: Vec<Vec<Append>> = Vec::new();
        for start in (from..until).step_by(BULK as usize) {
            groups.push((start..until.min(start + BULK)).map(unit).collect());
        }
        let begun = Instant::now();
        let outcomes = futures_util::stream::iter(groups)
            .map(|units| {
                let store = store.clone();
                tokio::spawn(async move { store.append_all(units).await })
            })
            .buffered(2);
        let outcomes: Vec<_> = outcomes.collect().await;
        took += begun.elapsed();
        for outcome in outcomes.into_iter().flat_map(|group| group.expect("it ends")) {
            outcome.expect("appended");
        }
        from = until;
    }
    took
}

async fn append(entries: u64) {
    let mut rows = Vec::new();
    let mut bytes = 0;
    for number in 1..=entries {
        let recorded_at = samples::at(number.next_multiple_of(RUN));
        let envelope = Envelope { id: samples::id(number), recorded_at, body: samples::body(number, "") };
        let record = envelope.to_record().expect("a record");
        bytes += record.as_bytes().len();
        let escaped = record.as_str().replace('\\', "\\\\");
        let leaf = hex(&leaf_hash(record.as_bytes()));
        let (id, kind) = (envelope.id, envelope.body.kind());
        rows.push(format!("{number}\t{kind}\t{id}\t{recorded_at}\t{escaped}\t\\\\x{leaf}\n"));
    }
    let rows = rows.concat().into_bytes();
    println!("{entries} entries, {} bytes each", bytes as u64 / entries);
    let mut ratios = Vec::new();
    for _ in 0..5 {
        let (theirs, ours) = (copied(&rows).await, appended(entries).await);
        println!(
            "COPY into one table {:.2} s ({:.0} entries/s); appended {:.2} s ({:.0} entries/s); rate {:.2} of COPY's",
            theirs.as_secs_f64(),
            entries as f64 / theirs.as_secs_f64(),
            ours.as_secs_f64(),
            entries as f64 / ours.as_secs_f64(),
            theirs.as_secs_f64() / ours.as_secs_f64()
        );
        ratios.push(theirs.as_secs_f64() / ours.as_secs_f64());
    }
    ratios.sort_by(f64::total_cmp);
    println!("bulk: {:.2} of the rate of COPY (median of {}); promised 0.33", ratios[ratios.len() / 2], ratios.len());
}

/// How long `COPY` takes with rows into one table with the same indexes, in a cluster of its own.
async fn copied(rows: &[u8]) -> Duration {
    let bench = Bench::new().await;
    let mut plain = testing::connection(&bench.superuser()).await.expect("a connection");
    plain
        .execute(
            "CREATE TABLE public.plain (seq bigint NOT NULL, kind text COLLATE \"C\" NOT NULL, id uuid NOT NULL, \
               recorded_at timestamptz NOT NULL, record text COLLATE \"C\" NOT NULL, leaf bytea NOT NULL, \
               PRIMARY KEY (seq), UNIQUE (id))",
        )
        .await
        .expect("a table");
    bench.settle().await;
    let begun = Instant::now();
    let mut copy = plain.copy_in_raw("COPY public.plain FROM STDIN").await.expect("a copy");
    for chunk in rows.chunks(1 << 20) {
        copy.send(chunk).await.expect("sent");
    }
    copy.finish().await.expect("copied");
    begun.elapsed()
}

/// How long entries take to be appended, in a cluster of its own.
async fn appended(entries: u64) -> Duration {
    let bench = Bench::new().await;
    bench.settle().await;
    fill(&bench.store, entries).await
}

async fn callers() {
    const CALLERS: u64 = 32;
    const EACH: u64 = 100;
    let bench = Bench::new().await;
    let begun = Instant::now();
    for run in 0..EACH {
        let outcome = bench.store.append_all(vec![unit(run)]).await;
        outcome.into_iter().for_each(|outcome| drop(outcome.expect("appended")));
    }
    let alone = EACH as f64 / begun.elapsed().as_secs_f64();

    let store = Arc::new(bench.store.clone());
    let begun = Instant::now();
    let tasks: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for number in 0..EACH {
                    store.append(unit(EACH + caller * EACH + number)).await.expect("appended");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("it ends");
    }
    let together = (CALLERS * EACH) as f64 / begun.elapsed().as_secs_f64();
    println!(
        "single appends: a batch of one {alone:.0}/s; {CALLERS} callers {together:.0}/s; {:.1} times, promised 10",
        together / alone
    );
}

async fn fsck(entries: u64) {
    let bench = Bench::new().await;
    let took = fill(&bench.store, entries).await;
    println!("appended {entries} entries in {:.1} s", took.as_secs_f64());
    let mut plain = testing::connection(&bench.superuser()).await.expect("a connection");
    plain.execute("VACUUM ANALYZE").await.expect("as autovacuum would");
    let tables = |names: &[&str]| names.iter().map(|name| format!("exhibit.{name}")).collect::<Vec<_>>();
    let ledger = tables(exhibit_store::LEDGER);
    let mut all = ledger.clone();
    all.extend(tables(exhibit_store::PROJECTIONS));
    all.extend(tables(&["disclosures", "disclosure_keys"]));
    for round in 0..3 {
        let (ledger, bytes) = read(&mut plain, &ledger).await;
        let (all, all_bytes) = read(&mut plain, &all).await;
        let begun = Instant::now();
        let out = Command::new(std::env::current_exe().expect("a program"))
            .arg("fsck-alone")
            .arg(bench.folder.path())
            .output()
            .expect("it runs");
        let took = begun.elapsed();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        println!(
            "round {round}: COPY TO of the ledger {:.2} s ({bytes} bytes), with all that fsck compares {:.2} s \
             ({all_bytes} bytes); fsck {:.2} s: {:.2} and {:.2} times, promised 3; {}",
            ledger.as_secs_f64(),
            all.as_secs_f64(),
            took.as_secs_f64(),
            took.as_secs_f64() / ledger.as_secs_f64(),
            took.as_secs_f64() / all.as_secs_f64(),
            String::from_utf8_lossy(&out.stdout).trim()
        );
    }
}

/// Reads tables as `COPY` gives them, and throws the bytes away.
async fn read(connection: &mut sqlx::PgConnection, tables: &[String]) -> (Duration, usize) {
    let begun = Instant::now();
    let mut bytes = 0;
    for table in tables {
        let statement = format!("COPY (SELECT * FROM {table}) TO STDOUT");
        let mut out = connection.copy_out_raw(&statement).await.expect("a copy");
        while let Some(chunk) = out.next().await {
            bytes += chunk.expect("bytes").len();
        }
    }
    (begun.elapsed(), bytes)
}

async fn fsck_alone(folder: &str) {
    let options = ClusterOptions::new(Path::new(folder).join("data"));
    let cluster = cluster::start(options).await.expect("the server that runs");
    let url = testing::service_url(cluster.connection(), cluster::DATABASE);
    let store = Store::open(&url).await.expect("a store");
    let key = SigningKey::from_seed(samples::ORIGIN, &[7; 32]).expect("a key");
    let trusted =
        Trusted { origin: samples::ORIGIN.to_owned(), keys: vec![key.verifier().clone()], checkpoints: Vec::new() };
    let report = store.fsck(&trusted).await.expect("it could look");
    for difference in report.differences.iter().take(3) {
        println!("DIFFERS {difference}");
    }
    println!("{} entries, clean: {}, at most {} MiB", report.entries, report.is_clean(), peak_mib());
}

/// The most memory that this process held at once.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("the kernel says so");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("it is there");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("KiB") / 1024
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
