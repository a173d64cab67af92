//! Advisories in OSV's schema, version 1: one document, or one after another.

use super::MANY;
use crate::results::{Advisory, Ids, Package, Rated, Told, Why, json::Json, package, teller::Teller};

pub(super) fn read(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    while json.another()? {
        let advisory = advisory(json, None)?;
        teller.tell(json, Told::Advisory(Box::new(advisory)))?;
    }
    Ok(())
}

/// Reads one advisory; with `of`, only the fixed versions of the package of that name.
pub(super) fn advisory(json: &mut Json<'_>, of: Option<&str>) -> Result<Advisory, Why> {
    let mut one = Advisory { ids: Ids::default(), ..Advisory::default() };
    json.object(|json, key| {
        match key {
            "schema_version" => {
                if let Some(found) = json.text()?
                    && !found.starts_with("1.")
                {
                    return Err(Why::Schema {
                        format: json.format(),
                        key: "schema_version",
                        found,
                        known: "version 1",
                    });
                }
            }
            "id" => json.text()?.iter().for_each(|id| one.ids.add(id)),
            "aliases" => json.texts(MANY)?.iter().for_each(|id| one.ids.add(id)),
            "summary" => one.title = json.message()?,
            "modified" => one.modified = json.text()?,
            "withdrawn" => one.withdrawn = json.text()?,
            "severity" => severity(json, &mut one.rated)?,
            "database_specific" => specific(json, &mut one.rated)?,
            "affected" => json.array(|json| affected(json, &mut one, of))?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    if one.ids.is_empty() {
        return Err(json.missing("id"));
    }
    Ok(one)
}

fn severity(json: &mut Json<'_>, rated: &mut Rated) -> Result<(), Why> {
    json.array(|json| {
        json.only("score", |json| {
            json.text()?.iter().for_each(|vector| rated.add(vector));
            Ok(())
        })
    })
}

/// What a database adds: GitHub's writes its word for the severity here.
fn specific(json: &mut Json<'_>, rated: &mut Rated) -> Result<(), Why> {
    if json.kind()? != crate::results::json::Kind::Object {
        return json.skip();
    }
    json.object(|json, key| {
        match key {
            "severity" if json.kind()? == crate::results::json::Kind::Text => rated.said = json.text()?,
            _ => json.skip()?,
        }
        Ok(())
    })
}

fn affected(json: &mut Json<'_>, one: &mut Advisory, of: Option<&str>) -> Result<(), Why> {
    let (mut ecosystem, mut name, mut purl) = (None, None, None);
    let mut fixed = Vec::new();
    json.object(|json, key| {
        match key {
            "package" => json.object(|json, key| {
                match key {
                    "ecosystem" => ecosystem = json.text()?,
                    "name" => name = json.text()?,
                    "purl" => purl = json.text()?,
                    _ => json.skip()?,
                }
                Ok(())
            })?,
            "severity" => severity(json, &mut one.rated)?,
            "ranges" => json.array(|json| {
                json.only("events", |json| {
                    json.array(|json| {
                        json.only("fixed", |json| {
                            fixed.extend(json.text()?.filter(|_| fixed.len() < MANY));
                            Ok(())
                        })
                    })
                })
            })?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    if of.is_none() || of == name.as_deref() {
        fixed.retain(|version: &String| !one.fixed.contains(version));
        let room = MANY.saturating_sub(one.fixed.len());
        one.fixed.extend(fixed.into_iter().take(room));
    }
    let by_name = || package(ecosystem.as_deref()?, name.as_deref()?, None);
    let found = purl.and_then(|purl| Package::parse(&purl).ok()).map(|package| package.unversioned()).or_else(by_name);
    if let Some(found) = found
        && one.packages.len() < MANY
        && !one.packages.contains(&found)
    {
        one.packages.push(found);
    }
    Ok(())
}
