//! Tests against brute force: every minute of years, matched by a reader of
//! crontab that shares nothing with the code under test but chrono-tz's
//! UTC-to-local offsets. The rule it plays is the definition itself:
//!
//! * wildcard hours: an instant fires if its wall time matches;
//! * fixed hours: an instant fires if the clock shows, for the first time, a
//!   matching wall time, or has just jumped over one.

use chrono::{DateTime, Datelike, NaiveDateTime, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use proptest::prelude::*;

use super::{Field, Schedule, ScheduleError};

/// The oracle's own reading of a schedule.
struct Naive {
    /// Bit `v` of a field's set is value `v`.
    sets: [u64; 5],
    either_day: bool,
    wildcard_hour: bool,
}

impl Naive {
    fn read(text: &str) -> Self {
        let line = match text {
            "@hourly" => "0 * * * *",
            "@daily" | "@midnight" => "0 0 * * *",
            "@weekly" => "0 0 * * 0",
            "@monthly" => "0 0 1 * *",
            "@yearly" | "@annually" => "0 0 1 1 *",
            other => other,
        };
        let fields: Vec<&str> = line.split(' ').collect();
        let spans = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)];
        let mut sets = [0_u64; 5];
        for (index, (low, high)) in spans.into_iter().enumerate() {
            for value in (low..=high).filter(|value| hits(fields[index], *value, low, high)) {
                sets[index] |= 1 << (if index == 4 { value % 7 } else { value });
            }
        }
        Self {
            either_day: ![fields[2], fields[4]].iter().any(|field| ["*", "*/1"].contains(field)),
            wildcard_hour: fields[1].starts_with('*') || sets[1] == (1 << 24) - 1,
            sets,
        }
    }

    fn matches(&self, wall: &Wall) -> bool {
        if self.sets[0] & wall[0] == 0 || self.sets[1] & wall[1] == 0 || self.sets[3] & wall[3] == 0 {
            return false;
        }
        let (dom, dow) = (self.sets[2] & wall[2] != 0, self.sets[4] & wall[4] != 0);
        if self.either_day { dom || dow } else { dom && dow }
    }
}

/// What a clock and a calendar show, as one bit each: minute, hour, day, month,
/// day of week.
type Wall = [u64; 5];

fn show(wall: NaiveDateTime) -> Wall {
    let weekday = wall.weekday().num_days_from_sunday();
    [wall.minute(), wall.hour(), wall.day(), wall.month(), weekday].map(|part| 1 << part)
}

fn hits(field: &str, value: usize, low: usize, high: usize) -> bool {
    let number = |text: &str| {
        let names = "SUN MON TUE WED THU FRI SAT JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC";
        text.parse().unwrap_or_else(|_| {
            let at = names.split(' ').position(|name| name == text).unwrap();
            if at < 7 { at } else { at - 6 }
        })
    };
    field.split(',').any(|item| {
        let (range, step) = item.split_once('/').map_or((item, 1), |(r, s)| (r, number(s)));
        let (from, to) = match range.split_once('-') {
            Some((from, to)) => (number(from), number(to)),
            None if range == "*" => (low, high),
            None => (number(range), number(range)),
        };
        let to = if high == 7 && to == 0 && from > 0 { 7 } else { to };
        value >= from && value <= to && (value - from).is_multiple_of(step)
    })
}

/// A window of whole minutes, and what the clock showed.
struct Minutes {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    /// The wall time at each instant.
    shown: Vec<(DateTime<Utc>, Wall)>,
    /// Each wall time that was reached or jumped over, with the first such instant.
    reached: Vec<(DateTime<Utc>, Wall)>,
}

impl Minutes {
    fn of(tz: Tz, from: DateTime<Utc>, days: i64) -> Self {
        let to = from + TimeDelta::days(days);
        // Two days more, so that the clock has a past.
        let mut instant = from - TimeDelta::days(2);
        let (mut shown, mut reached) = (Vec::new(), Vec::new());
        let mut furthest = instant.with_timezone(&tz).naive_local();
        while instant < to {
            let wall = instant.with_timezone(&tz).naive_local();
            shown.push((instant, show(wall)));
            while furthest < wall {
                furthest += TimeDelta::minutes(1);
                reached.push((instant, show(furthest)));
            }
            instant += TimeDelta::minutes(1);
        }
        Self { from, to, shown, reached }
    }

    fn expected(&self, naive: &Naive) -> Vec<DateTime<Utc>> {
        let walls = if naive.wildcard_hour { &self.shown } else { &self.reached };
        let mut fired = Vec::new();
        for (instant, wall) in walls {
            if naive.matches(wall) && *instant >= self.from {
                fired.push(*instant);
            }
        }
        fired.dedup();
        fired
    }

