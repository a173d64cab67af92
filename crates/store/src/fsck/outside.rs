//! Which roots were promised at which sizes: by checkpoints outside Postgres, and by stored ones.

use std::collections::{BTreeMap, BTreeSet};

use exhibit_ledger::checkpoint::SignedCheckpoint;
use exhibit_ledger::keys::KeyHistory;
use exhibit_ledger::tree::Hash;
use sqlx::{PgConnection, Row as _};

use super::{FsckReport, Trusted};
use crate::StoreError;
use crate::error::in_tx;

/// Promised roots by size; each with the place that promises it.
pub(super) type Promised = BTreeMap<u64, Vec<(String, Hash)>>;

/// Sizes at which a root may be promised.
pub(super) async fn sizes(tx: &mut PgConnection, trusted: &Trusted) -> Result<BTreeSet<u64>, StoreError> {
    let notes: Vec<String> = sqlx::query_scalar("/* fsck::sizes */ SELECT note FROM exhibit.checkpoints")
        .fetch_all(tx)
        .await
        .map_err(in_tx("fsck"))?;
    let outside = trusted.checkpoints.iter().map(|checkpoint| checkpoint.note.as_slice());
    let notes = notes.iter().map(String::as_bytes).chain(outside);
    Ok(notes.filter_map(|note| SignedCheckpoint::parse(note).ok()).map(|signed| signed.unverified().size).collect())
}

pub(super) async fn collect(
    tx: &mut PgConnection,
    trusted: &Trusted,
    keys: &[KeyHistory],
    report: &mut FsckReport,
) -> Result<Promised, StoreError> {
    let mut promised = Promised::new();
    for checkpoint in &trusted.checkpoints {
        match verified(&checkpoint.note, keys) {
            Ok((size, root)) => {
                report.outside_checkpoints += 1;
                report.covered_outside = report.covered_outside.max(size);
                promised.entry(size).or_default().push((checkpoint.source.clone(), root));
            }
            Err(why) => report.differs(&checkpoint.source, "the checkpoint", "a note signed by a known key", why),
        }
    }
    let rows = sqlx::query("/* fsck::checkpoints */ SELECT size, root, note FROM exhibit.checkpoints ORDER BY size")
        .fetch_all(tx)
        .await
        .map_err(in_tx("fsck"))?;
    let mut sizes = BTreeSet::new();
    for row in &rows {
        let size: i64 = row.try_get("size").map_err(in_tx("fsck"))?;
        let root: Vec<u8> = row.try_get("root").map_err(in_tx("fsck"))?;
        let note: String = row.try_get("note").map_err(in_tx("fsck"))?;
        let key = format!("size {size}");
        sizes.insert(size.unsigned_abs());
        match verified(note.as_bytes(), keys) {
            Ok((signed, hash)) => {
                if i64::try_from(signed) != Ok(size) {
                    report.differs("checkpoints", &key, format!("size {signed} as signed"), size);
                }
                if hash.as_slice() != root {
                    report.differs("checkpoints", &key, hex::encode(hash), hex::encode(&root));
                }
                promised.entry(signed).or_default().push(("checkpoints".to_owned(), hash));
            }
            Err(why) => report.differs("checkpoints", &key, "a note signed by a known key", why),
        }
    }
    let handovers: BTreeSet<u64> = keys.iter().flat_map(KeyHistory::windows).filter_map(|w| w.until_size).collect();
    for size in handovers.difference(&sizes) {
        report.differs(
            "checkpoints",
            format!("size {size}"),
            "a checkpoint signed by both keys of the hand-over",
            "none",
        );
    }
    Ok(promised)
}

/// Size and root of a note. Without any key to check with, they are taken as they are written.
fn verified(note: &[u8], keys: &[KeyHistory]) -> Result<(u64, Hash), String> {
    let signed = SignedCheckpoint::parse(note).map_err(|error| error.to_string())?;
    let Some((first, others)) = keys.split_first() else {
        let checkpoint = signed.unverified();
        return Ok((checkpoint.size, checkpoint.root));
    };
    let by_another = || others.iter().find_map(|line| line.verify(&signed).ok());
    let checkpoint =
        first.verify(&signed).or_else(|error| by_another().ok_or(error)).map_err(|error| error.to_string())?;
    Ok((checkpoint.size, checkpoint.root))
}
