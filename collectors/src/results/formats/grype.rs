//! `grype -o json`, by its documented schema: Grype is to be had in no registry that the tests may ask, so what it is tried on
//! is written by that schema. It names what matched, not what it examined.

use super::MANY;
use crate::results::{
    Database, Fix, Grade, Ids, Package, Rated, Target, Told, Tool, Vex, VexStatus, Vulnerability, Why,
    json::{Json, Kind},
    package,
    teller::Teller,
};

pub(super) fn read(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    let (mut matches, mut descriptor) = (false, false);
    json.object(|json, key| match key {
        "matches" => {
            matches = true;
            json.array(|json| entry(json, teller, false))
        }
        "ignoredMatches" => json.array(|json| entry(json, teller, true)),
        "source" => source(json, teller),
        "descriptor" => {
            descriptor = true;
            about(json, teller)
        }
        _ => json.skip(),
    })?;
    if !matches {
        return Err(json.missing("matches"));
    }
    if !descriptor {
        return Err(json.missing("descriptor"));
    }
    teller.notice(json, Grade::Note, "it names what matched; how many packages were examined is not told", None)?;
    json.end()
}

fn entry(json: &mut Json<'_>, teller: &mut Teller<'_>, ignored: bool) -> Result<(), Why> {
    let mut ids = Ids::default();
    let (mut rated, mut title, mut fixed, mut fix, mut exploited) =
        (Rated::default(), None, Vec::new(), Fix::Unknown, false);
    let mut artifact = Artifact::default();
    let (mut vex, mut reason) = (None, None);
    json.object(|json, key| match key {
        "vulnerability" => json.object(|json, key| {
            match key {
                "id" => json.text()?.iter().for_each(|id| ids.add(id)),
                "severity" => rated.said = json.text()?,
                "description" => title = json.message()?,
                "cvss" => cvss(json, &mut rated)?,
                "knownExploited" => json.array(|json| {
                    exploited = true;
                    json.skip()
                })?,
                "fix" => json.object(|json, key| {
                    match key {
                        "versions" => fixed = json.texts(MANY)?,
                        "state" => fix = state(json.text()?.as_deref()),
                        _ => json.skip()?,
                    }
                    Ok(())
                })?,
                _ => json.skip()?,
            }
            Ok(())
        }),
        "relatedVulnerabilities" => json.array(|json| {
            json.object(|json, key| {
                match key {
                    "id" => json.text()?.iter().for_each(|id| ids.add(id)),
                    "cvss" => cvss(json, &mut rated)?,
                    _ => json.skip()?,
                }
                Ok(())
            })
        }),
        "artifact" => {
            artifact = read_artifact(json)?;
            Ok(())
        }
        "appliedIgnoreRules" => json.array(|json| {
            let rule = ignore_rule(json)?;
            (vex, reason) = (rule.0.or(vex.take()), rule.1.or(reason.take()));
            Ok(())
        }),
        _ => json.skip(),
    })?;
    if ids.is_empty() {
        return Err(json.missing("vulnerability.id"));
    }
    let package = artifact.package().ok_or_else(|| json.missing("artifact.name"))?;
    let mut one = Vulnerability::new(ids, package).fixed_by(fixed);
    if one.fixed.is_empty() {
        one.fix = fix;
    }
    (one.rated, one.title, one.exploited) = (rated, title, exploited);
    (one.place, one.layer) = (artifact.place, artifact.layer);
    if ignored {
        match vex {
            Some(vex) => one.vex = Some(vex),
            None => one.suppressed = Some(reason.unwrap_or_else(|| "a rule of its settings".to_owned())),
        }
    }
    teller.tell(json, Told::Vulnerability(Box::new(one)))
}

fn state(word: Option<&str>) -> Fix {
    match word {
        Some("fixed") => Fix::Available,
        Some("not-fixed") => Fix::None,
        Some("wont-fix") => Fix::Refused,
        _ => Fix::Unknown,
    }
}

fn cvss(json: &mut Json<'_>, rated: &mut Rated) -> Result<(), Why> {
    json.array(|json| {
        json.only("vector", |json| {
            json.text()?.iter().for_each(|vector| rated.add(vector));
            Ok(())
        })
    })
}

