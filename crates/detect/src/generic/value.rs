//! Where a value ends.

use super::connector::Way;

/// Longest value, in bytes.
const LONGEST: usize = 1024;
/// Behind the way's end, at most so many bytes are looked at.
pub(super) const LOOKS: usize = LONGEST + 16;

/// A value's bytes and how it stands there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) quoted: bool,
    /// `name=value` or `name: value` alone in its line.
    pub(super) line: bool,
    /// What follows an unquoted value looks like a program.
    pub(super) code: bool,
    /// More words follow in the line, so that the text may be prose.
    pub(super) words_follow: bool,
}

/// Quotes, the longest first, with what ends them.
const QUOTES: &[(&[u8], &[u8])] = &[
    (b"\"\"\"", b"\"\"\""),
    (b"'''", b"'''"),
    (b"\\\"", b"\\\""),
    (b"\\'", b"\\'"),
    (b"&quot;", b"&quot;"),
    (b"\"", b"\""),
    (b"'", b"'"),
    (b"`", b"`"),
];

/// Reads the value that a way leads to.
pub(super) fn at(bytes: &[u8], way: &Way) -> Option<Value> {
    let limit = (way.value + LONGEST).min(bytes.len());
    let rest = bytes.get(way.value..limit)?;
    if way.markup {
        let end = memchr::memchr(b'<', rest)?;
        let text = rest[..end].strip_suffix(b"]]>").unwrap_or(&rest[..end]);
        let lead = text.len() - text.trim_ascii_start().len();
        let text = text.trim_ascii();
        let start = way.value + lead;
        return (!text.is_empty() && memchr::memchr(b'\n', text).is_none()).then_some(Value {
            start,
            end: start + text.len(),
            quoted: true,
            line: false,
            code: false,
            words_follow: false,
        });
    }
    // Prefixes of literals: b"", r"", @"", L"".
    let skip = match rest {
        [b'b' | b'r' | b'u' | b'L' | b'@' | b'B' | b'R', b'"' | b'\'', ..] => 1,
        _ => 0,
    };
    let body = &rest[skip..];
    for (open, close) in QUOTES {
        if !body.starts_with(open) {
            continue;
        }
        let start = way.value + skip + open.len();
        let length = quoted_length(&body[open.len()..], close)?;
        let behind = &body[open.len() + length + close.len()..];
        if way.alone && !remark_only(behind, b";,)") {
            return None;
        }
        return Some(Value {
            start,
            end: start + length,
            quoted: true,
            line: way.line,
            code: false,
            words_follow: false,
        });
    }
    if way.needs_quote {
        return None;
    }
    Some(unquoted(bytes, way, rest))
}

/// Bytes before the closing quote, which stands in the same line.
fn quoted_length(body: &[u8], close: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let next = memchr::memchr3(close[0], b'\\', b'\n', &body[at..])? + at;
        if body[next..].starts_with(close) {
            return Some(next);
        }
        match body[next] {
            b'\n' => return None,
            b'\\' => at = next + 2,
            _ => at = next + 1,
        }
        if at > body.len() {
            return None;
        }
    }
}

/// `name=` or ` name=` and something behind it.
fn names_next(rest: &[u8]) -> bool {
    let name = rest.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')).count();
    name >= 2 && rest.get(name) == Some(&b'=')
}

/// Nothing but blanks, one of `signs` and a remark up to the line's end.
fn remark_only(behind: &[u8], signs: &[u8]) -> bool {
    let line = behind.split(|b| *b == b'\n').next().unwrap_or(behind).trim_ascii();
    line.first().is_none_or(|first| signs.contains(first) || line.starts_with(b"#") || line.starts_with(b"//"))
}

fn unquoted(bytes: &[u8], way: &Way, rest: &[u8]) -> Value {
    // In a file of settings only the line or a blank ends a value; elsewhere so does punctuation.
    let whole = way.word || (way.line && way.tight);
    let ends = |b: &u8| {
        b.is_ascii_whitespace()
            || matches!(b, b'"' | b'\'' | b'`' | b'<' | b'>')
            || (!whole && matches!(b, b',' | b';' | b')' | b'}' | b']' | b'|' | b'&'))
    };
    let mut end = rest.iter().position(ends).unwrap_or(rest.len());
    if whole {
        // `password=a;user=b`, `secret=a&grant_type=b`: the sign separates if another name follows it.
        end = (0..end).find(|at| matches!(rest[*at], b';' | b'&') && names_next(&rest[at + 1..end])).unwrap_or(end);
        while end > 0 && matches!(rest[end - 1], b',' | b';') {
            end -= 1;
        }
    }
    // A full stop ends the sentence and not the value.
    if !way.line && rest[..end].ends_with(b".") {
        end -= 1;
    }
    let behind = &rest[end..];
    let line_end = memchr::memchr(b'\n', behind).unwrap_or(behind.len());
    let tail = behind[..line_end].trim_ascii();
    let glued = behind.first() == Some(&b';');
    let remarks: [&[u8]; 3] = [b"#", b"//", b";"];
    let remark = !glued && (tail.is_empty() || tail == b"\\" || remarks.iter().any(|sign| tail.starts_with(sign)));
    let cut = way.value + end == bytes.len();
    if way.alone && !remark && !cut {
        end = 0;
    }
    Value {
        start: way.value,
        end: way.value + end,
        quoted: false,
        line: way.line && (remark || cut),
        code: !way.tight
            && (matches!(behind.first(), Some(b',' | b';' | b')' | b'(' | b'[' | b'{' | b'}' | b'<'))
                || (tail.starts_with(b"=") && !tail.starts_with(b"=="))),
        words_follow: !way.tight && !way.word && !remark && behind.first().is_some_and(u8::is_ascii_whitespace),
    }
}
