//! Stories: the whole way of a piece of evidence, against a real Postgres, with time and faults in our hand.

mod archive;
mod attestation;
mod attested;
mod boundaries;
mod canaries;
mod disclosures;
mod holds;
mod imported;
mod keys;
mod on_demand;
mod pushed;
mod quarter;
mod schedule;
mod service;
mod service_kills;
mod simulation;
mod waived;

use exhibit_pipeline::{Performed, SlotOutcome};
use exhibit_report::PeriodView;

/// A slot's end in few words: `performed`, `late`, or how it was closed.
fn ends(slots: &[SlotOutcome]) -> Vec<String> {
    let end = |slot: &SlotOutcome| match slot {
        SlotOutcome::Performed(Performed { late: true, .. }) => "late".to_owned(),
        SlotOutcome::Performed(_) => "performed".to_owned(),
        SlotOutcome::Closed { state, .. } => state.word().to_owned(),
    };
    slots.iter().map(end).collect()
}

/// The checks' current outcomes and their worst in the period: `check current throughout`.
fn outcomes(view: &PeriodView) -> Vec<String> {
    let line = |check: &exhibit_report::view::CheckView| {
        format!("{} {} {}", check.id, check.current.word(), check.throughout.word())
    };
    view.checks.iter().map(line).collect()
}
