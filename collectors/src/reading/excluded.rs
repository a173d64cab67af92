//! What was not examined, and why. Nothing is left out without one of these.

use std::fmt;

/// Something that was not examined, or not to its end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Excluded {
    /// What: a path as documents are named.
    pub path: String,
    /// Why.
    pub reason: Reason,
}

/// Why something was not examined.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Reason {
    /// A rule of git's ignore files says so, and the caller honours them.
    GitIgnored,
    /// A pattern of the caller says so.
    ByPattern,
    /// A symbolic link that is not followed; where it leads is examined where it lies, if it lies within.
    Link,
    /// A symbolic link that leads to a folder in which it lies.
    Loop,
    /// A symbolic link that leads nowhere.
    Dangling,
    /// A named pipe, a socket or a device: opening one could wait for ever, or do something.
    Special(&'static str),
    /// A file system that a kernel makes up as it is read, by its name.
    KernelFiles(&'static str),
    /// The object store of a git repository: compressed history, which is read as such.
    GitObjects,
    /// It is no longer there.
    Vanished,
    /// It grew while it was read; so many bytes behind its first size were not examined.
    Grew(u64),
    /// It became shorter while it was read; so many bytes were examined.
    Shrank(u64),
    /// The operating system refused, in its words for this kind of error.
    Unreadable(String),
    /// An archive or a compressed stream that is not in order, with what was found.
    Damaged(String),
    /// An archive's member that is encrypted.
    Encrypted,
    /// A kind of archive or compression that is not looked into.
    Unsupported(String),
    /// It unpacks to more than it may; with the limit, and where in it that was.
    TooLarge {
        /// The limit in words.
        limit: String,
        /// The member at which reading ended.
        at: String,
    },
    /// An archive in an archive, so many levels deep that it is not opened.
    TooDeep(u32),
    /// A part of git's history that is not in this clone.
    NotInClone(String),
    /// More was found in it than is listed, so much more.
    FoundMore(u64),
    /// So many more things were not examined than are listed; as failures, and as choices.
    More {
        /// Those that could not be looked at.
        failed: u64,
        /// Those that were left out.
        left_out: u64,
    },
}

impl Reason {
    /// A steady code for evidence, by which a policy can accept it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Damaged(_) => "damaged",
            Self::Encrypted => "encrypted",
            Self::Unsupported(_) => "unsupported",
            Self::TooLarge { .. } => "unpacks-too-large",
            Self::TooDeep(_) => "nested-too-deep",
            Self::Link | Self::Dangling | Self::Loop => "dangling-link",
            Self::Special(_) => "special-file",
            Self::KernelFiles(_) => "kernel-files",
            Self::Vanished => "vanished",
            Self::Shrank(_) => "shrank",
            Self::NotInClone(_) => "not-in-clone",
            Self::FoundMore(_) | Self::More { .. } => "more",
            Self::GitIgnored | Self::ByPattern | Self::GitObjects | Self::Grew(_) | Self::Unreadable(_) => "unreadable",
        }
    }

    /// Why, in words that do not say again what the code says.
    #[must_use]
    pub fn beside_code(&self) -> String {
        match self {
            Self::Damaged(what) => what.clone(),
            _ => self.to_string(),
        }
    }

    /// Whether this is a failure: something that should have been examined could not be. The other reasons are choices,
    /// or facts that leave nothing to examine.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        match self {
            Self::GitIgnored
            | Self::ByPattern
            | Self::Link
            | Self::Loop
            | Self::Dangling
            | Self::Special(_)
            | Self::KernelFiles(_)
            | Self::GitObjects
            | Self::Vanished
            | Self::Grew(_) => false,
            Self::More { failed, .. } => *failed > 0,
            Self::Shrank(_)
            | Self::Unreadable(_)
            | Self::Damaged(_)
            | Self::Encrypted
            | Self::Unsupported(_)
            | Self::TooLarge { .. }
            | Self::TooDeep(_)
            | Self::FoundMore(_)
            | Self::NotInClone(_) => true,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GitIgnored => f.write_str("ignored by git's rules"),
            Self::ByPattern => f.write_str("excluded by a pattern"),
            Self::Link => f.write_str("symbolic link, not followed"),
            Self::Loop => f.write_str("symbolic link to a folder in which it lies"),
            Self::Dangling => f.write_str("symbolic link that leads nowhere"),
            Self::Special(kind) => write!(f, "{kind}, never opened"),
            Self::KernelFiles(name) => write!(f, "{name}: a file system that the kernel makes up"),
            Self::GitObjects => f.write_str("git's object store: history is read with --git"),
            Self::Vanished => f.write_str("vanished before it was read"),
            Self::Grew(bytes) => write!(f, "grew while it was read: {bytes} bytes behind were not examined"),
            Self::Shrank(bytes) => write!(f, "became shorter while it was read: {bytes} bytes were examined"),
            Self::Unreadable(why) => write!(f, "cannot be read: {why}"),
            Self::Damaged(what) => write!(f, "damaged: {what}"),
            Self::Encrypted => f.write_str("encrypted"),
            Self::Unsupported(what) => write!(f, "not looked into: {what}"),
            Self::TooLarge { limit, at } => write!(f, "unpacks to more than {limit}, at {at}: not read any further"),
            Self::TooDeep(levels) => write!(f, "archives nested deeper than {levels} levels are not opened"),
            Self::NotInClone(what) => write!(f, "not in this clone: {what}"),
            Self::FoundMore(count) => write!(f, "{count} more were found and are not listed"),
            Self::More { failed, left_out } => {
                write!(f, "not listed: {failed} more that could not be looked at, {left_out} more that were left out")
            }
        }
    }
}

/// The kind of an error in words: the operating system's own text may name other paths.
pub(super) fn in_words(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file or folder".to_owned(),
        kind => kind.to_string(),
    }
}
