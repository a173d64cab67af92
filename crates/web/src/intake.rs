//! What stands between something that somebody sends and the database: the detector masks it, and the collector's judge
//! says whether it can be read. This room knows neither; the binary brings both.

use exhibit_evidence::{JobId, Timestamp};
use serde_json::Value;

/// Evidence as another system offers it.
#[derive(Clone)]
pub struct Offer {
    /// The job that it is for.
    pub job: JobId,
    /// What the pusher calls it.
    pub key: String,
    /// Where it was observed, in the pusher's words.
    pub host: Option<String>,
    /// What was observed.
    pub observation: Value,
    /// When it was received.
    pub received: Timestamp,
}

/// Why an offer is not taken, in words that hold no value of a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// There is no such job.
    #[error("there is no such job")]
    NoJob,
    /// It is not what the job takes.
    #[error("{0}")]
    Refused(String),
}

/// Masks and examines what is sent, before any of it is kept or repeated.
pub trait Intake: Send + Sync {
    /// The text without what looks like a secret.
    fn masked(&self, text: &str) -> String;

    /// The content that may be kept of an offer: examined, and every text of it masked. Blocks while it judges.
    ///
    /// # Errors
    /// Why it is not taken.
    fn admit(&self, offer: Offer) -> Result<String, NotTaken>;
}
