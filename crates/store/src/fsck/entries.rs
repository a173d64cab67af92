//! The walk over all entries: bytes, columns, hashes, and what follows from them.

use std::collections::{BTreeSet, HashMap};

use chrono::DateTime;
use exhibit_evidence::{Body, Digest, Envelope, Finding, Record, Timestamp};
use exhibit_ledger::tree::{Hash, leaf_hash};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use super::FsckReport;
use super::disclosed::{self, Erasures};
use super::edge::Edge;
use super::outside::Promised;
use super::quick::Sound;
use crate::error::in_tx;
use crate::projection::{Rows, compare, moved_findings, project, read_findings};
use crate::rows::bigint;
use crate::{StoreError, artifacts};

/// Entries examined at once.
const BATCH: i64 = 1000;

/// What is known at the end of the walk.
#[derive(Default)]
pub(super) struct Walk {
    pub(super) edge: Edge,
    /// Entries read.
    pub(super) entries: u64,
    /// The position after the last entry.
    pub(super) end: u64,
    /// Whether an entry before the last is not there: then no later root can be right.
    pub(super) broken: bool,
    /// `recorded_at` of the last record.
    pub(super) last_recorded_at: Option<Timestamp>,
    /// Artifacts that records cite.
    pub(super) cited: BTreeSet<Digest>,
    /// The erasures that records tell of.
    pub(super) erased: Erasures,
    /// The largest promised size up to which everything was as promised.
    good_until: u64,
}

/// One row of the table, as it is.
struct Row {
    seq: i64,
    kind: String,
    id: Uuid,
    recorded_at: String,
    record: String,
}

pub(super) async fn check(
    tx: &mut PgConnection,
    promised: &Promised,
    report: &mut FsckReport,
) -> Result<Walk, StoreError> {
    let mut walk = Walk::default();
    walk.keep_promises(promised, report);
    let mut next = i64::MIN;
    loop {
        let rows = sqlx::query(
            "/* fsck::entries */ SELECT seq, kind, id, to_jsonb(recorded_at) #>> '{}' AS recorded_at, record \
               FROM exhibit.entries WHERE seq >= $1 ORDER BY seq LIMIT $2",
        )
        .bind(next)
        .bind(BATCH)
        .fetch_all(&mut *tx)
        .await
        .map_err(in_tx("fsck"))?;
        let rows = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let Some(last) = rows.last().map(|row| row.seq) else {
            break;
        };
        let from = next;
        next = last.saturating_add(1);
        batch(tx, &mut walk, rows, from, next, promised, report).await?;
    }
    // What hangs on entries that are not there.
    compare_rows(tx, &Rows::default(), next, i64::MAX, report).await?;
    leftover_hashes(tx, &walk, report).await?;
    promises_beyond(&walk, promised, report);
    Ok(walk)
}

fn read(row: &PgRow) -> Result<Row, StoreError> {
    Ok(Row {
        seq: row.try_get("seq").map_err(in_tx("fsck"))?,
        kind: row.try_get("kind").map_err(in_tx("fsck"))?,
        id: row.try_get("id").map_err(in_tx("fsck"))?,
        recorded_at: row.try_get("recorded_at").map_err(in_tx("fsck"))?,
        record: row.try_get("record").map_err(in_tx("fsck"))?,
    })
}

async fn batch(
    tx: &mut PgConnection,
    walk: &mut Walk,
    rows: Vec<Row>,
    from: i64,
    to: i64,
    promised: &Promised,
    report: &mut FsckReport,
) -> Result<(), StoreError> {
    let mut leaves = stored_leaves(tx, from, to).await?;
    let mut ids = stored_ids(tx, from, to).await?;
    let mut expected = Rows::default();
    let mut completed = Vec::new();
    let mut promised_values = Vec::new();
    for row in rows {
        walk.place(&row, report);
        let leaf = leaf_hash(row.record.as_bytes());
        completed.extend(walk.edge.push(leaf));
        match leaves.remove(&row.seq) {
            None => report.differs("tree_nodes", leaf_of(row.seq), hex::encode(leaf), "none"),
            Some(stored) if stored != leaf => {
                report.differs("tree_nodes", leaf_of(row.seq), hex::encode(leaf), hex::encode(&stored));
                report.differs(
                    "entries",
                    seq_of(row.seq),
                    format!("a record that hashes to {}", hex::encode(&stored)),
                    hex::encode(leaf),
                );
            }
            Some(_) => {}
        }
        match ids.remove(&row.seq) {
            None => report.differs("entry_ids", seq_of(row.seq), row.id, "none"),
            Some(id) if id != row.id => report.differs("entry_ids", seq_of(row.seq), row.id, id),
            Some(_) => {}
        }
        if let (Some(envelope), Ok(seq)) = (walk.read_record(&row, report), u64::try_from(row.seq)) {
            let moved = moved(tx, &envelope, row.seq, report).await?;
            walk.cited.extend(cited(&envelope.body));
            walk.erased.take(row.seq, &envelope.body);
            promised_values.extend(disclosed::promised(row.seq, &envelope));
            expected.extend(project(seq, envelope.id, envelope.recorded_at, &envelope.body, &moved));
        }
        walk.keep_promises(promised, report);
    }
    for (seq, hash) in leaves {
        report.differs("tree_nodes", leaf_of(seq), "no leaf, as there is no entry", hex::encode(hash));
    }
    for (seq, id) in ids {
        report.differs("entry_ids", seq_of(seq), "no id, as there is no entry", id);
    }
    if !walk.broken {
        upper_nodes(tx, &completed, report).await?;
    }
    disclosed::compare(tx, &promised_values, report).await?;
    compare_rows(tx, &expected, from, to, report).await
}

