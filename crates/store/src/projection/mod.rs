//! Projections: what entries mean as rows of tables that answer questions.
//!
//! [`project`] is the one place that says so. Appending and rebuilding write its rows; `fsck`
//! computes them again from the stored bytes and compares.

mod column;
mod entry;
mod findings;
mod tables;

pub(crate) use column::{field, since_2000};
pub(crate) use entry::{moved_findings, project, read_findings};
pub(crate) use findings::{fold, merge_findings, merge_folded};
pub(crate) use tables::{COLUMNS, Differing, Rows, compare, encode, write};

/// Tables that `rebuild` empties and refills.
pub const PROJECTIONS: &[&str] = &[
    "deployments",
    "schedules",
    "evidence",
    "assessments",
    "assessment_subjects",
    "finding_observations",
    "findings",
    "slots",
    "periods",
    "reports",
    "receipts",
];

/// Tables that hold the ledger itself.
pub const LEDGER: &[&str] = &["ledger_head", "entries", "entry_ids", "tree_nodes", "checkpoints"];

/// Tables that are neither the ledger nor derived from it: `rebuild` never drops them.
pub const NOT_PROJECTIONS: &[&str] = &[
    "slot_claims",
    "run_requests",
    "submissions",
    "archive_intents",
    "artifacts",
    "disclosures",
    "disclosure_keys",
    "tokens",
    "access_log",
    "sessions",
];
