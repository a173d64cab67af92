//! Remarks in a line by which people allow what was found in it: `exhibit:allow RULE REASON…`.

/// What a remark begins with.
const MARK: &[u8] = b"exhibit:allow";

/// What the remarks of a line say about a rule's hit in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Remark {
    /// There is none for this rule.
    None,
    /// It is allowed, for this reason.
    Allowed(String),
    /// It would be allowed, but no reason is given: it is not.
    WithoutReason,
}

/// Reads a line's remarks about a rule.
pub(super) fn about(rule: &str, line: &[u8]) -> Remark {
    let mut found = Remark::None;
    let mut rest = line;
    while let Some(at) = memchr::memmem::find(rest, MARK) {
        rest = &rest[at + MARK.len()..];
        let end = memchr::memmem::find(rest, MARK).unwrap_or(rest.len());
        let text = String::from_utf8_lossy(&rest[..end]);
        let mut words = text.split_whitespace();
        match words.next() {
            Some(named) if named == rule => {}
            // The end of a comment, or nothing: whom it means is not said, so it means none, and is told.
            None | Some("*/" | "-->" | "#}" | "}}") => {
                found = Remark::WithoutReason;
                continue;
            }
            Some(_) => continue,
        }
        let reason = words.collect::<Vec<_>>().join(" ");
        let reason =
            ["*/", "-->", "#}", "}}"].iter().fold(reason.as_str(), |text, end| text.trim_end_matches(end)).trim();
        if reason.chars().any(char::is_alphanumeric) {
            return Remark::Allowed(reason.to_owned());
        }
        found = Remark::WithoutReason;
    }
    found
}

/// The rules that a line's remarks name, in their order.
pub(super) fn named(line: &[u8]) -> Vec<String> {
    let mut rest = line;
    let mut found = Vec::new();
    while let Some(at) = memchr::memmem::find(rest, MARK) {
        rest = &rest[at + MARK.len()..];
        let text = String::from_utf8_lossy(rest);
        let word = text.split_whitespace().next().filter(|word| !["*/", "-->", "#}", "}}"].contains(word));
        found.extend(word.map(str::to_owned));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_remarks_name() {
        for (line, expected) in [
            ("key = x", &[][..]),
            ("x /* exhibit:allow */", &[]),
            ("x // exhibit:allow", &[]),
            ("x // exhibit:allow acme.key a exhibit:allow acme.other b", &["acme.key", "acme.other"]),
        ] {
            assert_eq!(named(line.as_bytes()), expected, "{line}");
        }
    }

    #[test]
    fn a_reason_allows() {
        let allowed = |reason: &str| Remark::Allowed(reason.to_owned());
        for (line, expected) in [
            ("key = x", Remark::None),
            ("key = x # exhibit:allow acme.key  an example of  the docs", allowed("an example of the docs")),
            ("<!-- exhibit:allow acme.key revoked 2026-03 -->", allowed("revoked 2026-03")),
            ("x /* exhibit:allow acme.key */", Remark::WithoutReason),
            ("x // exhibit:allow acme.key", Remark::WithoutReason),
            ("x // exhibit:allow acme.key --", Remark::WithoutReason),
            ("x // exhibit:allow", Remark::WithoutReason),
            ("x // exhibit:allow acme.other a reason", Remark::None),
            ("x // exhibit:allow acme.other a exhibit:allow acme.key b", allowed("b")),
            ("x // exhibit:allow acme.key exhibit:allow acme.other b", Remark::WithoutReason),
        ] {
            assert_eq!(about("acme.key", line.as_bytes()), expected, "{line}");
        }
    }
}
