//! What is done for an append before the head is locked: the longer part of the work.

use std::collections::HashSet;

use exhibit_evidence::{Body, Digest, Finding, Record, Timestamp};
use exhibit_ledger::tree::leaf_hash;

use super::{Append, Made, NewEntry, Prepared};
use crate::artifacts::Packed;
use crate::error::in_tx;
use crate::projection::{moved_findings, read_findings};
use crate::tx::run_tx;
use crate::{Store, StoreError};

/// Projections that are partitioned by month. Each gets its partition in a transaction of its own: to hold the locks of
/// several at once could deadlock with a reader that joins them.
const BY_MONTH: [&str; 4] = ["evidence", "assessments", "assessment_subjects", "finding_observations"];

pub(super) async fn prepare<'a>(store: &Store, unit: &'a Append) -> Result<Prepared<'a>, StoreError> {
    let mut ids = HashSet::new();
    let mut moved = Vec::with_capacity(unit.entries.len());
    let mut records = Vec::with_capacity(unit.entries.len());
    for entry in &unit.entries {
        if !ids.insert(entry.id) {
            return Err(refused(entry, "its id stands twice in one append"));
        }
        // `recorded_at` always has the same length, so what fits now fits later.
        let record = record_of(entry, unit.now)?;
        let leaf = leaf_hash(record.as_bytes());
        records.push(Made { record, leaf });
        moved.push(findings_of(store, unit, entry).await?);
    }
    if let Some(lease) = &unit.lease {
        let closes = |entry: &NewEntry| {
            matches!(&entry.body, Body::Slot(closure)
                if closure.job == lease.slot.job && closure.scheduled_for == lease.slot.scheduled_for)
        };
        if let (false, Some(first)) = (unit.entries.iter().any(closes), unit.entries.first()) {
            return Err(refused(first, "a lease is named, but no entry closes its slot"));
        }
    }
    let mut disclosures = Vec::with_capacity(unit.disclosures.len());
    for new in &unit.disclosures {
        let Some(entry) = unit.entries.iter().find(|entry| entry.id == new.entry) else {
            return Err(StoreError::Record {
                id: new.entry.0,
                why: "a disclosure names an entry of another append".to_owned(),
            });
        };
        let sealed = new.disclosure.seal().map_err(|error| refused(entry, error))?;
        disclosures.push(sealed.digest);
    }
    let artifacts = unit.artifacts.iter().map(Packed::new).collect();
    Ok(Prepared { unit, records, moved, artifacts, disclosures })
}

/// The record of an entry that was recorded at this time.
pub(super) fn record_of(entry: &NewEntry, recorded_at: Timestamp) -> Result<Record, StoreError> {
    Record::of(entry.id, recorded_at, &entry.body).map_err(|error| refused(entry, error))
}

pub(super) fn refused(entry: &NewEntry, why: impl ToString) -> StoreError {
    StoreError::Record { id: entry.id.0, why: why.to_string() }
}

/// The findings of an assessment that keeps them in an artifact: brought along, or kept before.
async fn findings_of(store: &Store, unit: &Append, entry: &NewEntry) -> Result<Vec<Finding>, StoreError> {
    let Some(digest) = moved_findings(&entry.body) else {
        return Ok(Vec::new());
    };
    let brought = unit.artifacts.iter().find(|artifact| artifact.digest() == digest);
    let read = match brought {
        Some(artifact) => read_findings(&artifact.bytes),
        None => read_findings(&kept(store, entry, digest).await?),
    };
    read.map_err(|error| refused(entry, format!("its findings artifact {digest}: {error}")))
}

async fn kept(store: &Store, entry: &NewEntry, digest: Digest) -> Result<Vec<u8>, StoreError> {
    match store.artifact(digest).await {
        Ok(artifact) => Ok(artifact.bytes),
        Err(StoreError::NotFound { .. }) => Err(refused(entry, format!("its findings artifact {digest} is not kept"))),
        Err(error) => Err(error),
    }
}

impl Store {
    /// Monthly partitions are made in a transaction of their own, before the head is locked.
    pub(super) async fn ensure_months(&self, units: &[&Prepared<'_>]) -> Result<(), StoreError> {
        let entries = units.iter().flat_map(|prepared| &prepared.unit.entries);
        for instant in entries.filter_map(|entry| observed_to(&entry.body)) {
            self.ensure_month(instant).await?;
        }
        Ok(())
    }

    /// Makes the partitions of one month, unless this store knows that they exist.
    pub(crate) async fn ensure_month(&self, instant: Timestamp) -> Result<(), StoreError> {
        let month = month_of(instant);
        if self.partitions.has_month(&month) {
            return Ok(());
        }
        for table in BY_MONTH {
            run_tx!(self, "ensure_month", |tx| {
                sqlx::query("/* ensure_month */ SELECT exhibit.ensure_month_partition($1, $2)")
                    .bind(table)
                    .bind(instant.utc())
                    .execute(tx)
                    .await
                    .map_err(in_tx("ensure_month"))
            })?;
        }
        self.partitions.note_month(month);
        Ok(())
    }
}

/// The UTC month that an instant's rows lie in.
pub(crate) fn month_of(instant: Timestamp) -> String {
    instant.utc().format("%Y%m").to_string()
}

/// The instant by which an entry's rows are partitioned.
pub(crate) fn observed_to(body: &Body) -> Option<Timestamp> {
    match body {
        Body::Evidence(evidence) => Some(evidence.observation.observed_to),
        Body::Assessment(assessment) => Some(assessment.observed_to),
        _ => None,
    }
}
