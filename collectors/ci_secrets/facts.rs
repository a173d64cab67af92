//! The shape of this collector's evidence. Facts only: no value, no path of the machine, no opinion.

use exhibit_evidence::Timestamp;
use exhibit_evidence::observation::Subject;
use serde::{Deserialize, Serialize};

/// The version of this shape.
pub const FORMAT: u32 = 1;

/// All facts of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// The version of this shape.
    pub format: u32,
    /// One item for each repository that could be looked at.
    pub repositories: Vec<RepositoryFacts>,
}

/// What was observed in one repository.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepositoryFacts {
    /// The repository, by its authored name.
    pub subject: Subject,
    /// The commit that HEAD names; nothing for a HEAD without commits.
    pub head: Option<String>,
    /// How many distinct commits all references keep alive.
    pub commits: u64,
    /// How many distinct trees were read.
    pub trees: u64,
    /// How many references there are, by kind.
    pub references: References,
    /// File versions that are CI configuration, by path or by content.
    pub recognised: u64,
    /// Other YAML file versions that were read only to see whether they are.
    pub not_ci: u64,
    /// The CI systems found, with how many paths and versions each.
    pub systems: Vec<SystemFacts>,
    /// The path patterns configured beside the built-in table.
    pub configured_paths: Vec<String>,
    /// CI paths that are symbolic links: their targets are looked at only where they are CI paths themselves.
    pub symbolic_links: u64,
    /// Places of submodules, whose content is in other repositories.
    pub submodules: u64,
    /// CI files that are not the YAML they should be and were read line by line.
    pub read_as_lines: Vec<MalformedFact>,
    /// Values in the clear, one item for each place, rule and distinct value.
    pub observations: Vec<ObservedValue>,
}

/// How many references there are, by kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct References {
    /// HEAD, of the repository and of linked work trees.
    pub heads: u64,
    /// Local branches.
    pub branches: u64,
    /// Remote-tracking branches.
    pub remotes: u64,
    /// Tags.
    pub tags: u64,
    /// Stash entries.
    pub stashes: u64,
    /// Notes and everything else.
    pub other: u64,
    /// Names of bare blobs, which have no path and are not looked at.
    pub without_path: u64,
}

/// One CI system as it was found in a repository.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SystemFacts {
    /// The system's id.
    pub system: String,
    /// Distinct paths in history.
    pub paths: u64,
    /// Distinct versions in history.
    pub versions: u64,
}

/// A CI file that could not be parsed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MalformedFact {
    /// Path in the repository.
    pub path: String,
    /// Why, by line; holds no content.
    pub reason: String,
    /// Whether HEAD or the tip of a branch carries it.
    pub live: bool,
    /// How many versions of this path are so.
    pub versions: u64,
}

/// What kind of thing a value in the clear is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ValueKind {
    /// A provider's token, by its shape.
    KnownToken,
    /// A literal where a secret belongs.
    Literal,
    /// A literal that stands in when a variable is not set.
    DefaultLiteral,
    /// A weak literal for a throw-away service beside the job.
    ServiceContainer,
    /// A text that says "put the secret here".
    Placeholder,
}

/// One distinct value in the clear at one place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObservedValue {
    /// The CI system.
    pub system: String,
    /// Path in the repository.
    pub path: String,
    /// Path of keys in the file, `jobs.build.env.API_TOKEN`.
    pub key: String,
    /// The rule that noted it.
    pub rule: String,
    /// What kind of thing it is.
    pub kind: ValueKind,
    /// For a provider's token: the provider, as people write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// For a provider's token: how bad a leak of it is, by the rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    /// The line (from 1) in the latest version that carries it.
    pub line: u64,
    /// How often it stands at this place in the version that has it most often.
    pub occurrences: u64,
    /// The masked shape.
    pub shape: String,
    /// Length in bytes.
    pub length: u64,
    /// How hard it is to guess: low, medium, high.
    pub entropy: String,
    /// Whether it is a well-known password.
    pub dictionary: bool,
    /// The group of equal values within this run, `v1`.
    pub value: String,
    /// The first commit that carries it.
    pub first: String,
    /// When that commit was made, by its committer's clock.
    pub first_at: Timestamp,
    /// The last commit that carries it.
    pub last: String,
    /// When that commit was made, by its committer's clock.
    pub last_at: Timestamp,
    /// How many commits carry it.
    pub commits: u64,
    /// Whether HEAD carries it.
    pub at_head: bool,
    /// Whether the tip of a branch carries it.
    pub at_branch: bool,
    /// Whether a tag carries it.
    pub at_tag: bool,
    /// Some branches whose tips carry it, at most four.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub branches: Vec<String>,
}

impl ObservedValue {
    /// Whether a check-out that CI may run today carries it.
    pub fn is_live(&self) -> bool {
        self.at_head || self.at_branch
    }
}
