//! People who act: by a token of their own, and by a name that only a salted digest stands for.

use serde::{Deserialize, Serialize};

use crate::{Disclosable, EntryId};

/// Who acted: a person, by a token of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// The person, as a salted digest.
    pub person: Disclosable,
    /// The role of the token at that moment: `officer` or `administrator`.
    pub role: String,
    /// The token's id.
    pub token: EntryId,
}

impl Actor {
    /// Whether this may be another person than that one, as far as the ledger alone tells: by another token. That two tokens
    /// are those of two persons is shown by disclosing both names.
    #[must_use]
    pub fn may_be_another_than(&self, other: &Self) -> bool {
        self.token != other.token
    }
}