fn ignore_rule(json: &mut Json<'_>) -> Result<(Option<Vex>, Option<String>), Why> {
    let (mut status, mut justification, mut reason) = (None, None, None);
    json.object(|json, key| {
        match key {
            "vex-status" => status = json.text()?,
            "vex-justification" => justification = json.text()?,
            "reason" | "vulnerability" => reason = json.message()?.or(reason.take()),
            _ => json.skip()?,
        }
        Ok(())
    })?;
    let status = match status.as_deref() {
        Some("not_affected") => Some(VexStatus::NotAffected),
        Some("fixed") => Some(VexStatus::Fixed),
        _ => None,
    };
    Ok((status.map(|status| Vex { status, justification, statement: None }), reason))
}

/// A package as Grype and Syft write it.
#[derive(Default)]
pub(super) struct Artifact {
    pub(super) name: Option<String>,
    version: Option<String>,
    kind: Option<String>,
    purl: Option<String>,
    pub(super) place: Option<String>,
    layer: Option<String>,
}

impl Artifact {
    pub(super) fn package(&self) -> Option<Package> {
        self.purl.as_deref().and_then(|purl| Package::parse(purl).ok()).or_else(|| {
            package(self.kind.as_deref().unwrap_or_default(), self.name.as_deref()?, self.version.as_deref())
        })
    }
}

pub(super) fn read_artifact(json: &mut Json<'_>) -> Result<Artifact, Why> {
    let mut one = Artifact::default();
    json.object(|json, key| {
        match key {
            "name" => one.name = json.text()?,
            "version" => one.version = json.text()?,
            "type" => one.kind = json.text()?,
            "purl" => one.purl = json.text()?,
            "locations" => json.array(|json| {
                json.object(|json, key| {
                    match key {
                        "path" => one.place = one.place.take().or(json.text()?),
                        "layerID" => one.layer = one.layer.take().or(json.text()?),
                        _ => json.skip()?,
                    }
                    Ok(())
                })
            })?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    Ok(one)
}

/// What was looked at: `{"type": "image", "target": {…}}` or `{"type": "directory", "target": "PATH"}`; Syft writes `metadata`.
pub(super) fn source(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    let mut target = Target::default();
    json.object(|json, key| {
        match key {
            "type" => target.class = json.text()?,
            "name" => target.name = json.text()?.unwrap_or_default(),
            "target" | "metadata" => match json.kind()? {
                Kind::Text => target.name = json.text()?.unwrap_or_default(),
                _ => json.object(|json, key| {
                    match key {
                        "userInput" | "path" => target.name = json.text()?.unwrap_or_default(),
                        "manifestDigest" => target.identity = json.text()?.or(target.identity.take()),
                        "imageID" => target.identity = target.identity.take().or(json.text()?),
                        _ => json.skip()?,
                    }
                    Ok(())
                })?,
            },
            _ => json.skip()?,
        }
        Ok(())
    })?;
    teller.tell(json, Told::Target(target))
}

fn about(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    let (mut name, mut version) = (None, None);
    json.object(|json, key| {
        match key {
            "name" => name = json.text()?,
            "version" => version = json.text()?,
            "db" => {
                let mut database = Database::default();
                built(json, teller, &mut database)?;
                teller.tell(json, Told::Database(database))?;
            }
            _ => json.skip()?,
        }
        Ok(())
    })?;
    let name = name.unwrap_or_else(|| "grype".to_owned());
    teller.tell(json, Told::Tool(Tool { name, version }))
}

/// The database: flat up to its schema 5, under `status` since 6.
fn built(json: &mut Json<'_>, teller: &mut Teller<'_>, database: &mut Database) -> Result<(), Why> {
    json.object(|json, key| match key {
        "built" => {
            database.updated = json.text()?;
            Ok(())
        }
        "schemaVersion" => {
            database.version = json.text()?.map(|version| format!("schema {version}"));
            Ok(())
        }
        "from" => {
            database.name = json.text()?;
            Ok(())
        }
        "status" => built(json, teller, database),
        "valid" => match json.flag()? {
            Some(false) => teller.notice(json, Grade::Error, "its database is not valid", None),
            _ => Ok(()),
        },
        "error" => match json.message()? {
            Some(error) => teller.notice(json, Grade::Error, error, None),
            None => Ok(()),
        },
        _ => json.skip(),
    })
}
