//! Which instants a period reaches from and to: what an entry says, once one has said it; until then, the calendar.
//!
//! A changed time zone, fiscal year or time-zone database gives the same names other boundaries. A period that was
//! frozen or reported keeps its own, and what would put others beside them is refused: evidence would be counted in two
//! quarters, or in none.

use std::collections::BTreeMap;

use exhibit_evidence::{FiscalCalendar, Period, PeriodId};

use crate::{StepError, World, ledger_reads};

/// The periods whose boundaries stand in the ledger, by name.
async fn written(world: &World) -> Result<BTreeMap<PeriodId, Period>, StepError> {
    let reports = ledger_reads::reports(&world.store).await?.into_iter().map(|kept| kept.report.period);
    let frozen = ledger_reads::frozen(&world.store).await?.into_values().map(|frozen| frozen.freeze.period);
    // In this order: the freeze has the last word.
    Ok(reports.chain(frozen).map(|period| (period.id, period)).collect())
}

/// Refuses a calendar that gives a period of the ledger other boundaries.
///
/// # Errors
/// [`StepError::Calendar`] names the earliest such period.
pub(crate) async fn hold_to_periods(world: &World) -> Result<(), StepError> {
    let calendar = world.plan.deployment.calendar;
    differing(&calendar, written(world).await?.into_values()).map_or(Ok(()), Err)
}

fn differing(calendar: &FiscalCalendar, written: impl IntoIterator<Item = Period>) -> Option<StepError> {
    written.into_iter().find_map(|written| {
        let configured = calendar.period(written.id);
        let same = (configured.start, configured.end) == (written.start, written.end);
        (!same).then(|| StepError::Calendar { written: Box::new(written), configured: Box::new(configured) })
    })
}

/// The period of that name, as the ledger has it, or else as the calendar does.
pub(crate) async fn period(world: &World, id: PeriodId) -> Result<Period, StepError> {
    let written = written(world).await?.remove(&id);
    Ok(written.unwrap_or_else(|| world.plan.deployment.calendar.period(id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_calendar_with_the_same_boundaries_is_accepted() {
        let calendar = |zone: &str, month| FiscalCalendar::new(zone.parse().expect("a zone"), month).expect("a month");
        let berlin = calendar("Europe/Berlin", 1);
        let written = || ["2026-Q2", "2026-Q3"].map(|id| berlin.period(id.parse().expect("a quarter")));
        for (zone, month, accepted) in [
            ("Europe/Berlin", 1, true),
            ("Europe/Paris", 1, true),
            ("Europe/London", 1, false),
            ("Europe/Berlin", 4, false),
            ("Europe/Berlin", 2, false),
        ] {
            let refused = differing(&calendar(zone, month), written());
            assert_eq!(refused.is_none(), accepted, "{zone} {month}: {refused:?}");
        }
        assert!(differing(&calendar("Asia/Tokyo", 7), []).is_none(), "nothing was written yet");
    }
}
