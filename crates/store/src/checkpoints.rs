//! Checkpoints: kept here for reading; the copies outside Postgres are what binds us.

use std::ops::RangeInclusive;

use exhibit_evidence::Timestamp;
use exhibit_ledger::tree::Hash;
use sqlx::PgExecutor;
use sqlx::postgres::PgRow;

use crate::error::in_tx;
use crate::rows::{Reader, bigint};
use crate::tx::run_tx;
use crate::{Store, StoreError};

/// A signed statement of the ledger's size and root hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCheckpoint {
    /// Entries covered.
    pub size: u64,
    /// Root hash over them.
    pub root: Hash,
    /// The signed note's exact text.
    pub note: String,
    /// When it was signed.
    pub signed_at: Timestamp,
}

impl Store {
    /// Keeps a signed checkpoint. The same size again keeps the first note, whose root must be the
    /// same.
    ///
    /// # Errors
    /// [`StoreError::Checkpoint`] if the ledger is shorter or its root at that size is another.
    pub async fn save_checkpoint(&self, checkpoint: &StoredCheckpoint) -> Result<(), StoreError> {
        let refused = |why: &str| StoreError::Checkpoint { size: checkpoint.size, why: why.to_owned() };
        if checkpoint.size > self.head().await?.size() {
            return Err(refused("the ledger is shorter"));
        }
        if self.root(checkpoint.size).await? != checkpoint.root {
            return Err(refused("the ledger has another root at that size"));
        }
        run_tx!(self, "save_checkpoint", |tx| {
            sqlx::query(
                "/* save_checkpoint */ INSERT INTO exhibit.checkpoints (size, root, note, signed_at) \
                 VALUES ($1, $2, $3, $4) ON CONFLICT (size) DO NOTHING",
            )
            .bind(bigint(checkpoint.size))
            .bind(checkpoint.root.as_slice())
            .bind(&checkpoint.note)
            .bind(checkpoint.signed_at.utc())
            .execute(tx)
            .await
            .map_err(in_tx("save_checkpoint"))?;
            Ok(())
        })
    }

    /// The checkpoint that covers most; none before the first.
    ///
    /// # Errors
    /// If the database cannot be used or the row is malformed.
    pub async fn latest_checkpoint(&self) -> Result<Option<StoredCheckpoint>, StoreError> {
        latest(&self.pool).await
    }

    /// The largest size within this range that a checkpoint is of; none where there is none.
    ///
    /// # Errors
    /// If the database cannot be used.
    pub async fn checkpoint_within(&self, sizes: RangeInclusive<u64>) -> Result<Option<u64>, StoreError> {
        let row = sqlx::query(
            "/* checkpoint_within */ SELECT max(size) AS size FROM exhibit.checkpoints WHERE size >= $1 AND size <= $2",
        )
        .bind(bigint(*sizes.start()))
        .bind(bigint(*sizes.end()))
        .fetch_one(&self.pool)
        .await
        .map_err(in_tx("checkpoint_within"))?;
        let size: Option<i64> = Reader::new(&row, "checkpoints", "").get("size")?;
        Ok(size.and_then(|size| u64::try_from(size).ok()))
    }

    /// The checkpoint of exactly this size.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is none.
    pub async fn checkpoint(&self, size: u64) -> Result<StoredCheckpoint, StoreError> {
        let row =
            sqlx::query("/* checkpoint */ SELECT size, root, note, signed_at FROM exhibit.checkpoints WHERE size = $1")
                .bind(bigint(size))
                .fetch_optional(&self.pool)
                .await
                .map_err(in_tx("checkpoint"))?;
        let row = row.ok_or_else(|| StoreError::NotFound { what: "checkpoint of size", key: size.to_string() })?;
        read(&row)
    }
}

pub(crate) const LATEST: &str = "/* latest_checkpoint */ SELECT size, root, note, signed_at \
    FROM exhibit.checkpoints ORDER BY size DESC LIMIT 1";

/// The checkpoint that covers most, as a connection sees it.
pub(crate) async fn latest(executor: impl PgExecutor<'_>) -> Result<Option<StoredCheckpoint>, StoreError> {
    let row = sqlx::query(LATEST).fetch_optional(executor).await.map_err(in_tx("latest_checkpoint"))?;
    row.as_ref().map(read).transpose()
}

pub(crate) fn read(row: &PgRow) -> Result<StoredCheckpoint, StoreError> {
    let reader = Reader::new(row, "checkpoints", "");
    let size = reader.count("size")?;
    let reader = Reader::new(row, "checkpoints", format!("size {size}"));
    Ok(StoredCheckpoint {
        size,
        root: reader.hash("root")?,
        note: reader.get("note")?,
        signed_at: reader.instant("signed_at")?,
    })
}
