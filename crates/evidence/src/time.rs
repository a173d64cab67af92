//! Instants: UTC, microseconds, written with six digits and `Z`; and the clock that hands them out.

use std::{fmt, str::FromStr};

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

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

impl From<DateTime<Utc>> for Timestamp {
    fn from(instant: DateTime<Utc>) -> Self {
        Self::new(instant)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format(Self::FORM))
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
        let refused = || NotATimestamp(text.chars().take(80).collect());
        let instant = DateTime::parse_from_rfc3339(text).map_err(|_| refused())?;
        let instant = Self::new(instant.with_timezone(&Utc));
        if instant.to_string() == text { Ok(instant) } else { Err(refused()) }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Where the current time comes from: the system in production, a test's hand in stories.
pub trait Clock: Send + Sync {
    /// The current time.
    fn now(&self) -> Timestamp;
}

#[cfg(test)]
mod tests {
    use super::*;

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
