//! Where credentials are read from: one trait, one file a source.
//!
//! A source does two things by two code paths. [`Source::listing`] says how many names exist by
//! the source's own count and never looks at a value; [`Source::read`] reads the values into
//! memory that is wiped when they are dropped. Whoever uses both can show that nothing was skipped.
//!
//! No value of a secret is ever part of an error, of `Debug` output or of anything serialisable
//! here: [`Credential`] has no `Serialize`, and its `Debug` prints places and sizes only.
//!
//! To add a source: one file with a type that implements [`Source`] and the settings that people
//! write for it, and a line in `settings`, by which every collector offers it.

pub mod aws;
pub mod command;
pub mod compose;
pub mod dotenv;
pub mod encrypted;
pub mod engine;
mod error;
mod fields;
pub(crate) mod files;
pub mod infisical;
pub mod interpolate;
mod json;
pub mod kubernetes;
pub mod logs;
mod names;
pub mod process;
mod secret;
pub(crate) mod service;
pub mod settings;
pub mod systemd;
pub mod urls;
mod urls_pairs;
pub mod vault;
pub mod wrangler;
pub(crate) mod yaml;

pub use engine::Engine;
pub use error::SourceError;
pub use secret::{Part, SecretValue, Text};

use exhibit_evidence::{Clock, Timestamp};
use std::fmt;
use std::path::{Path, PathBuf};

/// Something that holds credentials of one environment.
pub trait Source {
    /// The kind of source, as it stands in evidence: `dotenv`, `compose`, `vault`.
    fn kind(&self) -> &'static str;

    /// The authored id of the environment whose credentials this source holds.
    fn environment(&self) -> &str;

    /// What is read, in words for provenance (paths as configured, never a value).
    fn label(&self) -> String;

    /// How [`Source::listing`] counts, in words for evidence.
    fn counted_by(&self) -> &'static str {
        "the names in the same files, counted by a reader that keeps no values"
    }

    /// The right that it uses, in words for evidence.
    fn rights(&self) -> &'static str {
        "read access to the files that the job names"
    }

    /// How many names exist, by the source's own count. This path reads no value, and shares no
    /// function with [`Source::read`] beyond opening files.
    ///
    /// # Errors
    /// When the source cannot be opened or its structure cannot be understood.
    fn listing(&self) -> Result<Listing, SourceError>;

    /// Every name with its value.
    ///
    /// # Errors
    /// When the source cannot be opened or any of its values cannot be determined. There is no
    /// partial success: a half-read source would make a population look complete.
    fn read(&self) -> Result<Reading, SourceError>;
}

/// What sources work with.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// Where relative paths start.
    pub root: &'a Root,
    /// Signatures of requests hold the time.
    pub clock: &'a dyn Clock,
}

/// Where the files of a source lie.
#[derive(Debug, Clone)]
pub enum Root {
    /// In a folder.
    Folder(PathBuf),
    /// In the program itself, by name: for self-tests, which go through the same readers.
    Memory(&'static [(&'static str, &'static str)]),
}

impl Root {
    /// Files below `folder`.
    #[must_use]
    pub fn folder(folder: &Path) -> Self {
        Self::Folder(folder.to_owned())
    }
}

/// A source's own count of what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listing {
    /// Configured names, each place counted once.
    pub names: u64,
}

/// What reading a source gave.
#[derive(Debug, Default)]
pub struct Reading {
    /// Every name that has a value here, sensitive or not: classifying is the collector's work.
    pub credentials: Vec<Credential>,
    /// Values found outside the places that [`Listing`] counts: command lines, health checks.
    pub found_elsewhere: Vec<Credential>,
    /// Names that were looked at, whether or not they gave a credential of their own (a reference
    /// to a secret that is listed itself, an empty value).
    pub examined: u64,
    /// Names whose value this source cannot show, each with the reason.
    pub unread: Vec<Unread>,
    /// Assignments that a later one in the same file replaced.
    pub overridden: Vec<Place>,
    /// Things that this source does not look into, in words for the evidence.
    pub blind_spots: Vec<String>,
}

