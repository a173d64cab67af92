//! The shape of this family's evidence. Facts only: no opinion, and nothing that a scanner wrote but was not made visible.

use std::collections::BTreeMap;

use exhibit_evidence::{CheckId, ConditionId, Digest, Fingerprint, Place, Severity, Timestamp, observation::Subject};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::packages::bill::Identity;
use crate::packages::image::{Distribution, Image};
use crate::packages::lockfile::{Apart, Unpinned};
use crate::packages::{Format, Package};
use crate::pulling::PulledFacts;
use crate::references::{Form, Reference};
use crate::results::merge::Agreement;
use crate::results::{Database as Told, Fix, Ids, Reach, Scored, Tool, Vex};
use crate::scanners::{Database, ScannerFacts};

/// The version of this shape.
pub(super) const FORMAT: u32 = 1;

/// Vulnerabilities, each in a place of its own: as many as there may be are given back one by one.
pub(super) type Several = Vec<Box<Seen>>;

/// A target as it is judged: its vulnerabilities are read one by one, and never held together.
pub(super) type Judged = TargetFacts<IgnoredAny>;

/// The facts of one observation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Facts<V = Several> {
    /// [`FORMAT`].
    pub format: u32,
    /// The list of exploited vulnerabilities that was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_exploited: Option<KnownExploited>,
    /// What was looked at.
    pub targets: Vec<TargetFacts<V>>,
    /// Files that refer to images.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub manifests: Vec<ManifestsFacts>,
    /// What was noted before and is open: what became of it, as far as the targets tell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<Earlier>,
    /// What was noted before and is there as it was, by the check that noted it: what it is stands with what was seen.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub there: BTreeMap<CheckId, Vec<Fingerprint>>,
    /// Whether what was noted before could be asked for.
    pub history: History,
}

impl Facts {
    /// In the form that is kept. What is long is turned into it one by one, each given back as it goes.
    pub(super) fn into_value(mut self) -> Result<Value, serde_json::Error> {
        let long = |list: Vec<_>| list.into_iter().map(serde_json::to_value).collect::<Result<Value, _>>();
        let earlier = std::mem::take(&mut self.earlier).into_iter().map(serde_json::to_value);
        let earlier: Value = earlier.collect::<Result<_, _>>()?;
        let vulnerabilities = self.targets.iter_mut().map(|target| long(std::mem::take(&mut target.vulnerabilities)));
        let vulnerabilities = vulnerabilities.collect::<Result<Vec<_>, _>>()?;
        let mut value = serde_json::to_value(self)?;
        for (at, list) in vulnerabilities.into_iter().enumerate() {
            value["targets"][at]["vulnerabilities"] = list;
        }
        if earlier.as_array().is_some_and(|all| !all.is_empty()) {
            value["earlier"] = earlier;
        }
        Ok(value)
    }
}

/// Whether it is known since when something has been open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub(super) enum History {
    /// The ledger was asked.
    Known,
    /// Nobody supplied it: everything counts as seen for the first time.
    NotSupplied,
    /// It could not be read.
    Unknown {
        /// Why.
        why: String,
    },
}

/// A list of vulnerabilities that are known to be exploited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KnownExploited {
    /// Its file's digest.
    pub digest: Digest,
    /// How many it lists.
    pub entries: u64,
    /// Its version, as it writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// When it was released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released: Option<Timestamp>,
}

/// One target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TargetFacts<V = Several> {
    /// The subject.
    pub subject: Subject,
    /// The commit that its lockfiles are from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Which image it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    /// Which registry it was pulled of, and by which reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pulled: Option<PulledFacts>,
    /// What of the image was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<HeldFacts>,
    /// How its bill of materials agrees with what was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bill: Option<BillFacts>,
    /// The lockfiles, by path; of an image its package databases too.
    pub lockfiles: Vec<LockfileFacts>,
    /// What examined it.
    pub scans: Vec<ScanFacts>,
    /// How several scanners agree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement: Option<Agreement>,
    /// The vulnerabilities, each once for a package in a lockfile.
    pub vulnerabilities: V,
    /// Whether something was told beyond what is kept: then this is not all.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub dropped: u64,
}

/// The files of one place that refer to images.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ManifestsFacts {
    /// The subject.
    pub subject: Subject,
    /// The commit that they are from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Those that could be read, by path.
    pub files: Vec<ReferringFacts>,
}

/// A file that refers to images.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReferringFacts {
    /// Its path.
    pub path: String,
    /// What kind it is.
    pub form: Form,
    /// Its digest.
    pub digest: Digest,
    /// What it refers to, by line.
    pub references: Vec<Reference>,
}

/// What was read in an image's layers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeldFacts {
    /// Which distribution it is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Distribution>,
    /// How many packages the tools of languages installed without a lockfile: they are not counted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub installed: BTreeMap<String, u64>,
}

/// A bill of materials against what was counted in the image itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BillFacts {
    /// Its file's name.
    pub path: String,
    /// Its digest.
    pub digest: Digest,
    /// How many packages it lists.
    pub listed: u64,
    /// What was counted and it does not list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Package>,
    /// How many it lists that were not counted in the image itself.
    pub beyond: u64,
    /// Whether it says that it is of this image.
    pub identity: Identity,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// One lockfile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LockfileFacts {
    /// Its path below the target.
    pub path: String,
    /// What kind it is.
    pub format: Format,
    /// Its digest.
    pub digest: Digest,
    /// What was counted of it, where that is not all that it lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<String>,
    /// The packages that it pins: the population.
    pub packages: Vec<Package>,
    /// How many come from no registry, by code.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub apart: BTreeMap<String, u64>,
    /// What these are, by name: the policy may deny them, wherever they come from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aside: Vec<Apart>,
    /// What it asks for without a version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unpinned: Vec<Unpinned>,
    /// How many are pinned without a hash.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unhashed: u64,
    /// Positions in `packages` of those that no scanner examined.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unexamined: Vec<u32>,
}

