//! The five fields of a crontab line, as sets of values.

use super::MAX_TEXT_BYTES;
use super::error::{Field, ScheduleError};

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
pub(super) const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// The values that one field allows: bit `n` is value `n`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Values {
    bits: u64,
    /// Contains an item that begins with `*`.
    star: bool,
}

impl Values {
    pub(super) fn iter(self) -> impl Iterator<Item = u32> {
        (0..64).filter(move |value| self.contains(*value))
    }

    pub(super) fn contains(self, value: u32) -> bool {
        self.bits & (1 << value) != 0
    }

    /// Every value that the field can have.
    pub(super) fn is_all(self, field: Field) -> bool {
        (bounds(field).0..=wrap_sunday(field, bounds(field).1)).all(|value| self.contains(value))
    }
}

/// A parsed schedule, before it meets a calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) minutes: Values,
    pub(super) hours: Values,
    pub(super) days_of_month: Values,
    pub(super) months: Values,
    /// 0 is Sunday, 6 is Saturday.
    pub(super) days_of_week: Values,
}

impl Fields {
    pub(super) fn parse(text: &str) -> Result<Self, ScheduleError> {
        if text.is_empty() {
            return Err(ScheduleError::Empty);
        }
        if text.len() > MAX_TEXT_BYTES {
            return Err(ScheduleError::TooLong { bytes: text.len() });
        }
        let line = if text.starts_with('@') { spell_out(text)? } else { text };
        let parts: Vec<&str> = line.split_whitespace().collect();
        let [minute, hour, day_of_month, month, day_of_week] = parts[..] else {
            return Err(ScheduleError::FieldCount { text: text.to_owned(), found: parts.len() });
        };
        let read = |field, part| {
            parse_field(field, part).map_err(|(item, problem)| ScheduleError::Field {
                text: text.to_owned(),
                field,
                item,
                problem,
            })
        };
        let fields = Self {
            minutes: read(Field::Minute, minute)?,
            hours: read(Field::Hour, hour)?,
            days_of_month: read(Field::DayOfMonth, day_of_month)?,
            months: read(Field::Month, month)?,
            days_of_week: read(Field::DayOfWeek, day_of_week)?,
        };
        fields.refuse_ambiguous_days(text, day_of_month, day_of_week)?;
        Ok(fields)
    }

    /// `*/2` in one day field and a restriction in the other: Vixie cron takes
    /// both as a condition, others either. A promise must not hang on that.
    fn refuse_ambiguous_days(&self, text: &str, dom: &str, dow: &str) -> Result<(), ScheduleError> {
        if !self.days_are_a_union() {
            return Ok(());
        }
        let ambiguous = |field, stepped: &str, other| ScheduleError::AmbiguousDays {
            text: text.to_owned(),
            field,
            stepped: stepped.to_owned(),
            other,
        };
        if self.days_of_month.star {
            return Err(ambiguous(Field::DayOfMonth, dom, Field::DayOfWeek));
        }
        if self.days_of_week.star {
            return Err(ambiguous(Field::DayOfWeek, dow, Field::DayOfMonth));
        }
        Ok(())
    }

    /// A field is restricted unless it is a plain `*` (alone or in a list).
    /// Written-out full ranges (`1-31`) are restrictions, as in crontab.
    pub(super) fn days_are_a_union(&self) -> bool {
        let restricted = |values: Values, field| !(values.star && values.is_all(field));
        restricted(self.days_of_month, Field::DayOfMonth) && restricted(self.days_of_week, Field::DayOfWeek)
    }

    pub(super) fn follows_elapsed_time(&self) -> bool {
        self.hours.star || self.hours.is_all(Field::Hour)
    }

    /// The same in the dialect of the `cron` crate: seconds first, values
    /// listed, weekdays by name.
    pub(super) fn cron_expressions(&self) -> Vec<String> {
        let minutes = list(self.minutes, Field::Minute);
        let hours = list(self.hours, Field::Hour);
        let months = list(self.months, Field::Month);
        let dom = list(self.days_of_month, Field::DayOfMonth);
        let dow = list(self.days_of_week, Field::DayOfWeek);
        let line = |dom: &str, dow: &str| format!("0 {minutes} {hours} {dom} {months} {dow}");
        if self.days_are_a_union() { vec![line(&dom, "*"), line("*", &dow)] } else { vec![line(&dom, &dow)] }
    }
}

fn spell_out(word: &str) -> Result<&'static str, ScheduleError> {
    Ok(match word.to_ascii_lowercase().as_str() {
        "@hourly" => "0 * * * *",
        "@daily" | "@midnight" => "0 0 * * *",
        "@weekly" => "0 0 * * 0",
        "@monthly" => "0 0 1 * *",
        "@yearly" | "@annually" => "0 0 1 1 *",
        _ => {
            return Err(ScheduleError::UnknownWord { text: word.to_owned() });
        }
    })
}

