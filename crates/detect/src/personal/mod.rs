//! Personal data: what tells about people in a log.
//!
//! Candidates are `@`, `+` and `(`, and digits that stand as a number of that kind would, found 64 bytes at a time
//! ([`marks`]). Only there is anything read, and believed by its checksum, its ranges and what surrounds it.

mod address;
mod email;
mod fields;
mod marks;
mod numbers;
mod phone;

use std::ops::Range;
use std::sync::LazyLock;

use crate::generic::family;
use crate::matches::{Confidence, Match};
use crate::rule::Rule;
use marks::Marks;

pub(crate) use fields::{STEMS, field};

/// Which personal data a search looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Personal {
    /// None.
    #[default]
    No,
    /// E-mail addresses, telephone and card numbers, US social security numbers, IBANs, values behind names that promise
    /// personal data.
    Yes,
    /// These, and IP addresses, which every access log is full of.
    WithAddresses,
}

/// The families, looked up once.
struct Kinds {
    email: &'static Rule,
    phone: &'static Rule,
    card: &'static Rule,
    ssn: &'static Rule,
    iban: &'static Rule,
    ip: &'static Rule,
}

static KINDS: LazyLock<Kinds> = LazyLock::new(|| Kinds {
    email: family("personal.email"),
    phone: family("personal.phone"),
    card: family("personal.payment-card"),
    ssn: family("personal.us-ssn"),
    iban: family("personal.iban"),
    ip: family("personal.ip-address"),
});

/// Finds personal data that begins in `part`, and perhaps some around it. `text` may go on on both sides.
pub(crate) fn find<'e>(text: &[u8], part: &Range<usize>, with_addresses: bool, found: &mut Vec<Match<'e>>) {
    let kinds = &*KINDS;
    let mut tell = |rule: &'static Rule, place: Option<(Range<usize>, Confidence)>| {
        found.extend(place.map(|(span, confidence)| Match { rule, span: span.clone(), secret: span, confidence }));
    };
    // A value may begin before the character that tells of it.
    let start = part.start.saturating_sub(64);
    let end = (part.end + 128).min(text.len());
    for at in memchr::memchr3_iter(b'@', b'+', b'(', &text[start..end]).map(|at| start + at) {
        match text[at] {
            b'@' => tell(kinds.email, email::around(text, at)),
            b'+' if text.get(at + 1).is_some_and(u8::is_ascii_digit) => {
                tell(kinds.phone, phone::international(text, at));
            }
            b'(' if text.get(at + 4) == Some(&b')') => tell(kinds.phone, phone::american(text, at)),
            _ => {}
        }
    }
    if with_addresses {
        for at in memchr::memchr2_iter(b'.', b':', &text[start..end]).map(|at| start + at) {
            let dot = text[at] == b'.';
            tell(kinds.ip, if dot { address::v4(text, at) } else { address::v6(text, at) });
        }
    }
    let mut at = start;
    let mut now = Marks::of(&text[at..end]);
    while at < end {
        let next = Marks::of(text.get(at + 64..end).unwrap_or(&[]));
        let spots = Spots::of(&now, &next);
        let mut all = spots.phone | spots.ssn | spots.card | spots.iban;
        while all != 0 {
            let bit = all & all.wrapping_neg();
            let place = at + bit.trailing_zeros() as usize;
            all ^= bit;
            if spots.phone & bit != 0 {
                tell(kinds.phone, phone::american(text, place));
            }
            if spots.ssn & bit != 0 {
                tell(kinds.ssn, numbers::ssn(text, place));
            }
            if spots.card & bit != 0 {
                tell(kinds.card, numbers::card(text, place));
            }
            if spots.iban & bit != 0 {
                tell(kinds.iban, numbers::iban(text, place));
            }
        }
        now = next;
        at += 64;
    }
}

/// Places in 64 bytes at which something may begin.
struct Spots {
    phone: u64,
    ssn: u64,
    card: u64,
    iban: u64,
}

