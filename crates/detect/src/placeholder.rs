//! Values that stand for a secret without being one.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

/// Words that, alone, are no value. Compared without case, blanks, `-`, `_` and `.`.
const WHOLE: &[&str] = &[
    "changeme",
    "changeit",
    "changethis",
    "replaceme",
    "replacethis",
    "todo",
    "fixme",
    "tbd",
    "dummy",
    "example",
    "sample",
    "placeholder",
    "redacted",
    "masked",
    "hidden",
    "removed",
    "none",
    "null",
    "nil",
    "undefined",
    "empty",
    "unset",
    "notset",
    "xxx",
    "xxxx",
    "yourpassword",
    "yoursecret",
    "yourtoken",
    "yourkey",
    "yourapikey",
    "mypassword",
    "mysecret",
    "insertpassword",
    "secrethere",
    "tokenhere",
    "value",
    "string",
    "fake",
    "true",
    "false",
];

/// Parts that mark a value as a stand-in, wherever they occur. Lower case.
const PARTS: &[&str] = &[
    "changeme",
    "change_me",
    "change-me",
    "changeit",
    "replaceme",
    "replace_me",
    "replace-me",
    "replace_with",
    "replace-with",
    "placeholder",
    "your_",
    "your-",
    "yourpassword",
    "yoursecret",
    "yourtoken",
    "yourapikey",
    "insert_",
    "insert-",
    "example",
    "_here",
    "-here",
    "todo_",
    "fixme",
    "redacted",
    "dummy_",
    "dummy-",
    "<your",
];

/// All of them at once: logs repeat values that are none, and each is asked.
static ANY_PART: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let built = AhoCorasick::builder().kind(Some(AhoCorasickKind::DFA)).build(PARTS);
    built.expect("a few short words fit into an automaton")
});

/// Longest value in which [`PARTS`] are looked for: in long random text any short word turns up in the end.
const LONGEST_WITH_PARTS: usize = 256;

/// Is this a reference to a value kept elsewhere: `${X}`, `$X`, `$(cmd)`, `{{ x }}`, `%X%`, `op://…`, `vault:…`?
#[must_use]
pub fn is_reference(value: &[u8]) -> bool {
    let v = value.trim_ascii();
    let wrapped =
        |open: &[u8], close: &[u8]| v.len() > open.len() + close.len() && v.starts_with(open) && v.ends_with(close);
    let name = |rest: &[u8]| {
        !rest.is_empty() && !rest[0].is_ascii_digit() && rest.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
    };
    let lower = v[..v.len().min(24)].to_ascii_lowercase();
    let schemes: [&[u8]; 10] = [
        b"op://",
        b"vault:",
        b"vault://",
        b"secretref:",
        b"ssm:",
        b"arn:aws:secretsmanager:",
        b"arn:aws:ssm:",
        b"secretsmanager:",
        b"keyvault:",
        b"sops:",
    ];
    wrapped(b"${", b"}")
        || wrapped(b"$(", b")")
        || wrapped(b"{{", b"}}")
        || wrapped(b"#{", b"}")
        || wrapped(b"<%", b"%>")
        || wrapped(b"`", b"`")
        || wrapped(b"@Microsoft.KeyVault(", b")")
        || (wrapped(b"%", b"%") && name(&v[1..v.len() - 1]))
        || v.strip_prefix(b"$env:").is_some_and(name)
        || v.strip_prefix(b"$").is_some_and(name)
        || v.strip_prefix(b"$$").is_some_and(name)
        || schemes.iter().any(|scheme| lower.starts_with(scheme))
}

/// Is this a stand-in that somebody was meant to replace, or a reference to a value kept elsewhere?
#[must_use]
pub fn is_placeholder(value: &[u8]) -> bool {
    let v = value.trim_ascii();
    if v.is_empty() {
        return false;
    }
    if is_reference(v) || in_brackets(v) || only_filler(v) || holds_reference(v) {
        return true;
    }
    if v.len() > LONGEST_WITH_PARTS {
        return false;
    }
    let lower = v.to_ascii_lowercase();
    let squeezed: Vec<u8> = lower.iter().copied().filter(|b| !matches!(b, b' ' | b'-' | b'_' | b'.')).collect();
    let run = if v.len() <= 32 { 4 } else { 6 };
    WHOLE.iter().any(|word| squeezed == word.as_bytes()) || ANY_PART.is_match(&lower) || has_run(&lower, run)
}

