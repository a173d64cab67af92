//! Expected against performed: promises come from the ledger's schedule entries alone.

use std::collections::BTreeMap;

use exhibit_evidence::{
    CheckId, JobId, Timestamp,
    schedule::Schedule,
    slot::{SchedulePromise, SlotState},
};

use crate::{
    fold::Fold,
    slots::{SlotStanding, SlotView},
    view::{Gap, JobView},
};

/// What one job promised in the period, and what came of it.
pub(crate) struct JobLedger {
    pub view: JobView,
    pub gaps: Vec<Gap>,
    /// The checks that its last promise names.
    pub checks: Vec<CheckId>,
    /// How long, in seconds, the job's evidence counts as fresh, by its last promise.
    pub fresh_for_s: u64,
}

/// Every job's promises in the fold's period, up to `until`.
pub(crate) fn jobs(fold: &Fold, until: Timestamp) -> BTreeMap<JobId, JobLedger> {
    fold.promises
        .iter()
        .filter_map(|(job, promises)| Some((job.clone(), job_ledger(fold, job, promises, until)?)))
        .collect()
}

fn job_ledger(fold: &Fold, job: &JobId, promises: &[SchedulePromise], until: Timestamp) -> Option<JobLedger> {
    let last = promises.iter().rev().find(|promise| promise.active_from < fold.period.end)?;
    let mut view = JobView {
        job: job.clone(),
        collector: last.collector.clone(),
        schedule: last.schedule.clone(),
        environments: last.environments.clone(),
        expected: 0,
        performed: 0,
        late: 0,
        missed: 0,
        errored: 0,
        on_demand: fold.on_demand.get(job).copied().unwrap_or_default(),
        is_pushed: last.pushed,
        pushed: fold.pushed.get(job).copied().unwrap_or_default(),
        last_performed: fold.last_performed.get(job).copied(),
    };
    let mut gaps = Vec::new();
    // A slot at the very end of the period may be known to be missed only after it.
    let now = fold.as_of.unwrap_or(until);
    for (promise, scheduled_for) in promised(fold, promises, until) {
        let closure = fold.closures.get(&(job.clone(), scheduled_for));
        let state = match closure {
            Some(closure) => closure.state,
            // Not yet late: nobody can say yet that it was missed.
            None if !is_late(promise, scheduled_for, now) => continue,
            None => SlotState::Missed,
        };
        view.expected += 1;
        match state {
            SlotState::Performed => view.performed += 1,
            SlotState::Late => view.late += 1,
            SlotState::Missed => view.missed += 1,
            SlotState::Errored => view.errored += 1,
        }
        if state != SlotState::Performed {
            gaps.push(Gap {
                job: job.clone(),
                scheduled_for,
                state,
                performed_at: closure.filter(|_| state == SlotState::Late).and_then(|closure| closure.started_at),
                reason: closure
                    .and_then(|closure| closure.reason.clone())
                    .unwrap_or_else(|| "No entry of the ledger closes this slot.".to_owned()),
            });
        }
    }
    Some(JobLedger { view, gaps, checks: last.checks.clone(), fresh_for_s: last.fresh_for_s })
}

/// Whether a slot that nobody closed is late at this time.
fn is_late(promise: &SchedulePromise, scheduled_for: Timestamp, now: Timestamp) -> bool {
    now.since(scheduled_for).num_seconds() > i64::try_from(promise.late_after_s).unwrap_or(i64::MAX)
}

/// Every slot that the jobs promise in the period, those to come included, by job and time. `now` is the reader's time,
/// not the ledger's: what is late by it and not closed is overdue, unless the ledger already counts it as missed.
pub(crate) fn slots(fold: &Fold, now: Timestamp) -> Vec<SlotView> {
    let as_of = fold.as_of.unwrap_or(fold.period.start);
    let mut slots = Vec::new();
    for (job, promises) in &fold.promises {
        for (promise, scheduled_for) in promised(fold, promises, fold.period.end) {
            let closed = fold.closures.get(&(job.clone(), scheduled_for));
            let standing = match closed.map(|closure| closure.state) {
                Some(SlotState::Performed) => SlotStanding::Performed,
                Some(SlotState::Late) => SlotStanding::Late,
                Some(SlotState::Missed) => SlotStanding::Missed,
                Some(SlotState::Errored) => SlotStanding::Errored,
                None if scheduled_for < as_of && is_late(promise, scheduled_for, as_of) => SlotStanding::Missed,
                None if is_late(promise, scheduled_for, now) => SlotStanding::Overdue,
                None if scheduled_for <= now => SlotStanding::Due,
                None => SlotStanding::ToCome,
            };
            slots.push(SlotView { job: job.clone(), scheduled_for, standing });
        }
    }
    slots
}

/// The times that a job's promises name in the period, before `until`: each promise holds from its `active_from` until
/// the next one's.
fn promised<'a>(
    fold: &Fold,
    promises: &'a [SchedulePromise],
    until: Timestamp,
) -> Vec<(&'a SchedulePromise, Timestamp)> {
    let mut times = Vec::new();
    for (index, promise) in promises.iter().enumerate() {
        let next = promises.get(index + 1).map_or(fold.period.end, |next| next.active_from);
        let from = promise.active_from.max(fold.period.start);
        let to = next.min(fold.period.end).min(until);
        let (Some(schedule), Ok(zone)) = (&promise.schedule, promise.time_zone.parse::<chrono_tz::Tz>()) else {
            continue;
        };
        let Ok(schedule) = Schedule::parse(schedule) else {
            continue;
        };
        if from < to {
            let occurrences = schedule.occurrences(zone, from.utc(), to.utc());
            times.extend(occurrences.map(|instant| (promise, Timestamp::new(instant))));
        }
    }
    times
}