/// What a source knows about the value that it holds now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Version {
    /// The version's number or id, as the source names it.
    pub id: Option<String>,
    /// Since when the source holds this very value; none where it does not tell. Writing the same value
    /// again counts as a new one in most.
    pub since: Option<Timestamp>,
    /// How many versions it keeps, this one and older ones.
    pub kept: Option<u64>,
}

impl Version {
    /// A version of which nothing but its age is known.
    #[must_use]
    pub fn since(since: Timestamp) -> Self {
        Self { since: Some(since), ..Self::default() }
    }
}

/// A name whose value could not be seen, and why. Never an error by itself: the population says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// The name.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// A steady code for the reason, by which a policy can accept it: one of [`UNREAD`].
    pub code: &'static str,
    /// Why its value cannot be seen here.
    pub reason: String,
    /// What the source knows about the value that it does not show; none where it knows nothing.
    pub version: Option<Version>,
}

/// Every code that [`Unread`] may have.
pub const UNREAD: &[&str] =
    &["outside", "platform", "sealed", "external", "not-among-files", "not-permitted", "deleted", "not-text"];

/// Codes of [`Unread`] whose names are secrets whatever they are called: the place says so.
pub const SECRET_BY_PLACE: &[&str] = &["platform", "not-permitted"];

impl Unread {
    /// A name of whose value nothing is known. One that comes without a value where values stand is shown only if it looks
    /// like a name.
    pub fn new(name: impl Into<String>, place: Place, code: &'static str, reason: impl Into<String>) -> Self {
        let (name, place) = match code {
            "outside" | "platform" => names::alone(name.into(), place),
            _ => (name.into(), place),
        };
        Self { name, place, code, reason: reason.into(), version: None }
    }
}

/// Where a value stands. Holds nothing secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file as configured, with `/` between its parts.
    pub file: String,
    /// Line in that file, from 1; 0 when the whole file is the value.
    pub line: u32,
    /// Document within a multi-document file, from 1; 0 for formats without documents.
    pub document: u32,
    /// Key path within the document, for example `services.web.environment.DATABASE_URL`.
    pub key: String,
}

impl Place {
    /// A place that has no lines: a path in a vault, a field in what a command prints.
    #[must_use]
    pub fn keyed(file: impl Into<String>, key: impl Into<String>) -> Self {
        Self { file: file.into(), line: 0, document: 0, key: key.into() }
    }
}

/// Whether a text can be a name that may be shown. Names stand in evidence: a mistake such as
/// `- "PASSWORD: value"` in a list of variables must not put a value there.
fn is_name(text: &str) -> bool {
    (1..=253).contains(&text.len()) && text.chars().all(|letter| letter.is_alphanumeric() || "_.-/[]".contains(letter))
}

/// Whether a name is that of a variable, by which people know it.
fn is_variable_name(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

/// An instant as services write it, RFC 3339 with any offset and any fraction.
fn instant(text: &str) -> Option<Timestamp> {
    chrono::DateTime::parse_from_rfc3339(text.trim()).ok().map(|read| Timestamp::new(read.to_utc()))
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{} ({})", self.file, self.key),
            line => write!(f, "{}:{line} ({})", self.file, self.key),
        }
    }
}

/// What kind of place holds the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// An assignment in a dotenv file.
    Dotenv,
    /// `environment:` of a compose service.
    ComposeEnvironment,
    /// A dotenv file named by `env_file:` of a compose service.
    ComposeEnvFile,
    /// A top-level `secrets:` or `configs:` entry of a compose file.
    ComposeSecret,
    /// `command:`, `entrypoint:` or a health check of a compose service.
    ComposeCommand,
    /// `data` or `stringData` of a Kubernetes Secret.
    KubernetesSecret,
    /// `data` of a Kubernetes ConfigMap, which is no place for a secret.
    KubernetesConfigMap,
    /// A literal `value:` in a container's `env`, which is no place for a secret either.
    KubernetesEnv,
    /// What a secret manager's own command prints.
    Command,
    /// A secret in Vault or OpenBao.
    Vault,
    /// A secret in AWS Secrets Manager.
    SecretsManager,
    /// A parameter in AWS Systems Manager's Parameter Store.
    ParameterStore,
    /// The environment of a running process.
    Process,
    /// A file that age, gpg or sops encrypted.
    Encrypted,
    /// The environment that a systemd unit gives to a service.
    Systemd,
    /// `[vars]` of a `wrangler.toml`, which is no place for a secret.
    WranglerVars,
    /// A secret in Infisical.
    Infisical,
}

