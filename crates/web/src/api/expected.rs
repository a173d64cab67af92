//! What schedules promise, by the ledger's own entries: the slots that there should be, and how one stands that no entry
//! closes. The rules are those of the report.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use exhibit_evidence::{
    JobId, Timestamp,
    schedule::{Schedule, ScheduleError},
    slot::SchedulePromise,
};
use exhibit_report::slots::SlotStanding;
use exhibit_store::Slot;

/// A promise while it holds.
struct Held {
    job: JobId,
    schedule: Schedule,
    zone: Tz,
    from: Timestamp,
    /// When the job's next promise begins, if there is one.
    until: Option<Timestamp>,
    late_after_s: u64,
}

/// What schedules promise.
pub(super) struct Expected(Vec<Held>);

impl Expected {
    /// What these promises name, in the ledger's order; of one job where it is named.
    ///
    /// # Errors
    /// When a promise has a schedule or a time zone that is none.
    pub(super) fn of(promises: Vec<SchedulePromise>, job: Option<&str>) -> Result<Self, ScheduleError> {
        let mut by_job: BTreeMap<JobId, Vec<SchedulePromise>> = BTreeMap::new();
        for promise in promises.into_iter().filter(|promise| job.is_none_or(|job| promise.job.as_str() == job)) {
            by_job.entry(promise.job.clone()).or_default().push(promise);
        }
        let mut held = Vec::new();
        for (job, promises) in by_job {
            for (index, promise) in promises.iter().enumerate() {
                let Some(text) = &promise.schedule else { continue };
                held.push(Held {
                    job: job.clone(),
                    schedule: Schedule::parse(text)?,
                    // The ledger takes no other.
                    zone: promise.time_zone.parse().unwrap_or(Tz::UTC),
                    from: promise.active_from,
                    until: promises.get(index + 1).map(|next| next.active_from),
                    late_after_s: promise.late_after_s,
                });
            }
        }
        Ok(Self(held))
    }

    /// From when on anything is promised.
    pub(super) fn begins(&self) -> Option<Timestamp> {
        self.0.iter().map(|held| held.from).min()
    }

    /// The slots of that time, `from` included and `to` not, the latest first.
    pub(super) fn within(&self, from: Timestamp, to: Timestamp) -> Vec<Slot> {
        let mut slots = Vec::new();
        for held in &self.0 {
            let from = held.from.max(from);
            let to = held.until.map_or(to, |until| until.min(to));
            if from < to {
                let times = held.schedule.occurrences(held.zone, from.utc(), to.utc());
                slots.extend(times.map(|time| Slot { job: held.job.clone(), scheduled_for: Timestamp::new(time) }));
            }
        }
        slots.sort_by(|a, b| key(b).cmp(&key(a)));
        slots
    }

    /// How a slot stands that no entry closes, for a reader at `now`; `recorded` is when the ledger's last entry was
    /// recorded. What was late by then is missed by the ledger's own word.
    pub(super) fn standing(&self, slot: &Slot, recorded: Option<Timestamp>, now: Timestamp) -> SlotStanding {
        let at = slot.scheduled_for;
        let held = |held: &&Held| held.job == slot.job && held.from <= at && held.until.is_none_or(|until| at < until);
        let late_after = self.0.iter().find(held).map_or(0, |held| held.late_after_s);
        let late_after = i64::try_from(late_after).unwrap_or(i64::MAX);
        let is_late = |now: Timestamp| now.since(at).num_seconds() > late_after;
        if recorded.is_some_and(is_late) {
            SlotStanding::Missed
        } else if is_late(now) {
            SlotStanding::Overdue
        } else if at <= now {
            SlotStanding::Due
        } else {
            SlotStanding::ToCome
        }
    }
}

/// What slots are in the order of.
pub(super) fn key(slot: &Slot) -> (Timestamp, &JobId) {
    (slot.scheduled_for, &slot.job)
}

#[cfg(test)]
mod tests {
    use exhibit_evidence::Digest;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    fn promise(job: &str, schedule: Option<&str>, from: &str) -> SchedulePromise {
        SchedulePromise {
            job: job.parse().expect("an id"),
            collector: "c".parse().expect("an id"),
            checks: Vec::new(),
            pushed: false,
            schedule: schedule.map(str::to_owned),
            time_zone: "Europe/Berlin".to_owned(),
            tzdata: "2025b".to_owned(),
            environments: Vec::new(),
            fresh_for_s: 1,
            late_after_s: 600,
            settings: Digest([0; 32]),
            active_from: at(from),
        }
    }

    #[test]
    fn each_promise_holds_until_the_next() {
        let promises = vec![
            promise("b", Some("0 4 * * *"), "2026-10-01T00:00:00.000000Z"),
            promise("a", Some("0 4 * * *"), "2026-10-02T00:00:00.000000Z"),
            promise("b", Some("0 5 * * *"), "2026-10-03T00:00:00.000000Z"),
            promise("b", None, "2026-10-04T00:00:00.000000Z"),
        ];
        let expected = Expected::of(promises.clone(), None).expect("schedules");
        assert_eq!(expected.begins(), Some(at("2026-10-01T00:00:00.000000Z")));
        let slots = expected.within(at("2026-09-01T00:00:00.000000Z"), at("2026-10-05T00:00:00.000000Z"));
        let told: Vec<String> = slots.iter().map(|slot| format!("{} {}", slot.scheduled_for, slot.job)).collect();
        assert_eq!(
            told,
            [
                "2026-10-04T02:00:00.000000Z a",
                "2026-10-03T03:00:00.000000Z b",
                "2026-10-03T02:00:00.000000Z a",
                "2026-10-02T02:00:00.000000Z b",
                "2026-10-02T02:00:00.000000Z a",
                "2026-10-01T02:00:00.000000Z b",
            ]
        );
        let one = Expected::of(promises, Some("a")).expect("schedules");
        assert!(one.within(at("2026-09-01T00:00:00.000000Z"), at("2026-10-02T02:00:00.000000Z")).is_empty());
    }

    #[test]
    fn what_nobody_closed_stands_by_the_clock_and_the_ledger() {
        let expected = vec![promise("a", Some("0 4 * * *"), "2026-10-01T00:00:00.000000Z")];
        let expected = Expected::of(expected, None).expect("schedules");
        let slot = Slot { job: "a".parse().expect("an id"), scheduled_for: at("2026-10-02T02:00:00.000000Z") };
        for (recorded, now, standing) in [
            (Some("2026-10-01T00:00:00.000000Z"), "2026-10-02T01:59:59.000000Z", SlotStanding::ToCome),
            (Some("2026-10-01T00:00:00.000000Z"), "2026-10-02T02:00:00.000000Z", SlotStanding::Due),
            (None, "2026-10-02T02:10:00.000000Z", SlotStanding::Due),
            (Some("2026-10-02T02:10:00.000000Z"), "2026-10-02T02:10:01.000000Z", SlotStanding::Overdue),
            (Some("2026-10-02T02:10:01.000000Z"), "2026-10-02T02:10:01.000000Z", SlotStanding::Missed),
        ] {
            assert_eq!(expected.standing(&slot, recorded.map(at), at(now)), standing, "{recorded:?} {now}");
        }
    }
}
