//! Periods: the quarters of a fiscal year, as half-open ranges of instants.

use std::{fmt, str::FromStr};

use chrono::{Datelike as _, NaiveDate, NaiveDateTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{Timestamp, schedule::TZDATA_VERSION};

/// The name of a quarter, `2026-Q4`: a fiscal year, named by the year in which it ends, and one of its four quarters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeriodId {
    /// The year in which the fiscal year ends, 1970 to 9998.
    pub fiscal_year: i32,
    /// 1 to 4.
    pub quarter: u8,
}

/// A text that names no quarter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a quarter such as 2026-Q4 (fiscal year, Q1 to Q4), found {0:?}")]
pub struct NotAPeriod(String);

impl fmt::Display for PeriodId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-Q{}", self.fiscal_year, self.quarter)
    }
}

impl fmt::Debug for PeriodId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for PeriodId {
    type Err = NotAPeriod;

    fn from_str(text: &str) -> Result<Self, NotAPeriod> {
        let refused = || NotAPeriod(text.chars().take(40).collect());
        let (year, quarter) = text.split_once("-Q").ok_or_else(refused)?;
        let id = Self {
            fiscal_year: year.parse().map_err(|_| refused())?,
            quarter: quarter.parse().map_err(|_| refused())?,
        };
        let known = (1970..=9998).contains(&id.fiscal_year) && (1..=4).contains(&id.quarter);
        if known && id.to_string() == text { Ok(id) } else { Err(refused()) }
    }
}

impl Serialize for PeriodId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PeriodId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// What a report covers: from `start` (within) to `end` (no longer within).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Period {
    /// Its name.
    pub id: PeriodId,
    /// The first instant within.
    pub start: Timestamp,
    /// The first instant after.
    pub end: Timestamp,
    /// The IANA time zone whose midnights the boundaries are.
    pub time_zone: String,
    /// The version of the time-zone database that gave the boundaries.
    pub tzdata: String,
}

impl Period {
    /// Whether the instant lies in this period.
    pub fn contains(&self, instant: Timestamp) -> bool {
        self.start <= instant && instant < self.end
    }
}

/// The calendar that quarters follow: a time zone, and the month in which the fiscal year starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FiscalCalendar {
    time_zone: Tz,
    start_month: u32,
}

impl FiscalCalendar {
    /// A calendar whose fiscal years start on the first of `start_month` (1 to 12), at midnight in `time_zone`.
    /// None for another month.
    pub fn new(time_zone: Tz, start_month: u32) -> Option<Self> {
        (1..=12).contains(&start_month).then_some(Self { time_zone, start_month })
    }

    /// The time zone of the boundaries.
    pub fn time_zone(&self) -> Tz {
        self.time_zone
    }

    /// The quarter that the instant lies in.
    pub fn period_of(&self, instant: Timestamp) -> Period {
        let local = instant.utc().with_timezone(&self.time_zone);
        let months = self.months_of_year_start(local.year());
        let here = i64::from(local.year()) * 12 + i64::from(local.month0());
        let since = here - months;
        // `since` counts from the start of the fiscal year that begins in this calendar year; it may be negative.
        let years = since.div_euclid(12);
        let quarter = since.rem_euclid(12) / 3;
        let start_year = i64::from(local.year()) + years;
        self.build(start_year, quarter)
    }

    /// The quarter of that name.
    pub fn period(&self, id: PeriodId) -> Period {
        let start_year = i64::from(id.fiscal_year) - i64::from(self.start_month > 1);
        self.build(start_year, i64::from(id.quarter) - 1)
    }

    /// The quarter before.
    pub fn previous(&self, period: &Period) -> Period {
        self.period_of(period.start.plus(-TimeDelta::microseconds(1)))
    }

    /// The quarter after.
    pub fn next(&self, period: &Period) -> Period {
        self.period_of(period.end)
    }

    fn months_of_year_start(&self, calendar_year: i32) -> i64 {
        i64::from(calendar_year) * 12 + i64::from(self.start_month) - 1
    }

    /// The quarter 0..=3 of the fiscal year that starts in `start_year`.
    fn build(&self, start_year: i64, quarter: i64) -> Period {
        let first = start_year * 12 + i64::from(self.start_month) - 1 + quarter * 3;
        let fiscal_year = start_year + i64::from(self.start_month > 1);
        Period {
            id: PeriodId {
                fiscal_year: i32::try_from(fiscal_year).unwrap_or(i32::MAX),
                quarter: u8::try_from(quarter + 1).unwrap_or(u8::MAX),
            },
            start: self.first_instant_of_month(first),
            end: self.first_instant_of_month(first + 3),
            time_zone: self.time_zone.name().to_owned(),
            tzdata: TZDATA_VERSION.to_owned(),
        }
    }

