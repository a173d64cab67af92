//! Slots that are closed.

use exhibit_evidence::slot::SlotState;
use exhibit_evidence::{EntryId, Timestamp};
use uuid::Uuid;

use crate::error::in_tx;
use crate::rows::Reader;
use crate::slots::Slot;
use crate::{Store, StoreError};

/// How a slot ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedSlot {
    /// The slot.
    pub slot: Slot,
    /// Position of the closing entry.
    pub seq: u64,
    /// The closing entry.
    pub id: EntryId,
    /// How it ended.
    pub state: SlotState,
    /// How often it was tried.
    pub attempts: u64,
    /// The evidence it gave.
    pub evidence: Option<EntryId>,
    /// When the closing entry was recorded.
    pub recorded_at: Timestamp,
}

impl Store {
    /// Slots scheduled within `from` (included) to `to` (excluded) that are closed, earliest first.
    ///
    /// # Errors
    /// If the database cannot be used or a row is malformed.
    pub async fn closed_slots(&self, from: Timestamp, to: Timestamp) -> Result<Vec<ClosedSlot>, StoreError> {
        let rows = sqlx::query(
            "/* closed_slots */ SELECT job, scheduled_for, seq, id, state, attempts, evidence_id, recorded_at \
               FROM exhibit.slots WHERE scheduled_for >= $1 AND scheduled_for < $2 ORDER BY scheduled_for, job",
        )
        .bind(from.utc())
        .bind(to.utc())
        .fetch_all(&self.pool)
        .await
        .map_err(in_tx("closed_slots"))?;
        rows.iter()
            .map(|row| {
                let reader = Reader::new(row, "slots", "");
                let state: &str = reader.get("state")?;
                let state = [SlotState::Performed, SlotState::Late, SlotState::Missed, SlotState::Errored]
                    .into_iter()
                    .find(|known| known.word() == state)
                    .ok_or_else(|| reader.malformed("state", format!("{state:?} is no state of a slot")))?;
                Ok(ClosedSlot {
                    slot: Slot { job: reader.authored("job")?, scheduled_for: reader.instant("scheduled_for")? },
                    seq: reader.count("seq")?,
                    id: EntryId(reader.get("id")?),
                    state,
                    attempts: reader.count("attempts")?,
                    evidence: reader.get::<Option<Uuid>>("evidence_id")?.map(EntryId),
                    recorded_at: reader.instant("recorded_at")?,
                })
            })
            .collect()
    }
}
