//! How long to wait before another try.

use std::time::Duration;

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// The wait before try number `next` (the second is 2): doubled each time, between half and all of that, so that many who wait
/// do not come back together. `random` is any number.
pub(super) fn backoff(next: u32, first: Duration, longest: Duration, random: u64) -> Duration {
    let doublings = next.saturating_sub(2).min(20);
    let whole = first.saturating_mul(1 << doublings).min(longest);
    let half = whole / 2;
    let span = u64::try_from((whole - half).as_nanos()).unwrap_or(u64::MAX);
    half + Duration::from_nanos(if span == 0 { 0 } else { mixed(random) % span })
}

/// Numbers that follow each other become numbers that do not (`SplitMix64`).
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// What the server asks to wait (RFC 9110, 10.2.3): seconds, or a date, which is held against the server's own.
pub(super) fn asked_for(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let then = httpdate::parse_http_date(text).ok()?;
    let now = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
    Some(then.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound_and_differ() {
        let (first, longest) = (Duration::from_millis(200), Duration::from_secs(5));
        for (next, whole) in [(2, 200), (3, 400), (4, 800), (6, 3200), (7, 5000), (99, 5000)] {
            let waits: Vec<u128> = (0..200).map(|random| backoff(next, first, longest, random).as_millis()).collect();
            assert!(waits.iter().all(|wait| (whole / 2..=whole).contains(wait)), "{next}");
            assert!(waits.iter().max() > waits.iter().min());
        }
        assert_eq!(backoff(2, Duration::ZERO, longest, 7), Duration::ZERO);
    }

    #[test]
    fn what_the_server_asks_for_is_read() {
        let asked = |retry: &str, date: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, retry.parse().expect("a value"));
            if let Some(date) = date {
                headers.insert(DATE, date.parse().expect("a value"));
            }
            asked_for(&headers).map(|wait| wait.as_secs())
        };
        assert_eq!(asked("7", None), Some(7));
        assert_eq!(asked("Sun, 06 Nov 1994 08:49:37 GMT", Some("Sun, 06 Nov 1994 08:49:00 GMT")), Some(37));
        assert_eq!(asked("Sun, 06 Nov 1994 08:49:37 GMT", Some("Sun, 06 Nov 1994 08:50:00 GMT")), Some(0));
        assert_eq!(asked("Sun, 06 Nov 1994 08:49:37 GMT", None), None);
        assert_eq!(asked("soon", None), None);
        assert_eq!(asked_for(&HeaderMap::new()), None);
    }
}
