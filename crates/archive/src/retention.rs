//! How long is seven years? Never short.
//!
//! "Seven years from 29 February, 23:59" has several readings: the day that
//! stands for 29 February in a common year, the moment or the end of the day,
//! and whose day it is at all. A retention has to satisfy them all, because it
//! cannot be corrected once it has run out.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, Utc};
use exhibit_evidence::Timestamp;

/// The first UTC midnight by which `years` calendar years from `from` are over
/// by every reading, in every time zone.
///
/// 1. The day of `from` may be the next one further east: count from that.
/// 2. The same day `years` later; 29 February becomes 1 March.
/// 3. To the end of that day, and a day more, for that is how far behind UTC the
///    day may end further west.
///
/// So the result is later than the plain anniversary by at least two days and by
/// at most four. It stops at the end of chrono's calendar (the year 262142).
pub fn retain_until(from: Timestamp, years: u16) -> Timestamp {
    let last_day = from
        .utc()
        .date_naive()
        .checked_add_days(Days::new(1))
        .and_then(|day| anniversary(day, years))
        .and_then(|day| day.checked_add_days(Days::new(2)));
    let until = last_day.map_or(DateTime::<Utc>::MAX_UTC, |day| day.and_time(NaiveTime::MIN).and_utc());
    Timestamp::new(until)
}

/// The same day `years` later, or 1 March where that year has no 29 February.
fn anniversary(day: NaiveDate, years: u16) -> Option<NaiveDate> {
    let year = day.year().checked_add(i32::from(years))?;
    day.with_year(year).or_else(|| NaiveDate::from_ymd_opt(year, 3, 1))
}

#[cfg(test)]
mod tests {
    use chrono::{Months, NaiveDateTime, TimeDelta, TimeZone};
    use chrono_tz::{TZ_VARIANTS, Tz};
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn seven_years_from_awkward_days() {
        let cases = [
            ("2024-02-29T23:59:00.000000Z", 7, "2031-03-03T00:00:00.000000Z"),
            ("2024-02-28T23:59:00.000000Z", 7, "2031-03-03T00:00:00.000000Z"),
            ("2024-02-29T23:59:00.000000Z", 4, "2028-03-03T00:00:00.000000Z"),
            ("2026-11-22T03:00:00.000000Z", 7, "2033-11-25T00:00:00.000000Z"),
            ("2026-12-31T23:59:59.999999Z", 1, "2028-01-03T00:00:00.000000Z"),
            ("2026-12-31T23:59:59.999999Z", 0, "2027-01-03T00:00:00.000000Z"),
        ];
        for (from, years, until) in cases {
            assert_eq!(retain_until(at(from), years), at(until), "{years} years from {from}");
        }
    }

    #[test]
    fn the_end_of_time_is_not_short() {
        let end = Timestamp::new(DateTime::<Utc>::MAX_UTC);
        assert_eq!(retain_until(end, 7), end);
    }

    /// The latest instant that `wall` can mean in `tz`; after a gap where it does not exist.
    fn latest(tz: Tz, wall: NaiveDateTime) -> DateTime<Utc> {
        (0..=24 * 4)
            .find_map(|quarters| tz.from_local_datetime(&(wall + TimeDelta::minutes(15 * quarters))).latest())
            .unwrap()
            .to_utc()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn never_short_of_any_reading_in_any_zone(
            tz in proptest::sample::select(&TZ_VARIANTS[..]),
            seconds in prop_oneof![
                315_532_800..4_102_444_800_i64,
                // The hours around the end of February in leap years.
                (0..20_i64, 0..4 * 86_400_i64).prop_map(|(leap, second)| {
                    let year = 1984 + 4 * i32::try_from(leap).unwrap();
                    Utc.with_ymd_and_hms(year, 2, 27, 0, 0, 0).unwrap().timestamp() + second
                }),
            ],
            years in 0..60_u16,
        ) {
            let from = DateTime::from_timestamp(seconds, 999_999_000).unwrap();
            let until = retain_until(Timestamp::new(from), years).utc();
            let local = from.with_timezone(&tz).naive_local();
            let clipped = local.checked_add_months(Months::new(u32::from(years) * 12)).unwrap();
            let mut days = vec![clipped.date()];
            if clipped.day() != local.day() {
                days.push(clipped.date().succ_opt().unwrap());
            }
            for day in days {
                prop_assert!(until >= latest(tz, day.and_time(local.time())), "to the minute");
                let end = day.succ_opt().unwrap().and_time(NaiveTime::MIN);
                prop_assert!(until >= latest(tz, end), "to the end of the day");
            }
            let days_of_years = TimeDelta::days(i64::from(years) * 365);
            prop_assert!(until >= from + days_of_years);
            let plain = from.checked_add_months(Months::new(u32::from(years) * 12)).unwrap();
            let over = until - plain;
            prop_assert!(over > TimeDelta::days(2) && over <= TimeDelta::days(4), "{over}");
        }

        #[test]
        fn later_starts_and_more_years_never_end_earlier(
            from in 0..4_000_000_000_i64, more in 0..400 * 86_400_i64, years in 0..100_u16, again in 0..5_u16,
        ) {
            let at = |seconds| Timestamp::new(DateTime::from_timestamp(seconds, 0).unwrap());
            prop_assert!(retain_until(at(from), years) <= retain_until(at(from + more), years + again));
        }
    }
}