    fn check(&self, tz: Tz, text: &str) -> usize {
        let schedule = Schedule::parse(text).unwrap_or_else(|error| panic!("{error}"));
        let got: Vec<_> = schedule.occurrences(tz, self.from, self.to).collect();
        assert!(got.windows(2).all(|pair| pair[0] < pair[1]), "{text} in {tz} is not increasing");
        let expected = self.expected(&Naive::read(text));
        let differs = got.iter().zip(&expected).find(|(a, b)| a != b);
        assert!(
            got == expected,
            "{text} in {tz}: {} against {} expected, first difference {differs:?}",
            got.len(),
            expected.len(),
        );
        got.len()
    }
}

fn utc(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

const SCHEDULES: [&str; 32] = [
    "*/15 * * * *",
    "0 * * * *",
    "30 * * * *",
    "7,37 */2 * * *",
    "0 */6 * * *",
    "0 0 * * *",
    "30 0 * * *",
    "0 2 * * *",
    "15 2 * * *",
    "30 2 * * *",
    "59 2 * * *",
    "0 3 * * *",
    "*/15 2 * * *",
    "*/10 1-3 * * *",
    "5 0,1,2,3,23 * * *",
    "0 2 * * 0",
    "30 1 * * 7",
    "30 2 * * SUN",
    "0 9 * * 1-5",
    "0 9 * * MON-FRI",
    "0 9 * * SAT-SUN",
    "0 0 1 * *",
    "30 2 31 * *",
    "0 2 28-31 3,10,11 *",
    "0 0 13 * 5",
    "15 2 1,15 * 0",
    "45 23 31 12 *",
    "0 0 1 JAN,APR,JUL,OCT *",
    "0 4 29 2 *",
    "0 3 */2 * *",
    "0 3 * * */2",
    "@midnight",
];

/// Zone and first day of two years: an hour, half an hour, midnight gaps, a
/// second summer break in Ramadan, a whole day lost, no changes, odd offsets.
const PLACES: [(Tz, &str); 9] = [
    (Tz::Europe__Berlin, "2025-01-01T00:00:00Z"),
    (Tz::America__New_York, "2025-01-01T00:00:00Z"),
    (Tz::Australia__Lord_Howe, "2025-01-01T00:00:00Z"),
    (Tz::Africa__Casablanca, "2025-01-01T00:00:00Z"),
    (Tz::Africa__Cairo, "2024-01-01T00:00:00Z"),
    (Tz::America__Sao_Paulo, "2017-06-01T00:00:00Z"),
    (Tz::Pacific__Apia, "2011-01-01T00:00:00Z"),
    (Tz::Asia__Kathmandu, "2025-01-01T00:00:00Z"),
    (Tz::UTC, "2025-01-01T00:00:00Z"),
];

#[test]
fn two_years_in_nine_zones_agree_with_brute_force() {
    for (tz, from) in PLACES {
        let minutes = Minutes::of(tz, utc(from), 731);
        let fired: usize = SCHEDULES.iter().map(|text| minutes.check(tz, text)).sum();
        assert!(fired > 150_000, "{tz}: only {fired} instants were compared");
    }
}

fn any_field(low: u32, high: u32) -> impl Strategy<Value = String> {
    let value = low..=high;
    let item = prop_oneof![
        4 => value.clone().prop_map(|v| v.to_string()),
        2 => (value.clone(), value.clone())
            .prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
        1 => (value.clone(), value, 1..=(high - low).min(6))
            .prop_map(|(a, b, n)| format!("{}-{}/{n}", a.min(b), a.max(b))),
    ];
    prop_oneof![
        3 => Just("*".to_owned()),
        1 => (1..=(high - low).min(6)).prop_map(|n| format!("*/{n}")),
        4 => proptest::collection::vec(item, 1..4).prop_map(|items| items.join(",")),
    ]
}

fn any_schedule() -> impl Strategy<Value = String> {
    (any_field(0, 59), any_field(0, 23), any_field(1, 31), any_field(1, 12), any_field(0, 7))
        .prop_map(|(minute, hour, dom, month, dow)| format!("{minute} {hour} {dom} {month} {dow}"))
        .prop_filter("cron programs disagree", |text| {
            !matches!(Schedule::parse(text), Err(ScheduleError::AmbiguousDays { .. }))
        })
}

/// An instant at which some zone's offset changes, where the day has one.
fn any_place() -> impl Strategy<Value = (Tz, DateTime<Utc>)> {
    let zone = proptest::sample::select(&chrono_tz::TZ_VARIANTS[..]);
    (zone, 1981..2040_i32, 0..365_i64).prop_map(|(tz, year, day)| {
        let start = Utc.with_ymd_and_hms(year, 1, 1, 0, 0, 0).unwrap() + TimeDelta::days(day);
        let offset = |instant: DateTime<Utc>| instant.with_timezone(&tz).naive_local() - instant.naive_utc();
        let change = (0..365)
            .map(|days| start + TimeDelta::days(days))
            .find(|day| offset(*day) != offset(*day + TimeDelta::days(1)));
        (tz, change.unwrap_or(start) - TimeDelta::days(2))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn random_schedules_agree_around_clock_changes(
        (tz, from) in any_place(),
        texts in proptest::collection::vec(any_schedule(), 6),
    ) {
        let minutes = Minutes::of(tz, from, 6);
        for text in &texts {
            minutes.check(tz, text);
        }
    }

    #[test]
    fn windows_split_anywhere_without_loss(
        (tz, from) in any_place(),
        text in any_schedule(),
        cut in 0..(5 * 86_400_i64),
    ) {
        let schedule = Schedule::parse(&text).unwrap();
        let (middle, to) = (from + TimeDelta::seconds(cut), from + TimeDelta::days(5));
        let whole: Vec<_> = schedule.occurrences(tz, from, to).collect();
        let mut parts: Vec<_> = schedule.occurrences(tz, from, middle).collect();
        parts.extend(schedule.occurrences(tz, middle, to));
        prop_assert_eq!(&parts, &whole);
        let next = schedule.next_after(tz, middle);
        let later = whole.into_iter().find(|instant| *instant > middle);
        prop_assert!(later.is_none() || next == later);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[-0-9*/,@?A-Z ]{0,40}|\\PC{0,60}") {
        if let Ok(schedule) = Schedule::parse(&text) {
            let from = utc("2026-01-01T00:00:00Z");
            let count = schedule.occurrences(Tz::UTC, from, from + TimeDelta::days(2)).count();
            prop_assert!(count <= 2 * 24 * 60);
            prop_assert!(!schedule.describe().is_empty());
        }
    }
}

#[test]
fn one_run_per_intended_local_time_on_the_days_that_differ() {
    // zone, schedule, window, the instants
    let cases: [(Tz, &str, &str, &str, &[&str]); 8] = [
        // 02:30 does not exist: first instant after the jump.
        (Tz::Europe__Berlin, "30 2 * * *", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", &["2026-03-29T01:00:00Z"]),
        // 02:30 comes twice: at its first coming.
        (Tz::Europe__Berlin, "30 2 * * *", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", &["2026-10-25T00:30:00Z"]),
        // Half an hour is skipped on Lord Howe; both intended times are one run.
        (
            Tz::Australia__Lord_Howe,
            "0,15 2 * * *",
            "2026-10-03T13:30:00Z",
            "2026-10-04T13:00:00Z",
            &["2026-10-03T15:30:00Z"],
        ),
        // Every hour follows elapsed time through the fold.
        (
            Tz::America__New_York,
            "0 * * * *",
            "2026-11-01T04:00:00Z",
            "2026-11-01T08:00:00Z",
            &["2026-11-01T04:00:00Z", "2026-11-01T05:00:00Z", "2026-11-01T06:00:00Z", "2026-11-01T07:00:00Z"],
        ),
        // The 30th of December 2011 never was in Samoa.
        (
            Tz::Pacific__Apia,
            "0 12 * * *",
            "2011-12-29T10:00:00Z",
            "2011-12-31T10:00:00Z",
            &["2011-12-29T22:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T22:00:00Z"],
        ),
        // Month ends and quarter boundaries are local.
        (
            Tz::Asia__Kathmandu,
            "0 0 1 1,4,7,10 *",
            "2026-01-01T00:00:00Z",
            "2027-01-01T00:00:00Z",
            &["2026-03-31T18:15:00Z", "2026-06-30T18:15:00Z", "2026-09-30T18:15:00Z", "2026-12-31T18:15:00Z"],
        ),
        // 31 exists in seven months; the window is half-open.
        (
            Tz::UTC,
            "0 0 31 * *",
            "2026-01-31T00:00:00Z",
            "2026-05-31T00:00:00Z",
            &["2026-01-31T00:00:00Z", "2026-03-31T00:00:00Z"],
        ),
        (Tz::UTC, "0 0 30 2 *", "1970-01-01T00:00:00Z", "2100-01-01T00:00:00Z", &[]),
    ];
    for (tz, text, from, to, expected) in cases {
        let got: Vec<_> = Schedule::parse(text).unwrap().occurrences(tz, utc(from), utc(to)).collect();
        assert_eq!(got, expected.iter().map(|at| utc(at)).collect::<Vec<_>>(), "{text} in {tz}");
    }
}

#[test]
fn extremes_of_time_end() {
    let schedule = Schedule::parse("0 0 1 1 *").unwrap();
    let all = || schedule.occurrences(Tz::Europe__Berlin, DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
    assert_eq!(all().count(), 131);
    assert_eq!(all().last(), Some(utc("2099-12-31T23:00:00Z")));
    assert_eq!(schedule.next_after(Tz::UTC, DateTime::<Utc>::MAX_UTC), None);
    let never = Schedule::parse("* * 30 2 *").unwrap();
    assert_eq!(never.next_after(Tz::UTC, utc("2026-01-01T00:00:00Z")), None);
    let backwards = schedule.occurrences(Tz::UTC, utc("2030-06-01T00:00:00Z"), utc("2026-01-01T00:00:00Z"));
    assert_eq!(backwards.count(), 0);
}

#[test]
fn refusals_say_which_field_and_what_was_expected() {
    let cases = [
        ("", "the schedule is empty"),
        ("* * * *", "found 4"),
        ("0 0 0 1 1 * 2026", "found 7; seconds and years are not part of crontab"),
        ("@reboot", "a restart is not a time"),
        ("@fortnightly", "expected @hourly, @daily"),
        ("60 * * * *", "the minute field says `60`: 60 is not one of 0 to 59"),
        ("* 24 * * *", "the hour field says `24`: 24 is not one of 0 to 23"),
        ("* * 0 * *", "the day-of-month field says `0`: 0 is not one of 1 to 31"),
        ("* * * 13 *", "1 to 12 or JAN to DEC"),
        ("* * * * 8", "0 to 7 (0 and 7 are Sunday) or SUN to SAT"),
        ("* * * * MONDAY", "MONDAY is not one of"),
        ("* * ? * *", "? is not one of 1 to 31"),
        ("* 22-2 * * *", "the range runs backwards; write two: 22-23,0-2"),
        ("* * * * FRI-MON", "write two: FRI-SAT,SUN-MON"),
        ("* * * NOV-FEB *", "write two: NOV-DEC,JAN-FEB"),
        ("5/15 * * * *", "a step needs a range: write 5-59/15 or */15"),
        ("*/0 * * * *", "a step of 0 never moves on"),
        ("*/90 * * * *", "not one of 1 to 59; steps start anew with each hour"),
        ("+5 * * * *", "+5 is not one of"),
        ("1,,2 * * * *", "a value is missing"),
        ("1- * * * *", "a value is missing"),
        ("* * L * *", "L is not one of"),
        ("0 0 */2 * MON", "cron programs disagree on whether `*/2`"),
        ("0 0 13 * */2", "write the day-of-week field as"),
        ("99999999999 * * * *", "is not one of 0 to 59"),
    ];
    for (text, words) in cases {
        let error = Schedule::parse(text).unwrap_err().to_string();
        assert!(error.contains(words), "{text}: {error}");
    }
    let long = "0,".repeat(600);
    assert_eq!(Schedule::parse(&long), Err(ScheduleError::TooLong { bytes: 1_200 }));
    let error = Schedule::parse("0 0 * * 9").unwrap_err();
    assert!(matches!(error, ScheduleError::Field { field: Field::DayOfWeek, .. }), "{error}");
}

#[test]
fn the_text_comes_back_as_authored() {
    for text in ["@daily", "30\t2  * * mon-fri", "*/15 * * * *"] {
        let schedule = Schedule::parse(&format!(" {text}\n")).unwrap();
        assert_eq!(schedule.to_string(), text);
        let json = serde_json::to_string(&schedule).unwrap();
        assert_eq!(serde_json::from_str::<Schedule>(&json).unwrap(), schedule);
    }
    assert!(serde_json::from_str::<Schedule>("\"* * * *\"").is_err());
}

#[test]
fn plain_words() {
    let cases = [
        ("* * * * *", "every minute"),
        ("*/15 * * * *", "every 15 minutes"),
        ("5,35 * * * *", "at minute 5 and 35 of every hour"),
        ("@daily", "at 00:00 every day"),
        ("30 2 * * 1-5", "at 02:30 on Monday to Friday"),
        ("0 6,18 1 1,4,7,10 *", "at 06:00 and 18:00 on day 1 of the month in January, April, July and October"),
        ("0 0 13 * 5", "at 00:00 on day 13 of the month or on Friday"),
        ("*/10 1-3 * * *", "every 10 minutes of the hours 01 to 03 every day"),
    ];
    for (text, words) in cases {
        assert_eq!(Schedule::parse(text).unwrap().describe(), words, "{text}");
    }
}
