//! `cargo bench -p exhibit-tests --bench api`: the evidence API beside bare handlers that run the same SQL on the same pool.
//!
//! A private Postgres that writes through to the disk holds 100,000 pieces of evidence. Three peers answer the same two
//! questions on loopback: the API as the binary serves it (tokens, rights, rate limits, access log, row-level security,
//! ETags); a handler that sends the very same statements within the same kind of transaction and writes the rows as JSON;
//! and one that sends the question alone. They are measured in turns, so that a noisy machine is noisy for all of them.
//! `pgbench`, where there is one, tells what Postgres gives without any HTTP.

#![expect(clippy::print_stdout, reason = "the figures are what a benchmark is for")]

#[path = "parts/bare.rs"]
mod bare;
#[path = "parts/load.rs"]
mod load;
#[path = "parts/machine.rs"]
mod machine;
#[path = "parts/pgbench.rs"]
mod pgbench;
#[path = "parts/served.rs"]
mod served;

use std::{net::SocketAddr, path::Path, time::Duration};

use exhibit_store::service::Role;
use exhibit_tests::{Ledger, Seed, at};

/// Pieces of evidence in the ledger.
const PIECES: u64 = 100_000;
/// Connections that ask at the same time, each its next question when the last is answered.
const CONNECTIONS: usize = 32;
/// Rounds over all peers, after one that warms.
const ROUNDS: usize = 7;
/// How long a peer is asked in a round.
const SPAN: Duration = Duration::from_secs(3);

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    /// One piece of evidence, with all that belongs to it.
    Piece,
    /// A page of 100, from anywhere in the ledger.
    Page,
}

/// Who answers, in the order of the table.
const PEERS: [&str; 3] = ["the API", "bare, same statements", "bare, question alone"];

fn main() {
    let seed = Seed::promised(PIECES, at("2023-01-01T00:00:00Z"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("ledger-{PIECES}"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let ledger = Ledger::seeded(folder, &seed, |pieces| println!("seeded {pieces} of {PIECES}")).await;
        compare(&ledger, &seed).await;
        ledger.close().await;
    });
}

async fn compare(ledger: &Ledger, seed: &Seed) {
    machine::print(ledger).await;
    let (ours, token) = served::serve(ledger, seed, Role::Officer).await;
    once(ours, &token).await;
    let bare = bare::serve(&ledger.store, seed).await;
    println!("{PIECES} pieces, {CONNECTIONS} connections, {ROUNDS} rounds of {} s each\n", SPAN.as_secs());
    println!("{:<14} {:<24} {:>10} {:>10}", "question", "answered by", "a second", "ratio");
    for question in [Question::Piece, Question::Page] {
        let mut rates: [Vec<f64>; 3] = Default::default();
        for round in 0..=ROUNDS {
            // Each peer comes first as often as the others.
            for turn in 0..PEERS.len() {
                let peer = (turn + round) % PEERS.len();
                let rate = measure(question, peer, ours, bare, &token).await;
                if round > 0 {
                    rates[peer].push(rate);
                }
            }
        }
        // Of each round its own ratio: what slows a round slows all who are measured in it.
        let ratio = |other: &[f64]| median(rates[0].iter().zip(other).map(|(ours, theirs)| ours / theirs).collect());
        for (peer, name) in PEERS.iter().enumerate() {
            let (rate, ratio) = (median(rates[peer].clone()), ratio(&rates[peer]));
            println!(
                "{:<14} {name:<24} {rate:>10.0} {:>10}",
                question.name(),
                if peer == 0 { "".to_owned() } else { format!("{ratio:.2}") }
            );
        }
        for (name, rate) in pgbench::rates(ledger, question, seed).await {
            println!("{:<14} {name:<24} {rate:>10.0}", question.name());
        }
    }
}

/// What is asked seldom and takes longer: the first time, when nothing is known yet, and the second.
async fn once(ours: SocketAddr, token: &str) {
    println!("{:<56} {:>10} {:>10}", "asked once, then again", "ms", "ms");
    for path in [
        "/api/v1/controls",
        "/api/v1/findings",
        "/api/v1/findings?as_of=150000",
        "/api/v1/findings?observed_from=2026-04-01T00:00:00Z&state=open",
    ] {
        let mut took = [0.0; 2];
        for time in &mut took {
            let token = token.to_owned();
            let asking = move || load::once(ours, &token, path);
            *time = tokio::task::spawn_blocking(asking).await.expect("it was measured").as_secs_f64() * 1000.0;
        }
        println!("{path:<56} {:>10.0} {:>10.0}", took[0], took[1]);
    }
    println!();
}

async fn measure(question: Question, peer: usize, ours: SocketAddr, bare: SocketAddr, token: &str) -> f64 {
    let path = move |number: u64| match (question, peer) {
        (Question::Piece, 0) => format!("/api/v1/evidence/{}", Seed::id(number)),
        (Question::Page, 0) => format!("/api/v1/evidence?limit=100&before={}", bare::before(number)),
        (Question::Piece, 1) => format!("/same/piece/{number}"),
        (Question::Page, 1) => format!("/same/page/{number}"),
        (Question::Piece, _) => format!("/alone/piece/{number}"),
        (Question::Page, _) => format!("/alone/page/{number}"),
    };
    let address = if peer == 0 { ours } else { bare };
    let token = (peer == 0).then(|| token.to_owned());
    // On a thread of its own: who asks is none of those who answer.
    let asking = move || load::rate(address, CONNECTIONS, SPAN, PIECES, token.as_deref(), path);
    tokio::task::spawn_blocking(asking).await.expect("it was measured")
}

impl Question {
    fn name(self) -> &'static str {
        match self {
            Self::Piece => "one piece",
            Self::Page => "a page of 100",
        }
    }
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}
