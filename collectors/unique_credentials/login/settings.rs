//! What people write about the operating test: `source.operating_test`.

use crate::SettingProblem;
use crate::sources::Engine;
use exhibit_evidence::{EnvironmentId, SubjectId};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::time::Duration;

/// The `source.operating_test` table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatingTest {
    /// Whether it is performed.
    #[serde(default)]
    pub enabled: bool,
    /// How long one attempt may take, from the connection on, 1 to 60.
    #[serde(default = "five")]
    pub timeout_seconds: u64,
    /// How long to wait after an attempt, up to 60,000.
    #[serde(default = "quarter")]
    pub pause_milliseconds: u64,
    /// How many attempts a run may make at all servers together.
    #[serde(default = "hundred")]
    pub most_attempts: u64,
    /// The servers.
    pub servers: Vec<Server>,
}

fn five() -> u64 {
    5
}

fn quarter() -> u64 {
    250
}

fn hundred() -> u64 {
    100
}

fn yes() -> bool {
    true
}

/// A server that is tried with other environments' credentials.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Its authored id: it stands in findings, the address does not.
    pub id: SubjectId,
    /// The environment that it belongs to.
    pub environment: EnvironmentId,
    /// What it speaks.
    pub system: System,
    /// `host:port`, `[address]:port`, or the path of a socket.
    pub address: String,
    /// Whether the connection is encrypted and the certificate checked. Switched off, a Redis password crosses the
    /// network in the clear.
    #[serde(default = "yes")]
    pub tls: bool,
    /// PEM file with the authorities that may have signed the server's certificate.
    pub ca: Option<String>,
    /// The name in the certificate, where it is not the address's host.
    pub server_name: Option<String>,
    /// The Postgres database to connect to.
    #[serde(default = "postgres")]
    pub database: String,
    /// User names for passwords that come without one.
    #[serde(default)]
    pub users: Vec<String>,
    /// Names of the environment's own credentials of which one serves as control; empty for any.
    #[serde(default)]
    pub own: Vec<String>,
    /// Whether a control is asked for.
    #[serde(default = "yes")]
    pub control: bool,
}

fn postgres() -> String {
    "postgres".to_owned()
}

/// What a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum System {
    /// The PostgreSQL protocol.
    Postgres,
    /// The Redis protocol.
    Redis,
}

impl System {
    /// As an engine.
    #[must_use]
    pub fn engine(self) -> Engine {
        match self {
            Self::Postgres => Engine::Postgres,
            Self::Redis => Engine::Redis,
        }
    }
}

impl OperatingTest {
    pub(in super::super) fn problem(&self, key: &str) -> Option<SettingProblem> {
        let problem = |key: String, expected: &str| Some(SettingProblem::new(&key, expected));
        if self.servers.is_empty() {
            return problem(format!("{key}.servers"), "expected at least one server");
        }
        if !(1..=60).contains(&self.timeout_seconds) {
            return problem(format!("{key}.timeout_seconds"), "expected 1 to 60");
        }
        if self.pause_milliseconds > 60_000 {
            return problem(format!("{key}.pause_milliseconds"), "expected at most 60000");
        }
        let mut ids = BTreeSet::new();
        for (at, server) in self.servers.iter().enumerate() {
            let key = format!("{key}.servers.{at}");
            if !ids.insert(&server.id) {
                return problem(format!("{key}.id"), "expected an id that no other server has");
            }
            if !server.is_socket() && server.host_and_port().is_none() {
                return problem(format!("{key}.address"), "expected `host:port` or the path of a socket");
            }
            if server.tls && !server.is_socket() && server.ca.is_none() {
                let expected = "expected `ca`, a PEM file of authorities, or `tls = false`";
                return problem(key, expected);
            }
        }
        None
    }

    pub(super) fn time_limit(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds)
    }

    pub(super) fn pause(&self) -> Duration {
        Duration::from_millis(self.pause_milliseconds)
    }
}

impl Server {
    pub(super) fn is_socket(&self) -> bool {
        self.address.starts_with('/')
    }

    /// Whether what is said to it stays unseen.
    pub(super) fn is_encrypted(&self) -> bool {
        self.tls && !self.is_socket()
    }

    /// Host, without brackets, and port.
    pub(super) fn host_and_port(&self) -> Option<(&str, u16)> {
        let (host, port) = self.address.rsplit_once(':')?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        (!host.is_empty()).then_some((host, port.parse().ok()?))
    }
}
