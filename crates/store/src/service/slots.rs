//! Slots: how they ended, and which of those that were expected did not.

use exhibit_evidence::{EntryId, JobId, Timestamp};
use serde::Serialize;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::ask::{Ask, array};
use super::reading::{Page, Reading, paged};
use crate::rows::Reader;
use crate::{Slot, StoreError};

/// What is asked of slots. What is none is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SlotQuery {
    /// Of this job.
    pub job: Option<String>,
    /// In one of these states.
    pub states: Option<Vec<String>>,
    /// Promised for this instant or later.
    pub from: Option<Timestamp>,
    /// Promised for before this instant.
    pub to: Option<Timestamp>,
    /// As the ledger stood at this size; none means now.
    pub as_of: Option<u64>,
    /// Before this slot: pages go from the latest time to the earliest, and within one time from the last job to the first.
    pub before: Option<Slot>,
    /// At most so many; 0 means 100.
    pub limit: u32,
}

/// How a slot ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SlotRow {
    /// Position of the closing entry.
    pub seq: u64,
    /// The closing entry.
    pub id: EntryId,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The job.
    pub job: JobId,
    /// The time that the schedule promised.
    pub scheduled_for: Timestamp,
    /// `performed`, `late`, `missed` or `errored`.
    pub state: String,
    /// How often it was tried.
    pub attempts: u64,
    /// When the recorded performance began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// The evidence it gave.
    pub evidence: Option<EntryId>,
}

impl Reading {
    /// Slots that are closed, the latest time first.
    ///
    /// # Errors
    /// If the database cannot be used or a row is malformed.
    pub async fn slots(&mut self, query: &SlotQuery) -> Result<Page<SlotRow, Slot>, StoreError> {
        let mut ask = Ask::bound("/* reading::slots */ SELECT * FROM exhibit.slots s WHERE s.seq < ");
        ask.value(self.view.as_of(query.as_of), "bigint");
        if let Some(before) = &query.before {
            ask.push(" AND (s.scheduled_for, s.job) < (").value(before.scheduled_for, "timestamptz");
            ask.push(", ").value(&before.job, "text").push(")");
        }
        ask.maybe(" AND s.job = ", query.job.as_ref(), "text");
        ask.any_of(" AND s.state", query.states.as_deref());
        ask.maybe(" AND s.scheduled_for >= ", query.from, "timestamptz");
        ask.maybe(" AND s.scheduled_for < ", query.to, "timestamptz");
        self.view.within(&mut ask, " AND s.scheduled_for >= ", " AND s.scheduled_for < ");
        ask.plan_by_value();
        let limit = ask.limit(" ORDER BY s.scheduled_for DESC, s.job DESC", query.limit);
        let rows = self.fetch("reading::slots", ask).await?;
        let key = |row: &SlotRow| Slot { job: row.job.clone(), scheduled_for: row.scheduled_for };
        paged(rows.iter().map(slot).collect::<Result<_, _>>()?, limit, key)
    }

    /// Those of these slots that no entry closes, as far as the scope sees them, in the order in which they are given.
    ///
    /// # Errors
    /// If the database cannot be used or a row is malformed.
    pub async fn unclosed(&mut self, slots: &[Slot]) -> Result<Vec<Slot>, StoreError> {
        if slots.is_empty() {
            return Ok(Vec::new());
        }
        let jobs: Vec<&JobId> = slots.iter().map(|slot| &slot.job).collect();
        let times: Vec<Timestamp> = slots.iter().map(|slot| slot.scheduled_for).collect();
        // The same limits as those of the table `slots`, which a slot that is not in it can't be held to.
        let mut ask = Ask::bound("/* reading::unclosed */ SELECT p.job, p.scheduled_for FROM unnest(");
        ask.value(array(&jobs), "text[]").push(", ").value(array(&times), "timestamptz[]").push(
            ") WITH ORDINALITY AS p (job, scheduled_for, nth) \
              WHERE NOT EXISTS (SELECT FROM exhibit.slots s \
                                 WHERE s.job = p.job COLLATE \"C\" AND s.scheduled_for = p.scheduled_for) \
                AND ((SELECT exhibit.scope_whole()) \
                     OR ((SELECT exhibit.scope_all('observed')) \
                         OR p.scheduled_for <@ (SELECT exhibit.scope_observed())) \
                        AND exhibit.promise_in_scope(p.job, p.scheduled_for)) \
              ORDER BY p.nth",
        );
        let rows = self.fetch("reading::unclosed", ask).await?;
        rows.iter()
            .map(|row| {
                let reader = Reader::new(row, "slots", "");
                Ok(Slot { job: reader.authored("job")?, scheduled_for: reader.instant("scheduled_for")? })
            })
            .collect()
    }
}

fn slot(row: &PgRow) -> Result<SlotRow, StoreError> {
    let seq = Reader::new(row, "slots", "").count("seq")?;
    let reader = Reader::new(row, "slots", format!("seq {seq}"));
    Ok(SlotRow {
        seq,
        id: EntryId(reader.get("id")?),
        recorded_at: reader.instant("recorded_at")?,
        job: reader.authored("job")?,
        scheduled_for: reader.instant("scheduled_for")?,
        state: reader.get("state")?,
        attempts: reader.count("attempts")?,
        started_at: reader.maybe_instant("started_at")?,
        finished_at: reader.maybe_instant("finished_at")?,
        evidence: reader.get::<Option<Uuid>>("evidence_id")?.map(EntryId),
    })
}
