//! What `pgbench` measures of the same SQL, without any HTTP.

use std::{fmt::Write as _, fs, path::PathBuf, process::Command};

use exhibit_store::{
    SERVICE_ROLE,
    service::{
        EvidenceQuery, Scope,
        spelled::{self, Spelled},
    },
};
use exhibit_tests::{Ledger, Seed};

use crate::{Question, bare};

/// Connections, as many as the pool has.
const CLIENTS: &str = "10";
/// Seconds.
const SPAN: &str = "5";

/// Transactions a second: with the same statements, and with the question alone. Empty where there is no `pgbench`.
pub(crate) async fn rates(ledger: &Ledger, question: Question, seed: &Seed) -> Vec<(&'static str, f64)> {
    let size = ledger.store.head().await.expect("a head").size();
    // Numbers that are told from every other, to be found in the statements and put in by pgbench.
    let number = 54_321;
    let place = bare::before(number);
    let statements: Vec<Spelled> = match question {
        Question::Piece => {
            let piece = spelled::piece(Seed::id(number), seed.observed(number), &[Seed::assessment(number)], size);
            let (levels, starts, ends) = bare::ranges(number, size);
            let array = |range: String| range.replace('[', "{").replace(']', "}");
            let values = [format!("{levels:?}"), format!("{starts:?}"), format!("{ends:?}")].map(array);
            let nodes = Spelled { text: spelled::NODES.to_owned(), values: values.into() };
            let latest = Spelled { text: spelled::LATEST_CHECKPOINT.to_owned(), values: Vec::new() };
            piece.into_iter().chain([latest, nodes]).collect()
        }
        Question::Page => {
            let query = EvidenceQuery { before: Some(place), limit: 100, ..EvidenceQuery::default() };
            vec![spelled::page(&query, &Scope::whole(), size)]
        }
    };
    let line = |spelled: &Spelled| line(spelled, number, seed);
    let question: String = statements.iter().map(line).collect();
    let set = format!("\\set n random(0, {})\n\\set p :n * 3 + 321\n\\set d :n + 100000000000\n", seed.pieces - 1);
    let begin = format!("{};\n{}", spelled::begin(), line(&spelled::restrict(&Scope::whole())));
    let scripts = [
        ("pgbench, same statements", format!("{set}{begin}{question}COMMIT;\n")),
        ("pgbench, question alone", set + &question),
    ];
    scripts.into_iter().filter_map(|(name, script)| Some((name, rate(ledger, &script)?))).collect()
}

/// A statement with its values in place, those that change as pgbench's variables.
fn line(spelled: &Spelled, number: u64, seed: &Seed) -> String {
    let (place, time) = (bare::before(number), seed.observed(number).to_string());
    let mut text = spelled.text.clone();
    let digits = (number + 100_000_000_000).to_string();
    for (index, value) in spelled.values.iter().enumerate().rev() {
        let value = if *value == place.to_string() {
            ":p".to_owned()
        } else if *value == time {
            let (from, jobs, every) = (seed.from, Seed::JOBS, seed.every.num_seconds());
            format!("(timestamptz '{from}' + :n / {jobs} * interval '{every} s')")
        } else if value.contains(&digits) {
            format!("('{}')", value.replace(&digits, "' || :d || '"))
        } else {
            format!("'{value}'")
        };
        text = text.replace(&format!("${}", index + 1), &value);
    }
    text + ";\n"
}

fn rate(ledger: &Ledger, script: &str) -> Option<f64> {
    let connection = ledger.cluster.connection();
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("pgbench.sql");
    fs::write(&file, script).expect("a script");
    let out = Command::new("pgbench")
        .args(["--no-vacuum", "--protocol=prepared", "--client", CLIENTS, "--time", SPAN, "--username", SERVICE_ROLE])
        .arg("--host")
        .arg(&connection.socket_directory)
        .args(["--port", &connection.port.to_string(), "--file"])
        .arg(&file)
        .arg(connection.database)
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&out.stdout);
    let rate = text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    if rate.is_none() {
        let mut why = String::new();
        let _ = write!(why, "pgbench says: {}", String::from_utf8_lossy(&out.stderr));
        println!("{why}");
    }
    rate
}
