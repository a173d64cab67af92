//! CycloneDX 1.4 to 1.7 as JSON: components, and vulnerabilities with their analysis. A vulnerability names components by
//! reference; where it does so before they are listed, the file is read once more.

use super::MANY;
use crate::results::{
    Examined, Ids, Package, Rated, Target, Told, Tool, Vex, VexStatus, Vulnerability, Why,
    json::{Json, Kind},
    package,
    teller::{Component, Teller},
};

/// The versions that were looked at.
const KNOWN: &[&str] = &["1.4", "1.5", "1.6", "1.7"];

pub(super) fn read(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    let (mut version, mut components, mut looked) = (false, false, false);
    json.object(|json, key| match key {
        "specVersion" => {
            version = true;
            let found = json.text()?.unwrap_or_default();
            if KNOWN.contains(&found.as_str()) {
                return Ok(());
            }
            Err(Why::Schema { format: json.format(), key: "specVersion", found, known: "versions 1.4 to 1.7" })
        }
        "metadata" => json.object(|json, key| match key {
            "tools" => tools(json, teller),
            "component" => {
                let one = component(json, teller, None)?;
                teller.tell(json, Told::Target(Target { name: one.name, class: one.sort, identity: one.hash }))
            }
            _ => json.skip(),
        }),
        "components" => {
            components = true;
            json.array(|json| listed(json, teller))
        }
        "vulnerabilities" => {
            looked = json.kind()? == Kind::Array;
            if !components && !teller.knows() && !teller.learns() {
                return Err(Why::Again);
            }
            if teller.learns() { json.skip() } else { json.array(|json| vulnerability(json, teller)) }
        }
        _ => json.skip(),
    })?;
    if !version {
        return Err(json.missing("specVersion"));
    }
    if !looked {
        teller.tell(json, Told::ListsOnly)?;
    }
    json.end()
}

/// Tools: an array of them up to version 1.4, an object with `components` since.
fn tools(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    match json.kind()? {
        Kind::Array => json.array(|json| tool(json, teller)),
        _ => json.object(|json, key| match key {
            "components" | "services" => json.array(|json| tool(json, teller)),
            _ => json.skip(),
        }),
    }
}

