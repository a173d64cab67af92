//! `cargo audit --json`. It gives the number of packages in the lockfile; of its database it says the commit and its age only
//! where it fetched it in the same run.

use super::MANY;
use crate::results::{
    Count, Database, Fix, Grade, Ids, Rated, Told, Tool, Vulnerability, Why, json::Json, package, teller::Teller,
};

pub(super) fn read(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    let (mut listed, mut counted) = (false, false);
    teller.tell(json, Told::Tool(Tool { name: "cargo-audit".to_owned(), version: None }))?;
    json.object(|json, key| match key {
        "database" => database(json, teller),
        "lockfile" => json.only("dependency-count", |json| {
            if let Some(count) = json.whole()? {
                counted = true;
                teller.tell(json, Told::Count(Count { of: "packages".to_owned(), count, place: None }))?;
            }
            Ok(())
        }),
        "settings" => json.only("ignore", |json| {
            for id in json.texts(MANY)? {
                teller.notice(json, Grade::Note, format!("told to ignore {id}"), None)?;
            }
            Ok(())
        }),
        "vulnerabilities" => json.only("list", |json| {
            listed = true;
            json.array(|json| entry(json, teller, None))
        }),
        "warnings" => json.object(|json, sort| json.array(|json| entry(json, teller, Some(sort)))),
        _ => json.skip(),
    })?;
    if !listed {
        return Err(json.missing("vulnerabilities.list"));
    }
    if !counted {
        return Err(json.missing("lockfile.dependency-count"));
    }
    json.end()
}

fn database(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    let mut database = Database { name: Some("RustSec".to_owned()), ..Database::default() };
    json.object(|json, key| {
        match key {
            "advisory-count" => database.advisories = json.whole()?,
            "last-commit" => database.version = json.text()?,
            "last-updated" => database.updated = json.text()?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    teller.tell(json, Told::Database(database))
}

/// A vulnerability, or a warning of this sort: `unmaintained`, `yanked`, `unsound`, `notice`.
fn entry(json: &mut Json<'_>, teller: &mut Teller<'_>, sort: Option<&str>) -> Result<(), Why> {
    let mut ids = Ids::default();
    let (mut rated, mut title, mut fixed, mut told) = (Rated::default(), None, Vec::new(), false);
    let (mut name, mut version, mut withdrawn) = (None, None, None);
    json.object(|json, key| match key {
        "advisory" => json.object(|json, key| {
            match key {
                "id" => json.text()?.iter().for_each(|id| ids.add(id)),
                "aliases" => json.texts(MANY)?.iter().for_each(|id| ids.add(id)),
                "title" => title = json.message()?,
                "cvss" => json.text()?.iter().for_each(|vector| rated.add(vector)),
                "withdrawn" => withdrawn = json.text()?,
                _ => json.skip()?,
            }
            Ok(())
        }),
        "versions" => json.only("patched", |json| {
            told = true;
            fixed = json.texts(MANY)?;
            Ok(())
        }),
        "package" => json.object(|json, key| {
            match key {
                "name" => name = json.text()?,
                "version" => version = json.text()?,
                _ => json.skip()?,
            }
            Ok(())
        }),
        _ => json.skip(),
    })?;
    let name = name.ok_or_else(|| json.missing("package.name"))?;
    if ids.is_empty() && sort.is_none() {
        return Err(json.missing("advisory.id"));
    }
    let package = package("cargo", &name, version.as_deref()).ok_or_else(|| json.shape("expected a package's name"))?;
    let mut one = Vulnerability::new(ids, package).fixed_by(fixed);
    if told && one.fixed.is_empty() {
        one.fix = Fix::None;
    }
    (one.rated, one.title) = (rated, title);
    one.sort = sort.map(str::to_owned);
    one.suppressed = withdrawn.map(|when| format!("withdrawn on {when}"));
    teller.tell(json, Told::Vulnerability(Box::new(one)))
}
