//! Appending to the ledger: one transaction for the entries and all that hangs on them.
//!
//! The head row's lock orders appenders, so `seq` has no gaps and the tree never forks. Several
//! appends share one transaction ([`Store::append`]): each is whole or not there at all, and one that
//! is refused does not take the others with it. In bulk, a transaction writes its rows while the one
//! before it still holds the head ([`ahead`]).

mod ahead;
mod gathering;
mod prepare;
mod sequence;
mod write;

use std::sync::Arc;

use exhibit_evidence::{Body, Digest, Disclosure, EntryId, Finding, GroupId, Record, Timestamp};
use exhibit_ledger::tree::Hash;
use sqlx::PgConnection;

pub(crate) use ahead::Ahead;
pub(crate) use gathering::Gathering;
pub(crate) use prepare::{month_of, observed_to};

use crate::disclosures::GroupKey;
use crate::slots::Lease;
use crate::tx::run_tx;
use crate::{Store, StoreError};

/// The channel on which each append tells the ledger's new size.
pub const CHANNEL: &str = "exhibit_ledger";

/// An entry to append: the store adds `recorded_at`, under the head's lock.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEntry {
    /// Its id; appending the same id with the same body again is no error and adds nothing.
    pub id: EntryId,
    /// What it says.
    pub body: Body,
}

/// A disclosable value of an entry, kept beside the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDisclosure {
    /// The entry whose record holds the digest.
    pub entry: EntryId,
    /// The value with its salt and place.
    pub disclosure: Disclosure,
    /// The group that is made if no other entry has this value in this field yet.
    pub fresh: NewGroup,
}

/// A group of disclosable values, should one be needed: id and key are random.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewGroup {
    /// Its id.
    pub id: GroupId,
    /// The key under which its values lie in WORM.
    pub key: GroupKey,
}

/// Bytes that an entry cites by digest. Masked already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewArtifact {
    /// Their media type.
    pub media_type: String,
    /// The bytes: shared, since whoever may have to append again keeps a copy meanwhile, and they may be long.
    pub bytes: Arc<Vec<u8>>,
}

impl NewArtifact {
    /// The digest that records cite.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.bytes)
    }
}

/// Entries that are appended together or not at all.
#[derive(Clone, Debug, PartialEq)]
pub struct Append {
    /// The current time: `recorded_at` is this, or the previous entry's where that is later.
    pub now: Timestamp,
    /// The entries, in order.
    pub entries: Vec<NewEntry>,
    /// Their disclosable values.
    pub disclosures: Vec<NewDisclosure>,
    /// Artifacts that they cite and that are not kept yet.
    pub artifacts: Vec<NewArtifact>,
    /// The lease under which the slot was performed that one of the entries closes.
    pub lease: Option<Lease>,
    /// The position at which the first entry must come to stand, for entries that speak of their own place; none where
    /// any will do.
    pub at: Option<u64>,
}

impl Append {
    /// Entries alone, without disclosures, artifacts or a lease.
    #[must_use]
    pub fn entries(now: Timestamp, entries: Vec<NewEntry>) -> Self {
        Self { now, entries, disclosures: Vec::new(), artifacts: Vec::new(), lease: None, at: None }
    }
}

/// Where an entry came to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its id.
    pub id: EntryId,
    /// Its position, from 0.
    pub seq: u64,
    /// The time in its record.
    pub recorded_at: Timestamp,
}

/// What came of an append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Its entries, in order.
    pub entries: Vec<Recorded>,
    /// Whether all of them were there already, from an append whose answer was lost.
    pub already: bool,
}

impl Store {
    /// Appends several units in one transaction. The outcomes are in the order of the units; a
    /// unit that is refused does not touch the others.
    pub async fn append_all(&self, units: Vec<Append>) -> Vec<Result<Appended, StoreError>> {
        let mut prepared = Vec::with_capacity(units.len());
        for unit in &units {
            prepared.push(prepare::prepare(self, unit).await);
        }
        match self.append_prepared(&prepared).await {
            Ok(outcomes) => join(prepared, outcomes),
            // Postgres refused something that one unit brought: find out which, each alone.
            Err(StoreError::Database { source: sqlx::Error::Database(_), .. }) if units.len() > 1 => {
                let mut outcomes = Vec::with_capacity(units.len());
                for unit in prepared {
                    let alone = [unit];
                    outcomes.push(match self.append_prepared(&alone).await {
                        Ok(outcome) => join(alone.into(), outcome).pop().unwrap_or_else(none),
                        Err(error) => Err(error),
                    });
                }
                outcomes
            }
            Err(error) if units.len() == 1 => vec![Err(error)],
            Err(error) => {
                let shared = Arc::new(error);
                prepared
                    .into_iter()
                    .map(|unit| unit.and_then(|_| Err(StoreError::Group(Arc::clone(&shared)))))
                    .collect()
            }
        }
    }

    async fn append_prepared(
        &self,
        prepared: &[Result<Prepared<'_>, StoreError>],
    ) -> Result<Vec<Result<Appended, StoreError>>, StoreError> {
        let good: Vec<&Prepared<'_>> = prepared.iter().filter_map(|unit| unit.as_ref().ok()).collect();
        if good.is_empty() {
            return Ok(Vec::new());
        }
        self.ensure_months(&good).await?;
        let outcome = match ahead::append(self, &good).await {
            Some(outcome) => outcome,
            None => {
                let mut leading = None;
                run_tx!(self, "append", |tx| write::append(self, tx, &good, &mut leading).await)?
            }
        };
        self.partitions.note_entries(outcome.partitioned_until);
        Ok(outcome.units)
    }
}

/// Appends one unit within a transaction that does more.
pub(crate) async fn append_within(store: &Store, tx: &mut PgConnection, unit: &Append) -> Result<Appended, StoreError> {
    let prepared = prepare::prepare(store, unit).await?;
    let mut outcome = write::append(store, tx, &[&prepared], &mut None).await?;
    outcome.units.pop().unwrap_or_else(none)
}

/// A unit that is known to make records, with all that can be done before the head is locked.
pub(crate) struct Prepared<'a> {
    pub(crate) unit: &'a Append,
    /// For each entry, its record as of the unit's time.
    pub(crate) records: Vec<Made>,
    /// For each entry, its findings where they were moved to an artifact.
    pub(crate) moved: Vec<Vec<Finding>>,
    pub(crate) artifacts: Vec<crate::artifacts::Packed>,
    pub(crate) disclosures: Vec<Digest>,
}

/// A record with its leaf.
pub(crate) struct Made {
    pub(crate) record: Record,
    pub(crate) leaf: Hash,
}

/// Puts refusals from before the transaction and outcomes of the transaction in one order.
fn join(
    prepared: Vec<Result<Prepared<'_>, StoreError>>,
    outcomes: Vec<Result<Appended, StoreError>>,
) -> Vec<Result<Appended, StoreError>> {
    let mut outcomes = outcomes.into_iter();
    prepared.into_iter().map(|unit| unit.and_then(|_| outcomes.next().unwrap_or_else(none))).collect()
}

fn none() -> Result<Appended, StoreError> {
    Err(StoreError::RowCount { tx: "append", rows: 0 })
}
