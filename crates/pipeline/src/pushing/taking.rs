//! Taking in what was handed in: judged, sealed under its request's own id, and the slot filled that it belongs to.

use std::sync::Arc;

use chrono::TimeDelta;
use chrono_tz::Tz;
use exhibit_collectors::Collected;
use exhibit_evidence::{
    JobId, Timestamp,
    observation::{Pushed, Run, Trigger},
    schedule::Schedule,
    slot::SchedulePromise,
};
use exhibit_store::{Lease, RunLease, Slot};

use super::{Content, JudgeFailure, NO_HOST, Waiting, judge};
use crate::{
    HostFacts, Job, Performed, StepError, World,
    attempts::{Attempt, Hands},
    closing::grace_until,
    declaring::is_ours,
    ledger_reads,
    performing::record,
    planning::plan_job,
    sealing::Outcome,
};

/// How far back the slot of an observation is looked for, in hours: soon first, since a schedule may fire each minute.
const BACK: [i64; 4] = [1, 24, 40 * 24, 400 * 24];

/// How long a request may be on its way from the API into the database: longer than the API lets one last.
const IN_HAND: TimeDelta = TimeDelta::seconds(60);
/// How soon a slot is looked at again whose evidence somebody is sealing.
const LOOKED_FOR: TimeDelta = TimeDelta::seconds(5);

/// Judges and seals what waits with this request.
pub(crate) async fn take_in(
    world: &Arc<World>,
    job: &Job,
    lease: &RunLease,
    worker: i64,
    hands: &Hands,
) -> Result<Performed, Attempt> {
    if !job.pushed {
        return Err(StepError::NotPushed { job: job.id.to_string() }.into());
    }
    let mut promises = ledger_reads::promises(&world.store).await?;
    let promises = promises.remove(&job.id).unwrap_or_default();
    match promises.last() {
        Some(last) if is_ours(world, job, last)? => {}
        _ => return Err(StepError::Superseded { job: job.id.to_string() }.into()),
    }
    let request = world.store.run_request(lease.id).await.map_err(StepError::from)?;
    let content = world.store.submitted(lease).await.map_err(StepError::from)?;
    let unreadable = |why: String| StepError::Ledger(format!("submission {}: {why}", lease.id));
    let content = content.ok_or_else(|| unreadable("its content is gone".to_owned()))?;
    let mut content = read(content).map_err(unreadable)?;
    let kept = std::mem::take(&mut content.kept).into_iter().map(Waiting::open).collect::<Result<Vec<_>, _>>();
    let kept = kept.map_err(unreadable)?;

    let (judging, subject) = (Arc::clone(world), job.clone());
    let judged = tokio::task::spawn_blocking(move || {
        let judged = judge(&judging, &subject, &content.observation);
        (judged, content)
    });
    // A panic's message may quote what was being read, so only that there was one is handed on.
    let (judged, content) = judged.await.map_err(|_| Attempt::Panicked("the judge panicked"))?;
    let (collector, judgements) = judged.map_err(|failure| match failure {
        JudgeFailure::Judge(error) => Attempt::from(error),
        JudgeFailure::Step(error) => Attempt::from(error),
    })?;

    let slot = slot_of(&job.id, &promises, content.observation.observed_to)?;
    let slot = match slot {
        Some(slot) => held(world, &promises, worker, slot, hands).await?,
        None => None,
    };
    let started_at = request.requested_at;
    let run = Run {
        id: world.entry_id(),
        trigger: Trigger::Pushed,
        scheduled_for: slot.as_ref().map(|lease| lease.slot.scheduled_for),
        reason: None,
        started_at,
        finished_at: world.now().max(started_at),
        attempt: slot.as_ref().map_or(1, |lease| u64::from(lease.attempts)),
    };
    let outcome = Outcome {
        evidence: Some(lease.id),
        run,
        clock_offset_ms: None,
        collector,
        by: HostFacts { principal: request.person, host: content.host.unwrap_or_else(|| NO_HOST.to_owned()) },
        pushed: Some(Pushed { key: request.key.unwrap_or_default(), masked: content.masked }),
        self_test: None,
        collected: Collected { observation: content.observation, artifacts: Vec::new() },
        kept,
        judgements,
    };
    let recorded = record(world, job, slot.clone(), outcome).await;
    if let (Err(_), Some(slot)) = (&recorded, slot) {
        // It waits on; where the database is gone, the lease ends with this process's connection.
        let _ = world.store.release(&slot).await;
    }
    recorded
}

