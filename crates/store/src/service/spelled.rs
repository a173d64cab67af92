//! What the verbs of reading send to Postgres, word for word: for benchmarks, which set a peer beside them that sends
//! the same.

use exhibit_evidence::{EntryId, Timestamp};
use sqlx::PgPool;

use super::ask::Ask;
use super::evidence::{self, EvidenceQuery};
use super::reading::{RESTRICT, View, restriction};
use super::scope::Scope;
use crate::Store;
use crate::tx::SNAPSHOT;

/// A statement, and the values of its parameters as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spelled {
    /// The text, with `$1` and so on.
    pub text: String,
    /// What stands for them.
    pub values: Vec<String>,
}

impl From<Ask> for Spelled {
    fn from(ask: Ask) -> Self {
        Self { text: ask.text().to_owned(), values: ask.values }
    }
}

/// The checkpoint that covers most.
pub const LATEST_CHECKPOINT: &str = crate::checkpoints::LATEST;
/// Hashes of the tree; the parameters are three arrays: levels, first positions, positions after the last.
pub const NODES: &str = crate::nodes::NODES;

/// The connections that the store works with.
#[must_use]
pub fn pool(store: &Store) -> PgPool {
    store.pool.clone()
}

/// How a view begins: its transaction, which has no parameters.
#[must_use]
pub fn begin() -> &'static str {
    SNAPSHOT
}

/// How a view takes the restricted role, within this scope.
#[must_use]
pub fn restrict(scope: &Scope) -> Spelled {
    Spelled { text: RESTRICT.to_owned(), values: restriction(scope).into() }
}

/// A page of evidence, of a ledger of this size.
#[must_use]
pub fn page(query: &EvidenceQuery, scope: &Scope, size: u64) -> Spelled {
    evidence::page(query, &View { scope: scope.clone(), size }).0.into()
}

/// One piece of evidence that was observed until then, of a ledger of this size: the piece, its assessments, the values
/// of these entries.
#[must_use]
pub fn piece(id: EntryId, observed_to: Timestamp, assessments: &[EntryId], size: u64) -> [Spelled; 3] {
    let ids: Vec<EntryId> = std::iter::once(id).chain(assessments.iter().copied()).collect();
    let assessments = evidence::assessments_of(id, observed_to, size);
    [evidence::piece(id, size), assessments, evidence::disclosures_of(&ids)].map(Into::into)
}
