//! Checks everything that is stored, starting from the raw bytes.
//!
//! Nothing here is shared with appending but the hash functions, and what an entry means as rows:
//! the tree is rolled up by [`edge::Edge`], the stored hashes are compared with it, and every copy
//! of a fact with the record that it was copied from. One unchanging snapshot is read: quickly, which tells only whether
//! all is as the entries say ([`quick`]), and where it is not, once more and thoroughly, to name each difference.

mod aside;
mod disclosed;
mod edge;
mod entries;
mod head;
mod intended;
mod keys;
mod outside;
mod quick;
mod rights;
mod structure;

#[cfg(test)]
pub(crate) use rights::not_given as rights_not_given;

use std::fmt;

use exhibit_ledger::note::VerifierKey;
use exhibit_ledger::tree::Hash;
use sqlx::PgConnection;

use crate::tx::run_tx;
use crate::{Store, StoreError};

/// Differences that are named one by one; further ones are only counted.
const NAMED: usize = 10_000;

/// A checkpoint that was kept outside Postgres.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutsideCheckpoint {
    /// Where it was kept, in words: a file, an archive's key.
    pub source: String,
    /// The signed note's bytes.
    pub note: Vec<u8>,
}

/// What the caller trusts more than the database.
#[derive(Clone, Debug, Default)]
pub struct Trusted {
    /// The log's origin.
    pub origin: String,
    /// Pinned keys. From them the ledger's own rotations are walked, and each checkpoint, stored ones too, must be
    /// signed by the keys that may sign at its size.
    pub keys: Vec<VerifierKey>,
    /// Checkpoints kept outside Postgres. Without any, a consistent forgery of everything cannot
    /// be told from the truth.
    pub checkpoints: Vec<OutsideCheckpoint>,
}

/// Something that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The table, or the place outside Postgres.
    pub place: String,
    /// Which row: its position, id or key.
    pub row: String,
    /// What should be there.
    pub expected: String,
    /// What is there.
    pub found: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, row, expected, found } = self;
        write!(f, "{place}, {row}: expected {expected}, found {found}")
    }
}

/// What was examined, and what is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FsckReport {
    /// Entries whose bytes were read and hashed.
    pub entries: u64,
    /// The root hash over them.
    pub root: Option<Hash>,
    /// Checkpoints outside Postgres that were compared.
    pub outside_checkpoints: u64,
    /// The largest size that an outside checkpoint covers: what is beyond is not bound by any.
    pub covered_outside: u64,
    /// Digests whose names a restoration from the archive could not bring back: neither here nor erased by law.
    pub lost_names: u64,
    /// What is wrong, each named.
    pub differences: Vec<Difference>,
    /// How many differences there are beyond those named.
    pub more: u64,
}

impl FsckReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.differences.is_empty()
    }

    fn differs(&mut self, place: &str, row: impl ToString, expected: impl ToString, found: impl ToString) {
        if self.differences.len() >= NAMED {
            self.more += 1;
            return;
        }
        self.differences.push(Difference {
            place: place.to_owned(),
            row: row.to_string(),
            expected: expected.to_string(),
            found: found.to_string(),
        });
    }
}

impl Store {
    /// Recomputes everything from the stored bytes and names each difference.
    ///
    /// # Errors
    /// Only if it could not look: the database cannot be used. What is wrong in it is a difference.
    pub async fn fsck(&self, trusted: &Trusted) -> Result<FsckReport, StoreError> {
        run_tx!(self, "fsck", crate::tx::SNAPSHOT, |tx| check(self, tx, trusted).await)
    }
}

/// What stands around the entries, without reading one.
pub(crate) async fn fences(tx: &mut PgConnection) -> Result<Vec<Difference>, StoreError> {
    let mut report = FsckReport::default();
    structure::check(tx, &mut report).await?;
    rights::check(tx, &mut report).await?;
    Ok(report.differences)
}

async fn check(store: &Store, tx: &mut PgConnection, trusted: &Trusted) -> Result<FsckReport, StoreError> {
    let mut report = FsckReport::default();
    structure::check(tx, &mut report).await?;
    rights::check(tx, &mut report).await?;
    let sizes = outside::sizes(tx, trusted).await?;
    let walk = match quick::look(store, tx, &sizes).await? {
        Some(mut sound) => {
            let keys = keys::walk(std::mem::take(&mut sound.handovers), trusted, &mut report);
            let promised = outside::collect(tx, trusted, &keys, &mut report).await?;
            entries::Walk::over(sound, &promised, &mut report)
        }
        None => thorough(tx, trusted, &mut report).await?,
    };
    head::check(tx, &walk, &mut report).await?;
    aside::check(tx, &walk, &mut report).await?;
    disclosed::groups(tx, &walk.erased, &mut report).await?;
    report.entries = walk.entries;
    report.root = Some(walk.edge.root());
    Ok(report)
}

/// Whether the quick look finds nothing wrong.
#[cfg(test)]
pub(crate) async fn is_quickly_sound(store: &Store, trusted: &Trusted) -> Result<bool, StoreError> {
    run_tx!(store, "fsck", crate::tx::SNAPSHOT, |tx| {
        let sizes = outside::sizes(tx, trusted).await?;
        Ok(quick::look(store, tx, &sizes).await?.is_some())
    })
}

/// Names what the quick look only noticed.
async fn thorough(
    tx: &mut PgConnection,
    trusted: &Trusted,
    report: &mut FsckReport,
) -> Result<entries::Walk, StoreError> {
    let keys = keys::walk(keys::handovers(tx).await?, trusted, report);
    let promised = outside::collect(tx, trusted, &keys, report).await?;
    let before = report.differences.len();
    let walk = entries::check(tx, &promised, report).await?;
    disclosed::values(tx, report).await?;
    if report.differences.len() == before {
        report.differs("entries", "all", "rows as the entries give them", "others, though none could be named");
    }
    Ok(walk)
}
