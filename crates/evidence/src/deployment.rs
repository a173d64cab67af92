//! What a deployment says of itself, and the keys that sign its log.

use serde::{Deserialize, Serialize};

use crate::{Digest, EnvironmentId};

/// The body of an entry of kind `deployment`: the first entry of every ledger, and one more for each change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deployment {
    /// The WORM store in use, in its own honest words.
    pub archive: String,
    /// Digest of the whole effective configuration, canonical JSON without secrets.
    pub configuration: Digest,
    /// The environments, in authored order.
    pub environments: Vec<Environment>,
    /// The version of the program that wrote this.
    pub exhibit_version: String,
    /// The month, 1 to 12, in which the fiscal year starts.
    pub fiscal_year_start: u64,
    /// How many days after a period's end late evidence still counts in it, marked late.
    pub grace_days: u64,
    /// The organisation, as reports print it.
    pub name: String,
    /// The log's name: unique per deployment, fixed by the first entry.
    pub origin: String,
    /// Why this differs from the deployment's word before it, as whoever changed it put it; none in a ledger's first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The IANA time zone of periods and schedules.
    pub time_zone: String,
    /// The public key that signs checkpoints, as a C2SP signed-note verifier key.
    pub verifier_key: String,
}

/// An environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// Whether it may be thrown away at any time: placeholders and defaults are then no deviation.
    pub disposable: bool,
    /// Its authored id.
    pub id: EnvironmentId,
    /// Its name for people.
    pub title: String,
}
