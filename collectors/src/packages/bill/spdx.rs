//! SPDX 2.2 and 2.3 as JSON.

use std::collections::HashSet;

use serde::Deserialize;

use super::{Bill, BillError, Component, at, parsed, said};
use crate::packages::Package;
use crate::packages::lockfile::{Text, shown};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(default)]
    name: Text,
    #[serde(default)]
    creation_info: Creation,
    packages: Option<Vec<Listed>>,
    #[serde(default)]
    document_describes: Vec<String>,
    #[serde(default)]
    relationships: Vec<Relationship>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Creation {
    created: Text,
    creators: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    #[serde(rename = "SPDXID", default)]
    id: Text,
    #[serde(default)]
    name: Text,
    #[serde(default)]
    version_info: Text,
    #[serde(default)]
    supplier: Text,
    #[serde(default)]
    originator: Text,
    #[serde(default)]
    download_location: Text,
    #[serde(default)]
    primary_package_purpose: Text,
    #[serde(default)]
    external_refs: Vec<Reference>,
    #[serde(default)]
    checksums: Vec<Checksum>,
    #[serde(default)]
    attribution_texts: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    #[serde(default)]
    reference_type: Text,
    #[serde(default)]
    reference_locator: Text,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Checksum {
    #[serde(default)]
    algorithm: Text,
    #[serde(default)]
    checksum_value: Text,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Relationship {
    #[serde(default)]
    spdx_element_id: Text,
    #[serde(default)]
    related_spdx_element: Text,
    #[serde(default)]
    relationship_type: Text,
}

pub(super) fn read(bytes: &[u8]) -> Result<Bill, BillError> {
    let document: Document = parsed(bytes)?;
    let listed = document.packages.ok_or_else(|| BillError::Form("it has no `packages`".to_owned()))?;
    let mut bill = Bill { timestamp: at(document.creation_info.created.get()), ..Bill::default() };
    for creator in &document.creation_info.creators {
        let (kind, name) = creator.split_once(':').unwrap_or(("", creator));
        let Some(name) = said(Some(name)) else { continue };
        if kind == "Tool" { bill.tools.push(shown(name)) } else { bill.authors.push(shown(name)) }
    }
    let mut roots: HashSet<&str> = document.document_describes.iter().map(String::as_str).collect();
    let mut related: HashSet<&str> = HashSet::new();
    for one in &document.relationships {
        let (Some(from), Some(to)) = (one.spdx_element_id.get(), one.related_spdx_element.get()) else { continue };
        if from == "SPDXRef-DOCUMENT" && one.relationship_type.get() == Some("DESCRIBES") {
            roots.insert(to);
        } else {
            related.extend([from, to]);
        }
    }
    bill.described.name = said(document.name.get()).map(shown);
    for one in &listed {
        let id = one.id.get().unwrap_or_default();
        let mut identified = false;
        let mut purl = None;
        for reference in &one.external_refs {
            let locator = said(reference.reference_locator.get());
            match reference.reference_type.get() {
                Some("purl") => purl = purl.or(locator),
                Some("cpe22Type" | "cpe23Type" | "swid") => identified |= locator.is_some(),
                _ => {}
            }
        }
        // Trivy tells layers so.
        for text in &one.attribution_texts {
            if let Some(layer) = text.strip_prefix("LayerDiffID: ").or_else(|| text.strip_prefix("DiffID: ")) {
                bill.described.layer(layer.trim());
            }
        }
        if roots.contains(id) {
            let texts = [one.version_info.get(), one.download_location.get(), purl];
            texts.into_iter().flatten().for_each(|text| bill.described.take(text));
            one.attribution_texts
                .iter()
                .filter_map(|text| text.strip_prefix("ImageID: "))
                .for_each(|text| bill.described.take(text.trim()));
            for checksum in &one.checksums {
                if checksum.algorithm.get() == Some("SHA256") {
                    bill.described.take(&format!("sha256:{}", checksum.checksum_value.get().unwrap_or_default()));
                }
            }
        }
        let purpose = one.primary_package_purpose.get();
        let is_package = match purpose {
            Some("LIBRARY" | "FRAMEWORK") => true,
            None => !roots.contains(id),
            Some(_) => false,
        };
        // What the bill describes is none of what that holds.
        let whole = |purl: &str| purl.starts_with("pkg:oci/") || purl.starts_with("pkg:github/");
        let is_whole = purl.is_some_and(whole) && roots.contains(id);
        if is_whole || (purl.is_none() && !is_package) {
            continue;
        }
        let name = one.name.get().unwrap_or_default();
        let package = purl.map(Package::parse).transpose();
        let package = package.map_err(|error| BillError::Form(format!("`{}`: {error}", shown(name))))?;
        let version = said(one.version_info.get()).map(shown);
        let package = package.map(|package| package.at_least(version.as_deref()));
        bill.components.push(Component {
            name: shown(name),
            version: version.or_else(|| package.as_ref()?.version().map(str::to_owned)),
            identified,
            supplied: said(one.supplier.get()).or_else(|| said(one.originator.get())).is_some(),
            related: related.contains(id),
            package,
        });
    }
    Ok(bill)
}
