//! Postgres, and the only crate that knows SQL; the private embedded cluster.
//!
//! The ledger is the truth; everything else is a projection of it or work in hand. Each public
//! function of [`Store`] is one verb of the business in one named transaction. Times, ids and
//! random tokens are arguments; no row type leaves this crate.

pub mod append;
mod artifacts;
mod checkpoints;
pub mod cluster;
mod disclosures;
mod entries;
mod erasing;
mod error;
mod examine;
mod fsck;
mod head;
mod intents;
mod listening;
mod nodes;
mod partitions;
mod private;
mod projection;
mod query;
mod rebuild;
mod restoring;
mod rows;
mod run_requests;
pub mod service;
mod slots;
mod steering;
mod store;
mod submissions;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod tx;
mod url;
mod vitals;
mod worker;

#[cfg(test)]
mod tests;

pub use append::{Append, Appended, NewArtifact, NewDisclosure, NewEntry, NewGroup, Recorded};
pub use artifacts::{Artifact, ArtifactChunks, ArtifactFacts, Packed, Packing};
pub use checkpoints::StoredCheckpoint;
pub use disclosures::{Disclosed, DisclosureGroup, GroupKey, RecordedErasure};
pub use entries::{Entries, StoredEntry};
pub use erasing::{Erased, NewErasure};
pub use error::StoreError;
pub use examine::Condition;
pub use fsck::{Difference, FsckReport, OutsideCheckpoint, Trusted};
pub use head::Head;
pub use intents::ArchiveIntent;
pub use listening::{Heard, Listener};
pub use private::{OWNER_ROLE, SERVICE_ROLE};
pub use projection::{LEDGER, NOT_PROJECTIONS, PROJECTIONS};
pub use query::{
    ClosedFinding, ClosedSlot, EvidenceFilter, EvidenceSummary, FindingFilter, FindingObservation, FindingSummary,
    Judged, JudgedEvidence, OpenFinding,
};
pub use restoring::{LostDisclosure, UnnamedErasure};
pub use run_requests::{NewRunRequest, Requested, RunEnd, RunLease, RunRequest, RunState};
pub use slots::{Lease, OpenSlot, Slot};
pub use store::Store;
pub use submissions::NewSubmission;
pub use url::DatabaseUrl;
pub use vitals::{JobVitals, MOST_JOBS, PoolVitals, Vitals};
pub use worker::Worker;
