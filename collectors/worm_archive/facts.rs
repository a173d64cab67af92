//! What is kept of a look at the archive: receipts and answers side by side, compared by nobody yet.

use serde::{Deserialize, Serialize};

use crate::archived::{ReceiptFacts, Seen, StoreFacts, Surrounding};

/// The version of this shape.
pub(super) const FORMAT: u64 = 1;

/// The facts of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Facts {
    pub format: u64,
    pub store: StoreFacts,
    /// The objects that were examined, by key.
    pub objects: Vec<Object>,
    /// What surrounds them; none where the store gave no answer.
    pub surroundings: Option<Vec<Surrounding>>,
}

/// One object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Object {
    pub receipt: ReceiptFacts,
    /// What the store said; none where it gave no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seen>,
}
