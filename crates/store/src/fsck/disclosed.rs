//! Disclosable values beside the records: each digest has its row, each value its digest, each erasure its entry.

use std::collections::{BTreeMap, BTreeSet};

use exhibit_evidence::{Body, Digest, Disclosure, Envelope, GroupId};
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use super::FsckReport;
use crate::StoreError;
use crate::error::in_tx;
use crate::rows::bigint;

/// A digest that a record holds.
pub(super) struct Promised {
    seq: i64,
    entry: Uuid,
    path: &'static str,
    digest: Digest,
}

/// The digests that an entry's record holds.
pub(super) fn promised(seq: i64, envelope: &Envelope) -> impl Iterator<Item = Promised> + use<> {
    let entry = envelope.id.0;
    let held = envelope.body.disclosables().into_iter();
    held.map(move |(path, held)| Promised { seq, entry, path, digest: held.digest })
}

/// The erasures that records tell of: position and number of digests, by group.
#[derive(Default)]
pub(super) struct Erasures(BTreeMap<GroupId, (i64, u64)>);

impl Erasures {
    pub(super) fn take(&mut self, seq: i64, body: &Body) {
        if let Body::Erasure(erasure) = body {
            self.0.insert(erasure.group, (seq, erasure.digests));
        }
    }
}

/// The rows of some entries are those that their records promise, and no others.
pub(super) async fn compare(
    tx: &mut PgConnection,
    promised: &[Promised],
    report: &mut FsckReport,
) -> Result<(), StoreError> {
    let entries: Vec<Uuid> = promised.iter().map(|promised| promised.entry).collect();
    let rows: Vec<(Uuid, String, Vec<u8>)> = sqlx::query_as(
        "/* fsck::disclosed */ SELECT d.entry_id, d.path, d.digest FROM exhibit.disclosures d \
          WHERE d.entry_id = ANY($1) ORDER BY d.digest",
    )
    .bind(&entries)
    .fetch_all(tx)
    .await
    .map_err(in_tx("fsck"))?;
    let mut kept: BTreeSet<(Uuid, String, Vec<u8>)> = rows.into_iter().collect();
    for Promised { seq, entry, path, digest } in promised {
        if !kept.remove(&(*entry, (*path).to_owned(), digest.0.to_vec())) {
            let row = format!("seq {seq}, {path}, digest {}", digest.hex());
            report.differs("disclosures", row, "the value or its erasure", "none");
        }
    }
    for (entry, path, digest) in kept {
        let row = format!("digest {}", hex::encode(digest));
        report.differs("disclosures", row, format!("a digest that entry {entry} holds at {path}"), "none");
    }
    Ok(())
}

/// Digest, path, salt, value, and whether the entry exists.
type Disclosed = (Vec<u8>, String, Option<String>, Option<String>, bool);

/// A disclosure that is not erased seals to its digest.
pub(super) async fn values(tx: &mut PgConnection, report: &mut FsckReport) -> Result<(), StoreError> {
    let mut after: Vec<u8> = Vec::new();
    loop {
        let rows: Vec<Disclosed> = sqlx::query_as(
            "/* fsck::disclosures */ SELECT d.digest, d.path, d.salt, d.value, i.id IS NOT NULL \
               FROM exhibit.disclosures d LEFT JOIN exhibit.entry_ids i ON i.id = d.entry_id \
              WHERE d.digest > $1 ORDER BY d.digest LIMIT 1000",
        )
        .bind(&after)
        .fetch_all(&mut *tx)
        .await
        .map_err(in_tx("fsck"))?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        after.clone_from(&last.0);
        for (digest, path, salt, value, has_entry) in rows {
            let key = format!("digest {}", hex::encode(&digest));
            if !has_entry {
                report.differs("disclosures", &key, "an entry that carries it", "none");
            }
            let (Some(salt), Some(value)) = (salt, value) else {
                continue;
            };
            let sealed = Disclosure { salt, path, value }.seal();
            if !sealed.is_ok_and(|sealed| sealed.digest.0.as_slice() == digest) {
                report.differs("disclosures", &key, "salt, path and value of this digest", "others");
            }
        }
    }
}

/// A group is erased exactly where the ledger says so, whole, and holds the values of its own only.
pub(super) async fn groups(
    tx: &mut PgConnection,
    erased: &Erasures,
    report: &mut FsckReport,
) -> Result<(), StoreError> {
    let rows = sqlx::query(
        "/* fsck::groups */ SELECT coalesce(k.group_id, d.group_id) AS group_id, k.group_id IS NULL AS missing, \
                k.key IS NULL AS erased, k.lost_at IS NOT NULL AS lost, count(d.digest) AS digests, \
                count(d.digest) FILTER (WHERE d.erased_at IS NOT NULL) AS gone, \
                count(d.digest) FILTER (WHERE d.path <> k.path OR d.value <> k.value) AS strange \
           FROM exhibit.disclosure_keys k FULL JOIN exhibit.disclosures d ON d.group_id = k.group_id \
          GROUP BY k.group_id, coalesce(k.group_id, d.group_id) ORDER BY 1",
    )
    .fetch_all(tx)
    .await
    .map_err(in_tx("fsck"))?;
    let mut told = erased.0.clone();
    // Erased values that a restoration can't tell from lost ones: they stand among these.
    let mut unnamed = 0_u64;
    for row in &rows {
        let id = GroupId(row.try_get("group_id").map_err(in_tx("fsck"))?);
        let is_erased: bool = row.try_get("erased").map_err(in_tx("fsck"))?;
        let is_lost: bool = row.try_get("lost").map_err(in_tx("fsck"))?;
        let count = |column| row.try_get::<i64, _>(column).map_err(in_tx("fsck"));
        let (digests, gone, strange) = (count("digests")?, count("gone")?, count("strange")?);
        let key = format!("group {id}");
        if row.try_get("missing").map_err(in_tx("fsck"))? {
            report.differs("disclosure_keys", &key, format!("the group of {digests} values"), "none");
            told.remove(&id);
            continue;
        }
        if strange > 0 {
            report.differs("disclosures", &key, "values of this group's field and value", format!("{strange} others"));
        }
        match (is_erased, told.remove(&id)) {
            (false, None) if gone == 0 => {}
            (false, None) => report.differs("disclosures", &key, "no erased value, as no entry tells of it", gone),
            (false, Some((seq, _))) => {
                report.differs("disclosure_keys", &key, format!("no key, as seq {seq} tells of its erasure"), "a key");
            }
            // A restoration says so itself, and how many they are is told.
            (true, None) if is_lost && gone == digests => report.lost_names += u64::try_from(gone).unwrap_or(0),
            (true, None) => {
                report.differs("disclosure_keys", &key, "an entry that tells of its erasure", "none");
            }
            (true, Some((_, count))) if is_lost && gone == digests && digests < bigint(count) => {
                unnamed += count - u64::try_from(gone).unwrap_or(0);
            }
            (true, Some((seq, count))) if (digests, gone) != (bigint(count), bigint(count)) => {
                let expected = format!("{count} values, all erased, as seq {seq} tells");
                report.differs("disclosures", &key, expected, format!("{digests}, {gone} of them erased"));
            }
            (true, Some(_)) => {}
        }
    }
    match report.lost_names.checked_sub(unnamed) {
        Some(lost) => report.lost_names = lost,
        None => report.differs(
            "disclosures",
            "lost in a restoration",
            format!("{unnamed} erased values among them"),
            report.lost_names,
        ),
    }
    for (id, (seq, _)) in told {
        report.differs("disclosure_keys", format!("group {id}"), format!("the group that seq {seq} erased"), "none");
    }
    Ok(())
}
