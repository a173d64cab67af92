//! The facts that leave the collector: what may be said about credentials without saying them.

use super::breached::{ListFacts, Seen};
use super::login::facts::ServerFacts;
use crate::sources::Engine;
use exhibit_detect::{Alphabet, Sensitivity, facts::EntropyClass};
use exhibit_evidence::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// The version of the form below. 2 writes environment and file once for all that they hold, and added hosts, connections without a password, examples, times of
/// rotation and the operating test. 3 writes what many values have in common once, and each in a row.
pub const VERSION: u64 = 3;

/// The oldest version that the judge still reads: checks that need more say so, as an error.
pub const OLDEST: u64 = 1;

/// Everything that one run observed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// [`VERSION`].
    pub version: u64,
    /// The subject's id, the same in every environment.
    pub subject: String,
    /// What was read.
    pub sources: Vec<SourceFacts>,
    /// The example files that say which names there should be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<ExampleFacts>,
    /// One item for each place that holds a credential, by environment, name and place; written by environment and file.
    #[serde(with = "super::held")]
    pub credentials: Vec<CredentialFacts>,
    /// Connection strings of databases and brokers that hold no password.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connections: Vec<ConnectionFacts>,
    /// Servers of the operating test; none where it is off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operating_test: Option<Vec<ServerFacts>>,
    /// What came of asking a list of breached passwords; none where none was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breached: Option<ListFacts>,
    /// Names whose value was not seen, and that may be credentials.
    pub unseen: Vec<UnseenFacts>,
}

impl Facts {
    /// Reads facts of any version that the judge knows.
    ///
    /// # Errors
    /// When they are of another version, or not in its form.
    pub fn read(facts: &Value) -> Result<Self, serde_json::Error> {
        let version = facts.get("version").and_then(Value::as_u64);
        match version {
            Some(2..=VERSION) => Self::deserialize(facts),
            Some(OLDEST) => First::deserialize(facts).map(Self::from),
            version => {
                let version = version.map_or_else(|| "none".to_owned(), |version| version.to_string());
                let message = format!("version {version}, expected {OLDEST} to {VERSION}");
                Err(serde::de::Error::custom(message))
            }
        }
    }
}

/// Facts of version 1.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct First {
    version: u64,
    subject: String,
    sources: Vec<SourceFacts>,
    credentials: Vec<super::held::First>,
    unseen: Vec<UnseenFacts>,
}

impl From<First> for Facts {
    fn from(first: First) -> Self {
        Self {
            version: first.version,
            subject: first.subject,
            sources: first.sources,
            examples: Vec::new(),
            credentials: first.credentials.into_iter().map(CredentialFacts::from).collect(),
            connections: Vec::new(),
            operating_test: None,
            breached: None,
            unseen: first.unseen,
        }
    }
}

/// A source that was read, or could not be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceFacts {
    /// The environment.
    pub environment: String,
    /// `dotenv`, `compose`, `kubernetes`.
    pub kind: String,
    /// What was read, as configured.
    pub label: String,
    /// Whether all of it was read.
    pub read: bool,
    /// Names by the source's own count; none where it could not be taken.
    pub names: Option<u64>,
    /// Assignments that a later one in the same source replaced.
    pub overridden: u64,
}

