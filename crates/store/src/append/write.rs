//! The transaction itself: lock, look, sequence, write, advance, tell.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use exhibit_evidence::{Envelope, Timestamp};
use exhibit_ledger::tree::NodeId;
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use super::ahead::Leading;
use super::sequence::{Known, KnownEntry, Placed, Sequenced, closed_slots, sequence};
use super::{Appended, CHANNEL, NewDisclosure, NewGroup, Prepared};
use crate::artifacts::keep;
use crate::error::in_tx;
use crate::head::{Head, read_head};
use crate::projection::{self, fold, merge_folded};
use crate::rows::{Reader, bigint};
use crate::slots::Slot;
use crate::{Store, StoreError};

/// Appends units; `leading` is to be held until the transaction has ended.
pub(super) async fn append(
    store: &Store,
    tx: &mut PgConnection,
    units: &[&Prepared<'_>],
    leading: &mut Option<Leading>,
) -> Result<Outcome, StoreError> {
    let head = lock_head(tx).await?;
    let known = look(tx, units).await?;
    let from = head.size();
    let group = sequence(units, head.frontier, head.last_recorded_at, known);
    if group.placed.is_empty() {
        return Ok(Outcome { units: group.outcomes, partitioned_until: 0 });
    }
    *leading = store.ahead.lead(&group);
    let partitioned_until = store.ensure_entries(tx, from, group.frontier.size()).await?;
    write_rows(tx, &group).await?;
    finish(tx, units, &group, from).await?;
    Ok(Outcome { units: group.outcomes, partitioned_until })
}

/// Locks the head until the transaction ends, and tells it.
pub(super) async fn lock_head(tx: &mut PgConnection) -> Result<Head, StoreError> {
    let head = sqlx::query("/* append::lock_head */ SELECT size, frontier, last_recorded_at FROM exhibit.lock_head()")
        .fetch_one(tx)
        .await
        .map_err(in_tx("append"))?;
    read_head(&head)
}

/// Writes the rows that have a place by the entries' positions alone.
pub(super) async fn write_rows(tx: &mut PgConnection, group: &Sequenced<'_>) -> Result<(), StoreError> {
    write_entries(tx, group).await?;
    write_nodes(tx, group).await?;
    projection::write(tx, &group.rows).await
}

/// Does what has to be done under the head's lock, and moves the head.
pub(super) async fn finish(
    tx: &mut PgConnection,
    units: &[&Prepared<'_>],
    group: &Sequenced<'_>,
    from: u64,
) -> Result<(), StoreError> {
    merge_folded(tx, &fold(&group.rows.finding_observations)).await?;
    for index in &group.taken {
        for artifact in &units[*index].artifacts {
            keep(tx, artifact, units[*index].unit.now).await?;
        }
    }
    write_disclosures(tx, group.taken.iter().map(|index| units[*index])).await?;
    close_claims(tx, group).await?;
    advance(tx, from, group).await
}

/// What the transaction did, to be believed once it is committed.
pub(super) struct Outcome {
    pub(super) units: Vec<Result<Appended, StoreError>>,
    /// All entries below this have a partition; 0 where that was not asked.
    pub(super) partitioned_until: i64,
}

/// Reads what the database knows of the units' ids and slots. The claims are locked.
pub(super) async fn look<'a>(tx: &mut PgConnection, units: &[&'a Prepared<'_>]) -> Result<Known<'a>, StoreError> {
    let mut known = Known::default();
    let ids: Vec<Uuid> = units.iter().flat_map(|u| &u.unit.entries).map(|entry| entry.id.0).collect();
    let rows = sqlx::query(
        "/* append::known_ids */ SELECT i.id, e.seq, e.record FROM exhibit.entry_ids i \
           JOIN exhibit.entries e ON e.seq = i.seq WHERE i.id = ANY($1)",
    )
    .bind(&ids)
    .fetch_all(&mut *tx)
    .await
    .map_err(in_tx("append"))?;
    for row in &rows {
        let id: Uuid = row.try_get("id").map_err(in_tx("append"))?;
        let entry = crate::entries::read_entry(row)?;
        let Envelope { recorded_at, body, .. } = entry.envelope()?;
        known.entries.insert(id, KnownEntry { seq: entry.seq, recorded_at, body: Cow::Owned(body) });
    }
    let slots: HashSet<Slot> = units.iter().flat_map(|u| closed_slots(u)).collect();
    if slots.is_empty() {
        return Ok(known);
    }
    let (jobs, times): (Vec<String>, Vec<DateTime<Utc>>) =
        slots.iter().map(|slot| (slot.job.to_string(), slot.scheduled_for.utc())).unzip();
    let rows = sqlx::query(
        "/* append::held_leases */ SELECT c.job, c.scheduled_for, c.lease_token FROM exhibit.slot_claims c \
          WHERE (c.job, c.scheduled_for) IN (SELECT * FROM unnest($1::text[], $2::timestamptz[])) \
            AND c.closed_seq IS NULL ORDER BY c.job, c.scheduled_for FOR UPDATE",
    )
    .bind(&jobs)
    .bind(&times)
    .fetch_all(&mut *tx)
    .await
    .map_err(in_tx("append"))?;
    for row in &rows {
        let reader = Reader::new(row, "slot_claims", "");
        if let Some(token) = reader.get::<Option<Uuid>>("lease_token")? {
            known.held.insert((reader.authored("job")?, reader.instant("scheduled_for")?), token);
        }
    }
    let rows = sqlx::query(
        "/* append::closed_slots */ SELECT s.job, s.scheduled_for FROM exhibit.slots s \
          WHERE (s.job, s.scheduled_for) IN (SELECT * FROM unnest($1::text[], $2::timestamptz[]))",
    )
    .bind(&jobs)
    .bind(&times)
    .fetch_all(&mut *tx)
    .await
    .map_err(in_tx("append"))?;
    for row in &rows {
        let reader = Reader::new(row, "slots", "");
        known.closed.insert((reader.authored("job")?, reader.instant("scheduled_for")?));
    }
    Ok(known)
}

/// Entries are sent in pieces of about this many bytes, so that neither side needs memory for all of them at once.
const PIECE: usize = 512 << 10;

async fn write_entries(tx: &mut PgConnection, group: &Sequenced<'_>) -> Result<(), StoreError> {
    let mut rest = group.placed.as_slice();
    while !rest.is_empty() {
        let mut bytes = 0;
        let fit = rest.iter().take_while(|placed| {
            bytes += placed.record.as_bytes().len();
            bytes <= PIECE
        });
        let (piece, after) = rest.split_at(fit.count().max(1));
        write_piece(tx, piece).await?;
        rest = after;
    }
    let seqs: Vec<i64> = group.placed.iter().map(|placed| bigint(placed.seq)).collect();
    let ids: Vec<Uuid> = group.placed.iter().map(|placed| placed.id).collect();
    sqlx::query(
        "/* append::entry_ids */ INSERT INTO exhibit.entry_ids (id, seq) SELECT unnest($1::uuid[]), unnest($2::bigint[])",
    )
    .bind(&ids)
    .bind(&seqs)
    .execute(tx)
    .await
    .map_err(in_tx("append"))?;
    Ok(())
}

async fn write_piece(tx: &mut PgConnection, piece: &[Placed<'_>]) -> Result<(), StoreError> {
    let seqs: Vec<i64> = piece.iter().map(|placed| bigint(placed.seq)).collect();
    let ids: Vec<Uuid> = piece.iter().map(|placed| placed.id).collect();
    let kinds: Vec<&str> = piece.iter().map(|placed| placed.kind.word()).collect();
    let times: Vec<DateTime<Utc>> = piece.iter().map(|placed| placed.recorded_at.utc()).collect();
    let records: Vec<&str> = piece.iter().map(|placed| placed.record.as_str()).collect();
    sqlx::query(
        "/* append::entries */ INSERT INTO exhibit.entries (seq, kind, id, recorded_at, record) \
         SELECT unnest($1::bigint[]), unnest($2::text[]), unnest($3::uuid[]), unnest($4::timestamptz[]), \
                unnest($5::text[])",
    )
    .bind(&seqs)
    .bind(&kinds)
    .bind(&ids)
    .bind(&times)
    .bind(&records)
    .execute(tx)
    .await
    .map_err(in_tx("append"))?;
    Ok(())
}

async fn write_nodes(tx: &mut PgConnection, group: &Sequenced<'_>) -> Result<(), StoreError> {
    let leaves = group.placed.iter().map(|placed| (NodeId { level: 0, index: placed.seq }, &placed.leaf));
    let above = group.nodes.iter().map(|node| (node.id, &node.hash));
    let (mut levels, mut indexes, mut hashes) = (Vec::new(), Vec::new(), Vec::new());
    for (id, hash) in leaves.chain(above) {
        levels.push(i16::from(id.level));
        indexes.push(bigint(id.index));
        hashes.push(hash.as_slice());
    }
    sqlx::query(
        "/* append::tree_nodes */ INSERT INTO exhibit.tree_nodes (level, idx, hash) \
         SELECT unnest($1::smallint[]), unnest($2::bigint[]), unnest($3::bytea[])",
    )
    .bind(&levels)
    .bind(&indexes)
    .bind(&hashes)
    .execute(tx)
    .await
    .map_err(in_tx("append"))?;
    Ok(())
}

/// Writes values under the group of their field and value. The head's lock is held, so that nobody else makes or erases
/// a group meanwhile: there is one for each value, and an erased one is found by none.
async fn write_disclosures<'a>(
    tx: &mut PgConnection,
    units: impl Iterator<Item = &'a Prepared<'a>>,
) -> Result<(), StoreError> {
    let all: Vec<_> = units
        .flat_map(|unit| unit.unit.disclosures.iter().zip(&unit.disclosures).map(|pair| (unit.unit.now, pair)))
        .collect();
    if all.is_empty() {
        return Ok(());
    }
    // Many disclose the same few values: of each, the first that brings it brings the group that may be needed.
    let mut fresh = BTreeMap::new();
    for (now, (new, _)) in &all {
        fresh.entry(of(new)).or_insert((now, &new.fresh));
    }
    let groups = groups(tx, &fresh).await?;
    let group_of = |new: &NewDisclosure| {
        let missing = || StoreError::Malformed {
            table: "disclosure_keys",
            column: "group_id",
            row: format!("the group of a value of {}", new.disclosure.path),
            why: "it was made, and is not there".to_owned(),
        };
        groups.get(&of(new)).copied().ok_or_else(missing)
    };
    let group_ids = all.iter().map(|(_, (new, _))| group_of(new)).collect::<Result<Vec<Uuid>, StoreError>>()?;
    let text = |of: fn(&NewDisclosure) -> &str| all.iter().map(|(_, (new, _))| of(new)).collect::<Vec<_>>();
    sqlx::query(
        "/* append::disclosures */ \
         INSERT INTO exhibit.disclosures (digest, entry_id, group_id, path, salt, value) \
         SELECT unnest($1::bytea[]), unnest($2::uuid[]), unnest($3::uuid[]), unnest($4::text[]), unnest($5::text[]), \
                unnest($6::text[])",
    )
    .bind(all.iter().map(|(_, (_, digest))| digest.0.as_slice()).collect::<Vec<_>>())
    .bind(all.iter().map(|(_, (new, _))| new.entry.0).collect::<Vec<_>>())
    .bind(&group_ids)
    .bind(text(|new| &new.disclosure.path))
    .bind(text(|new| &new.disclosure.salt))
    .bind(text(|new| &new.disclosure.value))
    .execute(tx)
    .await
    .map_err(in_tx("append"))?;
    Ok(())
}

/// Field and value: what a group is of.
type Of<'a> = (&'a str, &'a str);

fn of(new: &NewDisclosure) -> Of<'_> {
    (&new.disclosure.path, &new.disclosure.value)
}

/// The groups of these values; those that are not there are made.
async fn groups<'a>(
    tx: &mut PgConnection,
    fresh: &BTreeMap<Of<'a>, (&Timestamp, &NewGroup)>,
) -> Result<HashMap<Of<'a>, Uuid>, StoreError> {
    let (paths, values): (Vec<&str>, Vec<&str>) = fresh.keys().copied().unzip();
    sqlx::query(
        "/* append::disclosure_groups */ \
         INSERT INTO exhibit.disclosure_keys (group_id, key, created_at, path, value) \
         SELECT n.group_id, n.key, n.now, n.path, n.value \
           FROM unnest($1::uuid[], $2::bytea[], $3::timestamptz[], $4::text[], $5::text[]) \
                AS n (group_id, key, now, path, value) \
          WHERE NOT EXISTS (SELECT FROM exhibit.disclosure_keys k WHERE k.path = n.path AND k.value = n.value)",
    )
    .bind(fresh.values().map(|(_, group)| group.id.0).collect::<Vec<_>>())
    .bind(fresh.values().map(|(_, group)| group.key.bytes().as_slice()).collect::<Vec<_>>())
    .bind(fresh.values().map(|(now, _)| now.utc()).collect::<Vec<_>>())
    .bind(&paths)
    .bind(&values)
    .execute(&mut *tx)
    .await
    .map_err(in_tx("append"))?;
    let ids: Vec<Option<Uuid>> = sqlx::query_scalar(
        "/* append::groups */ SELECT k.group_id FROM unnest($1::text[], $2::text[]) WITH ORDINALITY \
                AS n (path, value, position) \
           LEFT JOIN exhibit.disclosure_keys k ON k.path = n.path AND k.value = n.value ORDER BY n.position",
    )
    .bind(&paths)
    .bind(&values)
    .fetch_all(tx)
    .await
    .map_err(in_tx("append"))?;
    Ok(fresh.keys().zip(ids).filter_map(|(of, id)| Some((*of, id?))).collect())
}

