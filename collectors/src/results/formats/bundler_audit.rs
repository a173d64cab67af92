//! `bundle-audit check --format json`. It names what it found, not what it examined.

use super::MANY;
use crate::results::{
    Finding, Fix, Grade, Ids, Rated, Told, Tool, Vulnerability, Why, json::Json, package, teller::Teller,
};

pub(super) fn read(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    let (mut there, mut version) = (false, None);
    json.object(|json, key| match key {
        "version" => {
            version = json.text()?;
            Ok(())
        }
        "results" => {
            there = true;
            json.array(|json| result(json, teller))
        }
        _ => json.skip(),
    })?;
    if !there {
        return Err(json.missing("results"));
    }
    teller.tell(json, Told::Tool(Tool { name: "bundler-audit".to_owned(), version }))?;
    teller.notice(json, Grade::Note, "it names what it found; how many packages were examined is not told", None)?;
    json.end()
}

fn result(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    let mut ids = Ids::default();
    let (mut sort, mut source, mut name, mut version) = (None, None, None, None);
    let (mut rated, mut title, mut patched) = (Rated::default(), None, None);
    let mut score = None;
    json.object(|json, key| {
        match key {
            "type" => sort = json.text()?,
            "source" => source = json.text()?,
            "gem" => json.object(|json, key| {
                match key {
                    "name" => name = json.text()?,
                    "version" => version = json.text()?,
                    _ => json.skip()?,
                }
                Ok(())
            })?,
            "advisory" => json.object(|json, key| {
                match key {
                    "id" => json.text()?.iter().for_each(|id| ids.add(id)),
                    "cve" => json.text()?.iter().for_each(|id| ids.add(&format!("CVE-{id}"))),
                    "ghsa" => json.text()?.iter().for_each(|id| ids.add(&format!("GHSA-{id}"))),
                    "osvdb" => json.text()?.iter().for_each(|id| ids.add(&format!("OSVDB-{id}"))),
                    "title" => title = json.message()?,
                    "criticality" => rated.said = json.text()?,
                    "cvss_v3" => score = json.text()?,
                    "patched_versions" => patched = Some(json.texts(MANY)?),
                    _ => json.skip()?,
                }
                Ok(())
            })?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    rated.said = rated.said.or(score);
    match sort.as_deref() {
        Some("UnpatchedGem") => {
            let name = name.ok_or_else(|| json.missing("gem.name"))?;
            let package =
                package("gem", &name, version.as_deref()).ok_or_else(|| json.shape("expected a gem's name"))?;
            if ids.is_empty() {
                return Err(json.missing("advisory.id"));
            }
            let none = patched.as_ref().is_some_and(Vec::is_empty);
            let mut one = Vulnerability::new(ids, package).fixed_by(patched.unwrap_or_default());
            if none {
                one.fix = Fix::None;
            }
            (one.rated, one.title) = (rated, title);
            teller.tell(json, Told::Vulnerability(Box::new(one)))
        }
        Some("InsecureSource") => {
            let message =
                source.map(|source| format!("gems are fetched from {source}, which anybody between may change"));
            let finding = Finding { rule: "InsecureSource".to_owned(), message, ..Finding::default() };
            teller.tell(json, Told::Finding(finding))
        }
        Some(other) => {
            let message = format!("a result of an unknown type: {other}");
            teller.notice(json, Grade::Error, message, None)
        }
        None => Err(json.missing("type")),
    }
}
