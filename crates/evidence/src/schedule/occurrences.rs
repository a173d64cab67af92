//! From wall times to instants.

use std::collections::VecDeque;
use std::iter::Peekable;

use chrono::{DateTime, Datelike, MappedLocalTime, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::{GapInfo, Tz};

/// The longest stretch of wall time that any clock change skipped or repeated
/// is 24 hours (Samoa lost 30 December 2011), so a walk that begins this much
/// earlier sees every wall time that can end up in the window.
const REACH: TimeDelta = TimeDelta::hours(25);

/// The instants of a [`super::Schedule`] inside a window, strictly increasing.
pub struct Occurrences<'a> {
    walls: Peekable<Walls<'a>>,
    tz: Tz,
    follows_elapsed_time: bool,
    from: DateTime<Utc>,
    to: Option<DateTime<Utc>>,
    last: Option<DateTime<Utc>>,
    /// Found, and earlier than anything still to be found.
    ready: VecDeque<DateTime<Utc>>,
    /// Second comings of repeated wall times; due once the first pass is over.
    second_pass: VecDeque<DateTime<Utc>>,
}

impl<'a> Occurrences<'a> {
    /// `from <= instant`, and `instant < to` where there is an end.
    pub(super) fn new(
        wall: &'a [cron::Schedule],
        follows_elapsed_time: bool,
        tz: Tz,
        from: DateTime<Utc>,
        to: Option<DateTime<Utc>>,
    ) -> Self {
        Self {
            walls: Walls::starting(wall, tz, from).peekable(),
            tz,
            follows_elapsed_time,
            from,
            to,
            last: None,
            ready: VecDeque::new(),
            second_pass: VecDeque::new(),
        }
    }

    /// The next instant, in or out of the window.
    fn candidate(&mut self) -> Option<DateTime<Utc>> {
        loop {
            if let Some(instant) = self.ready.pop_front() {
                return Some(instant);
            }
            let Some(wall) = self.walls.next() else {
                return self.second_pass.pop_front();
            };
            match self.tz.from_local_datetime(&wall) {
                MappedLocalTime::Single(instant) => {
                    self.ready.append(&mut self.second_pass);
                    self.ready.push_back(instant.to_utc());
                }
                MappedLocalTime::Ambiguous(first, second) => {
                    self.ready.push_back(first.to_utc());
                    if self.follows_elapsed_time {
                        self.second_pass.push_back(second.to_utc());
                    }
                }
                MappedLocalTime::None => {
                    self.ready.append(&mut self.second_pass);
                    if !self.follows_elapsed_time {
                        self.ready.extend(end_of_gap(&wall, self.tz));
                    }
                }
            }
        }
    }
}

impl Iterator for Occurrences<'_> {
    type Item = DateTime<Utc>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let instant = self.candidate()?;
            if self.to.is_some_and(|to| instant >= to) {
                // Nothing earlier can follow; make every later call answer the same.
                self.ready.push_front(instant);
                return None;
            }
            if instant >= self.from && self.last.is_none_or(|last| instant > last) {
                self.last = Some(instant);
                return Some(instant);
            }
        }
    }
}

impl std::iter::FusedIterator for Occurrences<'_> {}

/// The instant at which the clocks jumped over `wall`.
fn end_of_gap(wall: &NaiveDateTime, tz: Tz) -> Option<DateTime<Utc>> {
    let (begin, offset_before) = GapInfo::new(wall, &tz)?.begin?;
    let offset = chrono::Offset::fix(&offset_before);
    begin.checked_sub_offset(offset).map(|instant| instant.and_utc())
}

/// Wall times that match any of one or two expressions, strictly increasing.
struct Walls<'a> {
    parts: Vec<Peekable<cron::ScheduleIterator<'a, Utc>>>,
}

impl<'a> Walls<'a> {
    fn starting(schedules: &'a [cron::Schedule], tz: Tz, from: DateTime<Utc>) -> Self {
        let after = first_wall(tz, from);
        let parts = after.map_or_else(Vec::new, |after| {
            schedules.iter().map(|part| part.after(&after.and_utc()).peekable()).collect()
        });
        Self { parts }
    }
}

impl Iterator for Walls<'_> {
    type Item = NaiveDateTime;

    fn next(&mut self) -> Option<Self::Item> {
        let earliest = self.parts.iter_mut().filter_map(|part| part.peek().copied()).min()?;
        for part in &mut self.parts {
            part.next_if_eq(&earliest);
        }
        Some(earliest.naive_utc())
    }
}

/// A wall time safely before `from`, inside the years that the engine knows;
/// none where `from` is past them.
fn first_wall(tz: Tz, from: DateTime<Utc>) -> Option<NaiveDateTime> {
    const FIRST: NaiveDateTime =
        NaiveDate::from_ymd_opt(1969, 12, 31).expect("a date").and_hms_opt(23, 59, 59).expect("a time");
    if from.year() > 2101 {
        return None;
    }
    if from.year() < 1970 {
        return Some(FIRST);
    }
    Some((from.with_timezone(&tz).naive_local() - REACH).max(FIRST))
}
