//! Names of objects.

use std::{fmt, str::FromStr};

/// The longest key, in bytes.
pub const MAX_KEY_BYTES: usize = 512;

/// The longest part of a key between slashes, in bytes.
pub const MAX_SEGMENT_BYTES: usize = 128;

/// The name of an object: parts separated by `/`, each of `A-Z a-z 0-9 . _ = -`
/// and beginning with a letter or digit.
///
/// So a key is never absolute, never climbs with `..`, never meets the folders
/// that a directory keeps for itself (they begin with a dot), and means the same
/// to S3 and to a file system.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey(String);

/// Why a text is not a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// Nothing, or more than [`MAX_KEY_BYTES`].
    #[error("an archive key has 1 to {MAX_KEY_BYTES} bytes, this one has {0}")]
    Length(usize),
    /// A part that is empty, too long or begins with something else than a letter or digit.
    #[error(
        "archive key {key:?}: the part {segment:?} must have 1 to {MAX_SEGMENT_BYTES} bytes and begin with a letter or digit"
    )]
    Segment {
        /// The key.
        key: String,
        /// Its part.
        segment: String,
    },
    /// A character that keys do not have.
    #[error("archive key {key:?}: {character:?} is not one of A-Z a-z 0-9 . _ = - /")]
    Character {
        /// The key.
        key: String,
        /// The character.
        character: char,
    },
}

impl ObjectKey {
    /// Reads a key.
    ///
    /// # Errors
    ///
    /// Says which part breaks which rule.
    pub fn parse(text: &str) -> Result<Self, BadKey> {
        if text.is_empty() || text.len() > MAX_KEY_BYTES {
            return Err(BadKey::Length(text.len()));
        }
        let strange = |c: &char| !(c.is_ascii_alphanumeric() || "._=-/".contains(*c));
        if let Some(character) = text.chars().find(strange) {
            return Err(BadKey::Character { key: text.to_owned(), character });
        }
        let bad = |segment: &&str| {
            segment.len() > MAX_SEGMENT_BYTES || !segment.starts_with(|c: char| c.is_ascii_alphanumeric())
        };
        if let Some(segment) = text.split('/').find(bad) {
            return Err(BadKey::Segment { key: text.to_owned(), segment: segment.to_owned() });
        }
        Ok(Self(text.to_owned()))
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The parts between slashes, at least one.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ObjectKey {
    type Err = BadKey;

    fn from_str(text: &str) -> Result<Self, BadKey> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_are_refused() {
        let long = "a".repeat(MAX_SEGMENT_BYTES + 1);
        let endless = "ab/".repeat(200) + "c";
        for text in [
            "",
            "/etc/passwd",
            "..",
            "a/../b",
            "a//b",
            "a/",
            ".meta/a",
            "a/.b",
            "-rf",
            "a b",
            "a\nb",
            "a\0b",
            "a\\b",
            "a:b",
            "café",
            "a/-b",
            long.as_str(),
            endless.as_str(),
        ] {
            assert!(ObjectKey::parse(text).is_err(), "{text:?} was taken for a key");
        }
    }

    #[test]
    fn keys_that_stand() {
        for text in ["a", "reports/2026-Q4/size=123/bundle.tar.gz", "A..b", "0_.=-"] {
            assert_eq!(ObjectKey::parse(text).unwrap().as_str(), text);
        }
    }
}
