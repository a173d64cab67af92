//! What can be wrong with a schedule, in words.

use std::fmt;

/// One of the five fields of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The first field, 0 to 59.
    Minute,
    /// The second field, 0 to 23.
    Hour,
    /// The third field, 1 to 31.
    DayOfMonth,
    /// The fourth field, 1 to 12 or `JAN` to `DEC`.
    Month,
    /// The fifth field, 0 to 7 (0 and 7 are Sunday) or `SUN` to `SAT`.
    DayOfWeek,
}

impl Field {
    /// What the field may contain, as part of a sentence.
    #[must_use]
    pub fn expected(self) -> &'static str {
        match self {
            Self::Minute => "0 to 59",
            Self::Hour => "0 to 23",
            Self::DayOfMonth => "1 to 31",
            Self::Month => "1 to 12 or JAN to DEC",
            Self::DayOfWeek => "0 to 7 (0 and 7 are Sunday) or SUN to SAT",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::DayOfMonth => "day-of-month",
            Self::Month => "month",
            Self::DayOfWeek => "day-of-week",
        })
    }
}

/// Why a text is not a schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// Nothing but white space.
    #[error(
        "the schedule is empty; expected five fields (minute hour day-of-month month day-of-week), such as `30 2 * * *`"
    )]
    Empty,
    /// More than [`super::MAX_TEXT_BYTES`].
    #[error("the schedule is {bytes} bytes long; expected at most {}", super::MAX_TEXT_BYTES)]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Not five fields.
    #[error("schedule `{text}`: expected five fields (minute hour day-of-month month day-of-week), found {found}{}", if *.found > 5 { "; seconds and years are not part of crontab" } else { "" })]
    FieldCount {
        /// The schedule.
        text: String,
        /// How many fields it has.
        found: usize,
    },
    /// An `@word` that is not known.
    #[error("schedule `{text}`: expected @hourly, @daily, @midnight, @weekly, @monthly, @yearly or @annually{}", if .text.eq_ignore_ascii_case("@reboot") { "; a restart is not a time, so it cannot be promised" } else { "" })]
    UnknownWord {
        /// The schedule.
        text: String,
    },
    /// A field does not say anything that can be kept.
    #[error("schedule `{text}`: the {field} field says `{item}`: {problem}")]
    Field {
        /// The schedule.
        text: String,
        /// The field that failed.
        field: Field,
        /// The part of the field that failed.
        item: String,
        /// What is wrong with it, and what was expected.
        problem: String,
    },
    /// A stepped wildcard beside another restricted day field.
    #[error(
        "schedule `{text}`: cron programs disagree on whether `{stepped}` beside a restricted {other} means either or both; write the {field} field as an explicit range or list, which means either"
    )]
    AmbiguousDays {
        /// The schedule.
        text: String,
        /// The field with the stepped wildcard.
        field: Field,
        /// What that field says.
        stepped: String,
        /// The other restricted field.
        other: Field,
    },
    /// The engine refused what the five fields were translated into: a fault of ours.
    #[error("schedule `{text}`: the cron engine refused it: {detail}")]
    Engine {
        /// The schedule.
        text: String,
        /// What the engine said.
        detail: String,
    },
}
