//! The transaction itself: lock, look, sequence, write, advance, tell.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use exhibit_evidence::Envelope;
use exhibit_ledger::tree::NodeId;
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use super::sequence::{Known, KnownEntry, Sequenced, closed_slots, sequence};
use super::{Appended, CHANNEL, NewDisclosure, Prepared};
use crate::artifacts::keep;
use crate::error::in_tx;
use crate::head::read_head;
use crate::projection;
use crate::rows::{Reader, bigint};
use crate::slots::Slot;
use crate::{Store, StoreError};

pub(super) async fn append(
    store: &Store,
    tx: &mut PgConnection,
    units: &[&Prepared<'_>],
) -> Result<Outcome, StoreError> {
    let head = sqlx::query("/* append::lock_head */ SELECT size, frontier, last_recorded_at FROM exhibit.lock_head()")
        .fetch_one(&mut *tx)
        .await
        .map_err(in_tx("append"))?;
    let head = read_head(&head)?;
    let known = look(tx, units).await?;
    let from = head.frontier.size();
    let group = sequence(units, head.frontier, head.last_recorded_at, known);
    if group.placed.is_empty() {
        return Ok(Outcome { units: group.outcomes, partitioned_until: 0 });
    }
    let partitioned_until = store.ensure_entries(tx, from, group.frontier.size()).await?;
    write_entries(tx, &group).await?;
    write_nodes(tx, &group).await?;
    projection::write(tx, &group.rows).await?;
    if !group.rows.finding_observations.is_empty() {
        merge_findings(tx, from, group.frontier.size()).await?;
    }
    for index in &group.taken {
        for artifact in &units[*index].artifacts {
            keep(tx, artifact, units[*index].unit.now).await?;
        }
    }
    write_disclosures(tx, group.taken.iter().map(|index| units[*index])).await?;
    close_claims(tx, &group).await?;
    advance(tx, from, &group).await?;
    Ok(Outcome { units: group.outcomes, partitioned_until })
}

/// What the transaction did, to be believed once it is committed.
pub(super) struct Outcome {
    pub(super) units: Vec<Result<Appended, StoreError>>,
    /// All entries below this have a partition; 0 where that was not asked.
    pub(super) partitioned_until: i64,
}

/// Reads what the database knows of the units' ids and slots. The claims are locked.
async fn look<'a>(tx: &mut PgConnection, units: &[&'a Prepared<'_>]) -> Result<Known<'a>, StoreError> {
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

async fn write_entries(tx: &mut PgConnection, group: &Sequenced) -> Result<(), StoreError> {
    let seqs: Vec<i64> = group.placed.iter().map(|placed| bigint(placed.seq)).collect();
    let ids: Vec<Uuid> = group.placed.iter().map(|placed| placed.id).collect();
    let kinds: Vec<&str> = group.placed.iter().map(|placed| placed.kind.word()).collect();
    let times: Vec<DateTime<Utc>> = group.placed.iter().map(|placed| placed.recorded_at.utc()).collect();
    let records: Vec<&str> = group.placed.iter().map(|placed| placed.record.as_str()).collect();
    sqlx::query(
        "/* append::entries */ INSERT INTO exhibit.entries (seq, kind, id, recorded_at, record) \
         SELECT * FROM unnest($1::bigint[], $2::text[], $3::uuid[], $4::timestamptz[], $5::text[])",
    )
    .bind(&seqs)
    .bind(&kinds)
    .bind(&ids)
    .bind(&times)
    .bind(&records)
    .execute(&mut *tx)
    .await
    .map_err(in_tx("append"))?;
    sqlx::query(
        "/* append::entry_ids */ INSERT INTO exhibit.entry_ids (id, seq) \
         SELECT * FROM unnest($1::uuid[], $2::bigint[])",
    )
    .bind(&ids)
    .bind(&seqs)
    .execute(tx)
    .await
    .map_err(in_tx("append"))?;
    Ok(())
}

async fn write_nodes(tx: &mut PgConnection, group: &Sequenced) -> Result<(), StoreError> {
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
         SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::bytea[])",
    )
    .bind(&levels)
    .bind(&indexes)
    .bind(&hashes)
    .execute(tx)
    .await
    .map_err(in_tx("append"))?;
    Ok(())
}

