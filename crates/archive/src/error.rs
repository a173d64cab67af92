//! What can go wrong with a vault.

use std::io;

use exhibit_evidence::Digest;

use crate::{ObjectKey, Version};

/// Why a vault did not do, or does not confirm, what was asked.
///
/// Each condition is its own variant, because each means something else to the
/// person who has to act on it.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The put itself makes no sense.
    #[error("archive key {key}: {problem}; nothing was stored")]
    BadOptions {
        /// The object.
        key: ObjectKey,
        /// What is wrong, and what was expected.
        problem: String,
    },
    /// Other bytes are already kept under this key: stop the line.
    #[error(
        "archive key {key} already holds other bytes ({kept}) than those offered ({offered}); nothing was changed. Find out which of the two is right before anything else is archived under this key"
    )]
    OtherBytes {
        /// The object.
        key: ObjectKey,
        /// What the vault keeps.
        kept: Digest,
        /// What was to be put.
        offered: Digest,
    },
    /// Two put other bytes under one key at the same time, and the other was first: stop the line.
    #[error(
        "archive key {key} holds other bytes ({kept}) that came a moment before those offered ({offered}); the latter lie beside them as version {beside}, locked, and count for nothing. Find out who else archives under this key"
    )]
    Raced {
        /// The object.
        key: ObjectKey,
        /// What the vault keeps.
        kept: Digest,
        /// What was to be put.
        offered: Digest,
        /// Where that lies now.
        beside: Version,
    },
    /// A part of this key is itself an object, or the key is a folder of other objects.
    #[error("archive key {key} cannot be used: {problem}; choose another key")]
    KeyConflict {
        /// The object.
        key: ObjectKey,
        /// What is in the way.
        problem: String,
    },
    /// The vault has never heard of this key.
    #[error("the vault holds nothing under {key}")]
    NotFound {
        /// The object.
        key: ObjectKey,
    },
    /// The key is known, the version is not.
    #[error("the vault holds {key} as version {kept}, not as {asked}")]
    NoSuchVersion {
        /// The object.
        key: ObjectKey,
        /// The version that was asked for.
        asked: Version,
        /// The version that is kept.
        kept: Version,
    },
    /// It was stored and is gone: somebody removed it.
    #[error(
        "{key} was archived and its bytes are gone; restore them from a copy with digest {recorded} and find out who removed them"
    )]
    ObjectMissing {
        /// The object.
        key: ObjectKey,
        /// The digest of what was stored.
        recorded: Digest,
    },
    /// The bytes are there, the record of putting them is not: a put was
    /// interrupted, or somebody removed the record.
    #[error("{key} is there but the record of its retention is not; put the same bytes again to complete it")]
    RecordMissing {
        /// The object.
        key: ObjectKey,
    },
    /// The record cannot be read, or speaks of another object.
    #[error("the record of {key} cannot be relied on: {problem}")]
    RecordUnreadable {
        /// The object.
        key: ObjectKey,
        /// What is wrong with it.
        problem: String,
    },
    /// The bytes are not those that were stored.
    #[error("{key} was changed: stored as {recorded}, read back as {found}; keep both and find out who changed it")]
    Changed {
        /// The object.
        key: ObjectKey,
        /// The digest of what was stored.
        recorded: Digest,
        /// The digest of what is there now.
        found: Digest,
    },
    /// It is there, but the store does not protect it (any more).
    #[error("{key} is not protected: {found}")]
    Unprotected {
        /// The object.
        key: ObjectKey,
        /// What was found instead of protection.
        found: String,
    },
    /// The store could not be asked, or did not answer. Whether it did the work
    /// is unknown: ask again.
    #[error("the vault did not answer for {what}: {detail}; whether it did the work is unknown, so ask again")]
    Unavailable {
        /// The key, or the prefix of a listing.
        what: String,
        /// What happened.
        detail: String,
    },
    /// The store answered, and said no.
    #[error("the archive refused {what}: {detail}")]
    Refused {
        /// What was asked, of which object.
        what: String,
        /// What the store said, with the name it gave the request.
        detail: String,
    },
    /// The clocks are too far apart for the store to believe a signature.
    #[error(
        "the archive refused {what} because its clock and ours are too far apart: {detail}; set this machine's clock right, for the times of evidence are wrong with it"
    )]
    ClockSkew {
        /// What was asked, of which object.
        what: String,
        /// What the store said.
        detail: String,
    },
    /// The store can't keep what is to be kept, or its settings can't be meant.
    #[error("{place} can't be an archive: {problem}")]
    Unfit {
        /// Which store, or what was asked of it.
        place: String,
        /// What is wrong, and what was expected.
        problem: String,
    },
    /// The store did not answer so many times that it is left alone for a while.
    #[error(
        "the archive did not answer many times in a row, so that nothing is asked of it for another {seconds} s; {what} was not sent"
    )]
    Paused {
        /// What was not asked.
        what: String,
        /// For how long nothing is asked.
        seconds: u64,
    },
    /// What is to be archived could not be read to its end.
    #[error("what is to be archived could not be read: {0}")]
    Unread(Box<dyn std::error::Error + Send + Sync>),
    /// A file operation failed.
    #[error("could not {action} {path}: {source}")]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which path.
        path: String,
        /// What the operating system said.
        source: io::Error,
    },
}

impl VaultError {
    /// A stable word for machines.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadOptions { .. } => "archive.bad-options",
            Self::OtherBytes { .. } => "archive.other-bytes",
            Self::Raced { .. } => "archive.raced",
            Self::KeyConflict { .. } => "archive.key-conflict",
            Self::NotFound { .. } => "archive.not-found",
            Self::NoSuchVersion { .. } => "archive.no-such-version",
            Self::ObjectMissing { .. } => "archive.object-missing",
            Self::RecordMissing { .. } => "archive.record-missing",
            Self::RecordUnreadable { .. } => "archive.record-unreadable",
            Self::Changed { .. } => "archive.changed",
            Self::Unprotected { .. } => "archive.unprotected",
            Self::Unavailable { .. } => "archive.unavailable",
            Self::Refused { .. } => "archive.refused",
            Self::ClockSkew { .. } => "archive.clock-skew",
            Self::Unfit { .. } => "archive.unfit",
            Self::Paused { .. } => "archive.paused",
            Self::Unread(_) => "archive.unread",
            Self::Io { .. } => "archive.io",
        }
    }

    /// Whether what is archived is not what it should be, as opposed to not
    /// having been able to find out.
    pub fn is_difference(&self) -> bool {
        match self {
            Self::BadOptions { .. }
            | Self::Unavailable { .. }
            | Self::Refused { .. }
            | Self::ClockSkew { .. }
            | Self::Unfit { .. }
            | Self::Paused { .. }
            | Self::Unread(_)
            | Self::Io { .. } => false,
            Self::OtherBytes { .. }
            | Self::Raced { .. }
            | Self::KeyConflict { .. }
            | Self::NotFound { .. }
            | Self::NoSuchVersion { .. }
            | Self::ObjectMissing { .. }
            | Self::RecordMissing { .. }
            | Self::RecordUnreadable { .. }
            | Self::Changed { .. }
            | Self::Unprotected { .. } => true,
        }
    }
}
