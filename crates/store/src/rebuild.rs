//! Rebuilding the projections from the ledger.

use std::collections::HashSet;

use sqlx::PgConnection;

use crate::append::{month_of, observed_to};
use crate::entries::read_entry;
use crate::error::in_tx;
use crate::projection::{self, Rows, merge_findings, moved_findings, project, read_findings};
use crate::rows::bigint;
use crate::tx::run_tx;
use crate::{Store, StoreError, artifacts};

/// Entries written at once.
const BATCH: i64 = 1000;

impl Store {
    /// Empties every projection and refills it from the entries, in one transaction; appends wait.
    /// What is not a projection ([`crate::NOT_PROJECTIONS`]) stays, but for the columns that say how far the ledger has
    /// dealt with it. Tells how many entries were read.
    ///
    /// # Errors
    /// [`StoreError::Malformed`] if an entry cannot be read, and nothing is changed then.
    pub async fn rebuild(&self) -> Result<u64, StoreError> {
        run_tx!(self, "rebuild", |tx| {
            let size: i64 = sqlx::query_scalar("/* rebuild::lock_head */ SELECT size FROM exhibit.lock_head()")
                .fetch_one(&mut *tx)
                .await
                .map_err(in_tx("rebuild"))?;
            sqlx::query("/* rebuild::empty */ SELECT exhibit.empty_projections()")
                .execute(&mut *tx)
                .await
                .map_err(in_tx("rebuild"))?;
            let (mut next, mut months) = (0, HashSet::new());
            while next < size {
                next = refill(tx, next, size.min(next + BATCH), &mut months).await?;
            }
            let size = u64::try_from(size).unwrap_or(0);
            merge_findings(tx, 0, size).await?;
            mend_work(tx).await?;
            Ok(size)
        })
    }
}

/// Work in hand says of each piece whether the ledger closed it: a slot by its closure, an object by its receipt.
async fn mend_work(tx: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query(
        "/* rebuild::claims */ UPDATE exhibit.slot_claims c \
            SET closed_seq = n.seq, lease_token = NULL, lease_worker = NULL, lease_until = NULL \
           FROM (SELECT c.job, c.scheduled_for, s.seq FROM exhibit.slot_claims c \
                   LEFT JOIN exhibit.slots s ON s.job = c.job AND s.scheduled_for = c.scheduled_for \
                  WHERE c.closed_seq IS DISTINCT FROM s.seq) n \
          WHERE c.job = n.job AND c.scheduled_for = n.scheduled_for",
    )
    .execute(&mut *tx)
    .await
    .map_err(in_tx("rebuild"))?;
    // Archiving finishes what has a receipt and is open; only what claims a receipt that is not there has to be opened.
    sqlx::query(
        "/* rebuild::intents */ UPDATE exhibit.archive_intents i SET receipt_id = NULL, finished_at = NULL \
          WHERE i.receipt_id IS NOT NULL \
            AND NOT EXISTS (SELECT FROM exhibit.entry_ids e WHERE e.id = i.receipt_id)",
    )
    .execute(tx)
    .await
    .map_err(in_tx("rebuild"))?;
    Ok(())
}

/// Writes the rows of entries `from..to`; all of them must be there.
async fn refill(tx: &mut PgConnection, from: i64, to: i64, months: &mut HashSet<String>) -> Result<i64, StoreError> {
    let stored = sqlx::query(
        "/* rebuild::entries */ SELECT seq, record FROM exhibit.entries WHERE seq >= $1 AND seq < $2 ORDER BY seq",
    )
    .bind(from)
    .bind(to)
    .fetch_all(&mut *tx)
    .await
    .map_err(in_tx("rebuild"))?;
    let mut rows = Rows::default();
    let mut expected = from;
    for row in &stored {
        let entry = read_entry(row)?;
        if bigint(entry.seq) != expected {
            break;
        }
        expected += 1;
        let envelope = entry.envelope()?;
        if let Some(instant) = observed_to(&envelope.body)
            && months.insert(month_of(instant))
        {
            sqlx::query("/* rebuild::month */ SELECT exhibit.ensure_month_partitions($1)")
                .bind(instant.utc())
                .execute(&mut *tx)
                .await
                .map_err(in_tx("rebuild"))?;
        }
        let moved = match moved_findings(&envelope.body) {
            None => Vec::new(),
            Some(digest) => {
                let artifact = artifacts::fetch(tx, digest).await?;
                read_findings(&artifact.bytes).map_err(|error| StoreError::Artifact {
                    digest: digest.to_string(),
                    why: format!("it is no list of findings: {error}"),
                })?
            }
        };
        rows.extend(project(entry.seq, envelope.id, envelope.recorded_at, &envelope.body, &moved));
    }
    if expected != to {
        return Err(StoreError::NotFound { what: "entry at position", key: expected.to_string() });
    }
    projection::write(tx, &rows).await?;
    Ok(to)
}
