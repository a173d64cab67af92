//! `yarn audit --json` of yarn 1 (a line each: `auditAdvisory`, `auditSummary`, and its own `error`, `warning`), and
//! `yarn npm audit --json` of yarn 4 (a line each: `{"value": package, "children": {…}}`).

use super::{
    MANY,
    npm_audit::{Failure, Grades, advisory, advisory_of},
};
use crate::results::{
    Count, Grade, Ids, Rated, Told, Tool, Vulnerability, Why,
    json::{Json, Kind},
    package,
    teller::Teller,
};

pub(super) fn read(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    teller.tell(json, Told::Tool(Tool { name: "yarn".to_owned(), version: None }))?;
    let (mut concluded, mut known, mut failed, mut grades) = (false, false, None, Grades::default());
    while json.another()? {
        let line = line(json, &mut grades)?;
        known |= line.known;
        if let Some(failure) = line.failure {
            return Err(Why::Failed { format: json.format(), message: failure.words() });
        }
        match line.sort.as_deref() {
            Some("error") => failed = Some(line.words.unwrap_or_default()),
            Some("warning") => teller.notice(json, Grade::Warning, line.words.unwrap_or_default(), None)?,
            _ => {}
        }
        if let Some(count) = line.total {
            concluded = true;
            teller.tell(json, Told::Count(Count { of: "packages".to_owned(), count, place: None }))?;
        }
        for one in line.found {
            // Yarn 4 has no summary; yarn 1 without one was cut off.
            concluded |= line.sort.is_none();
            grades.name(&one.rated);
            teller.tell(json, Told::Vulnerability(Box::new(one)))?;
        }
    }
    if let Some(words) = grades.set_aside() {
        teller.notice(json, Grade::Error, words, None)?;
    }
    match failed {
        Some(message) => Err(Why::Failed { format: json.format(), message }),
        None if !known => Err(json.missing("type")),
        None if !concluded => Err(json.missing("auditSummary")),
        None => Ok(()),
    }
}

#[derive(Default)]
struct Line {
    known: bool,
    sort: Option<String>,
    words: Option<String>,
    total: Option<u64>,
    failure: Option<Failure>,
    found: Vec<Vulnerability>,
}

fn line(json: &mut Json<'_>, grades: &mut Grades) -> Result<Line, Why> {
    let mut line = Line::default();
    let mut value = None;
    json.object(|json, key| {
        match key {
            "type" => {
                line.known = true;
                line.sort = json.text()?;
            }
            "data" => match json.kind()? {
                Kind::Object => data(json, &mut line, grades)?,
                Kind::Text => line.words = json.message()?,
                _ => json.skip()?,
            },
            "value" => value = json.text()?,
            "children" => {
                line.known = true;
                for one in children(json, value.as_deref())? {
                    line.found.push(one);
                }
            }
            "error" => {
                let mut failure = Failure::default();
                failure.read(json)?;
                line.failure = Some(failure);
            }
            _ => json.skip()?,
        }
        Ok(())
    })?;
    Ok(line)
}

/// The data of an advisory or of the summary of yarn 1. Of an advisory it prints a line for each path, and in each of them all
/// versions that were found: the one that the path leads to counts.
fn data(json: &mut Json<'_>, line: &mut Line, grades: &mut Grades) -> Result<(), Why> {
    let (mut path, mut found) = (None, Vec::new());
    json.object(|json, key| {
        match key {
            "totalDependencies" => line.total = json.whole()?,
            "vulnerabilities" => grades.counted(json)?,
            "resolution" => json.object(|json, key| {
                match key {
                    "path" => path = json.text()?,
                    _ => json.skip()?,
                }
                Ok(())
            })?,
            "advisory" => found = advisory(json)?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    let leads = |(_, paths): &(Vulnerability, Vec<String>)| path.as_ref().is_some_and(|path| paths.contains(path));
    let which = found.iter().position(leads).unwrap_or_default();
    if let Some((mut one, paths)) = found.into_iter().nth(which) {
        one.place = path.or_else(|| paths.into_iter().next());
        line.found.push(one);
    }
    Ok(())
}

/// What yarn 4 says of a package. A deprecation has a text where an advisory has a number.
fn children(json: &mut Json<'_>, name: Option<&str>) -> Result<Vec<Vulnerability>, Why> {
    let mut ids = Ids::default();
    let (mut rated, mut title, mut versions, mut deprecated) = (Rated::default(), None, Vec::new(), false);
    json.object(|json, key| {
        match key {
            "ID" => {
                let id = json.text()?.unwrap_or_default();
                deprecated = id.ends_with("(deprecation)");
                if !deprecated {
                    ids.add(&format!("npm:{id}"));
                }
            }
            "URL" => json.text()?.iter().filter_map(|url| advisory_of(url)).for_each(|id| ids.add(&id)),
            "Issue" => title = json.message()?,
            "Severity" => rated.said = json.text()?,
            "Tree Versions" => json.array(|json| {
                if versions.len() >= MANY {
                    return Err(json.limit("versions of one package", MANY as u64));
                }
                versions.push(json.text()?);
                Ok(())
            })?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    if ids.is_empty() && !deprecated {
        return Err(json.missing("children.ID"));
    }
    if versions.is_empty() {
        versions.push(None);
    }
    let mut all = Vec::with_capacity(versions.len());
    for version in versions {
        let Some(package) = name.and_then(|name| package("npm", name, version.as_deref())) else {
            return Err(json.missing("value"));
        };
        let mut one = Vulnerability::new(ids.clone(), package);
        (one.rated, one.title) = (rated.clone(), title.clone());
        one.sort = deprecated.then(|| "deprecated".to_owned());
        all.push(one);
    }
    Ok(all)
}
