//! What lies beside the records: the findings' state, artifacts, claims.

use exhibit_evidence::Digest;
use sqlx::{PgConnection, Row as _};

use super::FsckReport;
use super::entries::Walk;
use crate::error::in_tx;
use crate::projection::Differing;
use crate::{StoreError, artifacts};

pub(super) async fn check(tx: &mut PgConnection, walk: &Walk, report: &mut FsckReport) -> Result<(), StoreError> {
    findings(tx, report).await?;
    kept_artifacts(tx, walk, report).await?;
    claims(tx, report).await?;
    intents(tx, report).await
}

/// Findings are folded from their observations, which were compared with the records before.
async fn findings(tx: &mut PgConnection, report: &mut FsckReport) -> Result<(), StoreError> {
    let rows = sqlx::query(
        "/* fsck::findings */ \
         SELECT encode(coalesce(e.fingerprint, f.fingerprint), 'hex') AS key, \
                to_jsonb(e)::text AS expected, to_jsonb(f)::text AS found \
           FROM exhibit.fold_findings(0, 9223372036854775807) e \
           FULL JOIN exhibit.findings f ON e.fingerprint = f.fingerprint \
          WHERE to_jsonb(e) IS DISTINCT FROM to_jsonb(f) ORDER BY 1",
    )
    .fetch_all(tx)
    .await
    .map_err(in_tx("fsck"))?;
    for row in &rows {
        let differing = Differing {
            table: "findings",
            key: format!("fingerprint {}", row.try_get::<String, _>("key").map_err(in_tx("fsck"))?),
            expected: row.try_get("expected").map_err(in_tx("fsck"))?,
            found: row.try_get("found").map_err(in_tx("fsck"))?,
        };
        let (expected, found) = differing.told();
        report.differs(differing.table, &differing.key, expected, found);
    }
    Ok(())
}

/// Every kept artifact has its digest, and every cited one is kept.
async fn kept_artifacts(tx: &mut PgConnection, walk: &Walk, report: &mut FsckReport) -> Result<(), StoreError> {
    let kept: Vec<Vec<u8>> =
        sqlx::query_scalar("/* fsck::artifacts */ SELECT digest FROM exhibit.artifacts ORDER BY digest")
            .fetch_all(&mut *tx)
            .await
            .map_err(in_tx("fsck"))?;
    let mut there = std::collections::HashSet::new();
    for digest in kept {
        let Ok(digest) = digest.as_slice().try_into().map(Digest) else {
            report.differs("artifacts", hex::encode(&digest), "a digest of 32 bytes", digest.len());
            continue;
        };
        there.insert(digest);
        match artifacts::fetch(tx, digest).await {
            Ok(_) => {}
            Err(StoreError::Database { tx, source }) => {
                return Err(StoreError::Database { tx, source });
            }
            Err(error) => report.differs("artifacts", digest, "bytes of this digest", error),
        }
    }
    for digest in walk.cited.iter().filter(|digest| !there.contains(digest)) {
        report.differs("artifacts", digest, "the bytes that a record cites", "none");
    }
    Ok(())
}

/// A claim is closed exactly where the ledger closed its slot: otherwise a slot would never be performed, or for ever.
async fn claims(tx: &mut PgConnection, report: &mut FsckReport) -> Result<(), StoreError> {
    let rows: Vec<(String, String, Option<i64>, Option<i64>)> = sqlx::query_as(
        "/* fsck::claims */ SELECT c.job, to_jsonb(c.scheduled_for) #>> '{}', s.seq, c.closed_seq \
           FROM exhibit.slot_claims c \
           LEFT JOIN exhibit.slots s ON s.job = c.job AND s.scheduled_for = c.scheduled_for \
          WHERE c.closed_seq IS DISTINCT FROM s.seq ORDER BY 2, 1",
    )
    .fetch_all(tx)
    .await
    .map_err(in_tx("fsck"))?;
    let closed = |seq: Option<i64>| seq.map_or_else(|| "open".to_owned(), |seq| format!("closed by seq {seq}"));
    for (job, scheduled_for, expected, found) in rows {
        report.differs("slot_claims", format!("{job} at {scheduled_for}"), closed(expected), closed(found));
    }
    Ok(())
}

/// An object counts as archived only by a receipt that is in the ledger: otherwise it would never be put.
async fn intents(tx: &mut PgConnection, report: &mut FsckReport) -> Result<(), StoreError> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "/* fsck::intents */ SELECT i.key, i.receipt_id::text FROM exhibit.archive_intents i \
          WHERE i.receipt_id IS NOT NULL \
            AND NOT EXISTS (SELECT FROM exhibit.entry_ids e WHERE e.id = i.receipt_id) ORDER BY 1",
    )
    .fetch_all(tx)
    .await
    .map_err(in_tx("fsck"))?;
    for (key, receipt) in rows {
        report.differs("archive_intents", key, "a receipt in the ledger", format!("no entry {receipt}"));
    }
    Ok(())
}