/// `<token>`, `[token]`, `(token)`, `**token**`
fn in_brackets(v: &[u8]) -> bool {
    let pairs: [(u8, u8); 2] = [(b'<', b'>'), (b'[', b']')];
    v.len() > 2 && pairs.iter().any(|(open, close)| v[0] == *open && v[v.len() - 1] == *close)
}

/// `***`, `...`, `xxx`, `---`, `000000`: one filler character, three times or more.
fn only_filler(v: &[u8]) -> bool {
    let filler = v[0].to_ascii_lowercase();
    v.len() >= 3
        && matches!(filler, b'x' | b'*' | b'.' | b'-' | b'_' | b'#' | b'?' | b'0')
        && v.iter().all(|b| b.to_ascii_lowercase() == filler)
}

/// A run of `x` or `*` inside.
fn has_run(lower: &[u8], least: usize) -> bool {
    let mut run = 0;
    let mut last = 0;
    for &byte in lower {
        run = if byte == last && matches!(byte, b'x' | b'*') { run + 1 } else { 1 };
        if run >= least && matches!(byte, b'x' | b'*') {
            return true;
        }
        last = byte;
    }
    false
}

/// `pre${X}post`, `pre{{x}}post`, `%s`: composed at run time.
fn holds_reference(v: &[u8]) -> bool {
    if !v.iter().any(|byte| matches!(byte, b'{' | b'(' | b'%')) {
        return false;
    }
    let closed = |open: &[u8], close: u8| {
        memchr::memmem::find(v, open).is_some_and(|at| memchr::memchr(close, &v[at + open.len()..]).is_some())
    };
    closed(b"${", b'}') || closed(b"{{", b'}') || closed(b"$(", b')') || v == b"%s" || v == b"%v" || v == b"{}"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stand_ins() {
        let cases = [
            "changeme",
            "CHANGE_ME",
            "change-me-please",
            "<password>",
            "<your-token-here>",
            "${DB_PASSWORD}",
            "${{ secrets.X }}",
            "{{ .Values.password }}",
            "$PASSWORD",
            "$(cat /run/secret)",
            "xxx",
            "XXXXXXXX",
            "****",
            "your-api-key-here",
            "YOUR_TOKEN",
            "AKIAIOSFODNN7EXAMPLE",
            "TODO",
            "dummy",
            "replace_me",
            "REDACTED",
            "sk-xxxxxxxxxxxxxxxx",
            "%DB_PASSWORD%",
            "op://vault/item/field",
            "vault:secret/data/x#y",
            "null",
            "...",
            "prefix-${SUFFIX}",
            "$env:TOKEN",
            "[redacted]",
            "%s",
        ];
        for case in cases {
            assert!(is_placeholder(case.as_bytes()), "{case}");
        }
    }

    #[test]
    fn real_values() {
        let cases = [
            "",
            "hunter2",
            "postgres",
            "password123",
            "pa$$word",
            "$2b$10$abcdef",
            "Tr0ub4dor&3",
            "x",
            "a1b2c3d4",
            "FakeExhibitValue0NotARealKey70",
            "todolist99",
            "10%off%",
            "maxx7",
            "50{}",
        ];
        for case in cases {
            assert!(!is_placeholder(case.as_bytes()), "{case}");
        }
    }

    #[test]
    fn references_are_a_kind_of_placeholder() {
        for case in ["${X}", "$X", "{{ x }}", "%X%", "op://a/b"] {
            assert!(is_reference(case.as_bytes()) && is_placeholder(case.as_bytes()), "{case}");
        }
        for case in ["changeme", "<x>", "$5", "$", "%%"] {
            assert!(!is_reference(case.as_bytes()), "{case}");
        }
    }
}
