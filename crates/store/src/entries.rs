//! Reading entries: one by its id, many by their positions.

use std::ops::Range;

use exhibit_evidence::record::RecordError;
use exhibit_evidence::{EntryId, Envelope, Record, Timestamp};
use sqlx::postgres::PgRow;

use crate::error::in_tx;
use crate::rows::{Reader, bigint};
use crate::{Store, StoreError};

/// Entries read at once, at most.
const MOST: u64 = 1000;
/// Bytes of records that a batch is to have, by what the batch before it had.
const BATCH_BYTES: usize = 1 << 20;
/// Entries of the first batch: of the largest there are, some 8 MiB.
const FIRST: u64 = 128;

/// An entry as it is stored: its position and the exact bytes that were hashed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEntry {
    /// Position, from 0.
    pub seq: u64,
    /// The record's exact text.
    pub text: String,
}

impl StoredEntry {
    /// The record, if the text is one.
    ///
    /// # Errors
    /// [`StoreError::Malformed`] if it is not.
    pub fn record(&self) -> Result<Record, StoreError> {
        let read = Record::from_bytes(self.text.clone().into_bytes());
        read.map(|(record, _)| record).map_err(|error| self.malformed(error))
    }

    /// What the entry says.
    ///
    /// # Errors
    /// [`StoreError::Malformed`] if the text is no record of a kind that this version knows.
    pub fn envelope(&self) -> Result<Envelope, StoreError> {
        self.examined()?.map_err(|error| self.malformed(error))
    }

    /// The same, to whoever goes on where kind or body can't be read.
    ///
    /// # Errors
    /// [`StoreError::Malformed`] if the text is no record.
    pub fn examined(&self) -> Result<Result<Envelope, RecordError>, StoreError> {
        let examined = Record::examine(self.text.as_bytes()).map_err(|error| self.malformed(error))?;
        Ok(examined.envelope)
    }

    fn malformed(&self, why: impl ToString) -> StoreError {
        StoreError::Malformed {
            table: "entries",
            column: "record",
            row: format!("seq {}", self.seq),
            why: why.to_string(),
        }
    }
}

/// Entries of a range, in order, a batch at a time.
#[derive(Debug)]
pub struct Entries {
    store: Store,
    next: u64,
    end: u64,
    /// How many come next.
    batch: u64,
}

impl Entries {
    /// The next entries; empty at the end of the range.
    ///
    /// # Errors
    /// If the database cannot be used, or an entry within the range is not there.
    pub async fn next_batch(&mut self) -> Result<Vec<StoredEntry>, StoreError> {
        let until = self.end.min(self.next.saturating_add(self.batch));
        let rows = sqlx::query(
            "/* entries */ SELECT seq, record FROM exhibit.entries \
              WHERE seq >= $1 AND seq < $2 ORDER BY seq",
        )
        .bind(bigint(self.next))
        .bind(bigint(until))
        .fetch_all(&self.store.pool)
        .await
        .map_err(in_tx("entries"))?;
        let batch = rows.iter().map(read_entry).collect::<Result<Vec<_>, _>>()?;
        for (expected, entry) in (self.next..until).zip(&batch) {
            if entry.seq != expected {
                return Err(missing(expected));
            }
        }
        if batch.len() as u64 != until - self.next {
            return Err(missing(self.next + batch.len() as u64));
        }
        self.next = until;
        let bytes: usize = batch.iter().map(|entry| entry.text.len()).sum();
        if let Some(each) = bytes.checked_div(batch.len()) {
            self.batch = ((BATCH_BYTES / each.max(1)) as u64).clamp(16, MOST);
        }
        Ok(batch)
    }

    /// All that is left of the range. For ranges that fit into memory.
    ///
    /// # Errors
    /// As [`Entries::next_batch`].
    pub async fn all(mut self) -> Result<Vec<StoredEntry>, StoreError> {
        let mut all = Vec::new();
        loop {
            let batch = self.next_batch().await?;
            if batch.is_empty() {
                return Ok(all);
            }
            all.extend(batch);
        }
    }
}

impl Store {
    /// Entries of a range of positions, to be read in order.
    #[must_use]
    pub fn entries(&self, range: Range<u64>) -> Entries {
        Entries { store: self.clone(), next: range.start, end: range.end.max(range.start), batch: FIRST }
    }

    /// How far one gets from the beginning of a range with this many bytes of records: to the end of the range, or to the
    /// first entry that is too much. One entry is never too much.
    ///
    /// # Errors
    /// If the database cannot be used.
    pub async fn within_bytes(&self, range: Range<u64>, bytes: u64) -> Result<u64, StoreError> {
        let row = sqlx::query(
            "/* within_bytes */ SELECT max(seq) AS last FROM ( \
               SELECT seq, sum(octet_length(record)) OVER (ORDER BY seq) AS bytes FROM exhibit.entries \
                WHERE seq >= $1 AND seq < $2) x WHERE bytes <= $3",
        )
        .bind(bigint(range.start))
        .bind(bigint(range.end))
        .bind(bigint(bytes))
        .fetch_one(&self.pool)
        .await
        .map_err(in_tx("within_bytes"))?;
        let last: Option<i64> = Reader::new(&row, "entries", "").get("last")?;
        let last = last.and_then(|last| u64::try_from(last).ok()).unwrap_or(range.start);
        Ok((last + 1).min(range.end))
    }

    /// The entry with this id.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is none.
    pub async fn entry(&self, id: EntryId) -> Result<StoredEntry, StoreError> {
        let row = sqlx::query(
            "/* entry */ SELECT e.seq, e.record FROM exhibit.entry_ids i \
               JOIN exhibit.entries e ON e.seq = i.seq WHERE i.id = $1",
        )
        .bind(id.0)
        .fetch_optional(&self.pool)
        .await
        .map_err(in_tx("entry"))?;
        let row = row.ok_or_else(|| StoreError::NotFound { what: "entry", key: id.to_string() })?;
        read_entry(&row)
    }

    /// How many entries were recorded before this instant: the ledger's size as of then.
    ///
    /// # Errors
    /// If the database cannot be used.
    pub async fn size_at(&self, instant: Timestamp) -> Result<u64, StoreError> {
        // recorded_at never goes back, so a search by halves finds the border in few reads.
        let (mut low, mut high) = (0, self.head().await?.size());
        while low < high {
            let middle = low + (high - low) / 2;
            let row = sqlx::query("/* size_at */ SELECT recorded_at FROM exhibit.entries WHERE seq = $1")
                .bind(bigint(middle))
                .fetch_optional(&self.pool)
                .await
                .map_err(in_tx("size_at"))?
                .ok_or_else(|| missing(middle))?;
            let reader = Reader::new(&row, "entries", middle);
            if reader.instant("recorded_at")? < instant {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }
}

pub(crate) fn read_entry(row: &PgRow) -> Result<StoredEntry, StoreError> {
    let reader = Reader::new(row, "entries", "");
    Ok(StoredEntry { seq: reader.count("seq")?, text: reader.get("record")? })
}

fn missing(seq: u64) -> StoreError {
    StoreError::NotFound { what: "entry at position", key: seq.to_string() }
}
