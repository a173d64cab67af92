//! The quick look, by which a ledger that is as it must be is known at the speed of reading it.
//!
//! Each table is read once, from front to end, in whatever order it lies. Of each row that the entries' bytes give, and of
//! each row that is there, a keyed hash is summed up by table: where the sums agree, so do the rows, all of them and no
//! others. The key is drawn for each look, so that nobody can prepare rows whose sum is another's. Where anything is not as
//! it must be, the thorough walk ([`super::entries`]) names it: nothing is reported from here but that all is well.

mod look;
mod stream;
mod sums;

use std::collections::{BTreeMap, BTreeSet};

use exhibit_evidence::{Digest, Envelope, Timestamp};
use exhibit_ledger::tree::Hash;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesOrdered;
use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, PgConnection, Postgres};

use self::look::Looked;
use self::stream::Rows;
use self::sums::{Key, Sums};
use super::disclosed::Erasures;
use super::edge::Edge;
use crate::error::in_tx;
use crate::projection::{COLUMNS, moved_findings, project, read_findings};
use crate::rows::bigint;
use crate::{Store, StoreError, artifacts};

/// Batches that are looked at beside each other.
const BESIDE: usize = 3;

/// A ledger that is as its entries say, but for what is promised of it elsewhere.
#[derive(Default)]
pub(super) struct Sound {
    pub(super) edge: Edge,
    pub(super) last_recorded_at: Option<Timestamp>,
    /// Artifacts that records cite.
    pub(super) cited: BTreeSet<Digest>,
    /// The erasures that records tell of.
    pub(super) erased: Erasures,
    /// Position and text of the records that hand over keys.
    pub(super) handovers: Vec<(i64, String)>,
    /// The root at each size that was asked for.
    pub(super) roots: BTreeMap<u64, Hash>,
}

/// Looks at everything in the snapshot of `tx`; none where something is not as it must be.
pub(super) async fn look(
    store: &Store,
    tx: &mut PgConnection,
    sizes: &BTreeSet<u64>,
) -> Result<Option<Sound>, StoreError> {
    let snapshot: String = sqlx::query_scalar("/* fsck::snapshot */ SELECT pg_export_snapshot()")
        .fetch_one(&mut *tx)
        .await
        .map_err(in_tx("fsck"))?;
    let key = Key::draw();
    let mut of_entries = within(store, &snapshot).await?;
    let mut of_tables = within(store, &snapshot).await?;
    let (expected, found) = tokio::join!(walk(&mut of_entries, tx, &key, sizes), stored(&mut of_tables, &key));
    let (Some((sound, expected)), Some(found)) = (expected?, found?) else {
        return Ok(None);
    };
    Ok((expected == found).then_some(sound))
}

/// A connection that sees the snapshot. It ends with the transaction that it is in.
async fn within(store: &Store, snapshot: &str) -> Result<PoolConnection<Postgres>, StoreError> {
    let mut connection = store.pool.acquire().await.map_err(in_tx("fsck"))?;
    // Read along the index, which is the order of the rows: a sort would write everything once more.
    let begin = format!(
        "{}; SET TRANSACTION SNAPSHOT '{snapshot}'; SET LOCAL enable_sort = off; SET LOCAL jit = off",
        crate::tx::SNAPSHOT
    );
    // What Postgres exported a moment ago, by its own word.
    sqlx::raw_sql(AssertSqlSafe(begin)).execute(&mut *connection).await.map_err(in_tx("fsck"))?;
    // A transaction is open in it: it must not go back to the others.
    connection.close_on_drop();
    Ok(connection)
}

/// Walks over the entries in their order, and sums up the rows that they give.
async fn walk(
    connection: &mut PgConnection,
    tx: &mut PgConnection,
    key: &Key,
    sizes: &BTreeSet<u64>,
) -> Result<Option<(Sound, Sums)>, StoreError> {
    let statement = "/* fsck::walk */ COPY (SELECT seq, kind, id, recorded_at, record FROM exhibit.entries \
                       ORDER BY seq) TO STDOUT (FORMAT binary)";
    let mut rows = Rows::of(connection, statement).await?;
    let (mut sound, mut sums) = (Sound::default(), Sums::default());
    sound.note_root(sizes);
    let (mut looking, mut more) = (FuturesOrdered::new(), true);
    loop {
        while more && looking.len() < BESIDE {
            let batch = rows.next_batch().await?;
            more = !batch.is_empty();
            if more {
                let key = key.clone();
                looking.push_back(tokio::task::spawn_blocking(move || look::entries(&batch, &key)));
            }
        }
        let Some(looked) = looking.next().await else {
            return Ok(Some((sound, sums)));
        };
        let Some(looked) = looked.map_err(|_| StoreError::Unfit("a thread ended early".into()))? else {
            return Ok(None);
        };
        if !sound.take(looked, tx, key, sizes, &mut sums).await? {
            return Ok(None);
        }
    }
}

