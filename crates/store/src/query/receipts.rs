//! Receipts: of a report, of what lies under a key.

use exhibit_evidence::EntryId;

use crate::entries::{StoredEntry, read_entry};
use crate::error::in_tx;
use crate::rows::Reader;
use crate::{Store, StoreError};

impl Store {
    /// How many object versions have a receipt, by the projection.
    ///
    /// # Errors
    /// If the database cannot be used.
    pub async fn receipted_versions(&self) -> Result<u64, StoreError> {
        let row = sqlx::query(
            "/* receipted_versions */ SELECT count(*) AS versions FROM (SELECT DISTINCT key, version FROM exhibit.receipts) v",
        )
        .fetch_one(&self.pool)
        .await
        .map_err(in_tx("receipted_versions"))?;
        Reader::new(&row, "receipts", "").count("versions")
    }

    /// Receipts of one report, in the order of the ledger.
    ///
    /// # Errors
    /// If the database cannot be used or a row is malformed.
    pub async fn receipts_of(&self, report: EntryId) -> Result<Vec<StoredEntry>, StoreError> {
        let rows = sqlx::query(
            "/* receipts_of */ SELECT e.seq, e.record FROM exhibit.receipts p \
               JOIN exhibit.entries e ON e.seq = p.seq WHERE p.report_id = $1 ORDER BY e.seq",
        )
        .bind(report.0)
        .fetch_all(&self.pool)
        .await
        .map_err(in_tx("receipts_of"))?;
        rows.iter().map(read_entry).collect()
    }

    /// Receipts of what lies in the archive under a key, in the order of the ledger.
    ///
    /// # Errors
    /// If the database cannot be used or a row is malformed.
    pub async fn receipts_under(&self, key: &str) -> Result<Vec<StoredEntry>, StoreError> {
        let rows = sqlx::query(
            "/* receipts_under */ SELECT e.seq, e.record FROM exhibit.receipts p \
               JOIN exhibit.entries e ON e.seq = p.seq WHERE p.key = $1 ORDER BY e.seq",
        )
        .bind(key)
        .fetch_all(&self.pool)
        .await
        .map_err(in_tx("receipts_under"))?;
        rows.iter().map(read_entry).collect()
    }
}
