//! Values for the corpus: random, the same in every run, and shaped as a template says.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

const DIGITS: &str = "0123456789";
const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// Bytes that look random and depend on the seed alone.
pub(crate) struct Chance {
    seed: [u8; 32],
    drawn: u64,
}

impl Chance {
    /// Chance by a seed in words.
    pub(crate) fn new(seed: &str) -> Chance {
        Chance { seed: Sha256::digest(seed).into(), drawn: 0 }
    }

    fn byte(&mut self) -> u8 {
        self.drawn += 1;
        Sha256::digest([&self.seed[..], &self.drawn.to_be_bytes()].concat())[0]
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.byte()).collect()
    }

    fn of(&mut self, alphabet: &str, count: usize) -> String {
        let letters = alphabet.as_bytes();
        (0..count).map(|_| char::from(letters[usize::from(self.byte()) % letters.len()])).collect()
    }

    /// What stands between `«` and `»`: a kind, and behind a colon a length or something else.
    pub(crate) fn value(&mut self, template: &str) -> String {
        let (kind, rest) = template.split_once(':').unwrap_or_else(|| {
            let digits = template.trim_start_matches(|c: char| c.is_ascii_alphabetic());
            // `url6` is short for `url:6`; `b64` never stands without its length.
            (&template[..template.len() - digits.len()], digits)
        });
        let count = rest.parse::<usize>().unwrap_or(0);
        match kind {
            "digits" => format!("{}{}", self.of("123456789", 1), self.of(DIGITS, count - 1)),
            "lower" => self.of(&[LOWER, DIGITS].concat(), count),
            "upper" => self.of(&[UPPER, DIGITS].concat(), count),
            "letters" => self.of(&[LOWER, UPPER].concat(), count),
            "alnum" => self.of(&[LOWER, UPPER, DIGITS].concat(), count),
            "url" => format!("{}{}", self.of(&[LOWER, UPPER].concat(), 1), self.url(count - 1)),
            "b64" => self.of(&[LOWER, UPPER, DIGITS, "+/"].concat(), count),
            "crypt" => self.of(&["./", DIGITS, UPPER, LOWER].concat(), count),
            "hex" => self.of("0123456789abcdef", count),
            "HEX" => self.of("0123456789ABCDEF", count),
            "base32" => self.of("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", count),
            "bech32" => self.of("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", count),
            "hexpairs" => (0..count).map(|_| self.of("0123456789abcdef", 2)).collect::<Vec<_>>().join(":"),
            "uuid" => {
                let part = |chance: &mut Chance, n| chance.of("0123456789abcdef", n);
                [
                    part(self, 8),
                    part(self, 4),
                    format!("4{}", part(self, 3)),
                    format!("9{}", part(self, 3)),
                    part(self, 12),
                ]
                .join("-")
            }
            "password" => self.password(count),
            "github" => {
                let payload = self.of(&[LOWER, UPPER, DIGITS].concat(), 30);
                format!("{rest}{payload}{}", crc62(&payload))
            }
            "jwt" => format!("{}.{}.{}", json(r#"{"alg":"RS256","typ":"JWT"}"#), json(rest), self.url(86)),
            "basic" => STANDARD.encode(format!("robot:{}", self.of(&[LOWER, DIGITS].concat(), count / 4 * 3 - 6))),
            "snowflake" => URL_SAFE_NO_PAD.encode(format!("1{}", self.of(DIGITS, 17))),
            "pem" => self.pem(rest, "\n"),
            "pemline" => self.pem(rest, "\\n"),
            "keybase" => STANDARD.encode(self.pem("RSA PRIVATE KEY", "\n")),
            "certificate" => self.pem("CERTIFICATE", "\n"),
            "certificatebase" => STANDARD.encode(self.pem("CERTIFICATE", "\n")),
            "public" => self.pem("PUBLIC KEY", "\n"),
            "openssh" => {
                let body = [&b"openssh-key-v1\0\0\0\0\x04none"[..], &self.bytes(240)].concat();
                block("OPENSSH PRIVATE KEY", &body, "\n")
            }
            _ => panic!("the corpus names a kind of value that is not known: {template}"),
        }
    }

    fn url(&mut self, count: usize) -> String {
        self.of(&[LOWER, UPPER, DIGITS, "-_"].concat(), count)
    }

    /// Letters, digits and marks that no notation has to quote; each of them occurs.
    fn password(&mut self, count: usize) -> String {
        let body = self.of(&[LOWER, UPPER, DIGITS, "!*+-_.^~"].concat(), count - 3);
        let (begin, digit, mark) = (self.of(UPPER, 1), self.of(DIGITS, 1), self.of("!*^~", 1));
        format!("{begin}{digit}{body}{mark}")
    }

    /// An ASN.1 sequence of random bytes in a PEM block.
    fn pem(&mut self, label: &str, newline: &str) -> String {
        let body = [&[0x30, 0x82, 0x02, 0x58][..], &self.bytes(600)].concat();
        block(label, &body, newline)
    }
}

fn json(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

fn block(label: &str, body: &[u8], newline: &str) -> String {
    let text = STANDARD.encode(body);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN {label}-----{newline}{}{newline}-----END {label}-----", lines.join(newline))
}

fn crc62(payload: &str) -> String {
    let digits = [DIGITS, UPPER, LOWER].concat();
    let mut rest = crc32fast::hash(payload.as_bytes()) as usize;
    let mut sum = Vec::new();
    for _ in 0..6 {
        sum.push(char::from(digits.as_bytes()[rest % 62]));
        rest /= 62;
    }
    sum.iter().rev().collect()
}