impl Sound {
    fn note_root(&mut self, sizes: &BTreeSet<u64>) {
        if sizes.contains(&self.edge.size()) {
            self.roots.insert(self.edge.size(), self.edge.root());
        }
    }

    /// Takes the next batch; false where it does not follow.
    async fn take(
        &mut self,
        looked: Looked,
        tx: &mut PgConnection,
        key: &Key,
        sizes: &BTreeSet<u64>,
        sums: &mut Sums,
    ) -> Result<bool, StoreError> {
        if looked.first != bigint(self.edge.size()) || self.last_recorded_at > Some(looked.recorded.0) {
            return Ok(false);
        }
        self.last_recorded_at = Some(looked.recorded.1);
        for leaf in looked.leaves {
            for (level, index, hash) in self.edge.push(leaf) {
                sums.node(key, level, bigint(index), &hash);
            }
            self.note_root(sizes);
        }
        sums.add(&looked.sums);
        self.cited.extend(looked.cited);
        self.handovers.extend(looked.handovers);
        for (seq, body) in &looked.erasures {
            self.erased.take(*seq, body);
        }
        for (seq, envelope) in looked.moved {
            if !moved(tx, seq, &envelope, key, sums).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Sums up the rows of an assessment whose findings lie in an artifact; false where they do not.
async fn moved(
    tx: &mut PgConnection,
    seq: u64,
    envelope: &Envelope,
    key: &Key,
    sums: &mut Sums,
) -> Result<bool, StoreError> {
    let Some(digest) = moved_findings(&envelope.body) else {
        return Ok(false);
    };
    let findings = match artifacts::fetch(tx, digest).await {
        Ok(artifact) => read_findings(&artifact.bytes),
        Err(StoreError::Database { tx, source }) => return Err(StoreError::Database { tx, source }),
        Err(_) => return Ok(false),
    };
    let Ok(findings) = findings else {
        return Ok(false);
    };
    sums.rows(key, &project(seq, envelope.id, envelope.recorded_at, &envelope.body, &findings));
    Ok(true)
}

/// Sums up the rows that are there; none where a disclosed value is not the one of its digest.
async fn stored(connection: &mut PgConnection, key: &Key) -> Result<Option<Sums>, StoreError> {
    let mut sums = Sums::default();
    let mut tables: Vec<(&'static str, String)> = vec![
        (sums::IDS, "id, seq FROM exhibit.entry_ids".to_owned()),
        (sums::NODES, "level, idx, hash FROM exhibit.tree_nodes".to_owned()),
        (sums::DISCLOSED, "entry_id, path, digest, salt, value FROM exhibit.disclosures".to_owned()),
    ];
    tables.extend(COLUMNS.iter().map(|(table, columns)| {
        let columns: Vec<String> = columns.iter().map(|column| format!("\"{column}\"")).collect();
        (*table, format!("{} FROM exhibit.{table}", columns.join(", ")))
    }));
    for (table, select) in tables {
        let statement = format!("/* fsck::stored */ COPY (SELECT {select}) TO STDOUT (FORMAT binary)");
        let mut rows = Rows::of(connection, &statement).await?;
        let mut summing = FuturesOrdered::new();
        loop {
            let batch = rows.next_batch().await?;
            let ended = batch.is_empty();
            let key = key.clone();
            summing.push_back(tokio::task::spawn_blocking(move || look::rows(table, &batch, &key)));
            while summing.len() > BESIDE || ended {
                match summing.next().await {
                    None => break,
                    Some(Ok(Some(sum))) => sums.add(&sum),
                    Some(Ok(None)) => return Ok(None),
                    Some(Err(_)) => return Err(StoreError::Unfit("a thread ended early".into())),
                }
            }
            if ended {
                break;
            }
        }
    }
    Ok(Some(sums))
}
