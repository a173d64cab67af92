//! The line of keys that follows from the pinned ones by the ledger's own rotations.

use exhibit_evidence::{Body, Record};
use exhibit_ledger::keys::{KeyHistory, Rotation};
use sqlx::PgConnection;

use super::{FsckReport, Trusted};
use crate::StoreError;
use crate::error::in_tx;

/// Position and text of the records that hand over keys.
pub(super) async fn handovers(tx: &mut PgConnection) -> Result<Vec<(i64, String)>, StoreError> {
    // The column is a copy, and compared with the record elsewhere: a rotation can't hide behind another kind.
    sqlx::query_as("/* fsck::keys */ SELECT seq, record FROM exhibit.entries WHERE kind = 'key' ORDER BY seq")
        .fetch_all(tx)
        .await
        .map_err(in_tx("fsck"))
}

/// One line for each pinned key; none without pinned keys. What is wrong with the rotations is named.
pub(super) fn walk(handovers: Vec<(i64, String)>, trusted: &Trusted, report: &mut FsckReport) -> Vec<KeyHistory> {
    let mut rotations = Vec::new();
    for (seq, record) in handovers {
        let read = Record::from_bytes(record.into_bytes()).and_then(|(record, _)| record.read());
        // Bytes that are no such entry are named where entries are walked.
        let Ok(Body::Key(body)) = read.map(|envelope| envelope.body) else { continue };
        match Rotation::of_entry(&body.statement, seq.unsigned_abs()) {
            Ok(rotation) => rotations.push(rotation),
            Err(why) => {
                report.differs("entries", format!("seq {seq}"), "a rotation signed by both keys, in its place", why);
            }
        }
    }
    let mut lines = Vec::new();
    for pinned in &trusted.keys {
        match KeyHistory::walk_all(&trusted.origin, pinned, &rotations) {
            Ok(line) => lines.push(line),
            Err(why) => {
                report.differs("entries", "kind key", format!("one line of keys from the pinned {pinned}"), why);
                // What the pinned key can say on its own still counts.
                lines.extend(KeyHistory::walk(&trusted.origin, pinned, &[]));
            }
        }
    }
    lines
}
