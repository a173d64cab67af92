//! Bills of materials in CycloneDX JSON, for what has no lockfile of its own.

use serde::Deserialize;

use super::text::{self, Text};
use super::{Gather, LockError, Why};
use crate::packages::Package;

#[derive(Deserialize)]
struct Bill {
    #[serde(rename = "bomFormat")]
    format: String,
    #[serde(rename = "specVersion")]
    version: String,
    #[serde(default)]
    components: Option<Vec<Component>>,
}

#[derive(Deserialize)]
struct Component {
    #[serde(rename = "type", default)]
    kind: Text,
    #[serde(default)]
    name: Text,
    #[serde(default)]
    version: Text,
    #[serde(default)]
    purl: Text,
    #[serde(default)]
    components: Vec<Component>,
}

pub(super) fn read(gather: &mut Gather<'_>, text: &str) -> Result<(), LockError> {
    let bill: Bill = text::json(gather, text)?;
    if bill.format != "CycloneDX" {
        return Err(gather.wrong(None, "bomFormat", "CycloneDX"));
    }
    if !bill.version.starts_with("1.") {
        return Err(gather.wrong(None, "specVersion", "1.x"));
    }
    gather.locked.counted = Some("the components of the bill of materials that have a package URL");
    // A bill without the list is none: it may be statements alone.
    let list = bill.components.ok_or_else(|| gather.wrong(None, "components", "the list of them"))?;
    components(gather, &list)
}

fn components(gather: &mut Gather<'_>, list: &[Component]) -> Result<(), LockError> {
    for one in list {
        let name = one.name.get().unwrap_or_default();
        match (one.purl.get(), one.kind.get()) {
            (Some(purl), _) => {
                let package = Package::parse(purl)
                    .map_err(|error| gather.wrong(None, name, format!("a package URL: {error}")))?;
                // Some write the version beside the package URL; one without any names no release.
                let package = package.at_least(one.version.get().filter(|version| !version.is_empty()));
                match package.version() {
                    Some(_) => gather.add(package, None)?,
                    None => gather.apart(name, Why::Unversioned)?,
                }
            }
            (None, Some("library" | "framework")) => gather.apart(name, Why::Unnamed)?,
            // Files, operating systems, and the lockfiles that a tool found its components in.
            (None, _) => {}
        }
        components(gather, &one.components)?;
    }
    Ok(())
}
