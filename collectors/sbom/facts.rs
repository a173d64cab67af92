//! The shape of this collector's evidence. Facts only.

use std::collections::BTreeMap;

use exhibit_evidence::{Digest, EntryId, Timestamp, observation::Subject};
use serde::{Deserialize, Serialize};

use crate::packages::Package;
use crate::packages::bill::Identity;
use crate::packages::image::Image;
use crate::pulling::PulledFacts;
use crate::scanners::ScannerFacts;
use crate::vulnerable::facts::HeldFacts;

/// The version of this shape.
pub(super) const FORMAT: u32 = 1;

/// The facts of one observation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Facts {
    /// [`FORMAT`].
    pub format: u32,
    /// What was looked at.
    pub targets: Vec<TargetFacts>,
}

/// One target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TargetFacts {
    /// The subject.
    pub subject: Subject,
    /// The commit that was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// When that was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed_at: Option<Timestamp>,
    /// Which image it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    /// Which registry it was pulled of, and by which reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pulled: Option<PulledFacts>,
    /// What of the image was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<HeldFacts>,
    /// How its bill was handed in, where it was; else it was looked at here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handed_in: Option<HandedIn>,
    /// How many packages it holds.
    pub packages: u64,
    /// Its bill.
    pub bill: Listing,
}

/// With what a bill was handed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum HandedIn {
    /// With nothing else: nobody knows what it leaves out.
    Alone,
    /// With the lockfiles of what it is of.
    WithLockfiles,
}

/// What is known of a target's bill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub(super) enum Listing {
    /// There is none where the job says that there is one.
    Absent {
        /// The file.
        file: String,
    },
    /// Nobody knows: the problems say why.
    Unknown,
    /// It was read.
    Read(Box<BillFacts>),
}

/// A bill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BillFacts {
    /// Its file's name, or the adapter of the scanner that made it.
    pub name: String,
    /// The run that made it, where it was made now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<ScannerFacts>,
    /// Its digest.
    pub digest: Digest,
    /// Its size, in bytes.
    pub size: u64,
    /// Its form and version.
    pub form: String,
    /// When it was made, as it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<Timestamp>,
    /// Who made it, as it says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authors: Vec<String>,
    /// By what it was made, as it says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<String>,
    /// What it says it describes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub describes: Option<String>,
    /// Whether that is the target.
    pub identity: Identity,
    /// How many components it lists.
    pub components: u64,
    /// The packages that it lists, without what tells their builds apart; none where they are more than are remembered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listed: Option<Vec<Package>>,
    /// What changed since the last bill of this target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Since>,
    /// How many packages it lists that were not counted in the target.
    pub beyond: u64,
    /// What was counted and it does not list; at most [`super::comparing::MOST_MISSING`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
    /// How many are missing in all.
    pub missing_in_all: u64,
    /// What it does not say that a bill has to say, and of how many components.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lacking: BTreeMap<Element, Lacking>,
}

/// What is known of the last bill of the same target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub(super) enum Since {
    /// There was none before.
    First,
    /// Nobody knows what changed.
    Unknown {
        /// Why, in words.
        why: String,
    },
    /// What changed since that one.
    Bill(Box<Changes>),
}

/// What changed since the last bill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Changes {
    /// The evidence of the last one.
    pub evidence: EntryId,
    /// Until when that was true.
    pub observed: Timestamp,
    /// The last bill's digest.
    pub digest: Digest,
    /// Packages that it did not list at any version.
    pub added: Listed<String>,
    /// Packages that are not listed any more at any version.
    pub removed: Listed<String>,
    /// Packages that are listed at other versions.
    pub changed: Listed<Other>,
}

/// So many, and some of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listed<T> {
    /// How many.
    pub count: u64,
    /// Some of them; all where they are few.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<T>,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self { count: 0, examples: Vec::new() }
    }
}

/// A package that is listed at other versions than before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Other {
    /// Its package URL, at no version.
    pub package: String,
    /// Its versions before.
    pub from: Vec<String>,
    /// Its versions now.
    pub to: Vec<String>,
}

/// A package that a bill does not list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Missing {
    /// Its package URL; for what comes from no registry, its name.
    pub package: String,
    /// The lockfile or package database that names it.
    pub place: String,
}

/// What some components lack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lacking {
    /// How many; one, where it is about the bill as a whole.
    pub count: u64,
    /// Some of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<String>,
}

/// What a bill has to say at the least, by NTIA's minimum elements (2021).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Element {
    /// Who or what made the bill.
    Author,
    /// When.
    Timestamp,
    /// Of each component, who supplies it.
    Supplier,
    /// Its name.
    Name,
    /// Its version.
    Version,
    /// What names it everywhere: a package URL, a CPE, a SWID tag.
    Identifier,
    /// How it belongs to others.
    Relationship,
}

impl Element {
    /// Every one.
    pub(super) const ALL: [Self; 7] = [
        Self::Author,
        Self::Timestamp,
        Self::Supplier,
        Self::Name,
        Self::Version,
        Self::Identifier,
        Self::Relationship,
    ];

    /// What is asked for where the policy does not say: all but the supplier, which the tools that make bills do not know.
    pub(super) const USUAL: [Self; 6] =
        [Self::Author, Self::Timestamp, Self::Name, Self::Version, Self::Identifier, Self::Relationship];

    /// Its name in policies and places.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Author => "author",
            Self::Timestamp => "timestamp",
            Self::Supplier => "supplier",
            Self::Name => "name",
            Self::Version => "version",
            Self::Identifier => "identifier",
            Self::Relationship => "relationship",
        }
    }

    /// What lacks without it.
    pub(super) fn lacks(self) -> &'static str {
        match self {
            Self::Author => "who or what made it",
            Self::Timestamp => "when it was made",
            Self::Supplier => "a supplier",
            Self::Name => "a name",
            Self::Version => "a version",
            Self::Identifier => "a package URL, CPE or SWID tag",
            Self::Relationship => "a relationship to anything else",
        }
    }
}
