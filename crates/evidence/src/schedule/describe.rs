//! A schedule in plain words.

use super::error::Field;
use super::field::{Fields, Values};

const MONTHS: [&str; 13] = [
    "",
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// More times of day than this are told as minutes past hours.
const TIMES_SPELLED_OUT: usize = 6;

pub(super) fn describe(fields: &Fields) -> String {
    let months = if fields.months.is_all(Field::Month) {
        String::new()
    } else {
        format!(" in {}", runs(fields.months, |month| MONTHS[month as usize].to_owned()))
    };
    format!("{}{}{months}", times(fields), days(fields))
}

fn times(fields: &Fields) -> String {
    let count = |values: Values| values.iter().count();
    if fields.hours.is_all(Field::Hour) {
        return match every(fields.minutes, 60) {
            Some(1) => "every minute".to_owned(),
            Some(step) => format!("every {step} minutes"),
            None => format!("at minute {} of every hour", runs(fields.minutes, |m| m.to_string())),
        };
    }
    if count(fields.minutes) * count(fields.hours) <= TIMES_SPELLED_OUT {
        let times = fields
            .hours
            .iter()
            .flat_map(|hour| fields.minutes.iter().map(move |minute| format!("{hour:02}:{minute:02}")));
        return format!("at {}", and(times.collect()));
    }
    let minutes = match every(fields.minutes, 60) {
        Some(1) => "every minute".to_owned(),
        Some(step) => format!("every {step} minutes"),
        None => format!("at minute {}", runs(fields.minutes, |minute| minute.to_string())),
    };
    format!("{minutes} of the hours {}", runs(fields.hours, |hour| format!("{hour:02}")))
}

fn days(fields: &Fields) -> String {
    let dom = || format!("day {} of the month", runs(fields.days_of_month, |day| day.to_string()));
    let dow = || runs(fields.days_of_week, |day| WEEKDAYS[day as usize].to_owned());
    match (fields.days_of_month.is_all(Field::DayOfMonth), fields.days_of_week.is_all(Field::DayOfWeek)) {
        _ if fields.days_are_a_union() => format!(" on {} or on {}", dom(), dow()),
        (true, true) if fields.hours.is_all(Field::Hour) => String::new(),
        (true, true) => " every day".to_owned(),
        (true, false) => format!(" on {}", dow()),
        (false, _) => format!(" on {}", dom()),
    }
}

/// The step, where values are exactly 0, n, 2n … and n divides the whole.
fn every(values: Values, whole: u32) -> Option<u32> {
    let step = values.iter().nth(1)?;
    let fits =
        whole.is_multiple_of(step) && (0..whole).all(|value| values.contains(value) == value.is_multiple_of(step));
    fits.then_some(step)
}

/// Three or more in a row become `a to c`.
fn runs(values: Values, name: impl Fn(u32) -> String) -> String {
    let mut spans: Vec<(u32, u32)> = Vec::new();
    for value in values.iter() {
        match spans.last_mut() {
            Some((_, end)) if *end + 1 == value => *end = value,
            _ => spans.push((value, value)),
        }
    }
    let words = spans.into_iter().flat_map(|(start, end)| match end - start {
        0 => vec![name(start)],
        1 => vec![name(start), name(end)],
        _ => vec![format!("{} to {}", name(start), name(end))],
    });
    and(words.collect())
}

fn and(mut words: Vec<String>) -> String {
    match words.pop() {
        None => String::new(),
        Some(last) if words.is_empty() => last,
        Some(last) => format!("{} and {last}", words.join(", ")),
    }
}
