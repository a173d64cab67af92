//! The ledger's head.

use exhibit_evidence::Timestamp;
use exhibit_ledger::tree::{Frontier, Hash};
use sqlx::postgres::PgRow;

use crate::error::in_tx;
use crate::rows::Reader;
use crate::{Store, StoreError};

/// How far the ledger reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The tree's right edge; its size is the number of entries.
    pub frontier: Frontier,
    /// When the last entry was recorded; none while the ledger is empty.
    pub last_recorded_at: Option<Timestamp>,
}

impl Head {
    /// The number of entries.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The root hash over them.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.frontier.root()
    }
}

impl Store {
    /// The ledger's head.
    ///
    /// # Errors
    /// If the database cannot be used, or the head row is malformed.
    pub async fn head(&self) -> Result<Head, StoreError> {
        let row = sqlx::query("/* head */ SELECT size, frontier, last_recorded_at FROM exhibit.ledger_head")
            .fetch_one(&self.pool)
            .await
            .map_err(in_tx("head"))?;
        read_head(&row)
    }
}

pub(crate) fn read_head(row: &PgRow) -> Result<Head, StoreError> {
    let reader = Reader::new(row, "ledger_head", "the only one");
    let size = reader.count("size")?;
    let peaks: Vec<Vec<u8>> = reader.get("frontier")?;
    let peaks = peaks
        .iter()
        .map(|peak| Hash::try_from(peak.as_slice()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| reader.malformed("frontier", "a hash has not 32 bytes"))?;
    let frontier = Frontier::restore(size, peaks).map_err(|error| reader.malformed("frontier", error))?;
    Ok(Head { frontier, last_recorded_at: reader.maybe_instant("last_recorded_at")? })
}
