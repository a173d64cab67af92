//! What is kept of a look at repositories and bundles: what was found where, how often and how sure; never a value, never a
//! line.

use exhibit_detect::{Confidence, Severity};
use exhibit_evidence::{Timestamp, observation::Subject};
use serde::{Deserialize, Serialize};

use crate::known::KnownFacts;

/// The version of this shape.
pub(super) const FORMAT: u64 = 1;

/// The facts of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Facts {
    pub(super) format: u64,
    /// Nothing less sure than this was looked for.
    pub(super) least: Confidence,
    /// One item for each repository, in the settings' order.
    pub(super) repositories: Vec<RepositoryFacts>,
    /// One item for each bundle, in the settings' order.
    pub(super) bundles: Vec<BundleFacts>,
    /// The real secrets that were looked for; none where none are configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) known: Option<KnownFacts>,
}

/// What was observed of one repository.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RepositoryFacts {
    pub(super) subject: Subject,
    /// The commit that HEAD names; none where there is none yet, or it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) head: Option<String>,
    /// How many commits all references keep alive.
    pub(super) commits: u64,
    /// Files that HEAD carries, symbolic links among them, as far as they were examined.
    pub(super) tracked: u64,
    /// Blobs that were examined.
    pub(super) blobs: u64,
    /// Those of them that no reference keeps alive.
    pub(super) unreferenced: u64,
    /// What was found.
    pub(super) groups: Vec<Group>,
}

/// What was observed of one bundle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BundleFacts {
    pub(super) subject: Subject,
    /// Files that were examined.
    pub(super) files: u64,
    /// Bytes of all documents in them, unpacked.
    pub(super) bytes: u64,
    /// What was found.
    pub(super) groups: Vec<Group>,
}

/// Where something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Stands {
    /// In a file that HEAD carries.
    Tracked,
    /// In a version of a file that HEAD does not carry, but a commit that a reference keeps alive.
    History,
    /// In an object that no reference keeps alive: what a rewritten history, an amended commit or a dropped stash left.
    Unreferenced,
    /// In what browsers get.
    Bundle,
}

/// Hits of one rule with one confidence at one place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    pub(super) rule: String,
    /// The rule's title, so that judging needs no rules.
    pub(super) title: String,
    /// The rule's own severity.
    pub(super) severity: Severity,
    pub(super) confidence: Confidence,
    pub(super) stands: Stands,
    /// The path; of a bundle's file, without what changes from build to build.
    pub(super) place: String,
    /// Of a real secret, its environment and name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) secret: Option<String>,
    /// Whether remarks in their lines allow them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) remarked: bool,
    pub(super) hits: u64,
    /// How many different values; beyond a bound no more are told apart.
    pub(super) values: u64,
    /// The commits that brought them in; none outside history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) carried: Option<Carried>,
    /// The first ones.
    pub(super) examples: Vec<Example>,
}

/// The commits that brought in versions that hold something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Carried {
    pub(super) first: Carrier,
    pub(super) last: Carrier,
    /// How many versions hold one of the values, of that value which most versions hold.
    pub(super) versions: u64,
}

/// A commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Carrier {
    /// In 40 hexadecimal digits.
    pub(super) commit: String,
    /// When its author wrote it, by the author's clock; none where that is no time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) authored: Option<Timestamp>,
}

/// One hit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Example {
    /// The file, or `ARCHIVE!MEMBER`.
    pub(super) file: String,
    /// From 1, in the version that HEAD carries, or the first one that holds it.
    pub(super) line: u64,
    /// The masked shape.
    pub(super) shape: String,
    /// Under the run's key: equal values of this run have equal ones.
    pub(super) fingerprint: String,
}
