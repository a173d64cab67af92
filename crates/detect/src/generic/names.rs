//! The whole name around a stem.

use super::connector::{BLANKS, TYPE};
use crate::sensitive::Sensitivity;

/// Longest name, in bytes; longer runs are data.
const LONGEST: usize = 80;

/// A name, and what stands before it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name {
    pub(super) start: usize,
    pub(super) end: usize,
    /// `--name` or `-name`.
    pub(super) flag: bool,
    /// Nothing but blanks, a dash, quotes and words like `export` before it in its line.
    pub(super) line: bool,
    /// `<name`
    pub(super) tag: bool,
    /// Itself a value: `"component":"auth"`.
    pub(super) value: bool,
    /// `ENV name` or `ARG name`.
    pub(super) declared: bool,
}

/// May this byte be part of a name?
pub(super) fn in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// The name that the stem at `start..end` is part of; `None` if it is no name.
pub(super) fn around(bytes: &[u8], start: usize, end: usize) -> Option<Name> {
    let left = bytes[..start].iter().rev().take(LONGEST).take_while(|b| in_name(**b)).count();
    let right = bytes[end..].iter().take(LONGEST).take_while(|b| in_name(**b)).count();
    if left + right + (end - start) > LONGEST {
        return None;
    }
    let (mut first, mut last) = (start - left, end + right);
    let mut flag = false;
    while first < start && matches!(bytes[first], b'-' | b'.') {
        flag |= bytes[first] == b'-';
        first += 1;
    }
    while last > end && matches!(bytes[last - 1], b'-' | b'.') {
        last -= 1;
    }
    // What cannot lead to a value is the rule: most names end here.
    let next = *bytes.get(last)?;
    if !matches!(
        next,
        b'=' | b':'
            | b' '
            | b'\t'
            | b'"'
            | b'\''
            | b'`'
            | b']'
            | b'>'
            | b','
            | b'('
            | b'\\'
            | b'<'
            | b'|'
            | b'?'
            | b'+'
            | b'\n'
            | b'\r'
            | b'&'
            | b'*'
            | b'}'
            | b'['
    ) {
        return None;
    }
    if matches!(next, b' ' | b'\t') && !flag && is_prose(bytes, first, last) {
        return None;
    }
    let before = &bytes[first.saturating_sub(40)..first];
    let line_start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
    let lead = before[line_start..].trim_ascii_end();
    let whole_line = line_start > 0 || first <= 40;
    let lead = lead.trim_ascii_start();
    let declared = matches!(lead, b"ENV" | b"ARG" | b"env" | b"setx" | b"SETX");
    let line = whole_line
        && (declared
            || matches!(
                lead,
                b"" | b"-"
                    | b"export"
                    | b"set"
                    | b"SET"
                    | b"\""
                    | b"'"
                    | b"- \""
                    | b"#"
                    | b"//"
                    | b"$env:"
                    | b"local"
                    | b"#define"
            )
            || lead == b"{\"");
    let flag = flag && (first < 3 || !bytes[first - 2].is_ascii_alphanumeric());
    let prefix = lead.iter().rev().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b':' | b'_')).count();
    let tag = lead[..lead.len() - prefix].last() == Some(&b'<');
    let quotes = lead.iter().rev().take_while(|b| matches!(b, b'"' | b'\'' | b'\\' | b' ')).count();
    let value = matches!(lead[..lead.len() - quotes].last(), Some(b':' | b'='));
    Some(Name { start: first, end: last, flag, line, tag, value, declared })
}

/// Most bytes before a name that its scopes have, with what stands before them in the line.
const SCOPES: usize = 100;
/// Most bytes of the sign that makes a name in scopes a setting.
pub(super) const SIGN: usize = 3;