impl Walk {
    /// Positions go up by one from zero.
    fn place(&mut self, row: &Row, report: &mut FsckReport) {
        let expected = bigint(self.end);
        if row.seq != expected {
            self.broken = true;
            if row.seq < expected {
                report.differs("entries", seq_of(row.seq), "no entry before seq 0", "one");
            } else if row.seq == expected + 1 {
                report.differs("entries", seq_of(expected), "an entry", "none");
            } else {
                let gap = format!("seq {expected} to {}", row.seq - 1);
                report.differs("entries", gap, "entries", "none");
            }
        }
        self.end = u64::try_from(row.seq).map_or(self.end, |seq| seq + 1);
        self.entries += 1;
    }

    /// The record must be canonical, agree with its columns, and not go back in time.
    fn read_record(&mut self, row: &Row, report: &mut FsckReport) -> Option<Envelope> {
        let (record, header) = match Record::from_bytes(row.record.clone().into_bytes()) {
            Ok(read) => read,
            Err(error) => {
                report.differs("entries", seq_of(row.seq), "a canonical record", error);
                return None;
            }
        };
        let mut copy = |column: &str, expected: String, found: String| {
            if expected != found {
                report.differs("entries", format!("seq {}, column {column}", row.seq), expected, found);
            }
        };
        copy("kind", header.kind.clone(), row.kind.clone());
        copy("id", header.id.to_string(), row.id.to_string());
        let column = DateTime::parse_from_rfc3339(&row.recorded_at)
            .map_or_else(|_| row.recorded_at.clone(), |at| Timestamp::new(at.to_utc()).to_string());
        copy("recorded_at", header.recorded_at.to_string(), column);
        if let Some(last) = self.last_recorded_at.filter(|last| header.recorded_at < *last) {
            report.differs("entries", seq_of(row.seq), format!("recorded_at not before {last}"), header.recorded_at);
        }
        self.last_recorded_at = Some(header.recorded_at);
        match record.read() {
            Ok(envelope) => Some(envelope),
            Err(error) => {
                report.differs("entries", seq_of(row.seq), "a body of this version", error);
                None
            }
        }
    }

    /// Compares the root with what was promised for this size.
    fn keep_promises(&mut self, promised: &Promised, report: &mut FsckReport) {
        if !promised.contains_key(&self.end) {
            return;
        }
        let (size, root) = (self.end, self.edge.root());
        keep_promises(size, root, &mut self.good_until, promised, report);
    }

    /// The walk over a ledger that the quick look found sound, judged by what was promised of it.
    pub(super) fn over(sound: Sound, promised: &Promised, report: &mut FsckReport) -> Self {
        let mut good_until = 0;
        for (size, root) in &sound.roots {
            keep_promises(*size, *root, &mut good_until, promised, report);
        }
        let walk = Self {
            entries: sound.edge.size(),
            end: sound.edge.size(),
            broken: false,
            last_recorded_at: sound.last_recorded_at,
            cited: sound.cited,
            erased: sound.erased,
            good_until,
            edge: sound.edge,
        };
        promises_beyond(&walk, promised, report);
        walk
    }
}

/// Compares the root at a size with what was promised for it.
fn keep_promises(size: u64, root: Hash, good_until: &mut u64, promised: &Promised, report: &mut FsckReport) {
    let Some(roots) = promised.get(&size) else {
        return;
    };
    let mut good = true;
    for (source, promise) in roots {
        if *promise != root {
            good = false;
            let which = format!("checkpoint for size {size} (an entry of {good_until}..{size} is another)");
            report.differs(source, which, hex::encode(promise), hex::encode(root));
        }
    }
    if good {
        *good_until = size;
    }
}

/// The artifacts that an entry cites.
pub(super) fn cited(body: &Body) -> Vec<Digest> {
    match body {
        Body::Evidence(evidence) => {
            let artifacts = evidence.observation.artifacts.iter().map(|artifact| artifact.digest);
            artifacts.chain(evidence.observation.facts_artifact).collect()
        }
        Body::Assessment(assessment) => assessment.findings_artifact.into_iter().collect(),
        _ => Vec::new(),
    }
}

