//! `trivy --format json`, of `fs`, `image`, `rootfs`, `sbom`, `repository` and `config`: schema version 2. Packages are listed
//! where it was told to (`--list-all-pkgs`, which recent versions do by themselves); of its database it says nothing.

use super::MANY;
use crate::results::{
    Count, Examined, Finding, Fix, Ids, Package, Rated, Target, Told, Tool, Vex, VexStatus, Vulnerability, Why,
    json::Json, package, teller::Teller,
};

pub(super) fn read(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    let (mut schema, mut target) = (false, Target::default());
    let mut version = None;
    json.object(|json, key| {
        match key {
            "SchemaVersion" => {
                schema = true;
                let found = json.text()?.unwrap_or_default();
                if found != "2" {
                    return Err(Why::Schema { format: json.format(), key: "SchemaVersion", found, known: "version 2" });
                }
            }
            "Trivy" => json.object(|json, key| {
                match key {
                    "Version" => version = json.text()?,
                    _ => json.skip()?,
                }
                Ok(())
            })?,
            "ArtifactName" => target.name = json.text()?.unwrap_or_default(),
            "ArtifactType" => target.class = json.text()?,
            "Metadata" => json.object(|json, key| {
                match key {
                    "Commit" | "ImageID" => target.identity = json.text()?.or(target.identity.take()),
                    // What a registry knows it by, which says more than the image's own configuration.
                    "RepoDigests" => target.identity = json.texts(MANY)?.into_iter().next().or(target.identity.take()),
                    _ => json.skip()?,
                }
                Ok(())
            })?,
            "Results" => json.array(|json| result(json, teller))?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    if !schema {
        return Err(json.missing("SchemaVersion"));
    }
    teller.tell(json, Told::Tool(Tool { name: "trivy".to_owned(), version }))?;
    teller.tell(json, Told::Target(target))?;
    json.end()
}

/// One lockfile, distribution or configuration file. `Target`, `Class` and `Type` come first: Go writes fields in the order in
/// which they are declared.
fn result(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    let mut target = Target::default();
    let mut kind = String::new();
    let mut counted = None;
    json.object(|json, key| match key {
        "Target" => {
            target.name = json.text()?.unwrap_or_default();
            Ok(())
        }
        "Class" => {
            target.class = json.text()?;
            Ok(())
        }
        "Type" => {
            kind = json.text()?.unwrap_or_default();
            Ok(())
        }
        "Packages" => json.array(|json| {
            let one = packaged(json, &kind)?;
            let place = one.path.or_else(|| Some(target.name.clone()));
            match one.package {
                Some(package) => teller.tell(json, Told::Examined(Examined { package, place })),
                None => Ok(()),
            }
        }),
        "Vulnerabilities" => json.array(|json| vulnerability(json, teller, &target.name, &kind)),
        "MisconfSummary" => json.only("Successes", |json| {
            counted = json.whole()?;
            Ok(())
        }),
        "Misconfigurations" => json.array(|json| misconfiguration(json, teller, &target.name)),
        "Secrets" => json.array(|json| secret(json, teller, &target.name)),
        "ExperimentalModifiedFindings" => json.array(|json| modified(json, teller, &target.name, &kind)),
        _ => json.skip(),
    })?;
    if let Some(count) = counted {
        let place = Some(target.name.clone());
        teller.tell(json, Told::Count(Count { of: "checks passed".to_owned(), count, place }))?;
    }
    teller.tell(json, Told::Target(target))
}

#[derive(Default)]
struct Packaged {
    package: Option<Package>,
    path: Option<String>,
}

fn packaged(json: &mut Json<'_>, kind: &str) -> Result<Packaged, Why> {
    let (mut name, mut version, mut purl, mut path) = (None, None, None, None);
    json.object(|json, key| {
        match key {
            "Name" => name = json.text()?,
            "Version" => version = json.text()?,
            "Identifier" => purl = identifier(json)?,
            "FilePath" => path = json.text()?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    let by_name = || name.as_deref().and_then(|name| package(kind, name, version.as_deref()));
    Ok(Packaged { package: purl.or_else(by_name), path })
}

fn identifier(json: &mut Json<'_>) -> Result<Option<Package>, Why> {
    let mut purl = None;
    json.only("PURL", |json| {
        purl = json.text()?.and_then(|purl| Package::parse(&purl).ok());
        Ok(())
    })?;
    Ok(purl)
}

fn vulnerability(json: &mut Json<'_>, teller: &mut Teller<'_>, target: &str, kind: &str) -> Result<(), Why> {
    let one = entry(json, target, kind)?;
    teller.tell(json, Told::Vulnerability(Box::new(one)))
}

fn entry(json: &mut Json<'_>, target: &str, kind: &str) -> Result<Vulnerability, Why> {
    let mut ids = Ids::default();
    let (mut name, mut version, mut purl, mut path, mut layer) = (None, None, None, None, None);
    let (mut fixed, mut status, mut rated, mut title) = (Vec::new(), None, Rated::default(), None);
    json.object(|json, key| {
        match key {
            "VulnerabilityID" => json.text()?.iter().for_each(|id| ids.add(id)),
            "VendorIDs" => json.texts(MANY)?.iter().for_each(|id| ids.add(id)),
            "PkgName" => name = json.text()?,
            "PkgPath" => path = json.text()?,
            "PkgIdentifier" => purl = identifier(json)?,
            "InstalledVersion" => version = json.text()?,
            "FixedVersion" => fixed = json.text()?.map(|all| split(&all)).unwrap_or_default(),
            "Status" => status = json.text()?,
            "Severity" => rated.said = json.text()?,
            "Title" => title = json.message()?,
            "CVSS" => json.object(|json, _| {
                json.object(|json, key| {
                    match key {
                        "V2Vector" | "V3Vector" | "V40Vector" => {
                            json.text()?.iter().for_each(|vector| rated.add(vector))
                        }
                        _ => json.skip()?,
                    }
                    Ok(())
                })
            })?,
            "Layer" => json.object(|json, key| {
                match key {
                    "DiffID" => layer = json.text()?.or(layer.take()),
                    "Digest" => layer = layer.take().or(json.text()?),
                    _ => json.skip()?,
                }
                Ok(())
            })?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    if ids.is_empty() {
        return Err(json.missing("VulnerabilityID"));
    }
    let by_name = || name.as_deref().and_then(|name| package(kind, name, version.as_deref()));
    let package = purl.or_else(by_name).ok_or_else(|| json.missing("PkgName"))?;
    let mut one = Vulnerability::new(ids, package).fixed_by(fixed);
    match status.as_deref() {
        Some("will_not_fix" | "end_of_life") => one.fix = Fix::Refused,
        Some("affected" | "fix_deferred") if one.fixed.is_empty() => one.fix = Fix::None,
        Some("under_investigation") => {
            one.vex = Some(Vex { status: VexStatus::UnderInvestigation, justification: None, statement: None });
        }
        _ => {}
    }
    (one.rated, one.title, one.layer) = (rated, title, layer);
    one.place = path.or_else(|| Some(target.to_owned()));
    Ok(one)
}

/// Several versions stand in one text: `1.2.3, 2.0.1`.
fn split(all: &str) -> Vec<String> {
    all.split(',').map(str::trim).filter(|one| !one.is_empty()).take(MANY).map(str::to_owned).collect()
}

/// What a VEX file or an ignore file took out, when it was asked to show it.
fn modified(json: &mut Json<'_>, teller: &mut Teller<'_>, target: &str, kind: &str) -> Result<(), Why> {
    let (mut sort, mut status, mut statement, mut source) = (None, None, None, None);
    let mut found = None;
    json.object(|json, key| {
        match key {
            "Type" => sort = json.text()?,
            "Status" => status = json.text()?,
            "Statement" => statement = json.message()?,
            "Source" => source = json.text()?,
            "Finding" if sort.as_deref() == Some("vulnerability") => found = Some(entry(json, target, kind)?),
            _ => json.skip()?,
        }
        Ok(())
    })?;
    let Some(mut one) = found else { return Ok(()) };
    let vex = match status.as_deref() {
        Some("not_affected") => Some(VexStatus::NotAffected),
        Some("fixed") => Some(VexStatus::Fixed),
        Some("affected") => Some(VexStatus::Affected),
        Some("under_investigation") => Some(VexStatus::UnderInvestigation),
        _ => None,
    };
    match vex {
        Some(status) => one.vex = Some(Vex { status, justification: statement, statement: source.clone() }),
        None => one.suppressed = Some(statement.or(source).unwrap_or_else(|| "an ignore file".to_owned())),
    }
    teller.tell(json, Told::Vulnerability(Box::new(one)))
}

fn misconfiguration(json: &mut Json<'_>, teller: &mut Teller<'_>, target: &str) -> Result<(), Why> {
    let mut finding = Finding { file: Some(target.to_owned()), ..Finding::default() };
    let (mut status, mut long) = (None, None);
    json.object(|json, key| {
        match key {
            "ID" => finding.rule = json.text()?.unwrap_or_default(),
            "AVDID" => {
                let id = json.text()?;
                if finding.rule.is_empty() {
                    finding.rule = id.unwrap_or_default();
                }
            }
            "Title" => finding.message = json.message()?,
            "Message" => long = json.message()?,
            "Severity" => finding.level = json.text()?,
            "Status" => status = json.text()?,
            "CauseMetadata" => json.object(|json, key| {
                match key {
                    "StartLine" => finding.line = json.whole()?.filter(|line| *line > 0),
                    "Resource" => finding.about = json.text()?,
                    _ => json.skip()?,
                }
                Ok(())
            })?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    if finding.rule.is_empty() {
        return Err(json.missing("ID"));
    }
    finding.message = long.or(finding.message);
    match status.as_deref() {
        // With `--include-non-failures`.
        Some("PASS") => return Ok(()),
        Some("EXCEPTION") => finding.suppressed = Some("an exception of its own settings".to_owned()),
        _ => {}
    }
    teller.tell(json, Told::Finding(finding))
}

/// A secret. `Match` and `Code` show what surrounds it: neither is read.
fn secret(json: &mut Json<'_>, teller: &mut Teller<'_>, target: &str) -> Result<(), Why> {
    let mut finding = Finding { file: Some(target.to_owned()), ..Finding::default() };
    json.object(|json, key| {
        match key {
            "RuleID" => finding.rule = json.text()?.unwrap_or_default(),
            "Title" => finding.message = json.message()?,
            "Severity" => finding.level = json.text()?,
            "StartLine" => finding.line = json.whole()?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    if finding.rule.is_empty() {
        return Err(json.missing("RuleID"));
    }
    teller.tell(json, Told::Finding(finding))
}
