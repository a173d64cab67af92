//! The end of a quarter: when its grace is over it is frozen, and its report issued.

use exhibit_evidence::{Period, Timestamp, report::PeriodFreeze, report::Standing};
use exhibit_store::{Append, NewEntry};

use crate::{
    Issued, Progress, StepError, World, calendar::hold_to_periods, checkpoint, clock::may_freeze,
    issuing::issue_in_turn, ledger_reads, turn,
};

/// What was closed.
#[derive(Clone, Debug, Default)]
pub struct Closed {
    /// The final reports that were issued.
    pub issued: Vec<Issued>,
}

/// Freezes every period whose grace is over, in order, and issues the final report of each that has none yet.
///
/// # Errors
/// When a step can't be taken, or the clock can't be believed; the next run goes on from there.
pub async fn close_periods(world: &World, progress: &dyn Progress) -> Result<Closed, StepError> {
    let _turn = turn::take(world).await?;
    hold_to_periods(world).await?;
    let mut closed = Closed::default();
    let Some((began, _)) = ledger_reads::deployments(&world.store).await? else { return Ok(closed) };
    let calendar = world.plan.deployment.calendar;
    let now = world.now();
    let mut due = vec![calendar.period_of(began)];
    while due.last().is_some_and(|last| grace_until(world, last) <= now) {
        due.extend(due.last().map(|last| calendar.next(last)));
    }
    // The last one is still open.
    due.pop();
    let frozen = ledger_reads::frozen(&world.store).await?;
    let unfrozen: Vec<Period> = due.iter().filter(|period| !frozen.contains_key(&period.id)).cloned().collect();
    may_freeze(world, &unfrozen).await?;
    for period in due {
        freeze(world, &period).await?;
        let final_report = ledger_reads::reports(&world.store)
            .await?
            .into_iter()
            .any(|kept| kept.report.period.id == period.id && kept.report.standing == Standing::Final);
        if !final_report {
            progress.begin(&format!("closing {}: rendering its report", period.id));
            closed.issued.push(issue_in_turn(world, &period, Standing::Final).await?);
        }
    }
    Ok(closed)
}

pub(crate) fn grace_until(world: &World, period: &Period) -> Timestamp {
    period.end.plus(chrono::TimeDelta::days(i64::from(world.plan.deployment.grace_days)))
}

/// Freezes a period, unless it is. The checkpoint right after the freeze is the one that its report speaks of, and from
/// which the next period's bundle goes on.
async fn freeze(world: &World, period: &Period) -> Result<(), StepError> {
    let frozen = ledger_reads::frozen(&world.store).await?;
    if let Some(frozen) = frozen.get(&period.id) {
        if world.store.head().await?.size() == frozen.seq + 1 {
            checkpoint(world).await?;
        }
        return Ok(());
    }
    let from_size = frozen.values().map(|frozen| frozen.seq + 1).max().unwrap_or(0);
    let freeze = PeriodFreeze { period: period.clone(), grace_until: grace_until(world, period), from_size };
    let entry = NewEntry { id: world.entry_id(), body: freeze.into() };
    world.store.append(Append::entries(world.now(), vec![entry])).await?;
    checkpoint(world).await?;
    Ok(())
}