impl LockfileFacts {
    /// The positions of all versions of a package, which is given without one: packages lie in their order.
    pub(super) fn versions_of<'p>(&'p self, unversioned: &'p Package) -> impl Iterator<Item = usize> + 'p {
        let named = |package: &'p Package| (package.kind(), package.namespace(), package.name());
        let from = self.packages.partition_point(|package| package < unversioned);
        let same = self.packages[from..].iter().take_while(move |package| named(package) == named(unversioned));
        let counted = same.enumerate().filter(|(_, package)| package.unversioned() == *unversioned);
        counted.map(move |(at, _)| from + at)
    }
}

/// What examined a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScanFacts {
    /// How it is named here: the adapter's name, or the tool's.
    pub name: String,
    /// The lockfile that it was given, where it was given one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lockfile: Option<String>,
    /// The run; none where a result that was written elsewhere was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<ScannerFacts>,
    /// The form of its result.
    pub format: String,
    /// What the result says that wrote it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<Tool>,
    /// When it was written.
    pub written_at: Timestamp,
    /// Its database.
    pub database: Database,
    /// What the result itself says of databases.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub databases: Vec<Told>,
    /// The result's digest, before masking.
    pub digest: Digest,
    /// The result's size, in bytes.
    pub size: u64,
    /// How many packages it says it examined; none where it does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub examined: Option<u64>,
    /// What it says it passed over, by reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub skipped: BTreeMap<String, u64>,
}

impl ScanFacts {
    /// What it is called, with its version where that is known.
    pub(super) fn called(&self) -> String {
        let run = self.run.as_ref().and_then(|run| run.version.as_deref());
        match run.or_else(|| self.tools.first()?.version.as_deref()) {
            Some(version) => format!("{} {version}", self.name),
            None => self.name.clone(),
        }
    }

    /// What the database is known by: a later run with another one may report something else.
    pub(super) fn database_name(&self) -> String {
        let at = match &self.database {
            Database::Updated { at } => format!(", database of {at}"),
            Database::Service => ", a service".to_owned(),
            Database::None | Database::Unknown { .. } => String::new(),
        };
        format!("{}{at}", self.called())
    }
}

/// A vulnerability of one package in one lockfile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Seen {
    /// The name that stands for all, and stays: the one that it was first noted under.
    pub advisory: String,
    /// All its names.
    pub ids: Ids,
    /// The package; its version where the scanner tells it.
    pub package: Package,
    /// The lockfile; for what is in none, the place that the scanner tells, or nothing.
    pub lockfile: String,
    /// Whether a lockfile of the target pins the package.
    pub in_population: bool,
    /// The layer of the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
    /// How bad it is, by its vectors or by the scanner's word; none where neither tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// The vector that counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scored: Option<Scored>,
    /// The versions that have the fix.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixed: Vec<String>,
    /// Whether there is a fix.
    pub fix: Fix,
    /// What it is about, in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Which scans saw it.
    pub seen_by: Vec<String>,
    /// Which others of several scans did not, by name, and whether they looked.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub missed_by: BTreeMap<String, Missed>,
    /// Whether it is known to be exploited, by the list or by a scanner.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exploited: bool,
    /// What is said of whether the target is affected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vex: Option<Vex>,
    /// How near the code comes to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reach: Option<Reach>,
    /// That the scanner was told to leave it out, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppressed: Option<String>,
    /// What else than a vulnerability it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
    /// When it was seen for the first time, by the ledger; none where it was not seen before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<Timestamp>,
    /// When it was last seen before it was gone, where it was and came back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone_after: Option<Timestamp>,
}

/// Whether a scanner that does not report something looked at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Missed {
    /// It examined the package.
    Examined,
    /// It passed over the package, or was not given it.
    NotExamined,
    /// It does not say what it examined.
    NotTold,
}

/// Something that was noted before and is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Earlier {
    /// Its identity.
    pub fingerprint: Fingerprint,
    /// The check that noted it.
    pub check: CheckId,
    /// Its kind; none in evidence that does not tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<ConditionId>,
    /// The subject.
    pub subject: Subject,
    /// When it was first observed.
    pub first_observed: Timestamp,
    /// The advisory; empty for what is not about one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub advisory: String,
    /// The package, without a version; none for what is not about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<Package>,
    /// The version that it was noted at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The lockfile.
    pub lockfile: String,
    /// Where it was noted; none in evidence that does not tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// What else was told of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// How bad it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// What became of it.
    pub became: Became,
}

/// What became of something that was noted before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Became {
    /// It is there as it was. Where it is not noted any more, that is because of what it is judged by. Older evidence alone tells of
    /// this here.
    Present,
    /// The package is not there any more.
    Removed,
    /// The package is there at another version, was examined, and is not reported.
    Fixed,
    /// Package and version are the same and were examined; the scanner or its database is another than when it was reported.
    DatabaseChanged,
    /// The job's settings leave out what it was in.
    LeftOut,
    /// Package, version and database are the same, it was examined, and it is not reported.
    NoLongerReported,
    /// It was not examined this time, so nothing is known: it stays open.
    NotExamined,
}