/// Closes the claims of the slots that have a closing entry now, planned or not.
async fn close_claims(tx: &mut PgConnection, group: &Sequenced<'_>) -> Result<(), StoreError> {
    if group.closures.is_empty() {
        return Ok(());
    }
    let by_slot: HashMap<&Slot, u64> = group.closures.iter().map(|(slot, seq)| (slot, *seq)).collect();
    let mut jobs = Vec::new();
    let mut times = Vec::new();
    let mut seqs = Vec::new();
    for (slot, seq) in by_slot {
        jobs.push(slot.job.to_string());
        times.push(slot.scheduled_for.utc());
        seqs.push(bigint(seq));
    }
    sqlx::query(
        "/* append::close_claims */ UPDATE exhibit.slot_claims c \
            SET closed_seq = n.seq, lease_token = NULL, lease_worker = NULL, lease_until = NULL \
           FROM unnest($1::text[], $2::timestamptz[], $3::bigint[]) AS n (job, scheduled_for, seq) \
          WHERE c.job = n.job AND c.scheduled_for = n.scheduled_for",
    )
    .bind(&jobs)
    .bind(&times)
    .bind(&seqs)
    .execute(tx)
    .await
    .map_err(in_tx("append"))?;
    Ok(())
}

async fn advance(tx: &mut PgConnection, from: u64, group: &Sequenced<'_>) -> Result<(), StoreError> {
    let peaks: Vec<&[u8]> = group.frontier.peaks().iter().map(<[u8; 32]>::as_slice).collect();
    sqlx::query("/* append::advance */ SELECT exhibit.advance_head($1, $2, $3, $4), pg_notify($5, $6)")
        .bind(bigint(from))
        .bind(bigint(group.frontier.size()))
        .bind(&peaks)
        .bind(group.last_recorded_at.map(|at| at.utc()))
        .bind(CHANNEL)
        .bind(group.frontier.size().to_string())
        .execute(tx)
        .await
        .map_err(in_tx("append"))?;
    Ok(())
}
