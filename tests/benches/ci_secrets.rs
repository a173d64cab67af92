//! `cargo bench -p exhibit-tests --bench ci_secrets`: the collector `ci_secrets` beside plain git.
//!
//! Both read the same generated repository (1,000 commits, 100 MB of blobs): the collector every version of every CI file,
//! the peer every object once, with `git cat-file --batch-all-objects --batch`. Whole runs, taken in turns, medians
//! printed. No Postgres is started.

#![expect(clippy::print_stdout, reason = "the figures are what a benchmark is for")]

use std::{
    io::Read as _,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use exhibit_collectors::{
    Registry, Scope, Settings,
    ci_secrets::generate::{Measures, generate},
};
use exhibit_evidence::{EnvironmentId, deployment::Environment};
use exhibit_pipeline::SystemClock;

/// Rounds of both, after one that warms the file cache.
const ROUNDS: usize = 7;

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let repository = folder.path().join("repository");
    let measures = Measures::default();
    println!("generating {measures:?}");
    generate(&repository, measures).expect("the repository is made");

    let registry = Registry::built_in().expect("the collectors are in order");
    let collector = &registry.get("ci_secrets").expect("it is built in").collector;
    let environments =
        [Environment { id: EnvironmentId::new("build").expect("an id"), title: "Build".to_owned(), disposable: false }];
    let source = "repositories = [{ id = \"generated\", path = \"repository\" }]";
    let settings = Settings { source: toml::from_str(source).expect("a source"), policy: toml::Table::new() };
    let scope = Scope {
        base: folder.path(),
        environments: &environments,
        clock: &SystemClock,
        run_key: &[7; 32],
        engine: exhibit_detect::Engine::builtin(),
        own: exhibit_collectors::own::Own::default(),
    };

    let mut ours = Vec::new();
    let mut theirs = Vec::new();
    let mut population = String::new();
    for round in 0..=ROUNDS {
        let begun = Instant::now();
        let collected = collector.collect(&scope, &settings).expect("the repository can be read");
        let judged =
            collector.judge(&collected.observation, &environments, &settings.policy).expect("it can be judged");
        let our_time = begun.elapsed();
        assert!(!judged.is_empty(), "nothing was judged");
        population =
            format!("{:?}", collected.observation.population.iter().map(|p| (p.exist, p.examined)).collect::<Vec<_>>());

        let begun = Instant::now();
        let bytes = cat_file(&repository);
        let their_time = begun.elapsed();
        assert!(bytes > 50_000_000, "git read only {bytes} bytes");
        if round > 0 {
            ours.push(our_time);
            theirs.push(their_time);
        }
    }
    let (ours, theirs) = (median(ours), median(theirs));
    println!("CI file versions that exist and were examined: {population}");
    println!("ci_secrets, collect and judge           {:>8.1} ms", ours.as_secs_f64() * 1000.0);
    println!("git cat-file --batch-all-objects --batch {:>7.1} ms", theirs.as_secs_f64() * 1000.0);
    println!("ratio                                    {:>7.2}", ours.as_secs_f64() / theirs.as_secs_f64());
}

/// Reads all objects as git prints them, and tells how many bytes those were.
fn cat_file(repository: &std::path::Path) -> usize {
    let mut child = Command::new("git")
        .arg("-C")
        .arg(repository)
        .args(["cat-file", "--batch-all-objects", "--batch"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("git runs");
    let mut out = child.stdout.take().expect("its output is a pipe");
    let (mut total, mut buffer) = (0, vec![0; 1 << 20]);
    loop {
        match out.read(&mut buffer).expect("its output can be read") {
            0 => break,
            count => total += count,
        }
    }
    assert!(child.wait().expect("git ends").success(), "git failed");
    total
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
