//! Schedules: what people mean by a line of crontab, as instants.
//!
//! The `cron` crate finds the next matching wall time, and that it does
//! without fault. It must not be shown a time zone (on the day the clocks go
//! back it goes back with them) nor a crontab day of week (it counts from
//! 1 = Sunday). So this module reads the five fields itself, hands the crate
//! plain lists of values, lets it walk over *wall time dressed as UTC*, and
//! maps each wall time to an instant on its own:
//!
//! * A wall time that exists once is that instant.
//! * **Fixed hours** (`30 2 * * *`) run once per intended local time. When the
//!   clocks jump over that time, the run happens at the first instant after the
//!   jump; when the time comes twice, at its first coming. Several wall times
//!   skipped by one jump become one run.
//! * **Wildcard hours** (`*/15 * * * *`, `0 */2 * * *`, or all 24 hours written
//!   out) follow elapsed time: what the clocks skip is skipped, what comes
//!   twice runs twice.
//!
//! Results are strictly increasing, always. The years 1970 to 2100 are covered.

mod describe;
mod error;
mod field;
mod occurrences;
#[cfg(test)]
mod oracle;

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

pub use error::{Field, ScheduleError};
pub use occurrences::Occurrences;

use field::Fields;

/// The release of the IANA time zone database that every local time is read by,
/// such as `2025b`. It is written wherever a period's boundaries are, because a
/// later release may move them.
pub const TZDATA_VERSION: &str = chrono_tz::IANA_TZDB_VERSION;

/// The longest schedule text that is read, in bytes.
pub const MAX_TEXT_BYTES: usize = 1_000;

/// A crontab schedule: five fields or one of `@hourly`, `@daily`, `@midnight`,
/// `@weekly`, `@monthly`, `@yearly`, `@annually`.
///
/// Fields are minute (0–59), hour (0–23), day of month (1–31), month (1–12 or
/// `JAN`–`DEC`) and day of week (0–7 or `SUN`–`SAT`; 0 and 7 are Sunday), each
/// a `*`, a value, a range `a-b`, a step `*/n` or `a-b/n`, or a list of these.
/// Where day of month and day of week are both restricted, either will do.
///
/// ```
/// # use exhibit_evidence::schedule::Schedule;
/// let schedule = Schedule::parse("30 2 * * MON-FRI").unwrap();
/// assert_eq!(schedule.to_string(), "30 2 * * MON-FRI");
/// assert_eq!(
///     Schedule::parse("0 25 * * *").unwrap_err().to_string(),
///     "schedule `0 25 * * *`: the hour field says `25`: 25 is not one of 0 to 23",
/// );
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Schedule {
    text: String,
    fields: Fields,
    /// One, or two where days of month and days of week are a union.
    wall: Vec<cron::Schedule>,
}

impl Schedule {
    /// Reads a schedule.
    ///
    /// # Errors
    ///
    /// Says which field failed, what it said and what was expected; also refused
    /// are the spellings that cron programs read differently from one another.
    pub fn parse(text: &str) -> Result<Self, ScheduleError> {
        let text = text.trim();
        let fields = Fields::parse(text)?;
        let wall = fields
            .cron_expressions()
            .iter()
            .map(|expression| cron::Schedule::from_str(expression))
            .collect::<Result<_, _>>()
            .map_err(|error| ScheduleError::Engine { text: text.to_owned(), detail: error.to_string() })?;
        Ok(Self { text: text.to_owned(), fields, wall })
    }

    /// The text as it was authored, without surrounding white space.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Every instant that this schedule promises in `tz` with
    /// `from <= instant < to`, strictly increasing.
    ///
    /// Splitting a window loses nothing and repeats nothing: the occurrences of
    /// `[a, c)` are those of `[a, b)` followed by those of `[b, c)`.
    #[must_use]
    pub fn occurrences(&self, tz: Tz, from: DateTime<Utc>, to: DateTime<Utc>) -> Occurrences<'_> {
        Occurrences::new(&self.wall, self.fields.follows_elapsed_time(), tz, from, Some(to))
    }

    /// The first occurrence strictly later than `after`; none where the schedule
    /// never fires again (the 30th of February, or past the year 2100).
    #[must_use]
    pub fn next_after(&self, tz: Tz, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        Occurrences::new(&self.wall, self.fields.follows_elapsed_time(), tz, after, None)
            .find(|instant| *instant > after)
    }

    /// Whether the hour is a wildcard, so that runs follow elapsed time across
    /// clock changes instead of happening once per intended local time.
    #[must_use]
    pub fn follows_elapsed_time(&self) -> bool {
        self.fields.follows_elapsed_time()
    }

    /// The schedule in plain words, such as `at 02:30 on Monday to Friday`.
    #[must_use]
    pub fn describe(&self) -> String {
        describe::describe(&self.fields)
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Schedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Schedule {
    type Error = ScheduleError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Schedule> for String {
    fn from(schedule: Schedule) -> Self {
        schedule.text
    }
}

/// Two schedules are equal when they were written alike: the text is what the
/// ledger records.
impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Schedule {}
