//! Any text: instants, quarters, ids and digests have one spelling, so what is read is written as it was.
#![no_main]

use std::{fmt::Display, str::FromStr};

use exhibit_evidence::{
    CheckId, CollectorId, ConditionId, Digest, EntryId, EnvironmentId, FiscalCalendar, JobId, Kind, PeriodId,
    SubjectId, Timestamp,
};

libfuzzer_sys::fuzz_target!(|input: (u16, u8, &str)| {
    let (zone, month, text) = input;
    one_spelling::<JobId>(text);
    one_spelling::<CollectorId>(text);
    one_spelling::<CheckId>(text);
    one_spelling::<ConditionId>(text);
    one_spelling::<EnvironmentId>(text);
    one_spelling::<SubjectId>(text);
    one_spelling::<EntryId>(text);
    one_spelling::<Digest>(text);
    one_spelling::<Kind>(text);

    let zone = chrono_tz::TZ_VARIANTS[usize::from(zone) % chrono_tz::TZ_VARIANTS.len()];
    let calendar = FiscalCalendar::new(zone, u32::from(month % 12) + 1).expect("1 to 12");
    if let Some(instant) = one_spelling::<Timestamp>(text) {
        assert_eq!(Timestamp::from_micros(instant.micros()), Some(instant));
        let period = calendar.period_of(instant);
        assert!(period.contains(instant), "{instant} in {period:?}");
    }
    if let Some(id) = one_spelling::<PeriodId>(text) {
        let period = calendar.period(id);
        assert_eq!(period.id, id);
        assert!(period.start < period.end);
        assert_eq!(calendar.period_of(period.start), period);
        assert_eq!(calendar.previous(&calendar.next(&period)), period);
    }
});

fn one_spelling<T: FromStr + Display>(text: &str) -> Option<T> {
    let read: T = text.parse().ok()?;
    assert_eq!(read.to_string(), text);
    Some(read)
}
