//! Questions about what is recorded: lists for officers and auditors, and the last word on a thing.

mod evidence;
mod findings;
mod receipts;
mod slots;

pub use evidence::{EvidenceFilter, EvidenceSummary, Judged, JudgedEvidence};
pub use findings::{ClosedFinding, FindingFilter, FindingObservation, FindingSummary, OpenFinding};
pub use slots::ClosedSlot;
