//! What leaves the operating test: who was asked, what was tried, what the server said of it.

use crate::sources::Engine;
use serde::{Deserialize, Serialize};

/// A server, and everything that was tried there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerFacts {
    /// Its authored id.
    pub id: String,
    /// The environment that it belongs to.
    pub environment: String,
    /// What it speaks.
    pub system: Engine,
    /// Whether the connection was encrypted and the server's certificate checked.
    pub encrypted: bool,
    /// What it said to somebody without a password.
    pub without_password: Answer,
    /// What it said to the login that its system is known for; none where that was not tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub well_known: Option<Answer>,
    /// Whether the test asks for a control: a credential of the environment's own that must be let in.
    pub control: bool,
    /// The control; none where the environment has no such credential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<Attempt>,
    /// Other environments' credentials, each tried once at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// Credentials that were not tried, because the run had used up its attempts.
    pub left_out: u64,
}

/// A credential that was tried, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attempt {
    /// The environment that it was configured for.
    pub environment: String,
    /// The name by which people know it.
    pub name: String,
    /// The file.
    pub file: String,
    /// Line, from 1; 0 where the whole file is the value.
    pub line: u64,
    /// Key path.
    pub key: String,
    /// What came of it.
    pub answer: Answer,
}

/// What a server said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// What it means.
    pub outcome: Outcome,
    /// The server's own word for it (an SQLSTATE, the first word of a Redis error, the way in which it asked for
    /// a password), or what kept it from answering.
    pub class: String,
}

/// What an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Let in.
    Accepted,
    /// Turned away for the password; or, without one, asked for it.
    Refused,
    /// Let in without having been asked for the password: nothing is known of the credential.
    NotAsked,
    /// An answer that says nothing about the password.
    Unclear,
    /// No answer.
    Unreachable,
}

impl Answer {
    pub(super) fn new(outcome: Outcome, class: impl Into<String>) -> Self {
        Self { outcome, class: class.into() }
    }

    pub(super) fn unclear(class: impl Into<String>) -> Self {
        Self::new(Outcome::Unclear, class)
    }

    pub(super) fn unreachable(class: impl Into<String>) -> Self {
        Self::new(Outcome::Unreachable, class)
    }

    /// What came between us and the server.
    pub(super) fn of_io(error: &std::io::Error) -> Self {
        use std::io::ErrorKind as Kind;
        let class = match error.kind() {
            Kind::TimedOut | Kind::WouldBlock => "timed-out",
            Kind::ConnectionRefused => "connection-refused",
            Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe => "connection-closed",
            Kind::UnexpectedEof => "connection-closed",
            Kind::NotFound => "not-found",
            Kind::HostUnreachable | Kind::NetworkUnreachable => "no-route",
            Kind::InvalidData => "not-its-protocol",
            _ => "connection-failed",
        };
        Self::unreachable(class)
    }
}
