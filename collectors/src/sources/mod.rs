//! Where credentials are read from: one trait, one file a source.
//!
//! A source does two things by two code paths. [`Source::listing`] says how many names exist by
//! the source's own count and never looks at a value; [`Source::read`] reads the values into
//! memory that is wiped when they are dropped. Whoever uses both can show that nothing was skipped.
//!
//! No value of a secret is ever part of an error, of `Debug` output or of anything serialisable
//! here: [`Credential`] has no `Serialize`, and its `Debug` prints places and sizes only.
//!
//! To add a source: one file with a type that implements [`Source`], and a line in whatever
//! settings type offers it to people.

pub mod compose;
pub mod dotenv;
pub mod engine;
mod error;
mod files;
pub mod interpolate;
pub mod kubernetes;
pub mod logs;
mod secret;
pub mod urls;
mod urls_pairs;
mod yaml;

pub use engine::Engine;
pub use error::SourceError;
pub use secret::{Part, SecretValue, Text};

use std::fmt;
use std::path::{Path, PathBuf};

/// Something that holds credentials of one environment.
pub trait Source {
    /// The kind of source, as it stands in evidence: `dotenv`, `compose`, `kubernetes`.
    fn kind(&self) -> &'static str;

    /// The authored id of the environment whose credentials this source holds.
    fn environment(&self) -> &str;

    /// What is read, in words for provenance (paths as configured, never a value).
    fn label(&self) -> String;

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

/// A name whose value could not be seen, and why. Never an error by itself: the population says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// The name.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// A steady code for the reason, by which a policy can accept it: `outside`, `platform`,
    /// `sealed`, `external`, `not-among-files`.
    pub code: &'static str,
    /// Why its value cannot be seen here.
    pub reason: String,
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

/// Whether a text can be a name that may be shown. Names stand in evidence: a mistake such as
/// `- "PASSWORD: value"` in a list of variables must not put a value there.
fn is_name(text: &str) -> bool {
    (1..=253).contains(&text.len()) && text.chars().all(|letter| letter.is_alphanumeric() || "_.-/[]".contains(letter))
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
}

impl Origin {
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
}

impl Credential {
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
            .finish_non_exhaustive()
    }
}
