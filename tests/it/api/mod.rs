//! The API: what it answers, to whom, and what of it is on record.

use exhibit_pipeline::Issued;
use exhibit_tests::{Example, TestWorld};

mod controls;
mod gate;
mod ledger;
mod metrics;
pub(crate) mod pages;
pub(crate) mod pieces;
mod reading;
mod reports;
mod requests;
mod rights;
mod rights_table;
mod schemathesis;
mod slots;

/// A story in which the third quarter of 2026 is closed, reported and archived.
pub(crate) async fn closed() -> (TestWorld, Issued) {
    let weekly = "0 6 * * 1";
    let examples = [
        Example::new("ci", "ci_secrets", "fail").scheduled(weekly),
        Example::new("credentials", "unique_credentials", "pass").scheduled(weekly),
    ];
    let story = TestWorld::new("2026-09-25T08:00:00Z", &examples).await;
    story.run_at("2026-09-25T08:00:00Z").await;
    story.run_at("2026-09-28T04:05:00Z").await;
    let mut summary = story.run_at("2026-10-05T22:00:00Z").await;
    (story, summary.issued.remove(0))
}
