//! What the steps ask before they act: entries of one kind, and how far a job's slots are closed.

use exhibit_evidence::{JobId, Timestamp};

use crate::entries::read_entry;
use crate::error::in_tx;
use crate::rows::Reader;
use crate::{Store, StoreError, StoredEntry};

/// The kinds that are rare; the partial index and the statement below name the same.
const RARE: [&str; 8] = ["deployment", "schedule", "period", "report", "receipt", "hold", "attestation", "waiver"];

impl Store {
    /// Every entry of a kind that is rare (a deployment's word, promises, periods, reports, receipts, holds, attestations, waivers), in
    /// the order of the ledger. Read from the ledger itself, so that a lost projection row hides nothing.
    ///
    /// # Errors
    /// [`StoreError::Unfit`] for a kind that is not rare or not known; if the database cannot be used or a row is
    /// malformed.
    pub async fn entries_of_kind(&self, kind: &str) -> Result<Vec<StoredEntry>, StoreError> {
        if !RARE.contains(&kind) {
            return Err(StoreError::Unfit(format!("{kind:?} is no kind of entry that is read whole: {RARE:?} are")));
        }
        let rows = sqlx::query(
            // The list is the partial index's own condition, so that the planner may use it.
            "/* entries_of_kind */ SELECT seq, record FROM exhibit.entries \
              WHERE kind = $1 AND kind IN \
                ('deployment', 'schedule', 'period', 'report', 'receipt', 'hold', 'attestation', 'waiver') ORDER BY seq",
        )
        .bind(kind)
        .fetch_all(&self.pool)
        .await
        .map_err(in_tx("entries_of_kind"))?;
        rows.iter().map(read_entry).collect()
    }

    /// The latest slot of a job that an entry closed.
    ///
    /// # Errors
    /// If the database cannot be used or a row is malformed.
    pub async fn last_closed_slot(&self, job: &JobId) -> Result<Option<Timestamp>, StoreError> {
        let row = sqlx::query(
            "/* last_closed_slot */ SELECT max(scheduled_for) AS scheduled_for FROM exhibit.slots WHERE job = $1",
        )
        .bind(job.as_str())
        .fetch_one(&self.pool)
        .await
        .map_err(in_tx("last_closed_slot"))?;
        Reader::new(&row, "slots", job).maybe_instant("scheduled_for")
    }
}