/// Findings that an assessment keeps in an artifact.
async fn moved(
    tx: &mut PgConnection,
    envelope: &Envelope,
    seq: i64,
    report: &mut FsckReport,
) -> Result<Vec<Finding>, StoreError> {
    let Some(digest) = moved_findings(&envelope.body) else {
        return Ok(Vec::new());
    };
    let problem = match artifacts::fetch(tx, digest).await {
        Ok(artifact) => match read_findings(&artifact.bytes) {
            Ok(findings) => return Ok(findings),
            Err(error) => error.to_string(),
        },
        Err(StoreError::Database { tx, source }) => {
            return Err(StoreError::Database { tx, source });
        }
        Err(error) => error.to_string(),
    };
    report.differs("artifacts", format!("{digest}, cited by seq {seq}"), "a list of findings", problem);
    Ok(Vec::new())
}

async fn stored_leaves(tx: &mut PgConnection, from: i64, to: i64) -> Result<HashMap<i64, Vec<u8>>, StoreError> {
    let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(
        "/* fsck::leaves */ SELECT idx, hash FROM exhibit.tree_nodes WHERE level = 0 AND idx >= $1 AND idx < $2",
    )
    .bind(from)
    .bind(to)
    .fetch_all(tx)
    .await
    .map_err(in_tx("fsck"))?;
    Ok(rows.into_iter().collect())
}

async fn stored_ids(tx: &mut PgConnection, from: i64, to: i64) -> Result<HashMap<i64, Uuid>, StoreError> {
    let rows: Vec<(i64, Uuid)> =
        sqlx::query_as("/* fsck::entry_ids */ SELECT seq, id FROM exhibit.entry_ids WHERE seq >= $1 AND seq < $2")
            .bind(from)
            .bind(to)
            .fetch_all(tx)
            .await
            .map_err(in_tx("fsck"))?;
    Ok(rows.into_iter().collect())
}

/// Roots of 256^n leaves, as recomputed, against those stored.
async fn upper_nodes(
    tx: &mut PgConnection,
    completed: &[(i16, u64, Hash)],
    report: &mut FsckReport,
) -> Result<(), StoreError> {
    for (level, index, hash) in completed {
        let stored: Option<Vec<u8>> = sqlx::query_scalar(
            "/* fsck::upper_node */ SELECT hash FROM exhibit.tree_nodes WHERE level = $1 AND idx = $2",
        )
        .bind(level)
        .bind(bigint(*index))
        .fetch_optional(&mut *tx)
        .await
        .map_err(in_tx("fsck"))?;
        if stored.as_deref() != Some(hash.as_slice()) {
            let found = stored.map_or_else(|| "none".to_owned(), hex::encode);
            report.differs("tree_nodes", format!("level {level}, index {index}"), hex::encode(hash), found);
        }
    }
    Ok(())
}

/// Hashes and ids beyond the last entry.
async fn leftover_hashes(tx: &mut PgConnection, walk: &Walk, report: &mut FsckReport) -> Result<(), StoreError> {
    let nodes: Vec<(i16, i64)> = sqlx::query_as(
        "/* fsck::leftover_nodes */ SELECT level, idx FROM exhibit.tree_nodes \
          WHERE idx >= $1 / power(256, level)::numeric::bigint OR idx < 0 ORDER BY level, idx LIMIT 10000",
    )
    .bind(bigint(walk.end))
    .fetch_all(&mut *tx)
    .await
    .map_err(in_tx("fsck"))?;
    for (level, index) in nodes {
        report.differs(
            "tree_nodes",
            format!("level {level}, index {index}"),
            "none, as there are no such entries",
            "a hash",
        );
    }
    let ids: Vec<(Uuid, i64)> = sqlx::query_as(
        "/* fsck::leftover_ids */ SELECT id, seq FROM exhibit.entry_ids WHERE seq >= $1 ORDER BY seq LIMIT 10000",
    )
    .bind(bigint(walk.end))
    .fetch_all(tx)
    .await
    .map_err(in_tx("fsck"))?;
    for (id, seq) in ids {
        report.differs("entry_ids", seq_of(seq), "none, as there is no such entry", id);
    }
    Ok(())
}

/// Checkpoints that cover entries which are not there.
fn promises_beyond(walk: &Walk, promised: &Promised, report: &mut FsckReport) {
    for (size, roots) in promised.range(walk.end + 1..) {
        for (source, _) in roots {
            report.differs(
                source,
                format!("checkpoint for size {size} (entries {}..{size} are gone)", walk.end),
                format!("{size} entries"),
                walk.end,
            );
        }
    }
}

async fn compare_rows(
    tx: &mut PgConnection,
    expected: &Rows,
    from: i64,
    to: i64,
    report: &mut FsckReport,
) -> Result<(), StoreError> {
    for differing in compare(tx, expected, from, to).await? {
        let (expected, found) = differing.told();
        report.differs(differing.table, &differing.key, expected, found);
    }
    Ok(())
}

fn seq_of(seq: i64) -> String {
    format!("seq {seq}")
}

fn leaf_of(seq: i64) -> String {
    format!("leaf {seq}")
}