/// Folds the observations of entries `from..to` into the findings' current state.
pub(crate) async fn merge_findings(tx: &mut PgConnection, from: u64, to: u64) -> Result<(), StoreError> {
    sqlx::query(
        "/* merge_findings */ \
         INSERT INTO exhibit.findings AS f SELECT * FROM exhibit.fold_findings($1, $2) \
         ON CONFLICT (fingerprint) DO UPDATE SET \
            (check_id, condition, environment, subject, severity, instances, last_observed_to, last_seq) = \
                (SELECT n.check_id, n.condition, n.environment, n.subject, n.severity, n.instances, \
                        n.last_observed_to, n.last_seq \
                   FROM (VALUES \
                      (f.check_id, f.condition, f.environment, f.subject, f.severity, f.instances, \
                       f.last_observed_to, f.last_seq), \
                      (EXCLUDED.check_id, EXCLUDED.condition, EXCLUDED.environment, EXCLUDED.subject, \
                       EXCLUDED.severity, EXCLUDED.instances, EXCLUDED.last_observed_to, EXCLUDED.last_seq) \
                   ) AS n (check_id, condition, environment, subject, severity, instances, \
                           last_observed_to, last_seq) \
                  ORDER BY n.last_observed_to DESC, n.last_seq DESC LIMIT 1), \
            (first_observed_to, first_seq) = \
                (SELECT n.first_observed_to, n.first_seq \
                   FROM (VALUES (f.first_observed_to, f.first_seq), \
                                (EXCLUDED.first_observed_to, EXCLUDED.first_seq) \
                   ) AS n (first_observed_to, first_seq) \
                  ORDER BY n.first_observed_to, n.first_seq LIMIT 1), \
            most_instances = greatest(f.most_instances, EXCLUDED.most_instances), \
            observations = f.observations + EXCLUDED.observations",
    )
    .bind(bigint(from))
    .bind(bigint(to))
    .execute(tx)
    .await
    .map_err(in_tx("merge_findings"))?;
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
    let text = |of: fn(&NewDisclosure) -> &str| all.iter().map(|(_, (new, _))| of(new)).collect::<Vec<_>>();
    let (paths, values) = (text(|new| &new.disclosure.path), text(|new| &new.disclosure.value));
    sqlx::query(
        "/* append::disclosure_groups */ \
         INSERT INTO exhibit.disclosure_keys (group_id, key, created_at, path, value) \
         SELECT DISTINCT ON (n.path, n.value) n.group_id, n.key, n.now, n.path, n.value \
           FROM unnest($1::uuid[], $2::bytea[], $3::timestamptz[], $4::text[], $5::text[]) WITH ORDINALITY \
                AS n (group_id, key, now, path, value, position) \
          WHERE NOT EXISTS (SELECT FROM exhibit.disclosure_keys k WHERE k.path = n.path AND k.value = n.value) \
          ORDER BY n.path, n.value, n.position",
    )
    .bind(all.iter().map(|(_, (new, _))| new.fresh.id.0).collect::<Vec<_>>())
    .bind(all.iter().map(|(_, (new, _))| new.fresh.key.bytes().as_slice()).collect::<Vec<_>>())
    .bind(all.iter().map(|(now, _)| now.utc()).collect::<Vec<_>>())
    .bind(&paths)
    .bind(&values)
    .execute(&mut *tx)
    .await
    .map_err(in_tx("append"))?;
    sqlx::query(
        "/* append::disclosures */ \
         INSERT INTO exhibit.disclosures (digest, entry_id, group_id, path, salt, value) \
         SELECT n.digest, n.entry_id, k.group_id, n.path, n.salt, n.value \
           FROM unnest($1::bytea[], $2::uuid[], $3::text[], $4::text[], $5::text[]) \
                AS n (digest, entry_id, path, salt, value) \
           LEFT JOIN exhibit.disclosure_keys k ON k.path = n.path AND k.value = n.value",
    )
    .bind(all.iter().map(|(_, (_, digest))| digest.0.as_slice()).collect::<Vec<_>>())
    .bind(all.iter().map(|(_, (new, _))| new.entry.0).collect::<Vec<_>>())
    .bind(&paths)
    .bind(text(|new| &new.disclosure.salt))
    .bind(&values)
    .execute(tx)
    .await
    .map_err(in_tx("append"))?;
    Ok(())
}

/// Closes the claims of the slots that have a closing entry now, planned or not.
async fn close_claims(tx: &mut PgConnection, group: &Sequenced) -> Result<(), StoreError> {
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

async fn advance(tx: &mut PgConnection, from: u64, group: &Sequenced) -> Result<(), StoreError> {
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
