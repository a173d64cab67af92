//! Attestations: what no program can look at, said by one person and confirmed by another.
//!
//! That a hardware manager or a safe holds a key is seen by people alone. Each act is an entry; what an attestation comes to
//! is what its acts say, in the order of the ledger, and it ends with the quarter in which it was made.

mod statements;

pub use crate::standing::{Standing, Word};
pub use statements::{Statement, Statements};

use serde::{Deserialize, Serialize};

use crate::{Actor, Disclosable, EntryId, EnvironmentId, Period};

/// The longest name of a key, and of a location, in characters.
pub const LONGEST_NAME: usize = 200;
/// The longest statement, in characters: a disclosed value has at most 2,000 bytes.
pub const LONGEST_STATEMENT: usize = 500;
/// The longest reason of a withdrawal, in characters.
pub const LONGEST_REASON: usize = 500;

/// The body of an entry of kind `attestation`: one act. An attestation's id is the id of the entry that made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Attestation {
    /// A first person states something. It counts for nothing until a second one confirms it.
    Make {
        /// What kind of thing is stated.
        about: About,
        /// Who states it.
        by: Actor,
        /// The environment whose key it is.
        environment: EnvironmentId,
        /// What the key is called where it is configured, 1 to [`LONGEST_NAME`] characters.
        key: String,
        /// The place that holds it, by the name that the configuration has for it, 1 to [`LONGEST_NAME`] characters.
        location: String,
        /// The quarter that it was made in, and holds for.
        period: Period,
        /// The person's own words: they may name somebody, so only the digest stands here.
        statement: Disclosable,
    },
    /// A second, different person says that it is so.
    Confirm {
        /// The attestation.
        attestation: EntryId,
        /// Who confirms it.
        by: Actor,
    },
    /// One of the two takes it back.
    Withdraw {
        /// The attestation.
        attestation: EntryId,
        /// Who takes it back.
        by: Actor,
        /// Why. It stays for ever and must name nobody.
        reason: String,
    },
}

/// What an attestation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum About {
    /// The current key is at a location that no program can look at.
    KeyCustody,
}

impl About {
    /// The word that records use.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::KeyCustody => "key-custody",
        }
    }
}

impl Attestation {
    /// The word of the act, as the record has it.
    #[must_use]
    pub fn act(&self) -> &'static str {
        match self {
            Self::Make { .. } => "make",
            Self::Confirm { .. } => "confirm",
            Self::Withdraw { .. } => "withdraw",
        }
    }

    /// The person who acted.
    #[must_use]
    pub fn by(&self) -> &Actor {
        match self {
            Self::Make { by, .. } | Self::Confirm { by, .. } | Self::Withdraw { by, .. } => by,
        }
    }
}
