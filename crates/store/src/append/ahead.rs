//! Writing ahead: in bulk, the next transaction writes its rows while the one before it still holds the head.
//!
//! Whoever holds the head and has sequenced its entries knows how it will leave the head. The next of this process takes
//! that for granted, writes its rows for the places behind it, and only then asks for the head. Nobody sees any of it
//! before: what counts is that the head, once it is locked, is to the byte what was taken for granted. Where it is not,
//! or anything else goes wrong, all of it is rolled back, and the entries are appended as if this had not been tried.
//!
//! Nobody waits for the head who has written ahead of it: another process that was given the head meanwhile would find
//! its places taken, wait for us, and we for it.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use exhibit_evidence::Body;
use sqlx::PgConnection;
use tokio::sync::watch;
use uuid::Uuid;

use super::Prepared;
use super::sequence::{Sequenced, sequence};
use super::write::{Outcome, finish, lock_head, look, write_rows};
use crate::error::in_tx;
use crate::head::Head;
use crate::tx::WRITE;
use crate::{Store, StoreError};

/// Entries from which on it is worth it.
const IN_BULK: usize = 256;
/// Transactions that do not try it after one that failed: another process appends too.
const REST: u32 = 8;
/// For how long the transaction before is waited for. Postgres sees no deadlock in which this wait takes part.
const PATIENCE: Duration = Duration::from_secs(5);

/// What transactions of this process know of each other.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    latest: Mutex<Weak<Running>>,
    resting: AtomicU32,
    /// How often it went well.
    #[cfg(test)]
    pub(crate) went_well: AtomicU32,
}

/// A transaction that has sequenced its entries.
#[derive(Debug)]
struct Running {
    /// The head as it will leave it.
    head: Head,
    ids: HashSet<Uuid>,
    /// Whether another has written behind it already.
    followed: AtomicBool,
    /// The one that it has written behind itself, if that still runs.
    before: Weak<Self>,
    ends: watch::Receiver<()>,
}

/// Held by such a transaction until it has ended, in whatever way.
#[derive(Debug)]
pub(super) struct Leading {
    _running: Arc<Running>,
    _ends: watch::Sender<()>,
}

/// What a transaction takes for granted.
struct Following {
    head: Head,
    before: Weak<Running>,
    ends: watch::Receiver<()>,
}

impl Ahead {
    /// Lets others write behind these entries, if they are many.
    pub(super) fn lead(&self, group: &Sequenced<'_>) -> Option<Leading> {
        self.lead_behind(group, Weak::new())
    }

    fn lead_behind(&self, group: &Sequenced<'_>, before: Weak<Running>) -> Option<Leading> {
        if group.placed.len() < IN_BULK {
            return None;
        }
        let (sender, ends) = watch::channel(());
        let running = Arc::new(Running {
            head: Head { frontier: group.frontier.clone(), last_recorded_at: group.last_recorded_at },
            ids: group.placed.iter().map(|placed| placed.id).collect(),
            followed: AtomicBool::new(false),
            before,
            ends,
        });
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(&running);
        Some(Leading { _running: running, _ends: sender })
    }

    /// The transaction to write behind, if there is one and these units may.
    fn follow(&self, units: &[&Prepared<'_>]) -> Option<Following> {
        if !units.iter().all(|unit| plain(unit)) || entries(units).count() < IN_BULK {
            return None;
        }
        let running = self.latest.lock().unwrap_or_else(PoisonError::into_inner).upgrade()?;
        let resting = |left: u32| left.checked_sub(1);
        if self.resting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, resting).is_ok() {
            return None;
        }
        if !apart(&running, units) || running.followed.swap(true, Ordering::Relaxed) {
            return None;
        }
        Some(Following { head: running.head.clone(), before: Arc::downgrade(&running), ends: running.ends.clone() })
    }

    fn rest(&self) {
        self.resting.store(REST, Ordering::Relaxed);
    }
}

/// Units whose entries ask nothing of the head but a place.
fn plain(unit: &Prepared<'_>) -> bool {
    let append = unit.unit;
    let plain = |body: &Body| matches!(body, Body::Evidence(_) | Body::Assessment(_));
    append.lease.is_none()
        && append.at.is_none()
        && append.artifacts.is_empty()
        && append.entries.iter().all(|entry| plain(&entry.body))
}

fn entries<'a>(units: &'a [&Prepared<'_>]) -> impl Iterator<Item = Uuid> + 'a {
    units.iter().flat_map(|unit| unit.unit.entries.iter().map(|entry| entry.id.0))
}

/// Whether none of the entries is among those that are on their way: one would wait in Postgres for the other.
fn apart(running: &Arc<Running>, units: &[&Prepared<'_>]) -> bool {
    let mut next = Some(Arc::clone(running));
    while let Some(running) = next {
        if entries(units).any(|id| running.ids.contains(&id)) {
            return false;
        }
        next = running.before.upgrade();
    }
    true
}

/// Appends units behind the transaction that runs; none where there is none, or it did not go well: nothing is recorded
/// then, or all of it under the same ids.
pub(super) async fn append(store: &Store, units: &[&Prepared<'_>]) -> Option<Outcome> {
    let following = store.ahead.follow(units)?;
    match attempt(store, units, following).await {
        Ok(outcome) => outcome,
        Err(error) => {
            tracing::debug!(%error, "writing ahead did not go well: appending once more");
            store.ahead.rest();
            None
        }
    }
}

async fn attempt(store: &Store, units: &[&Prepared<'_>], following: Following) -> Result<Option<Outcome>, StoreError> {
    let mut transaction = store.pool.begin_with(WRITE).await.map_err(in_tx("append"))?;
    let tx: &mut PgConnection = &mut transaction;
    let known = look(tx, units).await?;
    let Following { head, before, mut ends } = following;
    let from = head.size();
    let group = sequence(units, head.frontier.clone(), head.last_recorded_at, known);
    // What is refused or there already is judged under the head's lock; and so are partitions made.
    let partitioned_until = store.partitions.known_beyond(group.frontier.size());
    if let (true, Some(partitioned_until)) = (group.taken.len() == units.len(), partitioned_until) {
        let leading = store.ahead.lead_behind(&group, before);
        write_rows(tx, &group).await?;
        // An error says that it has ended.
        let ended = tokio::time::timeout(PATIENCE, ends.changed()).await.is_ok();
        if ended && free_head(tx).await? == head {
            finish(tx, units, &group, from).await?;
            transaction.commit().await.map_err(in_tx("append"))?;
            drop(leading);
            #[cfg(test)]
            store.ahead.went_well.fetch_add(1, Ordering::Relaxed);
            return Ok(Some(Outcome { units: group.outcomes, partitioned_until }));
        }
        store.ahead.rest();
    }
    transaction.rollback().await.map_err(in_tx("append"))?;
    Ok(None)
}

/// The head, locked; an error where somebody else holds it.
async fn free_head(tx: &mut PgConnection) -> Result<Head, StoreError> {
    let set = async |tx: &mut PgConnection, setting: &'static str| {
        sqlx::raw_sql(setting).execute(tx).await.map(drop).map_err(in_tx("append"))
    };
    set(tx, "/* append::impatience */ SET LOCAL lock_timeout = '10ms'").await?;
    let head = lock_head(tx).await?;
    set(tx, "/* append::patience */ SET LOCAL lock_timeout TO DEFAULT").await?;
    Ok(head)
}