impl Spots {
    /// From the marks of 64 bytes and of the 64 behind them.
    #[inline]
    fn of(now: &Marks, next: &Marks) -> Spots {
        let wide = |a: u64, b: u64| u128::from(a) | u128::from(b) << 64;
        let d = wide(now.digits, next.digits);
        let s = wide(now.between, next.between);
        let u = wide(now.upper, next.upper);
        let d2 = d & d >> 1;
        let d3 = d2 & d >> 2;
        let d4 = d2 & d2 >> 2;
        let d8 = d4 & d4 >> 4;
        // A run begins where no digit stands before; for the first byte its reader looks.
        let begins = !(d << 1);
        let grouped = d4 & s >> 4 & d4 >> 5;
        let ssn = d3 & s >> 3 & d2 >> 4 & s >> 6 & d4 >> 7;
        let american = d3 & s >> 3 & d3 >> 4 & s >> 7 & d4 >> 8;
        let plain = d8 & d4 >> 8 & d2 >> 12;
        let four = grouped & s >> 9 & d4 >> 10;
        let amex = grouped & d2 >> 9 & s >> 11 & d4 >> 12;
        Spots {
            phone: (american & begins) as u64,
            ssn: (ssn & begins) as u64,
            card: ((plain | four | amex) & begins) as u64,
            iban: (u & u >> 1 & d >> 2 & d >> 3 & !(u << 1)) as u64,
        }
    }
}

/// No number goes on here: the byte before `at` is neither letter nor digit nor a sign between them.
fn opens(text: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).map_or(b' ', |b| text[b]);
    let glued = before.is_ascii_alphanumeric()
        || matches!(before, b'_' | b'.' | b'-' | b'+' | b'/' | b'#' | b'$' | b'%' | b'\\');
    !glued
}

/// The same for the byte at `at`, behind a number.
fn closes(text: &[u8], at: usize) -> bool {
    let byte = |at: usize| text.get(at).copied().unwrap_or(b' ');
    let next = byte(at);
    let sign = matches!(next, b'.' | b'-' | b':') && byte(at + 1).is_ascii_alphanumeric();
    !(next.is_ascii_alphanumeric() || matches!(next, b'_' | b'%' | b'/') || sign)
}

/// The name that a value at `at` stands behind, in lower case: `card` of `"card": "4111…`.
fn name_before(text: &[u8], at: usize) -> String {
    let before = &text[at.saturating_sub(48)..at];
    let lead = before
        .iter()
        .rev()
        .take_while(|b| matches!(b, b'"' | b'\'' | b'=' | b':' | b' ' | b'\\' | b'(' | b'>'))
        .count();
    let rest = &before[..before.len() - lead];
    let name = rest.iter().rev().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')).count();
    String::from_utf8_lossy(&rest[rest.len() - name..]).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<(String, String)> {
        let mut found = Vec::new();
        find(text.as_bytes(), &(0..text.len()), true, &mut found);
        let mut told: Vec<_> = found
            .into_iter()
            .filter(|m| m.confidence >= Confidence::Medium)
            .map(|m| (m.rule.id.strip_prefix("personal.").unwrap().to_owned(), text[m.secret].to_owned()))
            .collect();
        told.sort();
        told
    }

    /// `kind value | text` a line; kind `-` for none.
    const CASES: &str = include_str!("../../data/personal.txt");

    #[test]
    fn cases() {
        let mut wrong = Vec::new();
        let mut count = 0;
        for line in CASES.lines().filter(|l| !l.is_empty() && !l.starts_with('#')) {
            let (expected, text) = line.split_once(" | ").expect("what and where");
            count += 1;
            let expected: Vec<_> = expected
                .split_once(' ')
                .map(|(kind, value)| vec![(kind.to_owned(), value.to_owned())])
                .unwrap_or_default();
            // Wherever a block of 64 begins.
            for shift in [0, 1, 30, 55, 60, 63, 64] {
                let moved = format!("{}\n{text}", "-".repeat(shift));
                let all = told(&moved);
                if all != expected {
                    wrong.push(format!("{text:?} after {shift}: {all:?}"));
                    break;
                }
            }
        }
        assert!(wrong.is_empty() && count > 60, "{count}\n{}", wrong.join("\n"));
    }
}