/// One place that holds a credential.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialFacts {
    /// The environment.
    #[serde(skip)]
    pub environment: Arc<str>,
    /// The name by which people know it.
    pub name: String,
    /// Other names of the very same value.
    #[serde(default)]
    pub also_named: Vec<String>,
    /// What its name promises; none where only the policy or a URL says that it is a credential.
    #[serde(default)]
    pub kind: Option<Sensitivity>,
    /// The system that it opens, where known.
    #[serde(default)]
    pub engine: Option<Engine>,
    /// Whether it is the password inside a connection string, not the whole value.
    #[serde(default)]
    pub in_url: bool,
    /// The file.
    #[serde(skip)]
    pub file: Arc<str>,
    /// Line, from 1; 0 where the whole file is the value.
    pub line: u64,
    /// Document in the file, from 1; 0 for formats without documents.
    #[serde(default)]
    pub document: u64,
    /// Key path.
    pub key: String,
    /// What kind of place that is: see [`crate::sources::Origin`].
    #[serde(skip)]
    pub origin: Arc<str>,
    /// Whether it is written in base64.
    #[serde(default)]
    pub base64: bool,
    /// The variables that it came through, by interpolation.
    #[serde(default)]
    pub through: Vec<String>,
    /// Whether the default of `${VAR:-default}` supplied it.
    #[serde(default)]
    pub by_default: bool,
    /// Services known to receive it.
    #[serde(default)]
    pub recipients: Vec<String>,
    /// Length in bytes. 0 is an empty value, of which nothing else is said.
    pub length: u64,
    /// The narrowest class of its characters.
    pub alphabet: Alphabet,
    /// How hard it is to guess.
    pub entropy: EntropyClass,
    /// Whether it is in the list of default and common passwords.
    #[serde(default)]
    pub dictionary: bool,
    /// Whether it is a stand-in that somebody was meant to replace.
    #[serde(default)]
    pub placeholder: bool,
    /// The masked shape.
    #[serde(deserialize_with = "text")]
    pub shape: Arc<str>,
    /// Number of the group of equal values, where there is another of it. Means nothing outside
    /// this run.
    #[serde(default)]
    pub equal: Option<u64>,
    /// Number of the group of values that are equal up to a trivial change.
    #[serde(default)]
    pub near: Option<u64>,
    /// Number of the group of equal user names, for connection strings that name one.
    #[serde(default)]
    pub account: Option<u64>,
    /// Whether the host is this very machine, for connection strings that name one.
    #[serde(default)]
    pub loopback: Option<bool>,
    /// Transport encryption as the connection string states it.
    #[serde(default)]
    pub tls: Option<String>,
    /// Number of the group of equal hosts, for connection strings that name one.
    #[serde(default)]
    pub host: Option<u64>,
    /// Whether it is the very value that an example file shows.
    #[serde(default)]
    pub from_example: bool,
    /// How often the list of breached passwords has seen it, where it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breached: Option<Seen>,
    /// Since when the source holds this very value; none where it does not tell.
    #[serde(default)]
    pub since: Option<Timestamp>,
    /// Who may read it there, as the source tells; none where it does not tell.
    #[serde(default)]
    pub readers: Option<Vec<String>>,
}

impl CredentialFacts {
    /// By environment, name and place: the order in which facts stand.
    pub(super) fn order(&self) -> (&str, &str, &str, u64, &str) {
        (&self.environment, &self.name, &self.file, self.line, &self.key)
    }
}

/// A connection string without a password.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectionFacts {
    /// The environment.
    pub environment: String,
    /// The name by which people know it.
    pub name: String,
    /// The system that it leads to.
    pub engine: Engine,
    /// The file.
    pub file: String,
    /// Line, from 1; 0 where the whole file is the value.
    pub line: u64,
    /// Key path.
    pub key: String,
    /// Whether the host is this very machine; none where no host is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loopback: Option<bool>,
    /// Transport encryption as the connection string states it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<String>,
}

/// An example file: names that a configuration should have, with values that none should have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExampleFacts {
    /// What was read, as configured.
    pub label: String,
    /// The names in it that may hold a credential, in order.
    pub names: Vec<String>,
    /// Of these, the names that an environment does not have at all, with or without a secret in them.
    pub absent: Vec<AbsentFacts>,
    /// Why it could not be read, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Names of an example that an environment does not have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AbsentFacts {
    /// The environment.
    pub environment: String,
    /// The names, in order.
    pub names: Vec<String>,
}

// What is so for most credentials is left out: evidence of many environments stays readable.
pub(super) fn is_false(value: &bool) -> bool {
    !value
}

pub(super) fn is_zero(value: &u64) -> bool {
    *value == 0
}

/// Text that is shared in memory.
pub(super) fn text<'d, D: serde::Deserializer<'d>>(deserializer: D) -> Result<Arc<str>, D::Error> {
    String::deserialize(deserializer).map(Arc::from)
}

/// A name whose value was not seen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnseenFacts {
    /// The environment.
    pub environment: String,
    /// The name.
    pub name: String,
    /// Steady code of the reason.
    pub code: String,
    /// Since when the source holds the value that it does not show; none where it does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}
