//! An empty database, and what a restoration from the archive can't bring back into it.

use std::collections::BTreeSet;

use exhibit_evidence::{Digest, EntryId, GroupId, Timestamp};
use sqlx::Row as _;
use uuid::Uuid;

use crate::error::in_tx;
use crate::tx::run_tx;
use crate::{Store, StoreError};

/// A disclosable value whose digest came back, and whose key did not: keys lie in the database alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostDisclosure {
    /// The digest that stands in the record.
    pub digest: Digest,
    /// The entry whose record it is.
    pub entry: EntryId,
    /// The disclosable field.
    pub path: String,
    /// Its group, as the archive names it, or one of its own.
    pub group: GroupId,
    /// When the ledger says that the group was erased; none where the restoration lost it.
    pub erased_at: Option<Timestamp>,
}

/// A group that the ledger erased, of whose digests the archive does not name all: values that were erased before they were
/// archived stand in no object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnnamedErasure {
    /// The group.
    pub group: GroupId,
    /// The disclosable field.
    pub path: String,
    /// When the ledger says that it was erased.
    pub erased_at: Timestamp,
}

impl Store {
    /// Whether nothing was ever recorded here: no entry, and nothing of what can't be derived from entries.
    ///
    /// # Errors
    /// If the database cannot be used.
    pub async fn is_unused(&self) -> Result<bool, StoreError> {
        let row = sqlx::query(
            "/* is_unused */ SELECT NOT EXISTS (SELECT FROM exhibit.entries) \
                AND NOT EXISTS (SELECT FROM exhibit.checkpoints) AND NOT EXISTS (SELECT FROM exhibit.artifacts) \
                AND NOT EXISTS (SELECT FROM exhibit.disclosures) AND NOT EXISTS (SELECT FROM exhibit.disclosure_keys) \
                AND NOT EXISTS (SELECT FROM exhibit.archive_intents) AND NOT EXISTS (SELECT FROM exhibit.tokens) AS unused",
        )
        .fetch_one(&self.pool)
        .await
        .map_err(in_tx("is_unused"))?;
        row.try_get("unused").map_err(in_tx("is_unused"))
    }

    /// Notes values that a restoration could not bring back, each under its group, which has no key. Groups that the
    /// ledger erased are as after their erasure; the others are marked as lost, and `fsck` tells how many they are. Groups
    /// in `unnamed` were erased and are marked too: which of the lost values were theirs, nobody can say any more.
    ///
    /// # Errors
    /// If one of them is there already, or the database cannot be used.
    pub async fn note_lost_disclosures(
        &self,
        lost: &[LostDisclosure],
        unnamed: &[UnnamedErasure],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let unnamed_groups: Vec<Uuid> = unnamed.iter().map(|one| one.group.0).collect();
        let unnamed_paths: Vec<&str> = unnamed.iter().map(|one| one.path.as_str()).collect();
        let unnamed_erased: Vec<_> = unnamed.iter().map(|one| one.erased_at.utc()).collect();
        let groups: Vec<Uuid> = lost.iter().map(|one| one.group.0).collect();
        let paths: Vec<&str> = lost.iter().map(|one| one.path.as_str()).collect();
        let erased: Vec<_> = lost.iter().map(|one| one.erased_at.map(Timestamp::utc)).collect();
        let digests: Vec<&[u8]> = lost.iter().map(|one| one.digest.0.as_slice()).collect();
        let entries: Vec<Uuid> = lost.iter().map(|one| one.entry.0).collect();
        run_tx!(self, "note_lost_disclosures", |tx| {
            sqlx::query(
                "/* note_lost_disclosures::unnamed */ \
                 INSERT INTO exhibit.disclosure_keys (group_id, key, created_at, path, value, erased_at, lost_at) \
                 SELECT n.group_id, NULL::bytea, $4, n.path, NULL, n.erased_at, $4 \
                   FROM unnest($1::uuid[], $2::text[], $3::timestamptz[]) AS n (group_id, path, erased_at)",
            )
            .bind(&unnamed_groups)
            .bind(&unnamed_paths)
            .bind(&unnamed_erased)
            .bind(now.utc())
            .execute(&mut *tx)
            .await
            .map_err(in_tx("note_lost_disclosures"))?;
            sqlx::query(
                "/* note_lost_disclosures::groups */ \
                 INSERT INTO exhibit.disclosure_keys (group_id, key, created_at, path, value, erased_at, lost_at) \
                 SELECT DISTINCT ON (n.group_id) n.group_id, NULL::bytea, $4, n.path, NULL, coalesce(n.erased_at, $4), \
                        CASE WHEN n.erased_at IS NULL THEN $4 END \
                   FROM unnest($1::uuid[], $2::text[], $3::timestamptz[]) AS n (group_id, path, erased_at) \
                  ORDER BY n.group_id ON CONFLICT (group_id) DO NOTHING",
            )
            .bind(&groups)
            .bind(&paths)
            .bind(&erased)
            .bind(now.utc())
            .execute(&mut *tx)
            .await
            .map_err(in_tx("note_lost_disclosures"))?;
            sqlx::query(
                "/* note_lost_disclosures */ \
                 INSERT INTO exhibit.disclosures (digest, entry_id, group_id, path, salt, value, erased_at) \
                 SELECT n.digest, n.entry_id, n.group_id, n.path, NULL, NULL, coalesce(n.erased_at, $6) \
                   FROM unnest($1::bytea[], $2::uuid[], $3::uuid[], $4::text[], $5::timestamptz[]) \
                        AS n (digest, entry_id, group_id, path, erased_at)",
            )
            .bind(&digests)
            .bind(&entries)
            .bind(&groups)
            .bind(&paths)
            .bind(&erased)
            .bind(now.utc())
            .execute(tx)
            .await
            .map_err(in_tx("note_lost_disclosures"))?;
            Ok(())
        })
    }

    /// Groups whose keys, or some of whose digests, a restoration from the archive could not bring back.
    ///
    /// # Errors
    /// If the database cannot be used.
    pub async fn lost_groups(&self) -> Result<BTreeSet<GroupId>, StoreError> {
        let rows =
            sqlx::query("/* lost_groups */ SELECT group_id FROM exhibit.disclosure_keys WHERE lost_at IS NOT NULL")
                .fetch_all(&self.pool)
                .await
                .map_err(in_tx("lost_groups"))?;
        rows.iter().map(|row| Ok(GroupId(row.try_get("group_id").map_err(in_tx("lost_groups"))?))).collect()
    }
}
