//! Legal holds: cases that keep archived objects from being removed, whatever their retention says.
//!
//! A case is placed by one person and released by two different ones. Each act is an entry; a case's state is what its
//! acts say, in the order of the ledger. What is not in the ledger is not a hold.

mod cases;

pub use cases::{Case, Cases, Consent};

pub use crate::actor::Actor;
use serde::{Deserialize, Serialize};

use crate::{Disclosable, EntryId, EnvironmentId, PeriodId, Timestamp};

/// How many objects one [`Hold::Set`] or [`Hold::Lift`] names at most: a record is at most 65,535 bytes.
pub const MOST_OBJECTS: usize = 100;
/// The longest matter, in characters.
pub const LONGEST_MATTER: usize = 200;
/// The longest reason of an act, in characters.
pub const LONGEST_REASON: usize = 500;

/// The body of an entry of kind `hold`: one act of a case. A case's id is the id of the entry that placed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Hold {
    /// A person opens a case: from here on, every object in its scope is to be held, those archived later too.
    Place {
        /// What it is about, as the people who ask for it name it.
        matter: String,
        /// Which objects.
        scope: HoldScope,
        /// Who answers for what is held: a person, so only the digest stands here.
        custodian: Disclosable,
        /// Why. It stays for ever and must name nobody.
        reason: String,
        /// Who placed it.
        by: Actor,
    },
    /// A first person agrees that the case may end. It goes on holding.
    ApproveRelease {
        /// The case.
        case: EntryId,
        /// Why.
        reason: String,
        /// Who agreed.
        by: Actor,
    },
    /// A second, different person ends the case.
    Release {
        /// The case.
        case: EntryId,
        /// The approval by the first person.
        approval: EntryId,
        /// Why.
        reason: String,
        /// Who ended it.
        by: Actor,
    },
    /// The archive says that these object versions are held, as read back from it after the hold was set.
    Set {
        /// The case.
        case: EntryId,
        /// The versions, at most [`MOST_OBJECTS`].
        objects: Vec<HeldObject>,
        /// When the last of them was read back.
        read_back_at: Timestamp,
    },
    /// The archive says that these object versions are held no more: their last open case had ended.
    Lift {
        /// The case that had held them.
        case: EntryId,
        /// The versions, at most [`MOST_OBJECTS`].
        objects: Vec<HeldObject>,
        /// When the last of them was read back.
        read_back_at: Timestamp,
    },
}

impl Hold {
    /// The word of the act, as the record has it.
    #[must_use]
    pub fn act(&self) -> &'static str {
        match self {
            Self::Place { .. } => "place",
            Self::ApproveRelease { .. } => "approve-release",
            Self::Release { .. } => "release",
            Self::Set { .. } => "set",
            Self::Lift { .. } => "lift",
        }
    }

    /// The person who acted; none where the service wrote down what the archive said.
    #[must_use]
    pub fn by(&self) -> Option<&Actor> {
        match self {
            Self::Place { by, .. } | Self::ApproveRelease { by, .. } | Self::Release { by, .. } => Some(by),
            Self::Set { .. } | Self::Lift { .. } => None,
        }
    }
}

/// Which objects a case is about: every object that any of these names. One that names nothing holds nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoldScope {
    /// Objects that hold evidence about these environments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environments: Vec<EnvironmentId>,
    /// Objects whose key begins with one of these texts; the empty one means every object.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// Reports of these periods, and objects that hold evidence observed in them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub periods: Vec<PeriodId>,
    /// What was archived with these reports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reports: Vec<EntryId>,
}

impl HoldScope {
    /// Whether it names nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.environments.is_empty() && self.keys.is_empty() && self.periods.is_empty() && self.reports.is_empty()
    }
}

/// One version of an object in the archive.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldObject {
    /// The object's key.
    pub key: String,
    /// The version, in the store's own word.
    pub version: String,
}
