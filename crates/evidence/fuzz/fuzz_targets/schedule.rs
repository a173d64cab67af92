//! Any text, any zone, any begin: reading never panics, and what is read promises instants in one order.
#![no_main]

use chrono::{DateTime, TimeDelta};
use exhibit_evidence::schedule::Schedule;

/// Occurrences that are looked at: a schedule of every minute has 1,440 a day.
const MOST: usize = 400;

libfuzzer_sys::fuzz_target!(|input: (u16, u32, u16, &str)| {
    let (zone, begin, hours, text) = input;
    let Ok(schedule) = Schedule::parse(text) else { return };
    assert_eq!(Schedule::parse(schedule.text()).as_ref(), Ok(&schedule), "its own text");
    assert!(!schedule.describe().is_empty());

    let zone = chrono_tz::TZ_VARIANTS[usize::from(zone) % chrono_tz::TZ_VARIANTS.len()];
    let from = DateTime::from_timestamp(begin.into(), 0).expect("before the year 2107");
    let to = from + TimeDelta::hours(hours.into());
    let promised: Vec<_> = schedule.occurrences(zone, from, to).take(MOST).collect();
    assert!(promised.iter().all(|instant| from <= *instant && *instant < to));
    assert!(promised.windows(2).all(|pair| pair[0] < pair[1]), "strictly increasing");

    // Where the window is cut makes no difference.
    let middle = from + TimeDelta::hours(hours.into()) / 2;
    let halves = schedule.occurrences(zone, from, middle).chain(schedule.occurrences(zone, middle, to));
    assert_eq!(halves.take(MOST).collect::<Vec<_>>(), promised);
    if let [first, second, ..] = promised[..] {
        assert_eq!(schedule.next_after(zone, first), Some(second));
    }
});
