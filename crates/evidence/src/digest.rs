//! SHA-256 digests, written `sha256:` and 64 lower-case hexadecimal digits.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use crate::text::{ascii, read_text};

/// A SHA-256 digest (FIPS 180-4).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

/// A text that is not `sha256:` followed by 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected `sha256:` and 64 lower-case hexadecimal digits, found {0:?}")]
pub struct NotADigest(String);

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The 64 hexadecimal digits alone, as `sha256sum` prints them.
    pub fn hex(&self) -> String {
        hex::encode(self.0)
    }

    /// The first twelve hexadecimal digits: enough for people to tell digests apart on paper, never enough to rely on.
    pub fn short(&self) -> String {
        hex::encode(&self.0[..6])
    }
}

/// What a digest's text begins with.
const PREFIX: &[u8; 7] = b"sha256:";

impl Digest {
    /// Its text, written in one go: records consist of digests to a good part.
    fn written(&self) -> [u8; 71] {
        let mut text = [0; 71];
        text[..7].copy_from_slice(PREFIX);
        for (pair, byte) in text[7..].as_chunks_mut::<2>().0.iter_mut().zip(self.0) {
            *pair = [digit(byte >> 4), digit(byte & 15)];
        }
        text
    }

    /// The digest with this text.
    fn read(text: &[u8]) -> Option<Self> {
        let digits: &[u8; 64] = text.strip_prefix(PREFIX)?.try_into().ok()?;
        let (mut bytes, mut good) = ([0; 32], true);
        for (byte, pair) in bytes.iter_mut().zip(digits.as_chunks::<2>().0) {
            let [high, low] = pair.map(|digit| VALUES[usize::from(digit)]);
            good &= high < 16 && low < 16;
            *byte = high << 4 | low & 15;
        }
        good.then_some(Self(bytes))
    }
}

/// A lower-case hexadecimal digit; the value is below 16.
fn digit(value: u8) -> u8 {
    value + if value < 10 { b'0' } else { b'a' - 10 }
}

/// The values of lower-case hexadecimal digits; 255 for every other character.
const VALUES: [u8; 256] = {
    let (mut values, mut value) = ([255; 256], 0);
    while value < 16 {
        values[b"0123456789abcdef"[value] as usize] = value as u8;
        value += 1;
    }
    values
};

/// A digest in the making, of bytes that come piece by piece.
#[derive(Clone, Debug, Default)]
pub struct Digesting {
    hasher: Sha256,
    size: u64,
}

impl Digesting {
    /// Takes the next bytes.
    pub fn take(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
    }

    /// The digest of all that was taken, and how many bytes that was.
    pub fn finish(self) -> (Digest, u64) {
        (Digest(self.hasher.finalize().into()), self.size)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(ascii(&self.written()))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, NotADigest> {
        Self::read(text.as_bytes()).ok_or_else(|| NotADigest(text.chars().take(80).collect()))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(ascii(&self.written()))
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_text(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_bytes_agree() {
        let empty = Digest::of(b"");
        assert_eq!(empty.to_string(), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(empty.to_string().parse(), Ok(empty));
    }

    #[test]
    fn other_spellings_are_refused() {
        let good = Digest::of(b"x").to_string();
        for at in 0..good.len() {
            for byte in (0..128).filter(|byte| *byte != good.as_bytes()[at]) {
                let mut text = good.clone().into_bytes();
                text[at] = byte;
                let text = String::from_utf8(text).expect("ASCII");
                let other = text.parse::<Digest>();
                assert!(other.is_err() || (at > 6 && other.expect("a digest").to_string() == text), "{text}");
            }
        }
        for bad in [&good[7..], &good.to_uppercase(), &good[..70], "", "sha256:", "md5:00"] {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
    }
}
