//! What scanners tell, whichever scanner: one model for all of them.

use exhibit_evidence::Severity;
use serde::{Deserialize, Serialize};

use super::{Ids, Package, Rated, severity::meaning};

/// A thing that a scanner's output tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Told {
    /// The tool that wrote it.
    Tool(Tool),
    /// The database of advisories that it looked into.
    Database(Database),
    /// What it looked at.
    Target(Target),
    /// A package that it says it examined.
    Examined(Examined),
    /// A file that it says it examined.
    File(FileSeen),
    /// A number of things that it says it examined, where it does not name them.
    Count(Count),
    /// What it says it passed over.
    Skipped(Skipped),
    /// A vulnerability in a package.
    Vulnerability(Box<Vulnerability>),
    /// A deviation in a file.
    Finding(Finding),
    /// What an advisory says, without a target: OSV.
    Advisory(Box<Advisory>),
    /// What a vendor says of a vulnerability in a product: OpenVEX.
    Statement(Statement),
    /// An error or a warning of the scanner's own.
    Notice(Notice),
    /// That it lists what there is, and nobody looked for vulnerabilities in it.
    ListsOnly,
}

/// A tool.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tool {
    /// Its name, as it writes it.
    pub name: String,
    /// Its version, if it tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// A database of advisories.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Database {
    /// Its name, address or schema, if told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its version or last commit, if told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// When it was built or changed last, as written; `None` where the output does not say so: then its age must come from elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated: Option<String>,
    /// How many advisories it has, if told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advisories: Option<u64>,
}

/// What was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Target {
    /// Its name: a folder, a lockfile, an image, as the scanner names it.
    pub name: String,
    /// What it is, in the scanner's word: `container_image`, `lang-pkgs`, `directory`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The digest or commit that identifies it, if told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
}

/// A package that was examined.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Examined {
    /// Which.
    pub package: Package,
    /// Where it was found: lockfile, layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

/// A file that was examined.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FileSeen {
    /// Its path, as the scanner writes it.
    pub path: String,
}

/// A number of things.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Count {
    /// Of what, in the plural: `packages`, `checks passed`, `blobs`.
    pub of: String,
    /// How many.
    pub count: u64,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

/// What was passed over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Skipped {
    /// Its name.
    pub name: String,
    /// The package, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<Package>,
    /// Why, in the scanner's words.
    pub reason: String,
}

/// A vulnerability in a package that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vulnerability {
    /// All its names.
    pub ids: Ids,
    /// The package; its version is the installed one, where the scanner tells it.
    pub package: Package,
    /// The versions that have the fix, as the scanner writes them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixed: Vec<String>,
    /// Whether there is a fix.
    #[serde(default)]
    pub fix: Fix,
    /// How bad it is.
    #[serde(default)]
    pub rated: Rated,
    /// What it is about, in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Where the package was found: a lockfile, a path in an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// The layer of an image that brought it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
    /// What its vendor or user says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vex: Option<Vex>,
    /// How near the code comes to it, where the scanner tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reach: Option<Reach>,
    /// Whether the scanner says that it is known to be exploited.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exploited: bool,
    /// That the scanner was told to leave it out, with the reason or rule: it is counted apart, never hidden.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppressed: Option<String>,
    /// What else than a vulnerability it is: `unmaintained`, `insecure-source`, `malware`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
}

impl Vulnerability {
    /// With what every one has.
    pub fn new(ids: Ids, package: Package) -> Self {
        Self {
            ids,
            package,
            fixed: Vec::new(),
            fix: Fix::Unknown,
            rated: Rated::default(),
            title: None,
            place: None,
            layer: None,
            vex: None,
            reach: None,
            exploited: false,
            suppressed: None,
            sort: None,
        }
    }

    /// With these versions that have the fix: none of them means only that none is told.
    #[must_use]
    pub fn fixed_by(mut self, fixed: Vec<String>) -> Self {
        if !fixed.is_empty() {
            self.fix = Fix::Available;
        }
        self.fixed = fixed;
        self
    }
}

/// Whether there is a fix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fix {
    /// A version that has it exists.
    Available,
    /// There is none (yet).
    None,
    /// There will be none: the maintainers or the distribution say so.
    Refused,
    /// The scanner does not tell.
    #[default]
    Unknown,
}

/// What OpenVEX and CycloneDX call the status of a vulnerability in a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VexStatus {
    /// The product is not affected; needs a justification to count.
    NotAffected,
    /// It is affected.
    Affected,
    /// It has the fix.
    Fixed,
    /// Nobody knows yet.
    UnderInvestigation,
}

/// What its vendor or user says of a vulnerability.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Vex {
    /// Whether the product is affected.
    pub status: VexStatus,
    /// Why not, by the format's word: `vulnerable_code_not_present`, `code_not_reachable`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub justification: Option<String>,
    /// Why not, or what is done about it, in their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
}

impl Vex {
    /// Whether it says with a reason that the product is not affected: without one it is an assertion that OpenVEX does not allow.
    pub fn excuses(&self) -> bool {
        self.status == VexStatus::NotAffected && (self.justification.is_some() || self.statement.is_some())
    }
}

/// How near the code comes to a vulnerability. The nearest last, so that the greatest counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// The module is required, none of its vulnerable packages is imported.
    Required,
    /// A vulnerable package is imported, nothing vulnerable in it is called.
    Imported,
    /// Vulnerable code is called.
    Called,
}

/// A deviation that a tool found in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule's id.
    pub rule: String,
    /// The tool's own word for how bad it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// A score from 0 to 10, times ten, that the rule was given (SARIF's `security-severity`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenths: Option<u8>,
    /// What it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The file, as the tool writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The resource, commit or other thing that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// That the tool was told to leave it out, with the reason: it is counted apart, never hidden.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppressed: Option<String>,
}

impl Finding {
    /// The severity: by the rule's score where it has one, else by the tool's word; `None` where neither tells.
    pub fn severity(&self) -> Option<Severity> {
        match self.tenths {
            Some(90..) => Some(Severity::Critical),
            Some(70..) => Some(Severity::High),
            Some(40..) => Some(Severity::Medium),
            Some(1..) => Some(Severity::Low),
            Some(0) => Some(Severity::Info),
            None => self.level.as_deref().and_then(meaning),
        }
    }
}

/// What an advisory says, wherever it applies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advisory {
    /// All its names.
    pub ids: Ids,
    /// How bad it is.
    pub rated: Rated,
    /// What it is about, in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// When it was changed last, as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<String>,
    /// When it was withdrawn, as written: then it counts no longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<String>,
    /// The packages that it names, without versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<Package>,
    /// The versions that have the fix.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixed: Vec<String>,
}

/// What a vendor says of a vulnerability in products.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// All its names.
    pub ids: Ids,
    /// The products, by purl or whatever the vendor names them by.
    pub products: Vec<String>,
    /// The parts of the products that it is about, where it is not about all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub within: Vec<String>,
    /// What is said.
    pub vex: Vex,
    /// When it was said, as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
}

/// An error or a warning of the scanner's own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Notice {
    /// How grave it is.
    pub grade: Grade,
    /// What it says.
    pub message: String,
    /// The file or part that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

/// How grave a scanner's own notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// Part of the run failed: what it says is not all that there is.
    Error,
    /// Something is odd.
    Warning,
    /// For people.
    Note,
}
