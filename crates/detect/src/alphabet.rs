//! Which characters a value is made of, told as a class.

use serde::{Deserialize, Serialize};

/// The narrowest class that holds every byte of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Alphabet {
    /// No bytes at all.
    Empty,
    /// `0-9`
    Digits,
    /// `0-9a-f` or `0-9A-F`
    Hex,
    /// `a-z`
    Lower,
    /// `A-Z`
    Upper,
    /// `a-zA-Z`
    Letters,
    /// Letters and digits.
    Base62,
    /// Letters, digits, `+`, `/`, `=`
    Base64,
    /// Letters, digits, `-`, `_`, `=`
    Base64Url,
    /// Visible ASCII.
    Mixed,
    /// UTF-8 with blanks or letters beyond ASCII.
    Text,
    /// Anything else.
    Binary,
}

impl Alphabet {
    /// The class of `value`.
    #[must_use]
    pub fn of(value: &[u8]) -> Alphabet {
        let all = |class: fn(&u8) -> bool| value.iter().all(class);
        if value.is_empty() {
            Alphabet::Empty
        } else if all(u8::is_ascii_digit) {
            Alphabet::Digits
        } else if all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) || all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'F')) {
            Alphabet::Hex
        } else if all(u8::is_ascii_lowercase) {
            Alphabet::Lower
        } else if all(u8::is_ascii_uppercase) {
            Alphabet::Upper
        } else if all(u8::is_ascii_alphabetic) {
            Alphabet::Letters
        } else if all(u8::is_ascii_alphanumeric) {
            Alphabet::Base62
        } else if all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=')) {
            Alphabet::Base64
        } else if all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'=')) {
            Alphabet::Base64Url
        } else if all(u8::is_ascii_graphic) {
            Alphabet::Mixed
        } else if str::from_utf8(value).is_ok() {
            Alphabet::Text
        } else {
            Alphabet::Binary
        }
    }

    /// The lower-case word used in shapes and evidence.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Alphabet::Empty => "empty",
            Alphabet::Digits => "digits",
            Alphabet::Hex => "hex",
            Alphabet::Lower => "lower",
            Alphabet::Upper => "upper",
            Alphabet::Letters => "letters",
            Alphabet::Base62 => "base62",
            Alphabet::Base64 => "base64",
            Alphabet::Base64Url => "base64url",
            Alphabet::Mixed => "mixed",
            Alphabet::Text => "text",
            Alphabet::Binary => "binary",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_narrowest_class() {
        let cases: [(&[u8], &str); 14] = [
            (b"", "empty"),
            (b"1234", "digits"),
            (b"12ab", "hex"),
            (b"AB12", "hex"),
            (b"aB12", "base62"),
            (b"face", "hex"),
            (b"secret", "lower"),
            (b"SECRET", "upper"),
            (b"Secret", "letters"),
            (b"a+b=", "base64"),
            (b"z-9_", "base64url"),
            (b"p@ss", "mixed"),
            ("pä ss".as_bytes(), "text"),
            (b"\xff\xfe", "binary"),
        ];
        for (value, class) in cases {
            assert_eq!(Alphabet::of(value).as_str(), class, "{value:?}");
        }
    }
}
