//! Records by their positions, as far as the scope may see them; and which of them a period is told by.

use std::collections::BTreeSet;
use std::ops::Range;

use exhibit_evidence::{Period, Timestamp};

use super::ask::Ask;
use super::reading::Reading;
use crate::entries::{StoredEntry, read_entry};
use crate::error::in_tx;
use crate::rows::{Reader, bigint};
use crate::{Store, StoreError};

impl Reading {
    /// The entries at these positions that the scope may see, in order. For ranges that fit into memory.
    ///
    /// # Errors
    /// If the database cannot be used or a row is malformed.
    pub async fn entries(&mut self, range: Range<u64>) -> Result<Vec<StoredEntry>, StoreError> {
        let mut ask =
            Ask::bound("/* reading::entries */ SELECT e.seq, e.record FROM exhibit.entries e WHERE e.seq >= ");
        ask.value(range.start, "bigint").push(" AND e.seq < ").value(range.end, "bigint").push(" ORDER BY e.seq");
        self.fetch("reading::entries", ask).await?.iter().map(read_entry).collect()
    }

    /// The same at single positions.
    ///
    /// # Errors
    /// As [`Reading::entries`].
    pub async fn entries_at(&mut self, positions: &[u64]) -> Result<Vec<StoredEntry>, StoreError> {
        let list = positions.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let mut ask =
            Ask::bound("/* reading::entries_at */ SELECT e.seq, e.record FROM exhibit.entries e WHERE e.seq = ANY (");
        ask.value(format!("{{{list}}}"), "bigint[]").push(") ORDER BY e.seq");
        self.fetch("reading::entries_at", ask).await?.iter().map(read_entry).collect()
    }
}

/// A job and the name of a check.
pub type NotedBy = (String, String);

impl Store {
    /// The positions within a range, in order, of the entries that tell how a period stands: everything but evidence,
    /// assessments and slots of other times. Of earlier times those assessments are among them, with their evidence, that
    /// one of `lines` made. Nothing is limited to a scope here; the entries themselves are read within one.
    ///
    /// # Errors
    /// If the database cannot be used.
    pub async fn telling(&self, range: Range<u64>, period: &Period, lines: &[NotedBy]) -> Result<Vec<u64>, StoreError> {
        let (jobs, checks): (Vec<_>, Vec<_>) = lines.iter().cloned().unzip();
        let rows = sqlx::query(
            "/* telling */ WITH earlier AS MATERIALIZED ( \
               SELECT a.seq, a.evidence_id, a.observed_to FROM exhibit.assessments a \
                 JOIN unnest($5::text[], $6::text[]) AS line (job, check_id) USING (job, check_id) \
                WHERE a.seq >= $1 AND a.seq < $2 AND a.observed_to < $3) \
             SELECT seq FROM exhibit.evidence \
              WHERE seq >= $1 AND seq < $2 AND observed_to >= $3 AND observed_to < $4 \
             UNION SELECT seq FROM exhibit.assessments \
              WHERE seq >= $1 AND seq < $2 AND observed_to >= $3 AND observed_to < $4 \
             UNION SELECT seq FROM exhibit.slots \
              WHERE seq >= $1 AND seq < $2 AND scheduled_for >= $3 AND scheduled_for < $4 \
             UNION SELECT seq FROM earlier \
             UNION SELECT v.seq FROM earlier e JOIN exhibit.evidence v \
                        ON v.id = e.evidence_id AND v.observed_to = e.observed_to \
                    WHERE v.seq >= $1 AND v.seq < $2 \
             UNION (SELECT seq FROM generate_series($1, $2 - 1) AS seq \
                    EXCEPT (SELECT seq FROM exhibit.evidence WHERE seq >= $1 AND seq < $2 \
                            UNION ALL SELECT seq FROM exhibit.assessments WHERE seq >= $1 AND seq < $2 \
                            UNION ALL SELECT seq FROM exhibit.slots WHERE seq >= $1 AND seq < $2)) \
             ORDER BY seq",
        )
        .bind(bigint(range.start))
        .bind(bigint(range.end))
        .bind(period.start.utc())
        .bind(period.end.utc())
        .bind(jobs)
        .bind(checks)
        .fetch_all(&self.pool)
        .await
        .map_err(in_tx("telling"))?;
        rows.iter().map(|row| Reader::new(row, "entries", "").count("seq")).collect()
    }

    /// The jobs and checks that noted findings before an instant, by the assessments within a range of positions.
    ///
    /// # Errors
    /// If the database cannot be used.
    pub async fn noted_before(&self, instant: Timestamp, range: Range<u64>) -> Result<BTreeSet<NotedBy>, StoreError> {
        let rows = sqlx::query(
            "/* noted_before */ SELECT DISTINCT job, check_id FROM exhibit.assessments \
              WHERE finding_count > 0 AND observed_to < $1 AND seq >= $2 AND seq < $3",
        )
        .bind(instant.utc())
        .bind(bigint(range.start))
        .bind(bigint(range.end))
        .fetch_all(&self.pool)
        .await
        .map_err(in_tx("noted_before"))?;
        let line = |row| {
            let reader = Reader::new(row, "assessments", "");
            Ok((reader.get("job")?, reader.get("check_id")?))
        };
        rows.iter().map(line).collect()
    }
}
