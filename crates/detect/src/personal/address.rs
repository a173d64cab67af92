//! IP addresses.

use core::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use crate::matches::Confidence;

type Found = Option<(Range<usize>, Confidence)>;

fn whole(text: &[u8], at: usize, part: fn(&u8) -> bool) -> Option<(Range<usize>, &str)> {
    let left = text[..at].iter().rev().take(46).take_while(|b| part(b)).count();
    let right = text[at..].iter().take(46).take_while(|b| part(b)).count();
    let (start, mut end) = (at - left, at + right);
    while end > at && matches!(text[end - 1], b'.' | b':') && !text[start..end].ends_with(b"::") {
        end -= 1;
    }
    let around = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if around(start.checked_sub(1).and_then(|b| text.get(b))) || around(text.get(end)) {
        return None;
    }
    Some((start..end, str::from_utf8(&text[start..end]).ok()?))
}

/// The address around the dot at `at`, told at its first dot.
pub(super) fn v4(text: &[u8], at: usize) -> Found {
    let (range, address) = whole(text, at, |b| b.is_ascii_digit() || *b == b'.')?;
    let first = address.find('.')? + range.start == at;
    let parsed: Ipv4Addr = address.parse().ok()?;
    // Addresses of no machine and of one's own tell about nobody.
    let nobody = parsed.is_unspecified() || parsed.is_loopback() || parsed.is_broadcast();
    (first && !nobody).then_some((range, Confidence::Medium))
}

/// The address around the colon at `at`, told at its first colon.
pub(super) fn v6(text: &[u8], at: usize) -> Found {
    let next = *text.get(at + 1)?;
    if !(next.is_ascii_hexdigit() || next == b':') {
        return None;
    }
    let (range, address) = whole(text, at, |b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.'))?;
    let first = address.find(':')? + range.start == at;
    let parsed: Ipv6Addr = address.parse().ok()?;
    let nobody = parsed.is_unspecified() || parsed.is_loopback();
    (first && !nobody && address.len() > 4).then_some((range, Confidence::Medium))
}
