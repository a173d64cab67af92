//! Disclosable values: read for those who may see them, erased by law for good.

use std::collections::HashMap;

use exhibit_evidence::{Digest, Disclosure, EntryId, Timestamp};
use secrecy::zeroize::Zeroizing;
use uuid::Uuid;

use crate::error::in_tx;
use crate::rows::{Reader, exactly_one};
use crate::tx::run_tx;
use crate::{Store, StoreError};

impl Store {
    /// Values of these entries that are not erased, by the digest that stands in the record.
    ///
    /// # Errors
    /// If the database cannot be used or a row is malformed.
    pub async fn disclosures_of(&self, entries: &[EntryId]) -> Result<HashMap<Digest, Disclosure>, StoreError> {
        let ids: Vec<Uuid> = entries.iter().map(|id| id.0).collect();
        let rows = sqlx::query(
            "/* disclosures_of */ SELECT digest, salt, path, value FROM exhibit.disclosures \
              WHERE entry_id = ANY($1) AND erased_at IS NULL",
        )
        .bind(&ids)
        .fetch_all(&self.pool)
        .await
        .map_err(in_tx("disclosures_of"))?;
        rows.iter()
            .map(|row| {
                let reader = Reader::new(row, "disclosures", "");
                let disclosure =
                    Disclosure { salt: reader.get("salt")?, path: reader.get("path")?, value: reader.get("value")? };
                Ok((Digest(reader.hash("digest")?), disclosure))
            })
            .collect()
    }

    /// Keeps the key under which a group's values lie in WORM; the first one kept stays. Tells the key that is kept.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the group's key was erased.
    pub async fn disclosure_key(
        &self,
        group: Uuid,
        fresh: &[u8; 32],
        now: Timestamp,
    ) -> Result<Zeroizing<[u8; 32]>, StoreError> {
        run_tx!(self, "disclosure_key", |tx| {
            let row = sqlx::query(
                "/* disclosure_key */ INSERT INTO exhibit.disclosure_keys AS k (group_id, key, created_at) \
                 VALUES ($1, $2, $3) ON CONFLICT (group_id) DO UPDATE SET group_id = k.group_id RETURNING k.key",
            )
            .bind(group)
            .bind(fresh.as_slice())
            .bind(now.utc())
            .fetch_one(tx)
            .await
            .map_err(in_tx("disclosure_key"))?;
            let reader = Reader::new(&row, "disclosure_keys", group);
            let kept: Option<&[u8]> = reader.get("key")?;
            let kept = kept.ok_or_else(|| StoreError::NotFound { what: "key of group", key: group.to_string() })?;
            let kept = <[u8; 32]>::try_from(kept).map_err(|_| reader.malformed("key", "it has not 32 bytes"))?;
            Ok(Zeroizing::new(kept))
        })
    }

    /// Erases a group for good: its key, so that what lies in WORM cannot be read, and its values here. The digests
    /// stay. Tells how many values were erased now.
    ///
    /// # Errors
    /// [`StoreError::RowCount`] if there is no such group.
    pub async fn erase_group(&self, group: Uuid, now: Timestamp) -> Result<u64, StoreError> {
        run_tx!(self, "erase_group", |tx| {
            let key = sqlx::query(
                "/* erase_group::key */ UPDATE exhibit.disclosure_keys \
                    SET key = NULL, erased_at = coalesce(erased_at, $2) WHERE group_id = $1",
            )
            .bind(group)
            .bind(now.utc())
            .execute(&mut *tx)
            .await
            .map_err(in_tx("erase_group"))?;
            exactly_one("erase_group", key.rows_affected())?;
            let values = sqlx::query(
                "/* erase_group::values */ UPDATE exhibit.disclosures \
                    SET salt = NULL, value = NULL, erased_at = $2 WHERE group_id = $1 AND erased_at IS NULL",
            )
            .bind(group)
            .bind(now.utc())
            .execute(tx)
            .await
            .map_err(in_tx("erase_group"))?;
            Ok(values.rows_affected())
        })
    }
}
