//! E-mail addresses.

use std::ops::Range;

use crate::matches::Confidence;

/// Longest part before the `@`, and longest domain (RFC 5321).
const LONGEST: (usize, usize) = (64, 255);

/// Last labels that are kinds of files and units, and no domains.
const NO_DOMAINS: &[&str] = &[
    "png",
    "jpg",
    "jpeg",
    "gif",
    "svg",
    "webp",
    "ico",
    "css",
    "js",
    "mjs",
    "cjs",
    "ts",
    "tsx",
    "jsx",
    "json",
    "map",
    "html",
    "service",
    "socket",
    "target",
    "timer",
    "mount",
    "slice",
    "scope",
    "device",
    "automount",
    "swap",
    "path",
    "conf",
    "sh",
    "py",
    "rb",
    "go",
    "rs",
    "java",
    "class",
    "jar",
    "so",
    "log",
    "txt",
    "yaml",
    "yml",
    "xml",
    "gz",
    "zip",
    "tar",
    "local",
    "internal",
    "localdomain",
    "lan",
    "corp",
    "cluster",
    "svc",
    "sock",
    "tgz",
    "whl",
];

/// Local parts that are functions and no people.
const FUNCTIONS: &[&str] =
    &["git", "noreply", "no-reply", "donotreply", "do-not-reply", "postmaster", "mailer-daemon", "root", "nobody"];

fn local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'+' | b'-' | b'\'') || byte >= 0x80
}

/// The address around the `@` at `at`.
pub(super) fn around(text: &[u8], at: usize) -> Option<(Range<usize>, Confidence)> {
    let left = text[..at].iter().rev().take(LONGEST.0 + 1).take_while(|b| local(**b)).count();
    let mut start = at - left;
    while start < at && matches!(text[start], b'.' | b'-' | b'+' | b'\'') {
        start += 1;
    }
    let domain = &text[at + 1..(at + 1 + LONGEST.1).min(text.len())];
    let length = domain.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-')).count();
    let mut end = at + 1 + length;
    while end > at + 1 && matches!(text[end - 1], b'.' | b'-') {
        end -= 1;
    }
    let domain = &text[at + 1..end];
    let (host, top) = domain.split_at(memchr::memrchr(b'.', domain)?);
    let top = &top[1..];
    let before = start.checked_sub(1).map_or(b' ', |b| text[b]);
    let next = text.get(end).copied().unwrap_or(b' ');
    if left > LONGEST.0 || start == at || !(2..=24).contains(&top.len()) || !top.iter().all(u8::is_ascii_alphabetic) {
        return None;
    }
    let labels_hold = host.split(|b| *b == b'.').all(|l| !l.is_empty() && l[0] != b'-' && l.len() <= 63);
    let named = host.iter().any(u8::is_ascii_alphabetic);
    // `user:password@host` of an address, `name@host:path` of a copy, `pkg@1.2.3`, `a@b@c`, `git@host/`.
    let of_address = matches!(before, b':' | b'/' | b'@' | b'%')
        || next == b'@'
        || (next == b':' && text.get(end + 1).is_some_and(|b| matches!(b, b'/' | b'~')));
    let top = str::from_utf8(top).ok()?.to_ascii_lowercase();
    let name = str::from_utf8(&text[start..at]).unwrap_or("").to_ascii_lowercase();
    if !labels_hold
        || !named
        || (of_address && !behind_mailto(text, start))
        || NO_DOMAINS.contains(&top.as_str())
        || FUNCTIONS.contains(&name.as_str())
    {
        return None;
    }
    Some((start..end, Confidence::High))
}

/// `mailto:name@…`, `to:name@…`: a colon, and no address of a machine before it.
fn behind_mailto(text: &[u8], start: usize) -> bool {
    let before = &text[start.saturating_sub(120)..start];
    if before.last() != Some(&b':') {
        return false;
    }
    let token = before
        .iter()
        .rev()
        .take_while(|b| !b.is_ascii_whitespace() && !matches!(b, b'"' | b'\'' | b'<' | b','))
        .count();
    memchr::memmem::find(&before[before.len() - token..], b"//").is_none()
}
