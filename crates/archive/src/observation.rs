//! What surrounds the objects: is the store still what its promises need?

use std::fmt;

/// How thoroughly to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Ask the store; change nothing.
    Asking,
    /// Also try what must be refused, on an object that is put for that: it stays in the store for a few
    /// minutes. For set-up and for whoever asks for it.
    Probing,
}

/// What was looked at. The names are steady: evidence compares by them from one quarter to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Aspect {
    /// Whether the store can be reached and is where it is said to be.
    Reach,
    /// Whether every put makes a version, and none replaces another.
    Versioning,
    /// Whether versions can be locked.
    ObjectLock,
    /// How long versions are locked that say nothing themselves.
    DefaultRetention,
    /// Whether a rule of the store removes versions by itself.
    Lifecycle,
    /// Whether strangers may read or write.
    PublicAccess,
    /// Whether what is sent is encrypted on the way.
    Tls,
    /// Whether the store encrypts what lies in it.
    Encryption,
    /// How far the store's clock is from ours.
    Clock,
    /// Whether our own rights are few enough: no bypass of a lock, no change of the store's settings.
    Rights,
}

impl Aspect {
    /// Every aspect, in the order of a report.
    pub const ALL: [Self; 10] = [
        Self::Reach,
        Self::Versioning,
        Self::ObjectLock,
        Self::DefaultRetention,
        Self::Lifecycle,
        Self::PublicAccess,
        Self::Tls,
        Self::Encryption,
        Self::Clock,
        Self::Rights,
    ];

    /// The name for machines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reach => "reach",
            Self::Versioning => "versioning",
            Self::ObjectLock => "object-lock",
            Self::DefaultRetention => "default-retention",
            Self::Lifecycle => "lifecycle",
            Self::PublicAccess => "public-access",
            Self::Tls => "tls",
            Self::Encryption => "encryption",
            Self::Clock => "clock",
            Self::Rights => "rights",
        }
    }
}

impl fmt::Display for Aspect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How an aspect stands, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// As it should be.
    Holds,
    /// Nothing is promised or needed here, as for TLS on a local disk.
    NotApplicable,
    /// The objects stay safe, but something that ought to help does not.
    Weak,
    /// Could not be found out. Never as good as [`Self::Holds`].
    Unknown,
    /// What is archived is not safe, or nothing may be archived: an alarm.
    Broken,
}

impl Standing {
    /// The name for machines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::NotApplicable => "not-applicable",
            Self::Weak => "weak",
            Self::Unknown => "unknown",
            Self::Broken => "broken",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// What it is about.
    pub aspect: Aspect,
    /// How it stands.
    pub standing: Standing,
    /// What was found, short and without the time of looking, such as `COMPLIANCE, 7 years`: equal as long as
    /// nothing drifts.
    pub value: String,
    /// One sentence for people: what is so, and what is missing.
    pub sentence: String,
}

impl Observation {
    /// An observation.
    pub fn new(aspect: Aspect, standing: Standing, value: impl Into<String>, sentence: impl Into<String>) -> Self {
        Self { aspect, standing, value: value.into(), sentence: sentence.into() }
    }
}
