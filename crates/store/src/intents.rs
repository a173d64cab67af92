//! Archive intents: what is to be in WORM storage, written down before the first put.

use exhibit_evidence::{Digest, EntryId, Timestamp};

use crate::error::in_tx;
use crate::rows::{Reader, bigint, exactly_one};
use crate::tx::run_tx;
use crate::{Store, StoreError};

/// An object that is to be in WORM storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveIntent {
    /// Its key in the archive.
    pub key: String,
    /// Digest of its bytes.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// What it is, such as `report:<id>`.
    pub subject: String,
}

impl Store {
    /// Writes an intent down; the same again is no error.
    ///
    /// # Errors
    /// [`StoreError::Artifact`] if other bytes are intended under the same key already.
    pub async fn record_intent(&self, intent: &ArchiveIntent, now: Timestamp) -> Result<(), StoreError> {
        run_tx!(self, "record_intent", |tx| {
            let kept = sqlx::query(
                "/* record_intent */ \
                 INSERT INTO exhibit.archive_intents AS i (key, digest, size, subject, intended_at) \
                 VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (key) DO UPDATE SET key = i.key RETURNING i.digest",
            )
            .bind(&intent.key)
            .bind(intent.digest.0.as_slice())
            .bind(bigint(intent.size))
            .bind(&intent.subject)
            .bind(now.utc())
            .fetch_one(tx)
            .await
            .map_err(in_tx("record_intent"))?;
            let kept = Digest(Reader::new(&kept, "archive_intents", &intent.key).hash("digest")?);
            if kept == intent.digest {
                return Ok(());
            }
            Err(StoreError::Artifact {
                digest: intent.digest.to_string(),
                why: format!("{kept} is intended under the key {} already", intent.key),
            })
        })
    }

    /// Notes that the receipt for this key is in the ledger; the same again is no error.
    ///
    /// # Errors
    /// [`StoreError::RowCount`] if there is no such intent, or one with another receipt.
    pub async fn finish_intent(&self, key: &str, receipt: EntryId, now: Timestamp) -> Result<(), StoreError> {
        run_tx!(self, "finish_intent", |tx| {
            let done = sqlx::query(
                "/* finish_intent */ UPDATE exhibit.archive_intents \
                    SET receipt_id = $2, finished_at = coalesce(finished_at, $3) \
                  WHERE key = $1 AND (receipt_id IS NULL OR receipt_id = $2)",
            )
            .bind(key)
            .bind(receipt.0)
            .bind(now.utc())
            .execute(tx)
            .await
            .map_err(in_tx("finish_intent"))?;
            exactly_one("finish_intent", done.rows_affected())
        })
    }

    /// Intents that have no receipt yet, oldest first.
    ///
    /// # Errors
    /// If the database cannot be used or a row is malformed.
    pub async fn open_intents(&self) -> Result<Vec<ArchiveIntent>, StoreError> {
        let rows = sqlx::query(
            "/* open_intents */ SELECT key, digest, size, subject FROM exhibit.archive_intents \
              WHERE finished_at IS NULL ORDER BY intended_at, key",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(in_tx("open_intents"))?;
        rows.iter()
            .map(|row| {
                let reader = Reader::new(row, "archive_intents", "");
                Ok(ArchiveIntent {
                    key: reader.get("key")?,
                    digest: Digest(reader.hash("digest")?),
                    size: reader.count("size")?,
                    subject: reader.get("subject")?,
                })
            })
            .collect()
    }
}
