//! SPDX 2.2 and 2.3 as JSON: packages, and nothing of vulnerabilities.

use crate::results::{Examined, Package, Target, Told, Tool, Why, json::Json, package, teller::Teller};

pub(super) fn read(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    let (mut version, mut packages) = (false, false);
    json.object(|json, key| match key {
        "spdxVersion" => {
            version = true;
            let found = json.text()?.unwrap_or_default();
            if matches!(found.as_str(), "SPDX-2.2" | "SPDX-2.3") {
                return Ok(());
            }
            Err(Why::Schema { format: json.format(), key: "spdxVersion", found, known: "SPDX-2.2 and SPDX-2.3" })
        }
        "@context" => {
            let found = json.texts(1)?.into_iter().next().unwrap_or_default();
            Err(Why::Schema { format: json.format(), key: "@context", found, known: "SPDX-2.2 and SPDX-2.3" })
        }
        "name" => match json.text()? {
            Some(name) => teller.tell(json, Told::Target(Target { name, ..Target::default() })),
            None => Ok(()),
        },
        "creationInfo" => json.object(|json, key| match key {
            "creators" => json.array(|json| {
                // `Tool: syft-1.18.1`
                let creator = json.text()?.unwrap_or_default();
                let Some(tool) = creator.strip_prefix("Tool: ") else { return Ok(()) };
                let tool = match tool.rsplit_once('-') {
                    Some((name, version)) if version.starts_with(|c: char| c.is_ascii_digit()) => {
                        Tool { name: name.to_owned(), version: Some(version.to_owned()) }
                    }
                    _ => Tool { name: tool.to_owned(), version: None },
                };
                teller.tell(json, Told::Tool(tool))
            }),
            _ => json.skip(),
        }),
        "packages" => {
            packages = true;
            json.array(|json| packaged(json, teller))
        }
        _ => json.skip(),
    })?;
    if !version {
        return Err(json.missing("spdxVersion"));
    }
    if !packages {
        return Err(json.missing("packages"));
    }
    teller.tell(json, Told::ListsOnly)?;
    json.end()
}

fn packaged(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    let (mut name, mut version, mut purl, mut purpose) = (None, None, None, None);
    json.object(|json, key| {
        match key {
            "name" => name = json.text()?,
            "versionInfo" => version = json.text()?,
            "primaryPackagePurpose" => purpose = json.text()?,
            "externalRefs" => json.array(|json| {
                let (mut sort, mut locator) = (None, None);
                json.object(|json, key| {
                    match key {
                        "referenceType" => sort = json.text()?,
                        "referenceLocator" => locator = json.text()?,
                        _ => json.skip()?,
                    }
                    Ok(())
                })?;
                if sort.as_deref() == Some("purl") {
                    purl = purl.take().or(locator.and_then(|purl| Package::parse(&purl).ok()));
                }
                Ok(())
            })?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    // What a document describes is a package, too: the folder, the lockfile, the image. Only libraries count without a purl.
    let library = matches!(purpose.as_deref(), Some("LIBRARY" | "FRAMEWORK"));
    let by_name = || name.as_deref().filter(|_| library).and_then(|name| package("generic", name, version.as_deref()));
    match purl.or_else(by_name) {
        Some(package) => teller.tell(json, Told::Examined(Examined { package, place: None })),
        None => Ok(()),
    }
}
