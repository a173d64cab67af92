//! Tests of a value's inner structure.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;

use crate::matches::Confidence;

/// A test that a rule names. It grades a match or refutes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// `prefix_` + base62 + six base62 digits of the CRC-32 of the middle part (GitHub, npm).
    /// Right: certain. Wrong: medium, for a mistyped or made-up token is still worth a look.
    GithubCrc32,
    /// A key id in base32 after a four-letter prefix (AWS). Other alphabet: medium.
    AwsKeyId,
    /// Three base64url parts; header and payload are JSON objects and the header names `alg`. Else refuted.
    Jwt,
    /// Digits (blanks and dashes apart) with a correct Luhn sum. Else refuted.
    Luhn,
    /// Standard base64 that decodes. Else refuted.
    Base64,
    /// Letters and digits both occur. Else refuted: words and plain numbers are no tokens.
    LettersAndDigits,
}

impl Check {
    /// The name used in rule files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Check::GithubCrc32 => "github-crc32",
            Check::AwsKeyId => "aws-key-id",
            Check::Jwt => "jwt",
            Check::Luhn => "luhn",
            Check::Base64 => "base64",
            Check::LettersAndDigits => "letters-and-digits",
        }
    }

    /// The confidence of `secret` after the test; `None` when it is refuted.
    pub(crate) fn grade(self, secret: &[u8], shape: Confidence) -> Option<Confidence> {
        let (passes, right, wrong) = match self {
            Check::GithubCrc32 => (github_crc32(secret), Some(Confidence::Certain), Some(Confidence::Medium)),
            Check::AwsKeyId => (aws_key_id(secret), Some(shape), Some(Confidence::Medium.min(shape))),
            Check::Jwt => (jwt(secret), Some(shape), None),
            Check::Luhn => (luhn(secret), Some(shape), None),
            Check::Base64 => (STANDARD.decode(secret).is_ok(), Some(shape), None),
            Check::LettersAndDigits => {
                (secret.iter().any(u8::is_ascii_alphabetic) && secret.iter().any(u8::is_ascii_digit), Some(shape), None)
            }
        };
        if passes { right } else { wrong }
    }
}

/// Six base62 digits (0-9, A-Z, a-z) of a CRC-32, most significant first.
fn base62_crc32(bytes: &[u8]) -> [u8; 6] {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut rest = crc32fast::hash(bytes);
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(rest % 62) as usize];
        rest /= 62;
    }
    digits
}

fn github_crc32(secret: &[u8]) -> bool {
    let Some(underscore) = memchr::memrchr(b'_', secret) else {
        return false;
    };
    let body = &secret[underscore + 1..];
    let Some((payload, sum)) = body.split_last_chunk::<6>() else {
        return false;
    };
    !payload.is_empty() && base62_crc32(payload) == *sum
}

fn aws_key_id(secret: &[u8]) -> bool {
    secret.get(4..).is_some_and(|rest| rest.iter().all(|b| matches!(b, b'A'..=b'Z' | b'2'..=b'7')))
}

fn jwt(secret: &[u8]) -> bool {
    let mut parts = secret.split(|byte| *byte == b'.');
    let (Some(header), Some(payload), Some(signature)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let object = |part: &[u8]| {
        let json = URL_SAFE_NO_PAD.decode(part).ok()?;
        let text = json.trim_ascii();
        (text.starts_with(b"{") && text.ends_with(b"}") && str::from_utf8(text).is_ok()).then_some(json)
    };
    let names_alg = object(header).is_some_and(|json| memchr::memmem::find(&json, b"\"alg\"").is_some());
    names_alg && object(payload).is_some() && !signature.is_empty() && parts.next().is_none()
}

fn luhn(secret: &[u8]) -> bool {
    let digits: Vec<u32> = secret.iter().filter(|b| b.is_ascii_digit()).map(|b| u32::from(b - b'0')).collect();
    let only_digits = secret.iter().all(|b| b.is_ascii_digit() || matches!(b, b' ' | b'-'));
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, d)| match (i % 2, d * 2) {
            (0, _) => *d,
            (_, double) if double > 9 => double - 9,
            (_, double) => double,
        })
        .sum();
    only_digits && digits.len() >= 12 && sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grade(check: Check, text: &str) -> Option<Confidence> {
        check.grade(text.as_bytes(), Confidence::High)
    }

    #[test]
    fn crc32_grades() {
        let payload = "FakeExhibitValue0NotARealKey70";
        let sum = String::from_utf8(base62_crc32(payload.as_bytes()).to_vec()).unwrap();
        assert_eq!(grade(Check::GithubCrc32, &format!("ghp_{payload}{sum}")), Some(Confidence::Certain));
        assert_eq!(grade(Check::GithubCrc32, &format!("ghp_{payload}zzzzzz")), Some(Confidence::Medium));
        assert_eq!(grade(Check::GithubCrc32, "ghp_"), Some(Confidence::Medium));
    }

    #[test]
    fn base62_is_padded_and_most_significant_first() {
        // CRC-32 of "123456789" is 0xCBF43926 = 3421780262.
        let digits = base62_crc32(b"123456789");
        let value = digits.iter().fold(0u64, |n, d| {
            let digit = match d {
                b'0'..=b'9' => d - b'0',
                b'A'..=b'Z' => d - b'A' + 10,
                _ => d - b'a' + 36,
            };
            n * 62 + u64::from(digit)
        });
        assert_eq!(value, 3_421_780_262);
    }

    #[test]
    fn jwt_structure() {
        let good = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJmYWtlIn0.c2lnbmF0dXJl";
        assert_eq!(grade(Check::Jwt, good), Some(Confidence::High));
        for bad in [
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJmYWtlIn0",
            "a.b.c",
            "eyJ0eXAiOiJKV1QifQ.e30.c2ln",
            "eyJhbGciOiJIUzI1NiJ9.e30.s.t",
        ] {
            assert_eq!(grade(Check::Jwt, bad), None, "{bad}");
        }
    }

    #[test]
    fn luhn_sum() {
        assert_eq!(grade(Check::Luhn, "4111 1111 1111 1111"), Some(Confidence::High));
        assert_eq!(grade(Check::Luhn, "4111 1111 1111 1112"), None);
        assert_eq!(grade(Check::Luhn, "0000"), None);
    }

    #[test]
    fn aws_alphabet() {
        assert_eq!(grade(Check::AwsKeyId, "AKIAFAKEFAKEFAKE2345"), Some(Confidence::High));
        assert_eq!(grade(Check::AwsKeyId, "AKIAFAKEFAKEFAKE1890"), Some(Confidence::Medium));
    }
}
