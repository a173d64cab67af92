//! The entry about the log's own signing key: one key hands over to the next.

use serde::{Deserialize, Serialize};

/// The body of an entry of kind `key`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRotation {
    /// Why the key was rotated, in the words of whoever did it.
    pub reason: String,
    /// The statement, a C2SP signed note by the key that leaves and the key that comes: origin, size and both keys. Who
    /// reads it must check both signatures, and that its size is this entry's position and 1.
    pub statement: String,
}

impl KeyRotation {
    /// The key that leaves and the key that comes, as the statement says: whether they signed it is for the ledger's
    /// verification to say.
    pub fn stated_keys(&self) -> Option<(&str, &str)> {
        let mut lines = self.statement.lines().skip(2);
        Some((lines.next()?, lines.next()?))
    }
}
