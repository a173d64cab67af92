//! What can go wrong while reading a source. No message ever contains a value.

use thiserror::Error;

/// Why a source could not be read. Names the file, the line and the key, says what was expected,
/// and never shows what stood there instead.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SourceError {
    /// A file or folder that is named could not be opened.
    #[error("{file}: cannot be read: {reason}")]
    Unreadable {
        /// The file as configured.
        file: String,
        /// The operating system's kind of error, in words.
        reason: String,
    },
    /// A file is larger than a configuration file can sensibly be.
    #[error("{file}: larger than {limit} bytes, which no configuration file should be")]
    TooLarge {
        /// The file as configured.
        file: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// The content does not have the form that it must have.
    #[error("{file}:{line}: {key}: expected {expected}")]
    Malformed {
        /// The file as configured.
        file: String,
        /// Line, from 1.
        line: u32,
        /// Key path, or a word for the place where no key is known.
        key: String,
        /// What was expected.
        expected: String,
    },
    /// `${VAR:?…}` or `${VAR?…}` of a variable that has no value in the files given.
    #[error(
        "{file}:{line}: {key}: the variable {variable} is required and has no value in the \
         variable file given"
    )]
    RequiredVariable {
        /// The file as configured.
        file: String,
        /// Line, from 1.
        line: u32,
        /// Key path.
        key: String,
        /// The variable's name.
        variable: String,
    },
    /// A program or a service that holds the source did not give what was asked of it.
    #[error("{what}: {reason}")]
    Refused {
        /// What was asked, as configured.
        what: String,
        /// A steady code for the reason: `command-failed`, `unreachable`, `sealed`, `forbidden`.
        code: &'static str,
        /// The reason in words, without anything of what came back.
        reason: String,
    },
}

impl SourceError {
    /// A steady code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused { code, .. } => code,
            _ => "source-unreadable",
        }
    }

    /// Something that a program or a service refused.
    pub(crate) fn refused(what: impl Into<String>, code: &'static str, reason: impl Into<String>) -> Self {
        Self::Refused { what: what.into(), code, reason: reason.into() }
    }
}
