//! What is wrong with a lockfile: which file, where in it, and what was expected there.

use std::fmt;

use super::text;

/// Why a lockfile can't be read. Shows names and places, and never a value that stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockError {
    /// The file, as the caller named it.
    pub file: String,
    /// The line, from 1, where it is known.
    pub line: Option<usize>,
    /// The key, or the package, that it is about; may be empty.
    pub key: String,
    /// What was expected there.
    pub expected: String,
}

impl LockError {
    pub(super) fn new(file: &str, line: Option<usize>, key: &str, expected: String) -> Self {
        Self { file: file.to_owned(), line, key: text::shown(key), expected }
    }
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": `{}`", self.key)?;
        }
        write!(f, ": expected {}", self.expected)
    }
}

impl std::error::Error for LockError {}
