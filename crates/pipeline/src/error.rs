//! Why a step could not be taken.

use exhibit_archive::VaultError;
use exhibit_evidence::{CanonicalError, Period};
use exhibit_ledger::{bundle::BundleError, checkpoint::CheckpointError};
use exhibit_report::{RenderError, ViewError};
use exhibit_store::StoreError;

/// Why a step could not be taken. No variant holds a secret's value.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The archive.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// A record.
    #[error("a record could not be made: {0}")]
    Record(#[from] exhibit_evidence::record::RecordError),
    /// Something has no canonical form.
    #[error("a record could not be made: {0}")]
    Canonical(#[from] CanonicalError),
    /// A checkpoint could not be signed or read.
    #[error("the checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The report's data.
    #[error("the report: {0}")]
    View(#[from] ViewError),
    /// The report's text.
    #[error("the report: {0}")]
    Render(#[from] RenderError),
    /// The bundle.
    #[error("the report's bundle: {0}")]
    Bundle(#[from] BundleError),
    /// A file beside the data directory.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// What came of it.
        source: std::io::Error,
    },
    /// A run of a job of which nothing is looked at here.
    #[error("job {job}: its evidence is pushed by another system, so there is nothing to run")]
    Pushed {
        /// The job.
        job: String,
    },
    /// A piece that was handed in for a job that is collected here.
    #[error("job {job}: its evidence is collected by Exhibit itself and taken from nobody")]
    NotPushed {
        /// The job.
        job: String,
    },
    /// The ledger belongs to another log than the key says.
    #[error(
        "this ledger's origin is {ledger}, but the signing key is named {key}: the origin is fixed by the first entry; use the key that belongs to it"
    )]
    OtherOrigin {
        /// What the ledger's first entry says.
        ledger: String,
        /// What the key says.
        key: String,
    },
    /// The calendar gives a period of the ledger other boundaries.
    #[error(
        "`[deployment] time_zone` and `fiscal_year_start` now make {} reach from {} to {}, but the ledger has it from {} to {}{}: the quarters of a ledger keep their boundaries, or evidence would count in two quarters or in none; set both keys back, or begin a new ledger in another `data_dir`",
        configured.id, configured.start, configured.end, written.start, written.end, by_tzdata(written, configured)
    )]
    Calendar {
        /// As an entry has it.
        written: Box<Period>,
        /// As the configuration makes it.
        configured: Box<Period>,
    },
    /// The clock can't be believed.
    #[error("{why}: nothing is frozen by such a clock, because a freeze can't be taken back; {what}")]
    Clock {
        /// What is wrong with it.
        why: String,
        /// What to do.
        what: &'static str,
    },
    /// The ledger is not what a checkpoint says that was signed over it.
    #[error(
        "{place}: a checkpoint over {size} entries was signed, but {why}: the database was rewound, exchanged or changed; nothing is recorded or signed until it is restored (`exhibit fsck` names each difference)"
    )]
    Forked {
        /// Where the checkpoint is kept.
        place: String,
        /// How many entries it covers.
        size: u64,
        /// What is not so.
        why: String,
    },
    /// A checkpoint that was kept is not one of ours.
    #[error("{place}: this is no checkpoint signed by this log's key: {why}")]
    Unbound {
        /// Where it is kept.
        place: String,
        /// What is wrong with it.
        why: String,
    },
    /// The keys that signed this ledger do not form one line with this one.
    #[error("the key {key}: {why}")]
    Keys {
        /// The key.
        key: String,
        /// What is wrong with it.
        why: String,
    },
    /// The signing key handed over to another.
    #[error("the signing key {key} was rotated: this log's key is now {current}")]
    Retired {
        /// The key at hand.
        key: String,
        /// The key in use.
        current: String,
    },
    /// A rotation stands in the ledger, but its checkpoint is missing.
    #[error(
        "the rotation of the signing key at size {size} is not complete: no checkpoint by both keys is kept; rotate again with the key that leaves and the key that comes, as the first time"
    )]
    Unfinished {
        /// The size of the hand-over.
        size: u64,
    },
    /// A reason that can't stand in the ledger.
    #[error("a rotation needs a reason: one line of 1 to {longest} characters")]
    Reason {
        /// The most characters.
        longest: usize,
    },
    /// A job names a collector that is not built in.
    #[error("job {job}: there is no collector {collector}")]
    NoCollector {
        /// The job.
        job: String,
        /// The collector.
        collector: String,
    },
    /// Another process declared another configuration.
    #[error(
        "job {job}: another process declared it differently since this one read its configuration; this one performs nothing of it until it reads the configuration again"
    )]
    Superseded {
        /// The job.
        job: String,
    },
    /// The ledger has something that can't be.
    #[error("the ledger: {0}")]
    Ledger(String),
    /// Disclosable values could not be archived, opened or erased.
    #[error("disclosures: {0}")]
    Disclosures(String),
    /// The archive could not be brought back into a database.
    #[error("restoring from the archive: {0}")]
    Restore(String),
    /// A person's token is of a role that may not do this.
    #[error("a token of the role {role} may not do this: it is for {may}")]
    Role {
        /// The token's role.
        role: String,
        /// The roles that may.
        may: String,
    },
    /// An act of a legal hold that is not allowed, or makes no sense. Nothing was recorded.
    #[error("legal hold: {0}")]
    Hold(String),
    /// An act of an attestation that is not allowed, or makes no sense. Nothing was recorded.
    #[error("attestation: {0}")]
    Attestation(String),
    /// An act of a waiver that is not allowed, or makes no sense. Nothing was recorded.
    #[error("waiver: {0}")]
    Waiver(String),
    /// A legal hold was gone, and is on again.
    #[error(
        "legal hold: {key} (version {version}){} found without the hold that an open case had set: it was set again and the \
         ledger tells of it; find out who took it off",
        if *further == 0 { " was".to_owned() } else { format!(" and {further} further versions were") }
    )]
    HoldLost {
        /// The first of them.
        key: String,
        /// Its version.
        version: String,
        /// How many more.
        further: usize,
    },
    /// The archive gave back something else than was put.
    #[error("archive: {key}: read back {found}, but {expected} was put: this is not an archive")]
    NotArchived {
        /// The object.
        key: String,
        /// What was put.
        expected: String,
        /// What came back.
        found: String,
    },
    /// A task of our own ended before its work was done.
    #[error("a task ended early: {0}")]
    Task(String),
}

/// Where the same keys mean something else, it is the time-zone database that changed.
fn by_tzdata(written: &Period, configured: &Period) -> String {
    if written.time_zone == configured.time_zone && written.tzdata != configured.tzdata {
        return format!(" (by the time-zone database {}; this is {})", written.tzdata, configured.tzdata);
    }
    String::new()
}
