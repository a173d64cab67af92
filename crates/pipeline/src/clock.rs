//! Whether the clock can be believed: a freeze can't be taken back, so a clock that is far off must not make one.

use std::sync::Arc;

use chrono::TimeDelta;
use exhibit_evidence::{Clock, Period, Timestamp};
use exhibit_store::EvidenceFilter;

use crate::{StepError, World};

/// How far the clock may be from the database's, either way.
const MOST_APART: TimeDelta = TimeDelta::hours(1);
/// How many quarters without any evidence are frozen at once: a year of silence.
const MOST_SILENT: usize = 4;
/// For how long there must be evidence of the new time before more of them are.
const TRIED_FOR: TimeDelta = TimeDelta::days(7);

/// The clock that the host's is held against: the database's.
#[derive(Clone)]
pub enum ReferenceClock {
    /// The database runs on this host: it has the same clock, and says nothing of it.
    SameHost,
    /// The database is a server's: it is asked.
    Server,
    /// This one, for stories.
    Told(Arc<dyn Clock>),
}

impl World {
    /// How far the host's clock is ahead of the database's, where that is another one.
    ///
    /// # Errors
    /// When the database can't be asked.
    pub async fn clock_offset(&self) -> Result<Option<TimeDelta>, StepError> {
        let (before, reference) = match &self.reference {
            ReferenceClock::SameHost => return Ok(None),
            ReferenceClock::Server => (self.now(), self.store.server_time().await?),
            ReferenceClock::Told(clock) => (self.now(), clock.now()),
        };
        // The answer was given somewhere in between.
        let took = self.now().since(before);
        Ok(Some(before.plus(took / 2).since(reference)))
    }
}

/// Refuses to freeze what is due, the earliest first, by a clock that can't be believed.
pub(crate) async fn may_freeze(world: &World, due: &[Period]) -> Result<(), StepError> {
    let Some(last) = due.last() else { return Ok(()) };
    let now = world.now();
    if let Some(offset) = world.clock_offset().await?.filter(|offset| offset.abs() > MOST_APART) {
        let why = format!("this host's clock says {now}, {} s off the database's", offset.num_seconds());
        return Err(StepError::Clock { why, what: "set the clock that is wrong" });
    }
    let mut silent = 0;
    for period in due {
        silent += usize::from(first_observed(world, period.start, Some(period.end)).await?.is_none());
    }
    if silent <= MOST_SILENT {
        return Ok(());
    }
    let since = first_observed(world, last.end, None).await?;
    if since.is_some_and(|since| now.since(since) >= TRIED_FOR) {
        return Ok(());
    }
    let why = format!(
        "the clock says {now}, by which {} quarters are over, {silent} of them without any evidence",
        due.len()
    );
    let what = "set the clock if it is wrong; if it is right, they are frozen once a week of evidence says so";
    Err(StepError::Clock { why, what })
}

/// When the first recorded evidence of that time was observed.
async fn first_observed(world: &World, from: Timestamp, to: Option<Timestamp>) -> Result<Option<Timestamp>, StepError> {
    let filter = EvidenceFilter { from: Some(from), to, oldest_first: true, limit: 1, ..EvidenceFilter::default() };
    Ok(world.store.evidence_list(&filter).await?.first().map(|evidence| evidence.observed_to))
}
