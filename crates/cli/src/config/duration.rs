//! Spans of time as people write them: `90m`, `36h`, `7d`.

use chrono::TimeDelta;

/// What a span must look like, for messages.
pub(super) const EXPECTED: &str = "a number and `m`, `h` or `d`, such as \"90m\", \"36h\" or \"7d\"";

/// The longest span that makes sense here: a leap year and a month.
const MAX: TimeDelta = TimeDelta::days(397);

/// Reads a span of time, from one minute to 397 days.
pub(super) fn parse(text: &str) -> Option<TimeDelta> {
    let unit = text.chars().next_back()?;
    let digits = text.strip_suffix(unit)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: i64 = digits.parse().ok()?;
    let span = match unit {
        'm' => TimeDelta::try_minutes(count),
        'h' => TimeDelta::try_hours(count),
        'd' => TimeDelta::try_days(count),
        _ => None,
    }?;
    (TimeDelta::minutes(1)..=MAX).contains(&span).then_some(span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_people_write_them() {
        for (text, minutes) in [
            ("1m", Some(1)),
            ("90m", Some(90)),
            ("36h", Some(36 * 60)),
            ("7d", Some(7 * 24 * 60)),
            ("397d", Some(397 * 24 * 60)),
            ("398d", None),
            ("0m", None),
            ("", None),
            ("h", None),
            ("36", None),
            ("36 h", None),
            ("-1h", None),
            ("+1h", None),
            ("1.5h", None),
            ("1w", None),
            ("99999999999999999999d", None),
            ("9223372036854775807d", None),
            ("3ü", None),
        ] {
            assert_eq!(parse(text).map(|span| span.num_minutes()), minutes, "{text}");
        }
    }
}
