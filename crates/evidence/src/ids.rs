//! Ids: authored ones that people write and that never change, and UUIDv7 for what happens.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::text::read_text;

/// The longest authored id, in bytes.
pub const MAX_AUTHORED_ID: usize = 80;

/// A text that can't be an authored id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no {what}: expected 1 to {MAX_AUTHORED_ID} characters of a-z, 0-9, `-`, `_` and `.`, beginning and ending with a letter or a digit"
)]
pub struct NotAnId {
    what: &'static str,
    text: String,
}

fn is_authored(text: &str) -> bool {
    let edge = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let bytes = text.as_bytes();
    bytes.len() <= MAX_AUTHORED_ID
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.'))
}

macro_rules! authored_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// This text as an id.
            ///
            /// # Errors
            /// When the text is not an authored id: see [`NotAnId`].
            pub fn new(text: impl Into<String>) -> Result<Self, NotAnId> {
                let text = text.into();
                if is_authored(&text) {
                    Ok(Self(text))
                } else {
                    Err(NotAnId { what: $what, text: text.chars().take(MAX_AUTHORED_ID + 1).collect() })
                }
            }

            /// The id's text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                Self::new(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                read_text(deserializer)
            }
        }
    };
}

authored_id!(
    /// A job: what names a collector, its scope and its schedule in `exhibit.toml`.
    JobId,
    "job id"
);
authored_id!(
    /// A collector: the name of its folder.
    CollectorId,
    "collector id"
);
authored_id!(
    /// A check: one judgement over what a collector observed, `ci-secrets.plaintext-value`.
    CheckId,
    "check id"
);
authored_id!(
    /// A condition: the kind of deviation that findings of one sort share.
    ConditionId,
    "condition id"
);
authored_id!(
    /// An environment, as `exhibit.toml` declares it.
    EnvironmentId,
    "environment id"
);
authored_id!(
    /// A subject: the authored name of what was looked at. Never a path or a URL.
    SubjectId,
    "subject id"
);

/// The id of a ledger entry: UUIDv7 (RFC 9562), so that ids sort by the time they were made.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryId(pub Uuid);

impl EntryId {
    /// A UUIDv7 from the time and ten random bytes, both of which the caller brings.
    pub fn from_parts(at: crate::Timestamp, random: &[u8; 10]) -> Self {
        let millis = at.micros().div_euclid(1000).max(0).unsigned_abs();
        Self(uuid::Builder::from_unix_timestamp_millis(millis, random).into_uuid())
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.hyphenated(), f)
    }
}

impl fmt::Debug for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no UUIDv7 in lower-case hyphenated form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a UUIDv7 in lower-case hyphenated form, found {0:?}")]
pub struct NotAnEntryId(String);

impl FromStr for EntryId {
    type Err = NotAnEntryId;

    fn from_str(text: &str) -> Result<Self, NotAnEntryId> {
        let id = Uuid::parse_str(text).ok().filter(|id| id.get_version_num() == 7).map(Self);
        let exact = |id: &Self| id.0.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == text;
        id.filter(exact).ok_or_else(|| NotAnEntryId(text.chars().take(40).collect()))
    }
}

impl Serialize for EntryId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
    }
}

impl<'de> Deserialize<'de> for EntryId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_text(deserializer)
    }
}

/// The id of a group of disclosable values that were the same, in the same field. It says nothing of the value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupId(pub Uuid);

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.hyphenated(), f)
    }
}

impl fmt::Debug for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no UUID in lower-case hyphenated form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a group's id, a UUID in lower-case hyphenated form, found {0:?}")]
pub struct NotAGroupId(String);

impl FromStr for GroupId {
    type Err = NotAGroupId;

    fn from_str(text: &str) -> Result<Self, NotAGroupId> {
        let id = Uuid::parse_str(text).ok().map(Self);
        id.filter(|id| id.to_string() == text).ok_or_else(|| NotAGroupId(text.chars().take(40).collect()))
    }
}

impl Serialize for GroupId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for GroupId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_text(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authored_ids_are_never_paths_or_urls() {
        for good in ["ci-secrets", "ci-secrets.plaintext-value", "a", "unique_credentials", "2026"] {
            assert!(JobId::new(good).is_ok(), "{good}");
        }
        let long = "a".repeat(MAX_AUTHORED_ID + 1);
        for bad in ["", "-a", "a-", "A", "a/b", "a b", "https://x", "ä", "a\n", ".", &long] {
            assert!(JobId::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn entry_ids_are_version_seven_in_one_spelling() {
        let at = "2026-11-22T03:05:31.000000Z".parse().expect("an instant");
        let id = EntryId::from_parts(at, &[7; 10]);
        assert_eq!(id.0.get_version_num(), 7);
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in [id.to_string().to_uppercase(), id.0.simple().to_string(), Uuid::nil().to_string()] {
            assert!(bad.parse::<EntryId>().is_err(), "{bad}");
        }
    }
}
