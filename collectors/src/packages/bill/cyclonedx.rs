//! CycloneDX 1.x as JSON.

use std::collections::HashSet;

use serde::Deserialize;

use super::{Bill, BillError, Component, Described, at, parsed, said};
use crate::packages::Package;
use crate::packages::lockfile::{Text, shown};

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    metadata: Metadata,
    components: Option<Vec<Listed>>,
    #[serde(default)]
    dependencies: Vec<Dependency>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    timestamp: Text,
    authors: Vec<Named>,
    manufacture: Option<Named>,
    manufacturer: Option<Named>,
    supplier: Option<Named>,
    tools: Option<Tools>,
    component: Option<Listed>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Named {
    name: Text,
    version: Text,
}

/// An array of them up to version 1.4, an object since.
#[derive(Deserialize)]
#[serde(untagged)]
enum Tools {
    List(Vec<Named>),
    Apart {
        #[serde(default)]
        components: Vec<Named>,
        #[serde(default)]
        services: Vec<Named>,
    },
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Listed {
    #[serde(rename = "type")]
    kind: Text,
    #[serde(rename = "bom-ref")]
    reference: Text,
    name: Text,
    group: Text,
    version: Text,
    purl: Text,
    cpe: Text,
    swid: Option<serde::de::IgnoredAny>,
    supplier: Option<Named>,
    manufacturer: Option<Named>,
    publisher: Text,
    author: Text,
    authors: Vec<Named>,
    hashes: Vec<Hash>,
    properties: Vec<Property>,
    components: Vec<Listed>,
}

#[derive(Deserialize)]
struct Hash {
    #[serde(default)]
    alg: Text,
    #[serde(default)]
    content: Text,
}

#[derive(Deserialize)]
struct Property {
    #[serde(default)]
    name: Text,
    #[serde(default)]
    value: Text,
}

#[derive(Deserialize)]
struct Dependency {
    #[serde(rename = "ref", default)]
    of: Text,
    #[serde(rename = "dependsOn", default)]
    on: Vec<String>,
}

pub(super) fn read(bytes: &[u8]) -> Result<Bill, BillError> {
    let document: Document = parsed(bytes)?;
    let metadata = document.metadata;
    let listed = document.components.ok_or_else(|| BillError::Form("it has no `components`".to_owned()))?;
    let mut bill = Bill { timestamp: at(metadata.timestamp.get()), ..Bill::default() };
    let people = metadata.authors.iter().chain(&metadata.manufacture).chain(&metadata.manufacturer);
    bill.authors = people.chain(&metadata.supplier).filter_map(|one| said(one.name.get()).map(shown)).collect();
    let tools = match metadata.tools {
        Some(Tools::List(list)) => list,
        Some(Tools::Apart { components, services }) => components.into_iter().chain(services).collect(),
        None => Vec::new(),
    };
    bill.tools = tools.iter().filter_map(tool).collect();
    if let Some(described) = &metadata.component {
        bill.described = described_by(described);
    }
    let mut related: HashSet<&str> = HashSet::new();
    for one in &document.dependencies {
        // A component that is said to need nothing is said of, too.
        related.extend(one.of.get());
        related.extend(one.on.iter().map(String::as_str));
    }
    // What is listed in a bill that names what it describes is included in that.
    let included = bill.described.name.is_some();
    for one in &listed {
        take(&mut bill, one, &related, included)?;
    }
    Ok(bill)
}

fn tool(tool: &Named) -> Option<String> {
    let name = shown(said(tool.name.get())?);
    Some(tool.version.get().map_or(name.clone(), |version| format!("{name} {}", shown(version))))
}

fn described_by(component: &Listed) -> Described {
    let mut described = Described { name: said(component.name.get()).map(shown), ..Described::default() };
    for text in [&component.version, &component.purl, &component.reference] {
        described.take(text.get().unwrap_or_default());
    }
    for hash in &component.hashes {
        let content = hash.content.get().unwrap_or_default();
        match hash.alg.get() {
            Some("SHA-256") => described.take(&format!("sha256:{content}")),
            Some("SHA-1") => described.take(content),
            _ => {}
        }
    }
    for property in &component.properties {
        let value = property.value.get().unwrap_or_default();
        // Trivy names layers here, which several images may have in common.
        if property.name.get().is_some_and(|name| name.ends_with("DiffID")) {
            described.layer(value);
        } else {
            described.take(value);
        }
    }
    described
}

fn take(bill: &mut Bill, one: &Listed, related: &HashSet<&str>, included: bool) -> Result<(), BillError> {
    let name = one.name.get().unwrap_or_default();
    for property in &one.properties {
        let is_layer =
            property.name.get().is_some_and(|name| name.ends_with("layerID") || name.ends_with("LayerDiffID"));
        if let (true, Some(value)) = (is_layer, property.value.get()) {
            bill.described.layer(value);
        }
    }
    let kind = one.kind.get().unwrap_or("library");
    let purl = said(one.purl.get());
    // Files, operating systems, and the lockfiles that a tool found its components in are no packages.
    if purl.is_some() || matches!(kind, "library" | "framework") {
        let package = purl.map(Package::parse).transpose();
        let package = package.map_err(|error| BillError::Form(format!("`{}`: {error}", shown(name))))?;
        let version = said(one.version.get()).map(shown);
        let package = package.map(|package| package.at_least(version.as_deref()));
        let named = |one: &Option<Named>| one.as_ref().is_some_and(|one| said(one.name.get()).is_some());
        bill.components.push(Component {
            name: match said(one.group.get()) {
                Some(group) => shown(&format!("{group}/{name}")),
                None => shown(name),
            },
            version: version.or_else(|| package.as_ref()?.version().map(str::to_owned)),
            identified: said(one.cpe.get()).is_some() || one.swid.is_some(),
            supplied: named(&one.supplier)
                || named(&one.manufacturer)
                || said(one.publisher.get()).is_some()
                || said(one.author.get()).is_some()
                || one.authors.iter().any(|author| said(author.name.get()).is_some()),
            related: included || one.reference.get().is_some_and(|reference| related.contains(reference)),
            package,
        });
    }
    one.components.iter().try_for_each(|inner| take(bill, inner, related, true))
}
