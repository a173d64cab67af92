//! Telephone numbers: in the international form, and as North Americans write them.

use std::ops::Range;

use super::{closes, opens};
use crate::matches::Confidence;

type Found = Option<(Range<usize>, Confidence)>;

/// Calling codes with the number of digits that a whole number has, code included: fewest and most (ITU-T E.164 and the
/// national plans).
const CODES: &[(&str, usize, usize)] = &[
    ("1", 11, 11),
    ("20", 11, 12),
    ("27", 11, 11),
    ("30", 12, 12),
    ("31", 11, 11),
    ("32", 10, 11),
    ("33", 11, 11),
    ("34", 11, 11),
    ("36", 10, 11),
    ("39", 9, 13),
    ("40", 11, 11),
    ("41", 11, 11),
    ("43", 9, 14),
    ("44", 11, 12),
    ("45", 10, 10),
    ("46", 9, 12),
    ("47", 10, 10),
    ("48", 11, 11),
    ("49", 9, 14),
    ("51", 10, 11),
    ("52", 12, 13),
    ("53", 10, 10),
    ("54", 12, 13),
    ("55", 12, 13),
    ("56", 11, 11),
    ("57", 12, 12),
    ("58", 12, 12),
    ("60", 10, 12),
    ("61", 11, 11),
    ("62", 10, 14),
    ("63", 12, 12),
    ("64", 10, 12),
    ("65", 10, 10),
    ("66", 10, 11),
    ("7", 11, 11),
    ("81", 11, 12),
    ("82", 10, 12),
    ("84", 11, 12),
    ("86", 11, 13),
    ("90", 12, 12),
    ("91", 12, 12),
    ("92", 11, 12),
    ("93", 11, 11),
    ("94", 11, 11),
    ("95", 9, 12),
    ("98", 12, 12),
    ("212", 12, 12),
    ("213", 11, 12),
    ("216", 11, 11),
    ("234", 11, 13),
    ("254", 12, 12),
    ("351", 12, 12),
    ("352", 9, 12),
    ("353", 10, 12),
    ("354", 10, 12),
    ("355", 11, 12),
    ("356", 11, 11),
    ("357", 11, 11),
    ("358", 9, 13),
    ("359", 11, 12),
    ("370", 11, 11),
    ("371", 11, 11),
    ("372", 10, 11),
    ("380", 12, 12),
    ("381", 11, 12),
    ("385", 11, 12),
    ("386", 11, 11),
    ("420", 12, 12),
    ("421", 12, 12),
    ("423", 10, 12),
    ("852", 11, 11),
    ("853", 11, 11),
    ("880", 12, 13),
    ("886", 11, 12),
    ("961", 10, 11),
    ("962", 11, 12),
    ("965", 11, 11),
    ("966", 11, 12),
    ("971", 11, 12),
    ("972", 11, 12),
    ("973", 11, 11),
    ("974", 11, 11),
];

/// `+49 170 1234567`, `+1 (415) 555-0132`, `+33.1.23.45.67.89`: the `+` lies at `at`.
pub(super) fn international(text: &[u8], at: usize) -> Found {
    let before = at.checked_sub(1).map_or(b' ', |b| text[b]);
    if before.is_ascii_alphanumeric() || matches!(before, b'+' | b'/' | b')' | b'_' | b'.' | b'-') {
        return None;
    }
    // No code begins with a zero, as the offsets of time zones do.
    if text.get(at + 1) == Some(&b'0') {
        return None;
    }
    let mut digits = Vec::with_capacity(16);
    let (mut end, mut place, mut signs) = (at + 1, at + 1, 0);
    while let Some(&byte) = text.get(place) {
        match byte {
            b'0'..=b'9' => {
                digits.push(byte);
                end = place + 1;
                signs = 0;
            }
            b' ' | b'-' | b'.' | b'(' | b')' | b'/' if signs < 2 => signs += 1,
            _ => break,
        }
        if digits.len() > 15 {
            return None;
        }
        place += 1;
        // A number next to it in a row: longest that a country has.
        if byte.is_ascii_digit()
            && text.get(place) == Some(&b' ')
            && most(&digits) == digits.len()
            && fits(&digits) == Some(true)
        {
            break;
        }
    }
    // `+2.0000000001` is a number of another kind.
    let fraction = text[at..end].iter().filter(|b| !b.is_ascii_digit()).eq([&b'+', &b'.']);
    let fits = fits(&digits).unwrap_or(false) && !fraction;
    (fits && closes(text, end)).then_some((at..end, Confidence::Medium))
}

fn code(digits: &[u8]) -> Option<&'static (&'static str, usize, usize)> {
    CODES.iter().find(|(code, ..)| digits.starts_with(code.as_bytes()))
}

/// Does the number have a length that its country knows? `None` for no country.
fn fits(digits: &[u8]) -> Option<bool> {
    let (code, least, most) = code(digits)?;
    let american = *code != "1" || (digits.len() == 11 && digits[1] >= b'2' && digits[4] >= b'2');
    Some((*least..=*most).contains(&digits.len()) && american)
}

fn most(digits: &[u8]) -> usize {
    code(digits).map_or(0, |c| c.2)
}

/// `(415) 555-0132`, `415-555-0132`, `415.555.0132`: a bracket or a digit lies at `at`.
pub(super) fn american(text: &[u8], at: usize) -> Found {
    let digit = |at: usize| text.get(at).copied().filter(u8::is_ascii_digit);
    let three = |at: usize| Some(digit(at)? >= b'2' && digit(at + 1).is_some() && digit(at + 2).is_some());
    let mut place = at;
    let bracket = text.get(at) == Some(&b'(');
    place += usize::from(bracket);
    let area = three(place)?;
    place += 3;
    let sign = if bracket {
        (text.get(place) == Some(&b')')).then_some(())?;
        place += 1;
        place += usize::from(text.get(place) == Some(&b' '));
        b'-'
    } else {
        let sign = *text.get(place)?;
        place += 1;
        sign
    };
    let exchange = three(place)?;
    place += 3;
    let holds = area && exchange && matches!(sign, b'-' | b'.') && text.get(place) == Some(&sign);
    let four = (1..=4).all(|step| digit(place + step).is_some());
    let end = place + 5;
    // `+1 (415)` is told at its plus; `1-415-…` belongs to it; other signs before it do not.
    if at.checked_sub(3).is_some_and(|b| text[b] == b'+') {
        return None;
    }
    let one = at >= 2 && text[at - 2] == b'1' && matches!(text[at - 1], b'-' | b'.' | b' ');
    let start = if one { at - 2 } else { at };
    (holds && four && opens(text, start) && closes(text, end)).then_some((start..end, Confidence::Medium))
}