/// Is this the last part of a name in scopes that a line of settings begins with, as Puppet's data has them
/// (`profile::db::password: …`)? Small letters alone, and a blank behind the colon.
pub(super) fn is_setting_in_scopes(bytes: &[u8], name: &Name) -> bool {
    let of_scopes = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b':');
    if !bytes[name.start..name.end].iter().all(of_scopes) {
        return false;
    }
    let rest = &bytes[name.end..];
    let rest = rest.strip_prefix(b"\"").or(rest.strip_prefix(b"'")).unwrap_or(rest);
    if !matches!(rest, [b':', b' ' | b'\t', ..]) {
        return false;
    }
    let before = &bytes[name.start.saturating_sub(SCOPES)..name.start];
    let (lead, scopes) = before.split_at(before.iter().rposition(|b| !of_scopes(b)).map_or(0, |at| at + 1));
    let line = &lead[memchr::memrchr(b'\n', lead).map_or(0, |at| at + 1)..];
    scopes[0].is_ascii_lowercase() && matches!(line.trim_ascii(), b"" | b"\"" | b"'")
}

/// Do words follow the name at `first..last` that lead to no value, as in `Accepted publickey for deploy from`? A quick look
/// at what logs are full of; whatever it lets through is read by [`behind`](super::connector::behind).
fn is_prose(bytes: &[u8], first: usize, last: usize) -> bool {
    let rest = &bytes[last..bytes.len().min(last + BLANKS + TYPE + 2)];
    let blanks = rest.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    let word = &rest[blanks..];
    let declared = || {
        let lead = bytes[first.saturating_sub(8)..first].trim_ascii_end();
        [&b"ENV"[..], b"ARG", b"env", b"setx", b"SETX"].iter().any(|word| lead.ends_with(word))
    };
    let is = |words: &[&str]| words.iter().any(|word| bytes[first..last].eq_ignore_ascii_case(word.as_bytes()));
    // Such a name may stand alone before its value, where a line begins or somebody tells of it.
    let setting = || {
        let lead = &bytes[first.saturating_sub(40)..first];
        let line = &lead[memchr::memrchr(b'\n', lead).map_or(0, |end| end + 1)..];
        line.trim_ascii().len() <= 8 || line.ends_with(b"with ") || line.ends_with(b"using ")
    };
    blanks <= BLANKS
        && word.first().is_some_and(u8::is_ascii_alphabetic)
        && memchr::memchr(b'=', &word[..word.len().min(TYPE + 1)]).is_none()
        && ![&b"is "[..], b"was ", b"is: "].iter().any(|verb| word.starts_with(verb))
        && !is(&["requirepass", "masterauth"])
        && !(is(&["password", "passwd", "passphrase"]) && setting())
        && !declared()
}

/// What a name promises that [`sensitive_key`](crate::sensitive_key) leaves open because it so often means something
/// else; its value must be beyond doubt.
pub(super) fn bare_kind(name: &str) -> Option<Sensitivity> {
    let last = name.rsplit(['.', '-', '_']).next().unwrap_or(name);
    let is = |word: &str| last.eq_ignore_ascii_case(word);
    if is("pass") || is("pwd") || is("pw") || is("pin") || name.eq_ignore_ascii_case("requirepass") {
        return Some(Sensitivity::Password);
    }
    if is("auth") || name.eq_ignore_ascii_case("masterauth") || is("oauth") {
        return Some(Sensitivity::Token);
    }
    None
}

/// A short word for a password that means little else when a text in quotes follows.
pub(super) fn is_short_password(name: &str) -> bool {
    let last = name.rsplit(['.', '-', '_']).next().unwrap_or(name);
    last.eq_ignore_ascii_case("pwd") || last.eq_ignore_ascii_case("pw")
}

/// Does the name promise several words?
pub(super) fn is_phrase(name: &str) -> bool {
    let glued: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    ["passphrase", "mnemonic", "seedphrase", "recoveryphrase", "seedwords"].iter().any(|end| glued.ends_with(end))
}

/// Tokens against forged requests, and those that only tell one request from the next: they open nothing by themselves.
pub(super) fn is_forgery_token(name: &str) -> bool {
    const PARTS: &[&str] = &[
        "csrf",
        "xsrf",
        "authenticity",
        "verificationtoken",
        "nonce",
        "captcha",
        "changetoken",
        "locktoken",
        "requesttoken",
        "clienttoken",
        "lifecycleactiontoken",
        "idempoten",
        "updatetoken",
        "backwardtoken",
        "forwardtoken",
    ];
    let glued: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    PARTS.iter().any(|part| glued.contains(part))
}
