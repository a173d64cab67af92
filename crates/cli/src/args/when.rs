//! Days and instants, as they are typed.

use std::str::FromStr;

use chrono::{DateTime, Days, NaiveDate, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use exhibit_evidence::Timestamp;

/// A day in the deployment's time zone, or an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// `2026-10-01`
    Day(NaiveDate),
    /// `2026-10-01T08:00:00Z`
    Instant(Timestamp),
}

impl When {
    /// The instant from which it counts, as a lower bound that belongs to the range.
    pub(crate) fn start(self, zone: Tz) -> Option<Timestamp> {
        match self {
            Self::Day(day) => first_instant(day, zone),
            Self::Instant(instant) => Some(instant),
        }
    }

    /// The instant until which it counts, as an upper bound that does not belong to the range.
    pub(crate) fn end(self, zone: Tz) -> Option<Timestamp> {
        match self {
            Self::Day(day) => first_instant(day.checked_add_days(Days::new(1))?, zone),
            Self::Instant(instant) => Some(instant),
        }
    }
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            return Ok(Self::Day(day));
        }
        DateTime::parse_from_rfc3339(text)
            .map(|instant| Self::Instant(Timestamp::new(instant.with_timezone(&Utc))))
            .map_err(|_| "expected a day (2026-10-01) or an instant (2026-10-01T08:00:00Z)".to_owned())
    }
}

/// The first instant of a local day: not always midnight, where clocks change at midnight.
fn first_instant(day: NaiveDate, zone: Tz) -> Option<Timestamp> {
    let midnight = day.and_hms_opt(0, 0, 0)?;
    let quarters = (0..=24 * 4).map(|quarter| midnight + TimeDelta::minutes(15 * quarter));
    quarters
        .filter_map(|wall| zone.from_local_datetime(&wall).earliest())
        .map(|instant| Timestamp::new(instant.with_timezone(&Utc)))
        .next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_the_deployments_days() {
        let day: When = "2026-03-29".parse().expect("a day");
        let berlin = chrono_tz::Europe::Berlin;
        let at = |when: Option<Timestamp>| when.expect("in range").utc().to_rfc3339();
        assert_eq!(at(day.start(berlin)), "2026-03-28T23:00:00+00:00");
        assert_eq!(at(day.end(berlin)), "2026-03-29T22:00:00+00:00");
        // Cairo's clocks jump from midnight to one.
        let day: When = "2026-04-24".parse().expect("a day");
        assert_eq!(at(day.start(chrono_tz::Africa::Cairo)), "2026-04-23T22:00:00+00:00");
        let instant: When = "2026-10-01T08:00:00+02:00".parse().expect("an instant");
        assert_eq!(at(instant.start(berlin)), "2026-10-01T06:00:00+00:00");
        assert_eq!(instant.start(berlin), instant.end(berlin));
    }
}
