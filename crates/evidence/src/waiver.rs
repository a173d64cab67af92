//! Waivers: findings that stay open for a time with two persons' consent.
//!
//! Each act is an entry; what a waiver comes to is what its acts say, in the order of the ledger. A waiver takes nothing out of
//! any count: what it covers is counted, and told apart.

mod exceptions;

pub use crate::standing::{Standing, Word};
pub use exceptions::{Exception, Exceptions};

use serde::{Deserialize, Serialize};

use crate::{Actor, CheckId, EntryId, Fingerprint, Severity, Timestamp, observation::Subject};

/// The longest reason, and the longest text on what is done instead, in characters.
pub const LONGEST_TEXT: usize = 500;
/// For how many days a waiver may be asked for at most: an exception that nobody looks at again is none.
pub const LONGEST_DAYS: u32 = 366;

/// The body of an entry of kind `waiver`: one act. A waiver's id is the id of the entry that asked for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Waiver {
    /// A first person asks for it. It counts for nothing until a second one approves it.
    Request {
        /// Who asks.
        by: Actor,
        /// The check that noted the finding.
        check: CheckId,
        /// What holds the risk down meanwhile, 1 to [`LONGEST_TEXT`] characters; none where nothing does. It stays for ever
        /// and must name nobody.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        compensating: Option<String>,
        /// The finding.
        finding: Fingerprint,
        /// Why, 1 to [`LONGEST_TEXT`] characters. It stays for ever and must name nobody.
        reason: String,
        /// How bad the finding was when it was asked: one that got worse is not covered.
        severity: Severity,
        /// Where the finding is.
        subject: Subject,
        /// When it ends: the first instant at which it holds no more.
        until: Timestamp,
    },
    /// A second, different person approves it.
    Approve {
        /// Who approves.
        by: Actor,
        /// The waiver.
        waiver: EntryId,
    },
    /// Somebody ends it before its time, or turns the request down.
    Withdraw {
        /// Who ends it.
        by: Actor,
        /// Why. It stays for ever and must name nobody.
        reason: String,
        /// The waiver.
        waiver: EntryId,
    },
}

impl Waiver {
    /// The word of the act, as the record has it.
    #[must_use]
    pub fn act(&self) -> &'static str {
        match self {
            Self::Request { .. } => "request",
            Self::Approve { .. } => "approve",
            Self::Withdraw { .. } => "withdraw",
        }
    }

    /// The person who acted.
    #[must_use]
    pub fn by(&self) -> &Actor {
        match self {
            Self::Request { by, .. } | Self::Approve { by, .. } | Self::Withdraw { by, .. } => by,
        }
    }
}
