//! What two persons agree to, as it stands at an instant: attestations and waivers have the same words for it.

use serde::{Deserialize, Serialize};

use crate::{Actor, EntryId, Timestamp};

/// What a person said to what another one had begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Its entry.
    pub id: EntryId,
    /// When it was recorded.
    pub at: Timestamp,
    /// Whose it is.
    pub by: Actor,
    /// Why; who agrees gives no reason.
    pub reason: Option<String>,
}

/// How an attestation or a waiver stands at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Two persons agreed, nobody took it back, and its time goes on.
    InForce,
    /// One person alone said so. It counts for nothing.
    Pending,
    /// Its time is over, whether a second person agreed or not.
    Expired,
    /// It was taken back.
    Withdrawn,
}

impl Standing {
    /// How that stands which a second person agreed to and somebody took back, if they did, and whose time is over or not:
    /// what was said later than the instant is not yet so.
    pub(crate) fn at(at: Timestamp, agreed: Option<&Word>, withdrawn: Option<&Word>, over: bool) -> Self {
        let said = |word: Option<&Word>| word.is_some_and(|word| word.at <= at);
        match () {
            () if said(withdrawn) => Self::Withdrawn,
            () if over => Self::Expired,
            () if said(agreed) => Self::InForce,
            () => Self::Pending,
        }
    }

    /// The word for people and for JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::InForce => "in-force",
            Self::Pending => "pending",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
        }
    }
}
