//! The erasure of disclosable values, told in the ledger: that it was done, not of what.

use serde::{Deserialize, Serialize};

use crate::{Actor, GroupId, Timestamp};

/// The body of an entry of kind `erasure`: from here on nobody can open the values of this group.
///
/// The entry is written in the same transaction that erases key, salts and values, so neither is there without the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erasure {
    /// Who erased.
    pub by: Actor,
    /// How many digests of the ledger lost salt and value.
    pub digests: u64,
    /// When it was done.
    pub erased_at: Timestamp,
    /// The group: all values that were the same, in the same field.
    pub group: GroupId,
    /// The disclosable field, `body.provenance.host`.
    pub path: String,
    /// Why. It stays for ever and must name nobody.
    pub reason: String,
}
