//! Bills of materials in CycloneDX and SPDX JSON: what they say they describe, who made them when, and what they list; with what
//! each component lacks of what a bill has to say at the least.

mod cyclonedx;
mod identity;
mod spdx;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use exhibit_evidence::Timestamp;
use serde::Deserialize;

use super::lockfile::{LARGEST, MOST, shown};
use super::{Package, instant};
pub use identity::Identity;
pub(crate) use identity::{differing, holds};

/// A bill of materials.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bill {
    /// Its form and version: `CycloneDX 1.6`, `SPDX-2.3`.
    pub form: String,
    /// When it was made.
    pub timestamp: Option<Timestamp>,
    /// Persons or organisations that it says made it.
    pub authors: Vec<String>,
    /// Tools that it says made it, each with its version.
    pub tools: Vec<String>,
    /// What it describes.
    pub described: Described,
    /// What it lists.
    pub components: Vec<Component>,
}

/// What a bill says it describes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Described {
    /// Its name.
    pub name: Option<String>,
    /// Digests that it is named by: `sha256:` and 64 digits.
    pub digests: BTreeSet<String>,
    /// Digests of layers that components are said to lie in.
    pub layers: BTreeSet<String>,
    /// Commits that it is named by: 40 digits.
    pub commits: BTreeSet<String>,
}

/// One thing that a bill lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Component {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// The package, by its package URL.
    pub package: Option<Package>,
    /// Whether anything else names it that is the same everywhere: a CPE, a SWID tag.
    pub identified: bool,
    /// Whether it says who supplies it.
    pub supplied: bool,
    /// Whether it says how it belongs to anything else: at the least that it is included in what the bill describes.
    pub related: bool,
}

/// Why a bill can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BillError {
    /// It is no JSON, or of another shape.
    #[error("expected a bill of materials in CycloneDX (1.x) or SPDX (2.2, 2.3) JSON: {0}")]
    Form(String),
    /// It is larger than any.
    #[error("it is larger than {0}")]
    Large(String),
}

/// What tells the forms apart.
#[derive(Deserialize)]
struct Head {
    #[serde(rename = "bomFormat")]
    cyclonedx: Option<String>,
    #[serde(rename = "specVersion")]
    version: Option<String>,
    #[serde(rename = "spdxVersion")]
    spdx: Option<String>,
}

impl Bill {
    /// Reads a bill.
    ///
    /// # Errors
    /// When it is of none of the forms, of a version that is not known, larger than 64 MiB, or lists more than 200,000 components.
    pub fn read(bytes: &[u8]) -> Result<Self, BillError> {
        if bytes.len() > LARGEST {
            return Err(BillError::Large(format!("{} MiB", LARGEST >> 20)));
        }
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let head: Head = parsed(bytes)?;
        let mut bill = match (head.cyclonedx.as_deref(), head.version, head.spdx) {
            (Some("CycloneDX"), Some(version), _) if version.starts_with("1.") => {
                Self { form: format!("CycloneDX {}", shown(&version)), ..cyclonedx::read(bytes)? }
            }
            (None, _, Some(version)) if matches!(version.as_str(), "SPDX-2.2" | "SPDX-2.3") => {
                Self { form: version, ..spdx::read(bytes)? }
            }
            (Some("CycloneDX"), version, _) => {
                let version = version.map_or_else(|| "none".to_owned(), |version| shown(&version));
                return Err(BillError::Form(format!("its `specVersion` is {version}")));
            }
            (_, _, Some(version)) => {
                return Err(BillError::Form(format!("its `spdxVersion` is {}", shown(&version))));
            }
            _ => return Err(BillError::Form("it says neither `bomFormat` nor `spdxVersion`".to_owned())),
        };
        if bill.components.len() > MOST {
            return Err(BillError::Large(format!("{MOST} components")));
        }
        bill.authors.truncate(10);
        bill.tools.truncate(10);
        Ok(bill)
    }

    /// Reads a bill that has to be in SPDX.
    ///
    /// # Errors
    /// Why it is none, in words.
    pub(super) fn in_spdx(bytes: &[u8]) -> Result<Self, String> {
        match Self::read(bytes) {
            Ok(bill) if bill.form.starts_with("SPDX-") => Ok(bill),
            Ok(bill) => Err(format!("it is {}", bill.form)),
            Err(BillError::Form(why)) => Err(why),
            Err(large) => Err(large.to_string()),
        }
    }

    /// Whether bytes say that they are a bill in SPDX, whatever else is wrong with them.
    pub(super) fn says_spdx(bytes: &[u8]) -> bool {
        let head: Result<Head, BillError> = parsed(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes));
        head.is_ok_and(|head| head.cyclonedx.is_none() && head.spdx.is_some())
    }

    /// The packages that it lists.
    pub fn packages(&self) -> BTreeSet<Package> {
        self.components.iter().filter_map(|component| component.package.clone()).collect()
    }
}

impl Described {
    /// Takes in a text that may be a digest or a commit, or name one behind an `@`.
    fn take(&mut self, text: &str) {
        for part in text.split(['@', '?', '&', '=', '#']) {
            let part = part.replace("%3A", ":").replace("%3a", ":").to_ascii_lowercase();
            let hex =
                |text: &str, length: usize| text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            if part.strip_prefix("sha256:").is_some_and(|rest| hex(rest, 64)) {
                self.digests.insert(part);
            } else if hex(&part, 40) {
                self.commits.insert(part);
            }
        }
    }

    fn layer(&mut self, digest: &str) {
        if digest.starts_with("sha256:") && digest.len() == 71 && self.layers.len() < 1000 {
            self.layers.insert(digest.to_owned());
        }
    }
}

fn parsed<'b, T: Deserialize<'b>>(bytes: &'b [u8]) -> Result<T, BillError> {
    serde_json::from_slice(bytes).map_err(|error| {
        BillError::Form(match error.classify() {
            serde_json::error::Category::Eof => "it ends in the middle".to_owned(),
            serde_json::error::Category::Data => format!("line {} is of another shape", error.line()),
            _ => format!("line {} is no JSON", error.line()),
        })
    })
}

/// A text that says something.
fn said(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty() && !matches!(*text, "NOASSERTION" | "NONE"))
}

fn at(text: Option<&str>) -> Option<Timestamp> {
    instant(text?)
}