fn list(values: Values, field: Field) -> String {
    if values.is_all(field) {
        return "*".to_owned();
    }
    let names: Vec<String> = values
        .iter()
        .map(|value| match field {
            Field::DayOfWeek => WEEKDAYS[value as usize].to_owned(),
            _ => value.to_string(),
        })
        .collect();
    names.join(",")
}

/// Least and greatest value as written.
fn bounds(field: Field) -> (u32, u32) {
    match field {
        Field::Minute => (0, 59),
        Field::Hour => (0, 23),
        Field::DayOfMonth => (1, 31),
        Field::Month => (1, 12),
        Field::DayOfWeek => (0, 7),
    }
}

/// The greatest value once Sunday is 0 only.
fn wrap_sunday(field: Field, value: u32) -> u32 {
    if field == Field::DayOfWeek { value.min(6) } else { value }
}

type Refused = (String, String);

fn parse_field(field: Field, text: &str) -> Result<Values, Refused> {
    let mut values = Values { bits: 0, star: false };
    for item in text.split(',') {
        let (bits, star) = parse_item(field, item).map_err(|problem| (text.to_owned(), problem))?;
        values.bits |= bits;
        values.star |= star;
    }
    Ok(values)
}

/// `*`, `a`, `a-b`, `*/n` or `a-b/n`.
fn parse_item(field: Field, item: &str) -> Result<(u64, bool), String> {
    let (range, step) = match item.split_once('/') {
        Some((range, step)) => (range, Some(parse_step(field, step)?)),
        None => (item, None),
    };
    let (low, high) = match range.split_once('-') {
        _ if range == "*" => (bounds(field).0, wrap_sunday(field, bounds(field).1)),
        Some((low, high)) => parse_range(field, low, high)?,
        None => {
            let value = parse_value(field, range)?;
            if let Some(step) = step {
                let end = wrap_sunday(field, bounds(field).1);
                return Err(format!("a step needs a range: write {range}-{end}/{step} or */{step}"));
            }
            (value, value)
        }
    };
    let bits = (low..=high)
        .step_by(step.unwrap_or(1) as usize)
        .map(|value| if field == Field::DayOfWeek { value % 7 } else { value })
        .fold(0, |bits, value| bits | 1 << value);
    Ok((bits, range == "*"))
}

fn parse_range(field: Field, low: &str, high: &str) -> Result<(u32, u32), String> {
    let (from, mut to) = (parse_value(field, low)?, parse_value(field, high)?);
    // SAT-SUN: as the end of a range, Sunday comes after Saturday.
    if field == Field::DayOfWeek && to == 0 && from > 0 {
        to = 7;
    }
    if from > to {
        let (least, greatest) = (bounds(field).0, wrap_sunday(field, bounds(field).1));
        return Err(format!(
            "the range runs backwards; write two: {low}-{},{}-{high}",
            name_like(field, low, greatest),
            name_like(field, high, least),
        ));
    }
    Ok((from, to))
}

/// `value` in the spelling (number or name) that its neighbour uses.
fn name_like(field: Field, neighbour: &str, value: u32) -> String {
    match field {
        Field::DayOfWeek if neighbour.parse::<u32>().is_err() => WEEKDAYS[value as usize].to_owned(),
        Field::Month if neighbour.parse::<u32>().is_err() => MONTHS[value as usize - 1].to_owned(),
        _ => value.to_string(),
    }
}

fn parse_step(field: Field, text: &str) -> Result<u32, String> {
    let (least, greatest) = bounds(field);
    let most = wrap_sunday(field, greatest) - least;
    match digits(text) {
        Some(step) if (1..=most).contains(&step) => Ok(step),
        Some(0) => Err("a step of 0 never moves on".to_owned()),
        _ => Err(format!(
            "the step `{text}` is not one of 1 to {most}; steps start anew with each {}",
            match field {
                Field::Minute => "hour",
                Field::Hour => "day",
                Field::DayOfMonth => "month",
                Field::Month => "year",
                Field::DayOfWeek => "week",
            }
        )),
    }
}

fn parse_value(field: Field, text: &str) -> Result<u32, String> {
    let (least, greatest) = bounds(field);
    let named = match field {
        Field::Month => position(&MONTHS, text).map(|index| index + 1),
        Field::DayOfWeek => position(&WEEKDAYS, text),
        _ => None,
    };
    match named.or_else(|| digits(text)) {
        Some(value) if (least..=greatest).contains(&value) => Ok(value),
        _ if text.is_empty() => Err(format!("a value is missing; expected {}", field.expected())),
        _ => Err(format!("{text} is not one of {}", field.expected())),
    }
}

fn position(names: &[&str], text: &str) -> Option<u32> {
    (0..).zip(names).find(|(_, name)| name.eq_ignore_ascii_case(text)).map(|(index, _)| index)
}

/// Decimal digits only: `parse` alone would take a leading plus sign.
fn digits(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}
