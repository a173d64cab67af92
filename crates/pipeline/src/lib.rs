//! World, and the steps that move evidence forward.
//!
//! Each step looks at the state, does what is missing, and may run again: crash recovery, catch-up and normal work are
//! one path. A collector observes, a judge decides, the ledger seals, the report tells, the archive keeps.

mod archiving;
mod attempts;
mod attestations;
mod attesting;
mod calendar;
mod checkpointing;
mod clock;
mod closing;
mod declaring;
mod disclosures;
mod ending;
mod error;
mod guard;
mod holds;
mod issuing;
mod kept;
mod keys;
mod ledger_reads;
mod people;
mod performing;
mod planning;
mod pushing;
mod remembering;
mod restoring;
mod retaining;
mod sealing;
mod service;
mod turn;
mod waivers;
mod work;
mod world;

pub use archiving::{
    ReceiptCheck, Unarchived, archive_pending, archive_surroundings, archive_to_now, check_receipts, unarchived,
    unarchived_of,
};
pub use attempts::Effort;
pub use attestations::{
    AttestationState, NewAttestation, attest, attestations, confirm_attestation, statements, withdraw_attestation,
};
pub use checkpointing::{
    ARCHIVED, ArchivedCheckpoint, OutsideCheckpoints, archived_checkpoints, checkpoint, hold_to_outside,
};
pub use clock::ReferenceClock;
pub use closing::{Closed, close_periods};
pub use declaring::{Declared, declare};
pub use disclosures::{LONGEST_REASON, Recovered, erase_disclosures, recover_disclosures};
pub use error::StepError;
pub use holds::{HoldState, NewHold, Released, cases, holds, place_hold, release_hold};
pub use issuing::{Issued, issue, render_period, replay_view};
pub use kept::{KeptArtifact, NotKept, kept_artifact};
pub use keys::{Handover, handovers, line_of, rotate};
pub use people::{Person, ROLES};
pub use performing::{Performed, perform_on_demand};
pub use planning::{plan, plan_ahead};
pub use pushing::{Admitted, Import, ImportError, Imported, NotAdmitted, Offered, admit, import};
pub use restoring::{Restoration, Restored, restore};
pub use retaining::{PRESETS, Preset, Retention, RetentionClass};
pub use sealing::masked;
pub use service::{OnIssued, Service, ServiceSettings};
pub use waivers::{NewWaiver, WaiverState, approve_waiver, request_waiver, waivers, withdraw_waiver};
pub use work::{Progress, RunSummary, SlotOutcome, run_due};
pub use world::{DeploymentPlan, HostFacts, Job, Random, SystemClock, SystemRandom, WorkPlan, World};
