//! Disclosable values: read for those who may see them, by entry, by range of the ledger, and by group.

use std::collections::HashMap;
use std::ops::Range;

use exhibit_evidence::erasure::Erasure;
use exhibit_evidence::{Body, Digest, Disclosure, EntryId, GroupId, Timestamp};
use secrecy::zeroize::Zeroizing;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::entries::read_entry;
use crate::error::in_tx;
use crate::rows::{Reader, bigint};
use crate::{Store, StoreError};

/// The AES-256 key under which a group's values lie encrypted in WORM. Debug shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct GroupKey(Zeroizing<[u8; 32]>);

impl GroupKey {
    /// A key of 32 random bytes, which the caller brings.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The key's bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for GroupKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A digest that stands in a record, with what it was taken of where that is not erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disclosed {
    /// The entry whose record holds the digest.
    pub entry: EntryId,
    /// Its position.
    pub seq: u64,
    /// The digest.
    pub digest: Digest,
    /// The disclosable field.
    pub path: String,
    /// The group that it belongs to.
    pub group: GroupId,
    /// Salt and value; none once erased.
    pub disclosure: Option<Disclosure>,
    /// When they were erased, if they were.
    pub erased_at: Option<Timestamp>,
}

/// All values that are the same in the same field.
#[derive(Clone, PartialEq, Eq)]
pub struct DisclosureGroup {
    /// Its id.
    pub id: GroupId,
    /// The disclosable field.
    pub path: String,
    /// The value; none once erased.
    pub value: Option<String>,
    /// When the value was first seen, or first again after an erasure.
    pub created_at: Timestamp,
    /// When it was erased, if it was.
    pub erased_at: Option<Timestamp>,
    /// How many digests of the ledger belong to it.
    pub digests: u64,
}

impl std::fmt::Debug for DisclosureGroup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { id, path, erased_at, .. } = self;
        f.debug_struct("DisclosureGroup").field("id", id).field("path", path).field("erased_at", erased_at).finish()
    }
}

/// An erasure, as the ledger tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedErasure {
    /// The entry.
    pub entry: EntryId,
    /// Its position.
    pub seq: u64,
    /// What it says.
    pub erasure: Erasure,
}

impl Store {
    /// The disclosable values of these entries, in the order of the ledger and of their paths.
    ///
    /// # Errors
    /// If the database cannot be used or a row is malformed.
    pub async fn disclosures_of(&self, entries: &[EntryId]) -> Result<Vec<Disclosed>, StoreError> {
        let ids: Vec<Uuid> = entries.iter().map(|id| id.0).collect();
        let rows = sqlx::query(
            "/* disclosures_of */ SELECT i.seq, d.entry_id, d.digest, d.group_id, d.path, d.salt, d.value, d.erased_at \
               FROM exhibit.disclosures d JOIN exhibit.entry_ids i ON i.id = d.entry_id \
              WHERE d.entry_id = ANY($1) ORDER BY i.seq, d.path, d.digest",
        )
        .bind(&ids)
        .fetch_all(&self.pool)
        .await
        .map_err(in_tx("disclosures_of"))?;
        rows.iter().map(read_disclosed).collect()
    }

    /// The disclosable values of the entries at these positions, in the order of the ledger and of their paths.
    ///
    /// # Errors
    /// If the database cannot be used or a row is malformed.
    pub async fn disclosures_within(&self, range: Range<u64>) -> Result<Vec<Disclosed>, StoreError> {
        let rows = sqlx::query(
            "/* disclosures_within */ SELECT i.seq, d.entry_id, d.digest, d.group_id, d.path, d.salt, d.value, d.erased_at \
               FROM exhibit.entry_ids i JOIN exhibit.disclosures d ON d.entry_id = i.id \
              WHERE i.seq >= $1 AND i.seq < $2 ORDER BY i.seq, d.path, d.digest",
        )
        .bind(bigint(range.start))
        .bind(bigint(range.end))
        .fetch_all(&self.pool)
        .await
        .map_err(in_tx("disclosures_within"))?;
        rows.iter().map(read_disclosed).collect()
    }

    /// Every group, erased or not, oldest first.
    ///
    /// # Errors
    /// If the database cannot be used or a row is malformed.
    pub async fn disclosure_groups(&self) -> Result<Vec<DisclosureGroup>, StoreError> {
        let rows = sqlx::query(
            "/* disclosure_groups */ SELECT k.group_id, k.path, k.value, k.created_at, k.erased_at, \
                    (SELECT count(*) FROM exhibit.disclosures d WHERE d.group_id = k.group_id) AS digests \
               FROM exhibit.disclosure_keys k ORDER BY k.created_at, k.path, k.group_id",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(in_tx("disclosure_groups"))?;
        rows.iter().map(read_group).collect()
    }

    /// The keys of these groups; an erased group has none.
    ///
    /// # Errors
    /// If the database cannot be used or a row is malformed.
    pub async fn group_keys(&self, groups: &[GroupId]) -> Result<HashMap<GroupId, GroupKey>, StoreError> {
        let ids: Vec<Uuid> = groups.iter().map(|id| id.0).collect();
        let rows = sqlx::query(
            "/* group_keys */ SELECT group_id, key FROM exhibit.disclosure_keys \
              WHERE group_id = ANY($1) AND key IS NOT NULL",
        )
        .bind(&ids)
        .fetch_all(&self.pool)
        .await
        .map_err(in_tx("group_keys"))?;
        rows.iter()
            .map(|row| {
                let reader = Reader::new(row, "disclosure_keys", "");
                Ok((GroupId(reader.get("group_id")?), GroupKey::new(reader.hash("key")?)))
            })
            .collect()
    }

    /// The erasures that the ledger tells of, in its order.
    ///
    /// # Errors
    /// If the database cannot be used or a record is malformed.
    pub async fn erasures(&self) -> Result<Vec<RecordedErasure>, StoreError> {
        let rows =
            sqlx::query("/* erasures */ SELECT seq, record FROM exhibit.entries WHERE kind = 'erasure' ORDER BY seq")
                .fetch_all(&self.pool)
                .await
                .map_err(in_tx("erasures"))?;
        let mut erasures = Vec::with_capacity(rows.len());
        for row in &rows {
            let entry = read_entry(row)?;
            let envelope = entry.envelope()?;
            if let Body::Erasure(erasure) = envelope.body {
                erasures.push(RecordedErasure { entry: envelope.id, seq: entry.seq, erasure: *erasure });
            }
        }
        Ok(erasures)
    }
}

fn read_disclosed(row: &PgRow) -> Result<Disclosed, StoreError> {
    let reader = Reader::new(row, "disclosures", "");
    let path: String = reader.get("path")?;
    let (salt, value): (Option<String>, Option<String>) = (reader.get("salt")?, reader.get("value")?);
    Ok(Disclosed {
        entry: EntryId(reader.get("entry_id")?),
        seq: reader.count("seq")?,
        digest: Digest(reader.hash("digest")?),
        group: GroupId(reader.get("group_id")?),
        disclosure: salt.zip(value).map(|(salt, value)| Disclosure { salt, path: path.clone(), value }),
        path,
        erased_at: reader.maybe_instant("erased_at")?,
    })
}

fn read_group(row: &PgRow) -> Result<DisclosureGroup, StoreError> {
    let reader = Reader::new(row, "disclosure_keys", "");
    Ok(DisclosureGroup {
        id: GroupId(reader.get("group_id")?),
        path: reader.get("path")?,
        value: reader.get("value")?,
        created_at: reader.instant("created_at")?,
        erased_at: reader.maybe_instant("erased_at")?,
        digests: reader.count("digests")?,
    })
}
