//! Tests of a value's inner structure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::matches::Confidence;
use crate::{checksum, structure};

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
    /// GitLab's routable tokens end in the CRC-32 of all before it, in base36.
    /// Right: certain. Wrong: medium. Tokens of the older form have none: as the shape.
    GitlabCrc32,
    /// All before the last `_` has the CRC-32 behind it, in hexadecimal, least significant byte first (Grafana).
    /// Right: certain. Wrong: medium.
    GrafanaCrc32,
    /// All before the last `_` has the CRC-32 behind it, in base62 (Matrix). Right: certain. Wrong: medium.
    MatrixCrc32,
    /// Bech32 with its checksum (age, Nostr). Right: certain. Wrong: medium.
    Bech32,
    /// Base58 with four bytes of a double SHA-256 (Bitcoin's keys). Right: certain. Else refuted.
    Base58Check,
    /// An IBAN whose check digits are right. Else refuted.
    Iban,
    /// A JSON Web Token whose payload claims the role `service_role` (Supabase). Else refuted.
    ServiceRole,
    /// A JSON object in base64 lies inside. Else medium.
    Base64Json,
    /// A macaroon in its second binary form (PyPI). Else medium.
    Macaroon,
    /// The first part is a snowflake in base64 (Discord). Else medium.
    Snowflake,
    /// Base64 of 64 bytes (Azure). Else medium.
    Base64Of64,
    /// A PEM block with a whole body: a DER sequence of its own length, an OpenSSH key, an OpenPGP packet.
    /// Another body: medium. Abridged with dots: refuted.
    Pem,
    /// A PuTTY key file whose line counts are true. Else medium.
    Putty,
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
            Check::GitlabCrc32 => "gitlab-crc32",
            Check::GrafanaCrc32 => "grafana-crc32",
            Check::MatrixCrc32 => "matrix-crc32",
            Check::Bech32 => "bech32",
            Check::Base58Check => "base58-check",
            Check::Iban => "iban",
            Check::ServiceRole => "service-role",
            Check::Base64Json => "base64-json",
            Check::Macaroon => "macaroon",
            Check::Snowflake => "snowflake",
            Check::Base64Of64 => "base64-of64",
            Check::Pem => "pem",
            Check::Putty => "putty",
        }
    }

    /// The confidence of `secret` after the test; `None` when it is refuted.
    pub(crate) fn grade(self, secret: &[u8], shape: Confidence) -> Option<Confidence> {
        // A checksum that fits proves the value; one that does not, in a distinctive shape, is still worth a look.
        let sum = |fits: bool| if fits { Some(Confidence::Certain) } else { Some(Confidence::Medium) };
        let graded = |fits: bool| if fits { Some(shape) } else { Some(shape.min(Confidence::Medium)) };
        let needed = |fits: bool| fits.then_some(shape);
        match self {
            Check::GithubCrc32 => sum(checksum::github(secret)),
            Check::GitlabCrc32 => checksum::gitlab(secret).map_or(Some(shape), sum),
            Check::GrafanaCrc32 => sum(checksum::grafana(secret)),
            Check::MatrixCrc32 => sum(checksum::matrix(secret)),
            Check::Bech32 => sum(checksum::bech32(secret)),
            Check::Base58Check => checksum::base58check(secret).then_some(Confidence::Certain),
            Check::Luhn => needed(checksum::luhn(secret)),
            Check::Iban => needed(checksum::iban(secret)),
            Check::Jwt => needed(structure::jwt(secret)),
            Check::ServiceRole => needed(structure::service_role(secret)),
            Check::Base64 => needed(STANDARD.decode(secret).is_ok()),
            Check::LettersAndDigits => {
                needed(secret.iter().any(u8::is_ascii_alphabetic) && secret.iter().any(u8::is_ascii_digit))
            }
            Check::AwsKeyId => graded(structure::aws_key_id(secret)),
            Check::Base64Json => graded(structure::base64_json(secret)),
            Check::Macaroon => graded(structure::macaroon(secret)),
            Check::Snowflake => graded(structure::discord(secret)),
            Check::Base64Of64 => graded(structure::sixty_four_bytes(secret)),
            Check::Putty => graded(structure::putty(secret)),
            Check::Pem => match structure::pem(secret) {
                structure::Pem::Whole => Some(shape),
                structure::Pem::Other => Some(shape.min(Confidence::Medium)),
                structure::Pem::Excerpt => None,
            },
        }
    }
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
        assert_eq!(grade(Check::GithubCrc32, &crate::made::github("ghp_", payload)), Some(Confidence::Certain));
        assert_eq!(grade(Check::GithubCrc32, &format!("ghp_{payload}zzzzzz")), Some(Confidence::Medium));
        assert_eq!(grade(Check::GithubCrc32, "ghp_"), Some(Confidence::Medium));
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
