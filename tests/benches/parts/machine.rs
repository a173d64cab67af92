//! What the figures were measured on.

use std::fs;

use exhibit_store::service::spelled;
use exhibit_tests::Ledger;

/// Prints processor, cores, and what Postgres says of itself.
pub(crate) async fn print(ledger: &Ledger) {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|pair| pair.1));
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    println!("{}, {cores} cores", model.unwrap_or("a processor that does not say its name"));
    let said: Vec<(String, String)> = sqlx::query_as(
        "SELECT name, setting FROM pg_settings WHERE name IN ('server_version', 'fsync', 'synchronous_commit')",
    )
    .fetch_all(&spelled::pool(&ledger.store))
    .await
    .expect("Postgres answers");
    let said: Vec<String> = said.into_iter().map(|(name, value)| format!("{name} {value}")).collect();
    println!("Postgres: {}", said.join(", "));
}
