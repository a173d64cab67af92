//! Numbers of cards, accounts and people, that prove themselves by a checksum or by ranges.

use std::ops::Range;

use super::{closes, name_before, opens};
use crate::checksum::luhn;
use crate::matches::Confidence;

type Found = Option<(Range<usize>, Confidence)>;

/// Words that a name ends with whose number is no card's.
const COUNTERS: &[&str] = &[
    "id",
    "ids",
    "trace",
    "span",
    "seq",
    "sequence",
    "offset",
    "time",
    "timestamp",
    "ts",
    "nanos",
    "micros",
    "bytes",
    "size",
    "count",
    "hash",
    "version",
    "order",
    "ref",
    "reference",
    "request",
    "req",
    "uid",
    "pid",
    "tid",
    "serial",
    "cursor",
    "lsn",
    "zxid",
    "epoch",
    "block",
    "inode",
    "position",
    "pos",
    "since",
    "until",
    "before",
    "after",
    "guid",
    "key",
    "nonce",
    "invoice",
];

/// Does the name promise a card's number?
fn names_card(name: &str) -> bool {
    name.contains("card")
        || name.contains("credit")
        || name.split(['_', '-', '.']).any(|w| matches!(w, "pan" | "cc" | "ccnum"))
}

/// A payment card's number (ISO/IEC 7812) that begins at `at`.
pub(super) fn card(text: &[u8], at: usize) -> Found {
    if !opens(text, at) {
        return None;
    }
    let mut digits = Vec::with_capacity(20);
    let mut end = at;
    let mut sign = None;
    let mut groups = vec![0usize];
    while let Some(&byte) = text.get(end) {
        match byte {
            b'0'..=b'9' => {
                digits.push(byte - b'0');
                *groups.last_mut()? += 1;
            }
            b' ' | b'-'
                if sign.is_none_or(|s| s == byte)
                    && text.get(end + 1).is_some_and(u8::is_ascii_digit)
                    && digits.len() < 19 =>
            {
                sign = Some(byte);
                groups.push(0);
            }
            _ => break,
        }
        if digits.len() > 19 {
            return None;
        }
        end += 1;
    }
    // Numbers that stand beside it in a row are not part of it.
    if sign == Some(b' ') && groups.len() > 4 {
        let kept = 4;
        let length: usize = groups[..kept].iter().sum();
        end = at + length + kept - 1;
        digits.truncate(length);
        groups.truncate(kept);
    }
    let usual = matches!(&groups[..], [_] | [4, 4, 4, 1..=7] | [4, 6, 4..=5]);
    let grouped = groups.len() > 1;
    if !usual || !closes(text, end) || !issued(&digits) || !luhn(&text[at..end]) {
        return None;
    }
    // Four groups out of a longer row of them, as in tables of characters.
    let row = |piece: &[u8]| piece.iter().filter(|b| b.is_ascii_hexdigit()).count() == 4;
    // A word such as `accepted` begins like one, and goes on.
    let goes_on = text.get(end + 5).is_some_and(u8::is_ascii_alphanumeric);
    let behind = !goes_on && text.get(end..end + 5).is_some_and(|piece| piece[0] == b' ' && row(piece));
    let before = at.checked_sub(5).is_some_and(|from| text[at - 1] == b' ' && row(&text[from..at]));
    if grouped && (behind || before) {
        return None;
    }
    let name = name_before(text, at);
    let named = names_card(&name);
    let last = name.rsplit(['_', '-', '.']).next().unwrap_or("");
    let counts = COUNTERS.iter().any(|w| last.ends_with(w)) && !named;
    let different = digits.iter().collect::<std::collections::HashSet<_>>().len();
    let usual_length = matches!(digits.len(), 14..=16);
    match (grouped, named) {
        _ if different < 2 || (counts && !grouped) => None,
        (true, _) | (_, true) => Some((at..end, Confidence::High)),
        _ if usual_length => Some((at..end, Confidence::Medium)),
        _ => Some((at..end, Confidence::Low)),
    }
}

/// Does the number lie in a range that a card scheme issues, with a length that it has?
fn issued(digits: &[u8]) -> bool {
    let first = |n: usize| digits.iter().take(n).fold(0u32, |sum, d| sum * 10 + u32::from(*d));
    let length = digits.len();
    match (first(1), first(2), first(3), first(4), first(6)) {
        (4, ..) => matches!(length, 13 | 16 | 19),
        (_, 51..=55, ..) | (.., 2221..=2720, _) => length == 16,
        (_, 34 | 37, ..) => length == 15,
        (.., 3528..=3589, _) => (16..=19).contains(&length),
        (_, _, 300..=305, ..) | (.., 3095, _) | (_, 36 | 38 | 39, ..) => length == 14 || length == 16,
        (.., 6011, _) | (_, 65, ..) | (_, _, 644..=649, ..) => (16..=19).contains(&length),
        (_, 62, ..) => (16..=19).contains(&length),
        (.., 5018 | 5020 | 5038 | 5893 | 6304 | 6759 | 6761 | 6762 | 6763, _) => (16..=19).contains(&length),
        _ => false,
    }
}

/// A US social security number `AAA-GG-SSSS` that begins at `at`.
pub(super) fn ssn(text: &[u8], at: usize) -> Found {
    let end = at + 11;
    let number = text.get(at..end)?;
    let named = || {
        let name = name_before(text, at);
        name.contains("ssn") || name.contains("social")
    };
    let sign = number[3];
    let signs = number[6] == sign && (sign == b'-' || (sign == b' ' && named()));
    if !signs || !opens(text, at) || !closes(text, end) {
        return None;
    }
    let (area, group, serial) = (&number[..3], &number[4..6], &number[7..]);
    let never = area == b"000" || area == b"666" || area[0] == b'9' || group == b"00" || serial == b"0000";
    // Numbers that were printed in advertisements and are void.
    let void = matches!(number, b"078-05-1120" | b"219-09-9999");
    (!never && !void).then_some((at..end, Confidence::Medium))
}

/// Countries and the lengths of their account numbers, in characters (the SWIFT registry).
const IBANS: &str = "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 FI18 FO18 \
FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 \
MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23 TN24 \
TR26 UA29 VA22 VG24 XK20";

/// An international bank account number (ISO 13616) that begins at `at`.
pub(super) fn iban(text: &[u8], at: usize) -> Found {
    let country = text.get(at..at + 2)?;
    let before = at.checked_sub(1).map_or(b' ', |b| text[b]);
    if before.is_ascii_alphanumeric() {
        return None;
    }
    let length =
        IBANS.split(' ').find(|c| c.as_bytes().starts_with(country)).and_then(|c| c[2..].parse::<usize>().ok())?;
    let mut plain = Vec::with_capacity(length);
    let mut end = at;
    while plain.len() < length {
        match *text.get(end)? {
            byte @ (b'A'..=b'Z' | b'0'..=b'9') => plain.push(byte),
            b' ' if plain.len() % 4 == 0 && !plain.is_empty() => {}
            _ => return None,
        }
        end += 1;
    }
    if text.get(end).is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    plain.rotate_left(4);
    let rest = plain.iter().fold(0u32, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        _ => (rest * 100 + u32::from(byte - b'A') + 10) % 97,
    });
    (rest == 1).then_some((at..end, Confidence::Certain))
}
