//! Instants: UTC, microseconds, written with six digits and `Z`; and the clock that hands them out.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Datelike as _, NaiveDate, SubsecRound as _, TimeDelta, Timelike as _, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::{ascii, read_text};

/// An instant in UTC, to the microsecond: what Postgres keeps, so that nothing is lost on the way there and back.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(DateTime<Utc>);

/// A text that is not an instant in the one form that records use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an instant such as 2026-11-22T03:05:31.000000Z, found {0:?}")]
pub struct NotATimestamp(String);

impl Timestamp {
    /// The one form: RFC 3339 with exactly six digits and `Z`.
    const FORM: &'static str = "%Y-%m-%dT%H:%M:%S%.6fZ";

    /// This instant, cut to the microsecond.
    pub fn new(instant: DateTime<Utc>) -> Self {
        Self(instant.trunc_subsecs(6))
    }

    /// As chrono's type.
    pub fn utc(self) -> DateTime<Utc> {
        self.0
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    pub fn micros(self) -> i64 {
        self.0.timestamp_micros()
    }

    /// The instant so many microseconds after 1970-01-01T00:00:00Z; none outside of chrono's range of years.
    pub fn from_micros(micros: i64) -> Option<Self> {
        DateTime::from_timestamp_micros(micros).map(Self)
    }

    /// Later by `delta` (earlier where it is negative); stops at the end of chrono's range.
    #[must_use]
    pub fn plus(self, delta: TimeDelta) -> Self {
        let end = if delta < TimeDelta::zero() { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC };
        Self::new(self.0.checked_add_signed(delta).unwrap_or(end))
    }

    /// The time from `earlier` until this instant, negative where `earlier` is later.
    pub fn since(self, earlier: Self) -> TimeDelta {
        self.0 - earlier.0
    }

    /// For people: `2026-11-22 03:05:31 UTC`.
    pub fn human(self) -> String {
        self.0.format("%Y-%m-%d %H:%M:%S UTC").to_string()
    }
}

impl Timestamp {
    /// The text of a year of four digits. Records are full of instants: this is written and read by hand.
    fn written(self) -> Option<[u8; 27]> {
        let (year, micros) = (self.0.year(), self.0.timestamp_subsec_micros());
        let year = u32::try_from(year).ok().filter(|year| *year <= 9999)?;
        let mut text = *b"0000-00-00T00:00:00.000000Z";
        let fields = [
            (0..4, year),
            (5..7, self.0.month()),
            (8..10, self.0.day()),
            (11..13, self.0.hour()),
            (14..16, self.0.minute()),
            (17..19, self.0.second()),
            // Beyond 999,999 in a leap second, which has another form.
            (20..26, (micros < 1_000_000).then_some(micros)?),
        ];
        for (place, mut number) in fields {
            for digit in text[place].iter_mut().rev() {
                *digit = b'0' + (number % 10) as u8;
                number /= 10;
            }
        }
        Some(text)
    }

    /// What [`Timestamp::written`] wrote.
    fn read(text: &[u8; 27]) -> Option<Self> {
        let mut form = *text;
        let mut number = |place: std::ops::Range<usize>| {
            form[place].iter_mut().try_fold(0, |number: u32, digit| {
                let value = digit.is_ascii_digit().then(|| u32::from(*digit - b'0'))?;
                *digit = b'0';
                Some(number * 10 + value)
            })
        };
        let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
        let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
        let micros = number(20..26)?;
        if form != *b"0000-00-00T00:00:00.000000Z" {
            return None;
        }
        let date = NaiveDate::from_ymd_opt(year.cast_signed(), month, day)?;
        date.and_hms_micro_opt(hour, minute, second, micros).map(|instant| Self(instant.and_utc()))
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(instant: DateTime<Utc>) -> Self {
        Self::new(instant)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.written() {
            Some(text) => f.write_str(ascii(&text)),
            None => write!(f, "{}", self.0.format(Self::FORM)),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = NotATimestamp;

    fn from_str(text: &str) -> Result<Self, NotATimestamp> {
        if let Some(instant) = text.as_bytes().try_into().ok().and_then(Self::read) {
            return Ok(instant);
        }
        let refused = || NotATimestamp(text.chars().take(80).collect());
        let instant = DateTime::parse_from_rfc3339(text).map_err(|_| refused())?;
        let instant = Self::new(instant.with_timezone(&Utc));
        if instant.to_string() == text { Ok(instant) } else { Err(refused()) }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.written() {
            Some(text) => serializer.serialize_str(ascii(&text)),
            None => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_text(deserializer)
    }
}

/// Where the current time comes from: the system in production, a test's hand in stories.
pub trait Clock: Send + Sync {
    /// The current time.
    fn now(&self) -> Timestamp;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// By hand and by the library: the same text for every instant, the same instant for every text.
        #[test]
        fn by_hand_as_by_the_library(micros: i64, near in 0..4_000_000_000_000_000_i64, text in "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9]\\.[0-9]{6}Z") {
            for instant in [micros, near].into_iter().filter_map(Timestamp::from_micros) {
                let library = instant.0.format(Timestamp::FORM).to_string();
                prop_assert_eq!(instant.to_string(), &*library);
                prop_assert_eq!(library.as_bytes().try_into().ok().and_then(Timestamp::read), instant.written().map(|_| instant));
            }
            let ours = text.as_bytes().try_into().ok().and_then(Timestamp::read);
            let theirs = DateTime::parse_from_rfc3339(&text).ok().map(|instant| Timestamp::new(instant.to_utc()));
            let theirs = theirs.filter(|instant| instant.0.format(Timestamp::FORM).to_string() == text);
            // The library reads a sixtieth second as a leap second and writes it again; no record has one.
            let theirs = theirs.filter(|_| &text[17..19] != "60");
            prop_assert_eq!(ours, theirs);
        }
    }

    #[test]
    fn one_form_only() {
        let good = "2026-11-22T03:05:31.000001Z";
        assert_eq!(good.parse::<Timestamp>().expect("the one form").to_string(), good);
        for bad in [
            "2026-11-22T03:05:31Z",
            "2026-11-22T03:05:31.000001+00:00",
            "2026-11-22T03:05:31.0000011Z",
            "2026-11-22 03:05:31.000001Z",
            "2026-11-22T04:05:31.000001+01:00",
            "2026-02-29T00:00:00.000000Z",
            "",
        ] {
            assert!(bad.parse::<Timestamp>().is_err(), "{bad}");
        }
    }
}
