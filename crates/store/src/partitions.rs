//! Which partitions are known to exist, so that an append asks for each only once.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicI64, Ordering};

use sqlx::PgConnection;

use crate::error::in_tx;
use crate::rows::bigint;
use crate::{Store, StoreError};

/// Entries for which a partition is made ahead of need: half a partition.
const AHEAD: i64 = 500_000;

/// Partitions that exist. They are never dropped, so what is known stays true.
#[derive(Debug, Default)]
pub(crate) struct Partitions {
    months: Mutex<HashSet<String>>,
    entries_until: AtomicI64,
}

impl Partitions {
    pub(crate) fn has_month(&self, month: &str) -> bool {
        self.months.lock().unwrap_or_else(PoisonError::into_inner).contains(month)
    }

    /// Notes that all entries below `until` have a partition. Only what is committed is noted.
    pub(crate) fn note_entries(&self, until: i64) {
        self.entries_until.fetch_max(until, Ordering::Relaxed);
    }

    /// Up to where entries have a partition, if that is known and there is no need yet to make another for entries
    /// below `to`.
    pub(crate) fn known_beyond(&self, to: u64) -> Option<i64> {
        let until = self.entries_until.load(Ordering::Relaxed);
        (until > bigint(to).saturating_add(AHEAD)).then_some(until)
    }

    pub(crate) fn note_month(&self, month: String) {
        self.months.lock().unwrap_or_else(PoisonError::into_inner).insert(month);
    }
}

impl Store {
    /// Makes sure that there are partitions for entries `from..to` and some more; tells up to where.
    pub(crate) async fn ensure_entries(&self, tx: &mut PgConnection, from: u64, to: u64) -> Result<i64, StoreError> {
        let wanted = bigint(to).saturating_add(AHEAD);
        let mut until = self.partitions.entries_until.load(Ordering::Relaxed);
        if until == 0 {
            until = bigint(from);
        }
        while until <= wanted {
            until = sqlx::query_scalar("/* ensure_entries */ SELECT exhibit.ensure_entries_partition($1)")
                .bind(until)
                .fetch_one(&mut *tx)
                .await
                .map_err(in_tx("append"))?;
        }
        Ok(until)
    }
}