    /// Midnight of the month's first day; where the clocks skip midnight, the first instant after the gap.
    fn first_instant_of_month(&self, months: i64) -> Timestamp {
        let year = i32::try_from(months.div_euclid(12)).unwrap_or(i32::MAX);
        let month = u32::try_from(months.rem_euclid(12)).unwrap_or(0) + 1;
        let midnight: NaiveDateTime =
            NaiveDate::from_ymd_opt(year, month, 1).unwrap_or(NaiveDate::MAX).and_time(chrono::NaiveTime::MIN);
        let mut wall = midnight;
        // A gap is at most a day long (Samoa, 2011), so this ends; quarters of an hour meet every gap there has been.
        for _ in 0..=96 {
            if let Some(instant) = self.time_zone.from_local_datetime(&wall).earliest() {
                return Timestamp::new(instant.with_timezone(&Utc));
            }
            wall += TimeDelta::minutes(15);
        }
        Timestamp::new(Utc.from_utc_datetime(&midnight))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn calendar(zone: &str, month: u32) -> FiscalCalendar {
        FiscalCalendar::new(zone.parse().expect("a zone"), month).expect("a month")
    }

    #[test]
    fn boundaries_are_local_midnights_written_as_utc() {
        let cases = [
            (
                "UTC",
                1,
                "2026-11-22T03:05:31.000000Z",
                "2026-Q4",
                "2026-10-01T00:00:00.000000Z",
                "2027-01-01T00:00:00.000000Z",
            ),
            (
                "Europe/Berlin",
                1,
                "2026-09-30T22:00:00.000000Z",
                "2026-Q4",
                "2026-09-30T22:00:00.000000Z",
                "2026-12-31T23:00:00.000000Z",
            ),
            (
                "Europe/Berlin",
                1,
                "2026-09-30T21:59:59.999999Z",
                "2026-Q3",
                "2026-06-30T22:00:00.000000Z",
                "2026-09-30T22:00:00.000000Z",
            ),
            (
                "UTC",
                4,
                "2026-04-01T00:00:00.000000Z",
                "2027-Q1",
                "2026-04-01T00:00:00.000000Z",
                "2026-07-01T00:00:00.000000Z",
            ),
            (
                "UTC",
                4,
                "2026-03-31T23:59:59.999999Z",
                "2026-Q4",
                "2026-01-01T00:00:00.000000Z",
                "2026-04-01T00:00:00.000000Z",
            ),
            (
                "America/New_York",
                10,
                "2026-11-22T03:05:31.000000Z",
                "2027-Q1",
                "2026-10-01T04:00:00.000000Z",
                "2027-01-01T05:00:00.000000Z",
            ),
        ];
        for (zone, month, instant, id, start, end) in cases {
            let period = calendar(zone, month).period_of(instant.parse().expect("an instant"));
            let found = (period.id.to_string(), period.start.to_string(), period.end.to_string());
            assert_eq!(found, (id.to_owned(), start.to_owned(), end.to_owned()), "{zone} {month} {instant}");
        }
    }

    #[test]
    fn only_quarters_have_names() {
        for bad in ["2026-Q0", "2026-Q5", "2026-q4", "26-Q4", "2026Q4", "+2026-Q1", "2026-Q04", ""] {
            assert!(bad.parse::<PeriodId>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn quarters_tile_time(
            micros in 0_i64..8_000_000_000_000_000,
            month in 1_u32..=12,
            zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "Pacific/Apia", "Asia/Kathmandu", "America/Sao_Paulo"]),
        ) {
            let calendar = calendar(zone, month);
            let instant = Timestamp::from_micros(micros).expect("in range");
            let period = calendar.period_of(instant);
            prop_assert!(period.contains(instant));
            prop_assert_eq!(&calendar.period(period.id), &period);
            prop_assert_eq!(calendar.next(&period).start, period.end);
            prop_assert_eq!(calendar.previous(&period).end, period.start);
            prop_assert_eq!(period.id.to_string().parse(), Ok(period.id));
        }
    }
}