fn tool(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    let (mut name, mut version) = (None, None);
    json.object(|json, key| {
        match key {
            "name" => name = json.text()?,
            "version" => version = json.text()?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    match name {
        Some(name) => teller.tell(json, Told::Tool(Tool { name, version })),
        None => Ok(()),
    }
}

#[derive(Default)]
struct Read {
    name: String,
    sort: Option<String>,
    hash: Option<String>,
}

fn listed(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    let mut inner =
        |json: &mut Json<'_>, teller: &mut Teller<'_>, told: Examined| teller.tell(json, Told::Examined(told));
    component(json, teller, Some(&mut inner)).map(drop)
}

type Tell<'t> = &'t mut dyn FnMut(&mut Json<'_>, &mut Teller<'_>, Examined) -> Result<(), Why>;

/// Reads a component and those within it, remembers them by reference, and tells those that are packages, where `tell` is given.
fn component(json: &mut Json<'_>, teller: &mut Teller<'_>, mut tell: Option<Tell<'_>>) -> Result<Read, Why> {
    let mut read = Read::default();
    let (mut reference, mut group, mut version, mut purl, mut place) = (None, None, None, None, None);
    json.object(|json, key| {
        match key {
            "bom-ref" => reference = json.text()?,
            "type" => read.sort = json.text()?,
            "group" => group = json.text()?,
            "name" => read.name = json.text()?.unwrap_or_default(),
            "version" => version = json.text()?,
            "purl" => purl = json.text()?.and_then(|purl| Package::parse(&purl).ok()),
            "properties" => json.array(|json| {
                let (mut name, mut value) = (None, None);
                json.object(|json, key| {
                    match key {
                        "name" => name = json.text()?,
                        "value" => value = json.text()?,
                        _ => json.skip()?,
                    }
                    Ok(())
                })?;
                match name.as_deref() {
                    Some("aquasecurity:trivy:FilePath" | "syft:location:0:path") => place = value,
                    Some("aquasecurity:trivy:ImageID" | "syft:image:id") => read.hash = value,
                    _ => {}
                }
                Ok(())
            })?,
            "components" => json.array(|json| listed(json, teller))?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    let library = matches!(read.sort.as_deref(), Some("library" | "framework"));
    let full = group.map_or_else(|| read.name.clone(), |group| format!("{group}/{}", read.name));
    let found = purl.or_else(|| library.then(|| package("generic", &full, version.as_deref())).flatten());
    if let (Some(package), Some(tell)) = (&found, &mut tell) {
        tell(json, teller, Examined { package: package.clone(), place: place.clone() })?;
    }
    if let Some(reference) = reference {
        teller.component(json, reference, Component { package: found, place })?;
    }
    Ok(read)
}

fn vulnerability(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    let mut ids = Ids::default();
    let (mut rated, mut title, mut vex) = (Rated::default(), None, None);
    let mut affects: Vec<String> = Vec::new();
    json.object(|json, key| {
        match key {
            "id" => json.text()?.iter().for_each(|id| ids.add(id)),
            "references" => json.array(|json| {
                json.object(|json, key| {
                    match key {
                        "id" => json.text()?.iter().for_each(|id| ids.add(id)),
                        _ => json.skip()?,
                    }
                    Ok(())
                })
            })?,
            "ratings" => json.array(|json| {
                json.object(|json, key| {
                    match key {
                        "severity" => rated.said = rated.said.take().or(json.text()?),
                        "vector" => json.text()?.iter().for_each(|vector| rated.add(vector)),
                        _ => json.skip()?,
                    }
                    Ok(())
                })
            })?,
            "description" => title = json.message()?,
            "affects" => json.array(|json| {
                json.object(|json, key| {
                    match key {
                        "ref" => affects.extend(json.text()?),
                        _ => json.skip()?,
                    }
                    if affects.len() > 10_000 {
                        Err(json.limit("components that a vulnerability affects", 10_000))
                    } else {
                        Ok(())
                    }
                })
            })?,
            "analysis" => vex = analysis(json)?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    if ids.is_empty() {
        return Err(json.missing("id"));
    }
    if affects.is_empty() {
        return Err(json.missing("affects"));
    }
    for reference in affects.iter().take(10_000) {
        let (package, place) = referred(teller, reference);
        let package = package.ok_or_else(|| json.shape("expected a reference to a component of this file"))?;
        let mut one = Vulnerability::new(ids.clone(), package);
        (one.rated, one.title, one.vex, one.place) = (rated.clone(), title.clone(), vex.clone(), place);
        teller.tell(json, Told::Vulnerability(Box::new(one)))?;
    }
    Ok(())
}

/// What a reference means: a component, also of another file (`urn:cdx:SERIAL/VERSION#REF`), or a purl.
fn referred(teller: &Teller<'_>, reference: &str) -> (Option<Package>, Option<String>) {
    let local = reference.strip_prefix("urn:cdx:").and_then(|rest| rest.split_once('#')).map(|(_, local)| local);
    for name in [Some(reference), local].into_iter().flatten() {
        if let Some(component) = teller.memory.components.get(name) {
            let package = component.package.clone().or_else(|| package("generic", name, None));
            return (package, component.place.clone());
        }
        if let Ok(package) = Package::parse(name) {
            return (Some(package), None);
        }
    }
    // A reference into another file, which a VEX document consists of.
    (local.and_then(|local| package("generic", local, None)), None)
}

fn analysis(json: &mut Json<'_>) -> Result<Option<Vex>, Why> {
    let (mut state, mut justification, mut detail, mut response) = (None, None, None, Vec::new());
    json.object(|json, key| {
        match key {
            "state" => state = json.text()?,
            "justification" => justification = json.text()?,
            "detail" => detail = json.message()?,
            "response" => response = json.texts(MANY)?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    let Some(state) = state else { return Ok(None) };
    let status = match state.as_str() {
        "not_affected" | "false_positive" => VexStatus::NotAffected,
        "resolved" | "resolved_with_pedigree" => VexStatus::Fixed,
        "exploitable" => VexStatus::Affected,
        "in_triage" => VexStatus::UnderInvestigation,
        _ => return Err(json.shape("expected one of CycloneDX's states of analysis")),
    };
    let justification = justification.or_else(|| (state == "false_positive").then_some(state));
    let statement = detail.or_else(|| (!response.is_empty()).then(|| response.join(", ")));
    Ok(Some(Vex { status, justification, statement }))
}
