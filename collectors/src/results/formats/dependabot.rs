//! Dependabot's alerts as GitHub's API gives them (`gh api /repos/OWNER/REPO/dependabot/alerts`), also several pages one after
//! another. An alert that is fixed or dismissed stays in the list: it says so.

use super::MANY;
use crate::results::{
    Grade, Ids, Rated, Told, Tool, Vex, VexStatus, Vulnerability, Why,
    json::{Json, Kind},
    package,
    teller::Teller,
};

pub(super) fn read(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    teller.tell(json, Told::Tool(Tool { name: "Dependabot".to_owned(), version: None }))?;
    while json.another()? {
        match json.kind()? {
            Kind::Object => return Err(refused(json)?),
            _ => json.array(|json| alert(json, teller))?,
        }
    }
    teller.notice(json, Grade::Note, "it names what it found; how many packages were examined is not told", None)
}

/// What GitHub answers where it gives no list.
fn refused(json: &mut Json<'_>) -> Result<Why, Why> {
    let (mut status, mut message) = (None, None);
    json.object(|json, key| {
        match key {
            "message" => message = json.message()?,
            "status" => status = json.text()?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    Ok(match message {
        Some(message) => {
            let status = status.map_or_else(String::new, |status| format!("status {status}: "));
            Why::Failed { format: json.format(), message: format!("{status}{message}") }
        }
        None => json.shape("expected an array of alerts, found an object"),
    })
}

fn alert(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    let mut ids = Ids::default();
    let (mut state, mut reason, mut comment) = (None, None, None);
    let (mut ecosystem, mut name, mut place) = (None, None, None);
    let (mut rated, mut title, mut fixed) = (Rated::default(), None, None);
    json.object(|json, key| {
        match key {
            "state" => state = json.text()?,
            "dismissed_reason" => reason = json.text()?,
            "dismissed_comment" => comment = json.message()?,
            "dependency" => json.object(|json, key| {
                match key {
                    "package" => (ecosystem, name) = named(json)?,
                    "manifest_path" => place = json.text()?,
                    _ => json.skip()?,
                }
                Ok(())
            })?,
            "security_advisory" => json.object(|json, key| {
                match key {
                    "ghsa_id" | "cve_id" => json.text()?.iter().for_each(|id| ids.add(id)),
                    "summary" => title = json.message()?,
                    "severity" => rated.said = json.text()?,
                    "cvss" => vector(json, &mut rated)?,
                    "cvss_severities" => json.object(|json, _| vector(json, &mut rated))?,
                    "identifiers" => json.array(|json| {
                        json.only("value", |json| {
                            json.text()?.iter().for_each(|id| ids.add(id));
                            Ok(())
                        })
                    })?,
                    _ => json.skip()?,
                }
                Ok(())
            })?,
            "security_vulnerability" => json.object(|json, key| {
                match key {
                    "first_patched_version" => match json.kind()? {
                        Kind::Object => json.object(|json, key| {
                            match key {
                                "identifier" => fixed = json.text()?,
                                _ => json.skip()?,
                            }
                            Ok(())
                        })?,
                        _ => fixed = json.texts(MANY)?.into_iter().next(),
                    },
                    _ => json.skip()?,
                }
                Ok(())
            })?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    let name = name.ok_or_else(|| json.missing("dependency.package.name"))?;
    let state = state.ok_or_else(|| json.missing("state"))?;
    if ids.is_empty() {
        return Err(json.missing("security_advisory.ghsa_id"));
    }
    let package = package(ecosystem.as_deref().unwrap_or_default(), &name, None)
        .ok_or_else(|| json.shape("expected a package's name"))?;
    let mut one = Vulnerability::new(ids, package).fixed_by(fixed.into_iter().collect());
    (one.rated, one.title, one.place) = (rated, title, place);
    match state.as_str() {
        "open" => {}
        "fixed" => one.vex = Some(Vex { status: VexStatus::Fixed, justification: None, statement: None }),
        other => {
            let words = [Some(other.to_owned()), reason, comment];
            one.suppressed = Some(words.into_iter().flatten().collect::<Vec<_>>().join(": "));
        }
    }
    teller.tell(json, Told::Vulnerability(Box::new(one)))
}

fn named(json: &mut Json<'_>) -> Result<(Option<String>, Option<String>), Why> {
    let (mut ecosystem, mut name) = (None, None);
    json.object(|json, key| {
        match key {
            "ecosystem" => ecosystem = json.text()?,
            "name" => name = json.text()?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    Ok((ecosystem, name))
}

fn vector(json: &mut Json<'_>, rated: &mut Rated) -> Result<(), Why> {
    json.only("vector_string", |json| {
        json.text()?.iter().for_each(|vector| rated.add(vector));
        Ok(())
    })
}