impl Origin {
    /// Whether every value there is a secret, whatever its name.
    #[must_use]
    pub fn holds_secrets_alone(self) -> bool {
        matches!(
            self,
            Self::KubernetesSecret | Self::ComposeSecret | Self::Vault | Self::SecretsManager | Self::Infisical
        )
    }

    /// The word that stands in evidence.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dotenv => "dotenv",
            Self::ComposeEnvironment => "compose-environment",
            Self::ComposeEnvFile => "compose-env-file",
            Self::ComposeSecret => "compose-secret",
            Self::ComposeCommand => "compose-command",
            Self::KubernetesSecret => "kubernetes-secret",
            Self::KubernetesConfigMap => "kubernetes-config-map",
            Self::KubernetesEnv => "kubernetes-env",
            Self::Command => "command",
            Self::Vault => "vault",
            Self::SecretsManager => "secrets-manager",
            Self::ParameterStore => "parameter-store",
            Self::Process => "process",
            Self::Encrypted => "encrypted",
            Self::Systemd => "systemd",
            Self::WranglerVars => "wrangler-vars",
            Self::Infisical => "infisical",
        }
    }
}

/// How the value is written at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As it is.
    Plain,
    /// In base64, which hides nothing.
    Base64,
}

/// One name with its value, in one environment.
pub struct Credential {
    /// Authored id of the environment.
    pub environment: String,
    /// The name by which people know it: an environment variable's name, a secret's key.
    pub name: String,
    /// Other names by which the very same value is handed on (a `secretKeyRef`, an `envFrom`).
    pub also_named: Vec<String>,
    /// Services or workloads known to receive it.
    pub recipients: Vec<String>,
    /// The value, wiped on drop.
    pub value: SecretValue,
    /// How interpolation put the value together; one literal part when nothing was interpolated.
    pub parts: Vec<Part>,
    /// Where it stands.
    pub place: Place,
    /// What kind of place that is.
    pub origin: Origin,
    /// How it is written there.
    pub encoding: Encoding,
    /// What the source knows about this version of it; none where it knows nothing.
    pub version: Option<Version>,
    /// Who may read it there, as the source tells; none where it does not tell.
    pub readers: Option<Vec<String>>,
}

impl Credential {
    /// A value that was written in place, as it is, and of which the source knows nothing more.
    #[must_use]
    pub fn plain(environment: &str, name: impl Into<String>, value: SecretValue, place: Place, origin: Origin) -> Self {
        let parts = match value.len() {
            0 => Vec::new(),
            end => vec![Part { start: 0, end, through: Vec::new(), default: false }],
        };
        // What base64 is padded with looks like an assignment.
        let (name, place) = match value.bytes().iter().all(|byte| *byte == b'=') {
            true => names::alone(name.into(), place),
            false => (name.into(), place),
        };
        Self {
            environment: environment.to_owned(),
            name,
            also_named: Vec::new(),
            recipients: Vec::new(),
            value,
            parts,
            place,
            origin,
            encoding: Encoding::Plain,
            version: None,
            readers: None,
        }
    }

    /// True when any part of `range` (bytes of the value) was supplied by the default of a
    /// `${VAR:-default}`.
    #[must_use]
    pub fn from_default(&self, range: std::ops::Range<usize>) -> bool {
        self.parts_in(&range).any(|part| part.default)
    }

    /// The variables that the bytes of `range` came through, outermost first, without repeats.
    #[must_use]
    pub fn through(&self, range: std::ops::Range<usize>) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for name in self.parts_in(&range).flat_map(|part| &part.through) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }

    fn parts_in(&self, range: &std::ops::Range<usize>) -> impl Iterator<Item = &Part> {
        let range = range.clone();
        self.parts.iter().filter(move |part| part.start < range.end && range.start < part.end)
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("environment", &self.environment)
            .field("name", &self.name)
            .field("also_named", &self.also_named)
            .field("value", &self.value)
            .field("place", &self.place)
            .field("origin", &self.origin)
            .field("encoding", &self.encoding)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}
