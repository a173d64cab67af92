//! Which units of a group are taken, and where their entries come to stand. Pure: what must be
//! known of the database arrives as values.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use exhibit_evidence::{Body, JobId, Kind, Record, Timestamp};
use exhibit_ledger::tree::{Frontier, Hash, Node, leaf_hash};
use uuid::Uuid;

use super::prepare::record_of;
use super::{Appended, NewEntry, Prepared, Recorded};
use crate::StoreError;
use crate::projection::{Rows, project};
use crate::slots::{Slot, stale};

/// What the database says about the units, read under the head's lock.
#[derive(Default)]
pub(super) struct Known<'a> {
    /// Entries that have one of the units' ids.
    pub(super) entries: HashMap<Uuid, KnownEntry<'a>>,
    /// Tokens of the leases that are held on the units' slots.
    pub(super) held: HashMap<(JobId, Timestamp), Uuid>,
    /// Slots among the units' that are closed.
    pub(super) closed: HashSet<(JobId, Timestamp)>,
}

/// An entry that is in the ledger, or comes into it in this transaction.
pub(super) struct KnownEntry<'a> {
    pub(super) seq: u64,
    pub(super) recorded_at: Timestamp,
    pub(super) body: Cow<'a, Body>,
}

/// An entry with its place.
pub(super) struct Placed<'a> {
    pub(super) seq: u64,
    pub(super) id: Uuid,
    pub(super) kind: Kind,
    pub(super) recorded_at: Timestamp,
    pub(super) record: Cow<'a, Record>,
    pub(super) leaf: Hash,
}

/// A group of units, sequenced.
pub(super) struct Sequenced<'a> {
    pub(super) outcomes: Vec<Result<Appended, StoreError>>,
    /// Which of the units are to be written, by position.
    pub(super) taken: Vec<usize>,
    pub(super) placed: Vec<Placed<'a>>,
    pub(super) nodes: Vec<Node>,
    pub(super) rows: Rows,
    /// Slots that are closed now, with the closing entry.
    pub(super) closures: Vec<(Slot, u64)>,
    pub(super) frontier: Frontier,
    pub(super) last_recorded_at: Option<Timestamp>,
}

pub(super) fn sequence<'a>(
    units: &[&'a Prepared<'_>],
    frontier: Frontier,
    last_recorded_at: Option<Timestamp>,
    mut known: Known<'a>,
) -> Sequenced<'a> {
    let mut group = Sequenced {
        outcomes: Vec::with_capacity(units.len()),
        taken: Vec::new(),
        placed: Vec::new(),
        nodes: Vec::new(),
        rows: Rows::default(),
        closures: Vec::new(),
        frontier,
        last_recorded_at,
    };
    for (index, prepared) in units.iter().enumerate() {
        let outcome = match already(prepared, &known) {
            Some(outcome) => outcome,
            None => refusal(prepared, &known, group.frontier.size())
                .map_or_else(|| group.take(index, prepared, &mut known), Err),
        };
        group.outcomes.push(outcome);
    }
    group
}

/// The outcome of a unit whose ids are in the ledger: the same again, or other content.
fn already(prepared: &Prepared<'_>, known: &Known<'_>) -> Option<Result<Appended, StoreError>> {
    let entries = &prepared.unit.entries;
    let taken = entries.iter().find(|entry| known.entries.contains_key(&entry.id.0))?;
    let same = |entry: &super::NewEntry| {
        let known = known.entries.get(&entry.id.0)?;
        let recorded = Recorded { id: entry.id, seq: known.seq, recorded_at: known.recorded_at };
        (*known.body == entry.body).then_some(recorded)
    };
    let recorded: Option<Vec<Recorded>> = entries.iter().map(same).collect();
    Some(match recorded {
        Some(entries) => Ok(Appended { entries, already: true }),
        None => Err(StoreError::IdTaken(taken.id.0)),
    })
}

/// Why this unit alone must be dropped, if it must.
fn refusal(prepared: &Prepared<'_>, known: &Known<'_>, next: u64) -> Option<StoreError> {
    if let Some(expected) = prepared.unit.at.filter(|at| *at != next) {
        return Some(StoreError::OtherPlace { expected, next });
    }
    if let Some(lease) = &prepared.unit.lease {
        let key = (lease.slot.job.clone(), lease.slot.scheduled_for);
        if known.held.get(&key) != Some(&lease.token) {
            return Some(stale(&lease.slot));
        }
    }
    let mut closes = HashSet::new();
    for slot in closed_slots(prepared) {
        let key = (slot.job.clone(), slot.scheduled_for);
        if known.closed.contains(&key) || !closes.insert(key) {
            return Some(StoreError::SlotClosed {
                job: slot.job.to_string(),
                scheduled_for: slot.scheduled_for.to_string(),
            });
        }
    }
    None
}

pub(super) fn closed_slots<'a>(prepared: &'a Prepared<'_>) -> impl Iterator<Item = Slot> + 'a {
    prepared.unit.entries.iter().filter_map(|entry| match &entry.body {
        Body::Slot(closure) => Some(Slot { job: closure.job.clone(), scheduled_for: closure.scheduled_for }),
        _ => None,
    })
}

impl<'a> Sequenced<'a> {
    fn take(
        &mut self,
        index: usize,
        prepared: &'a Prepared<'_>,
        known: &mut Known<'a>,
    ) -> Result<Appended, StoreError> {
        let unit = prepared.unit;
        let recorded_at = self.last_recorded_at.map_or(unit.now, |last| last.max(unit.now));
        // Every record is made before the first is placed: a unit is whole or not there.
        let records = unit.entries.iter().zip(&prepared.records).map(|(new, made)| match recorded_at == unit.now {
            true => Ok((Cow::Borrowed(&made.record), made.leaf)),
            false => {
                let record = made.record.clone().recorded_at(recorded_at);
                let record = record.map_or_else(|| record_of(new, recorded_at), Ok)?;
                let leaf = leaf_hash(record.as_bytes());
                Ok((Cow::Owned(record), leaf))
            }
        });
        let records = records.collect::<Result<Vec<_>, StoreError>>()?;

        let mut entries = Vec::with_capacity(records.len());
        for ((NewEntry { id, body }, (record, leaf)), moved) in unit.entries.iter().zip(records).zip(&prepared.moved) {
            let seq = self.frontier.size();
            self.nodes.extend(self.frontier.append(leaf));
            self.rows.extend(project(seq, *id, recorded_at, body, moved));
            if let Body::Slot(closure) = body {
                let slot = Slot { job: closure.job.clone(), scheduled_for: closure.scheduled_for };
                known.closed.insert((slot.job.clone(), slot.scheduled_for));
                self.closures.push((slot, seq));
            }
            entries.push(Recorded { id: *id, seq, recorded_at });
            known.entries.insert(id.0, KnownEntry { seq, recorded_at, body: Cow::Borrowed(body) });
            self.placed.push(Placed { seq, id: id.0, kind: body.kind(), recorded_at, record, leaf });
        }
        if !entries.is_empty() {
            self.last_recorded_at = Some(recorded_at);
        }
        self.taken.push(index);
        Ok(Appended { entries, already: false })
    }
}