/// What waits, of which the text is needed no longer.
fn read(text: String) -> Result<Content, String> {
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

/// The slot that an observation belongs to: the last one that was promised by when it ended, while the job was pushed.
fn slot_of(job: &JobId, promises: &[SchedulePromise], observed_to: Timestamp) -> Result<Option<Slot>, StepError> {
    let mut until = observed_to;
    for promise in promises.iter().rev().filter(|promise| promise.active_from <= observed_to) {
        let Some(text) = promise.schedule.as_ref().filter(|_| promise.pushed) else { return Ok(None) };
        let unreadable = |what: String| StepError::Ledger(format!("the promise of job {job}: {what}"));
        let schedule = Schedule::parse(text).map_err(|error| unreadable(error.to_string()))?;
        let zone: Tz = promise.time_zone.parse().map_err(|_| unreadable(format!("time zone {}", promise.time_zone)))?;
        if let Some(scheduled_for) = last_time(&schedule, zone, promise.active_from, until) {
            return Ok(Some(Slot { job: job.clone(), scheduled_for }));
        }
        until = promise.active_from.plus(TimeDelta::microseconds(-1));
    }
    Ok(None)
}

/// The last time that the schedule names from `from` up to and including `until`.
fn last_time(schedule: &Schedule, zone: Tz, from: Timestamp, until: Timestamp) -> Option<Timestamp> {
    let end = until.plus(TimeDelta::microseconds(1));
    BACK.iter().find_map(|hours| {
        let start = until.plus(-TimeDelta::hours(*hours)).max(from);
        schedule.occurrences(zone, start.utc(), end.utc()).last().map(Timestamp::new)
    })
}

/// A lease on the slot; none where it has ended: then the piece stands beside the schedule.
async fn held(
    world: &World,
    promises: &[SchedulePromise],
    worker: i64,
    slot: Slot,
    hands: &Hands,
) -> Result<Option<Lease>, Attempt> {
    plan_job(world, &slot.job, promises).await?;
    let (token, now) = (world.entry_id().0, world.now());
    let lease = world.store.claim_slot(worker, token, now, hands.effort.lease, &slot).await.map_err(StepError::from)?;
    match lease {
        Some(lease) => Ok(Some(lease)),
        None if world.store.is_closed(&slot).await.map_err(StepError::from)? => Ok(None),
        None => Err(Attempt::SlotHeld),
    }
}

/// When a slot of a pushed job has to be looked at again, as long as it may still be filled: nothing is looked at here, so it
/// waits for the next slot, or the freeze of its period; and then for what was received by then and is not sealed yet.
pub(crate) async fn still_heard(
    world: &World,
    slot: &Slot,
    next: Option<Timestamp>,
) -> Result<Option<Timestamp>, StepError> {
    let period = world.plan.deployment.calendar.period_of(slot.scheduled_for);
    let freeze = grace_until(world, &period);
    let until = next.map_or(freeze, |next| next.min(freeze));
    let now = world.now();
    // A request that came in time is in the database a moment later; after a freeze nothing counts for the period any more.
    let heard = if until == freeze { until } else { until.plus(IN_HAND) };
    if now < heard {
        return Ok(Some(heard));
    }
    let waits = until < freeze && world.store.awaits_sealing(&slot.job, until).await?;
    Ok(waits.then(|| now.plus(LOOKED_FOR)))
}

#[cfg(test)]
mod tests {
    use exhibit_evidence::Digest;

    use super::*;

    fn promise(schedule: Option<&str>, pushed: bool, active_from: &str) -> SchedulePromise {
        SchedulePromise {
            job: "j".parse().expect("an id"),
            collector: "c".parse().expect("an id"),
            checks: vec![],
            pushed,
            schedule: schedule.map(str::to_owned),
            time_zone: "UTC".to_owned(),
            tzdata: "2025b".to_owned(),
            environments: vec![],
            fresh_for_s: 1,
            late_after_s: 1,
            settings: Digest::of(b""),
            active_from: time(active_from),
        }
    }

    fn time(text: &str) -> Timestamp {
        format!("2026-{text}:00.000000Z").parse().expect("an instant")
    }

    #[test]
    fn an_observation_belongs_to_the_last_slot_before_its_end() {
        let daily = promise(Some("0 4 * * *"), true, "10-01T12:00");
        let weekly = promise(Some("0 6 * * 1"), true, "10-20T05:00");
        let collected = promise(Some("0 5 * * *"), false, "10-25T00:00");
        let minutely = promise(Some("* * * * *"), true, "11-01T00:00");
        let promises = [daily, weekly, collected, minutely];
        let cases = [
            ("10-01T13:00", None),
            ("10-02T03:59", None),
            ("10-02T04:00", Some("10-02T04:00")),
            ("10-03T03:59", Some("10-02T04:00")),
            // Under the weekly promise none has come yet: the last daily slot is the last that was promised.
            ("10-20T12:00", Some("10-20T04:00")),
            // Collected here: nothing that is handed in stands for it.
            ("10-26T12:00", None),
            ("11-03T00:00", Some("11-03T00:00")),
        ];
        for (observed, expected) in cases {
            let slot = slot_of(&"j".parse().expect("an id"), &promises, time(observed)).expect("readable promises");
            assert_eq!(slot.map(|slot| slot.scheduled_for), expected.map(time), "{observed}");
        }
    }
}
