//! OpenVEX 0.0.x and 0.2: what somebody says of vulnerabilities in products.

use super::MANY;
use crate::results::{
    Ids, Statement, Told, Tool, Vex, VexStatus, Why,
    json::{Json, Kind},
    teller::Teller,
};

/// The contexts that were looked at.
const KNOWN: &[&str] = &["https://openvex.dev/ns", "https://openvex.dev/ns/v0.0.1", "https://openvex.dev/ns/v0.2.0"];

pub(super) fn read(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    let (mut context, mut statements) = (false, false);
    json.object(|json, key| match key {
        "@context" => {
            context = true;
            let found = json.texts(1)?.into_iter().next().unwrap_or_default();
            if KNOWN.contains(&found.as_str()) {
                return Ok(());
            }
            Err(Why::Schema { format: json.format(), key: "@context", found, known: "versions 0.0.1 and 0.2.0" })
        }
        "author" | "tooling" => match json.text()? {
            Some(name) => teller.tell(json, Told::Tool(Tool { name, version: None })),
            None => Ok(()),
        },
        "statements" => {
            statements = true;
            json.array(|json| statement(json, teller))
        }
        _ => json.skip(),
    })?;
    if !context {
        return Err(json.missing("@context"));
    }
    if !statements {
        return Err(json.missing("statements"));
    }
    json.end()
}

fn statement(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    let mut ids = Ids::default();
    let (mut status, mut justification, mut impact, mut action, mut time) = (None, None, None, None, None);
    let (mut products, mut within) = (Vec::new(), Vec::new());
    json.object(|json, key| {
        match key {
            "vulnerability" => match json.kind()? {
                Kind::Object => json.object(|json, key| {
                    match key {
                        "name" => json.text()?.iter().for_each(|id| ids.add(id)),
                        "aliases" => json.texts(MANY)?.iter().for_each(|id| ids.add(id)),
                        _ => json.skip()?,
                    }
                    Ok(())
                })?,
                _ => json.text()?.iter().for_each(|id| ids.add(id)),
            },
            "products" => json.array(|json| product(json, &mut products, &mut within))?,
            // Version 0.0.1 has them beside the products.
            "subcomponents" => json.array(|json| product(json, &mut within, &mut Vec::new()))?,
            "status" => status = json.text()?,
            "justification" => justification = json.text()?,
            "impact_statement" => impact = json.message()?,
            "action_statement" => action = json.message()?,
            "timestamp" => time = json.text()?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    if ids.is_empty() {
        return Err(json.missing("vulnerability"));
    }
    let status = match status.as_deref() {
        Some("not_affected") => VexStatus::NotAffected,
        Some("affected") => VexStatus::Affected,
        Some("fixed") => VexStatus::Fixed,
        Some("under_investigation") => VexStatus::UnderInvestigation,
        Some(_) => return Err(json.shape("expected one of OpenVEX's four statuses")),
        None => return Err(json.missing("status")),
    };
    let vex = Vex { status, justification, statement: impact.or(action) };
    teller.tell(json, Told::Statement(Statement { ids, products, within, vex, time }))
}

fn product(json: &mut Json<'_>, products: &mut Vec<String>, within: &mut Vec<String>) -> Result<(), Why> {
    if products.len() > 10_000 {
        return Err(json.limit("products of a statement", 10_000));
    }
    if json.kind()? == Kind::Text {
        products.extend(json.text()?);
        return Ok(());
    }
    let (mut id, mut purl) = (None, None);
    json.object(|json, key| {
        match key {
            "@id" => id = json.text()?,
            "identifiers" => json.object(|json, key| {
                match key {
                    "purl" => purl = json.text()?,
                    _ => json.skip()?,
                }
                Ok(())
            })?,
            "subcomponents" => json.array(|json| {
                if within.len() > 10_000 {
                    return Err(json.limit("subcomponents of a statement", 10_000));
                }
                json.object(|json, key| {
                    match key {
                        "@id" => within.extend(json.text()?),
                        _ => json.skip()?,
                    }
                    Ok(())
                })
            })?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    products.extend(purl.or(id));
    Ok(())
}
