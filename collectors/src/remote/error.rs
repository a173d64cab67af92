//! What may go wrong with a remote system, in words that no secret can slip into.

use thiserror::Error;

/// Why something could not be had from a remote system. Holds what was asked for and the server's name; of what was sent and
/// what came back nothing but the status and words of a closed list.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RemoteError {
    /// Something that is configured can't be used.
    #[error("{0}")]
    Settings(String),
    /// There are no credentials to ask with.
    #[error("there are no credentials: {0}")]
    NoCredentials(String),
    /// The server could not be reached, or the connection broke.
    #[error("{what} at {place}: {why}")]
    Unreachable {
        /// What was asked for.
        what: &'static str,
        /// Scheme, host and port.
        place: String,
        /// In what way.
        why: &'static str,
    },
    /// No connection that can be trusted.
    #[error("{what} at {place}: its certificate is not one that is trusted here, or TLS could not be agreed on")]
    Untrusted {
        /// What was asked for.
        what: &'static str,
        /// Scheme, host and port.
        place: String,
    },
    /// It took too long.
    #[error("{what} at {place}: no whole answer within {seconds} s")]
    TooLong {
        /// What was asked for.
        what: &'static str,
        /// Scheme, host and port.
        place: String,
        /// The limit, in seconds.
        seconds: u64,
    },
    /// The answer is larger than allowed.
    #[error("{what} at {place}: the answer has more than {most} bytes")]
    TooLarge {
        /// What was asked for.
        what: &'static str,
        /// Scheme, host and port.
        place: String,
        /// The limit, in bytes.
        most: u64,
    },
    /// The answer ended before its end.
    #[error("{what} at {place}: the answer broke off")]
    BrokenOff {
        /// What was asked for.
        what: &'static str,
        /// Scheme, host and port.
        place: String,
    },
    /// The server answered, and not with what was asked for.
    #[error("{what} at {place}: answered {status}{}{}", .said.map(|said| format!(", {said}")).unwrap_or_default(),
        .wait.map(|seconds| format!(", and asks to wait {seconds} s")).unwrap_or_default())]
    Status {
        /// What was asked for.
        what: &'static str,
        /// Scheme, host and port.
        place: String,
        /// The HTTP status.
        status: u16,
        /// The server's own word for it, where it is a known one.
        said: Option<&'static str>,
        /// The wait that it asks for, in seconds.
        wait: Option<u64>,
    },
    /// It did not answer often enough to be asked again now.
    #[error("{what} at {place}: not asked, because it did not answer repeatedly")]
    LeftAlone {
        /// What was asked for.
        what: &'static str,
        /// Scheme, host and port.
        place: String,
    },
    /// The answer is not in the form that it should have.
    #[error("{what} at {place}: the answer is not understood: expected {expected}")]
    NotUnderstood {
        /// What was asked for.
        what: &'static str,
        /// Scheme, host and port.
        place: String,
        /// What was expected.
        expected: &'static str,
    },
}

impl RemoteError {
    /// A steady code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Settings(_) => "remote-settings",
            Self::NoCredentials(_) => "no-credentials",
            Self::Unreachable { .. } => "unreachable",
            Self::Untrusted { .. } => "untrusted",
            Self::TooLong { .. } => "too-long",
            Self::TooLarge { .. } => "too-large",
            Self::BrokenOff { .. } => "broken-off",
            Self::LeftAlone { .. } => "left-alone",
            Self::NotUnderstood { .. } => "not-understood",
            Self::Status { status, .. } => match status {
                300..=399 => "redirected",
                401 | 403 => "denied",
                404 | 410 => "not-there",
                412 => "changed",
                429 => "throttled",
                500.. => "failing",
                _ => "refused",
            },
        }
    }

    /// The HTTP status, where one came.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }
}
