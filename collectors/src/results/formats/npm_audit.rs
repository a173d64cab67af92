//! `npm audit --json` and `pnpm audit --json`.
//!
//! npm 6 and pnpm print `advisories` by number, npm 7 and later `vulnerabilities` by package. Both give numbers of packages in
//! `metadata`, and name none that they found in order. What they print when the registry does not answer is an object, too:
//! it is the scanner's error, and never an empty result.

use std::collections::{BTreeMap, BTreeSet};

use super::MANY;
use crate::results::{
    Count, Fix, Grade, Ids, Rated, Told, Tool, Vulnerability, Why,
    json::{Json, Kind},
    package,
    teller::Teller,
};

/// The severities that npm tells.
const SEVERITIES: [&str; 5] = ["info", "low", "moderate", "high", "critical"];
/// How many things one advisory or one package may have.
const MOST_FOUND: usize = 1_000;

pub(super) fn read(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    let (mut found, mut counted, mut failure) = (false, false, Failure::default());
    let mut grades = Grades::default();
    let name = json.format().name().trim_end_matches("-audit").to_owned();
    teller.tell(json, Told::Tool(Tool { name, version: None }))?;
    json.object(|json, key| match key {
        "auditReportVersion" => match json.text()?.as_deref() {
            Some("2") | None => Ok(()),
            Some(other) => Err(Why::Schema {
                format: json.format(),
                key: "auditReportVersion",
                found: other.to_owned(),
                known: "the form without it, and version 2",
            }),
        },
        "vulnerabilities" => {
            found = true;
            json.object(|json, name| by_package(json, teller, &mut grades, name))
        }
        "advisories" => {
            found = true;
            // pnpm prints an array where there is none.
            match json.kind()? {
                Kind::Array => json.array(|json| by_number(json, teller, &mut grades)),
                _ => json.object(|json, _| by_number(json, teller, &mut grades)),
            }
        }
        "metadata" => json.object(|json, key| match key {
            "dependencies" | "totalDependencies" => dependencies(json, teller, key, &mut counted),
            "vulnerabilities" => grades.counted(json),
            _ => json.skip(),
        }),
        "error" => failure.read(json),
        "message" => {
            failure.message = json.message()?;
            Ok(())
        }
        "statusCode" => {
            failure.status = json.text()?;
            Ok(())
        }
        _ => json.skip(),
    })?;
    if failure.failed {
        return Err(Why::Failed { format: json.format(), message: failure.words() });
    }
    if !found {
        return Err(json.missing("vulnerabilities"));
    }
    if let Some(words) = grades.set_aside() {
        teller.notice(json, Grade::Error, &words, None)?;
    }
    if !counted {
        teller.notice(json, Grade::Warning, "how many packages were examined is not told", None)?;
    }
    json.end()
}

/// What it counts by severity, and what it names. pnpm and yarn 1 count what their registry knows, and name of that what neither a
/// level that was asked for nor a project's settings leave out.
#[derive(Default)]
pub(super) struct Grades {
    counted: BTreeMap<String, u64>,
    named: BTreeSet<String>,
}

impl Grades {
    pub(super) fn counted(&mut self, json: &mut Json<'_>) -> Result<(), Why> {
        if json.kind()? != Kind::Object {
            return json.skip();
        }
        json.object(|json, grade| {
            // A sum stands beside them.
            if SEVERITIES.contains(&grade) && json.kind()? == Kind::Number {
                let count = json.whole()?.unwrap_or_default();
                self.counted.insert(grade.to_owned(), count);
                return Ok(());
            }
            json.skip()
        })
    }

    pub(super) fn name(&mut self, rated: &Rated) {
        self.named.extend(rated.said.iter().map(|said| said.to_ascii_lowercase()));
    }

    /// What is counted, and nowhere named.
    pub(super) fn set_aside(&self) -> Option<String> {
        let unnamed = self.counted.iter().filter(|(grade, count)| **count > 0 && !self.named.contains(*grade));
        let unnamed: Vec<String> = unnamed.map(|(grade, count)| format!("{count} {grade}")).collect();
        let words = unnamed.join(", ");
        (!unnamed.is_empty()).then(|| {
            format!("it counts vulnerabilities and does not name them ({words}): a level that was asked for, or settings of the project, leave them out")
        })
    }
}

/// npm's word that it failed.
#[derive(Default)]
pub(super) struct Failure {
    failed: bool,
    status: Option<String>,
    code: Option<String>,
    message: Option<String>,
    summary: Option<String>,
    detail: Option<String>,
}

impl Failure {
    /// Reads the value of `error`.
    pub(super) fn read(&mut self, json: &mut Json<'_>) -> Result<(), Why> {
        self.failed = true;
        if json.kind()? != Kind::Object {
            self.summary = json.message()?;
            return Ok(());
        }
        json.object(|json, key| {
            match key {
                "code" => self.code = json.text()?,
                "summary" => self.summary = json.message()?,
                "detail" => self.detail = json.message()?,
                "message" => self.message = json.message()?,
                _ => json.skip()?,
            }
            Ok(())
        })
    }

    /// What it says, in one line.
    pub(super) fn words(self) -> String {
        let status = self.status.map(|status| format!("status {status}"));
        let parts = [status, self.code, self.summary, self.message, self.detail];
        let words: Vec<String> = parts.into_iter().flatten().collect();
        if words.is_empty() { "it gives no reason".to_owned() } else { words.join(": ") }
    }
}

/// Numbers of packages: npm 7 gives an object with a total, npm 6 and pnpm one number for each sort, npm 6 also their sum.
fn dependencies(json: &mut Json<'_>, teller: &mut Teller<'_>, key: &str, counted: &mut bool) -> Result<(), Why> {
    let mut total = None;
    match (json.kind()?, key) {
        (Kind::Object, _) => json.only("total", |json| {
            total = json.whole()?;
            Ok(())
        })?,
        (Kind::Number, "totalDependencies") => total = json.whole()?,
        _ => json.skip()?,
    }
    let Some(count) = total else { return Ok(()) };
    *counted = true;
    teller.tell(json, Told::Count(Count { of: "packages".to_owned(), count, place: None }))
}

/// An advisory of npm 6 and pnpm.
fn by_number(json: &mut Json<'_>, teller: &mut Teller<'_>, grades: &mut Grades) -> Result<(), Why> {
    for (mut one, paths) in advisory(json)? {
        grades.name(&one.rated);
        one.place = paths.into_iter().next();
        teller.tell(json, Told::Vulnerability(Box::new(one)))?;
    }
    Ok(())
}

/// An advisory as npm 6, pnpm and yarn 1 print it: once for each version that was found, with the paths that lead to it.
pub(super) fn advisory(json: &mut Json<'_>) -> Result<Vec<(Vulnerability, Vec<String>)>, Why> {
    let mut ids = Ids::default();
    let (mut name, mut rated, mut title, mut fixed) = (None, Rated::default(), None, None);
    let mut found: Vec<(Option<String>, Vec<String>)> = Vec::new();
    json.object(|json, key| {
        match key {
            "cves" => json.texts(MANY)?.iter().for_each(|id| ids.add(id)),
            "github_advisory_id" => json.text()?.iter().for_each(|id| ids.add(id)),
            "id" => json.text()?.iter().for_each(|id| ids.add(&format!("npm:{id}"))),
            "url" => json.text()?.iter().filter_map(|url| advisory_of(url)).for_each(|id| ids.add(&id)),
            "module_name" => name = json.text()?,
            "severity" => rated.said = json.text()?,
            "cvss" => cvss(json, &mut rated)?,
            "title" => title = json.message()?,
            "patched_versions" => fixed = json.text()?,
            "findings" => json.array(|json| {
                let (mut version, mut paths) = (None, Vec::new());
                json.object(|json, key| {
                    match key {
                        "version" => version = json.text()?,
                        "paths" => paths = json.texts(MANY)?,
                        _ => json.skip()?,
                    }
                    Ok(())
                })?;
                if found.len() >= MOST_FOUND {
                    return Err(json.limit("findings of one advisory", MOST_FOUND as u64));
                }
                found.push((version, paths));
                Ok(())
            })?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    let name = name.ok_or_else(|| json.missing("module_name"))?;
    // What npm writes where nothing is patched.
    let refused = fixed.as_deref() == Some("<0.0.0");
    let fixed: Vec<String> = fixed.filter(|_| !refused).into_iter().collect();
    if found.is_empty() {
        found.push((None, Vec::new()));
    }
    let mut all = Vec::new();
    for (version, paths) in found {
        let package =
            package("npm", &name, version.as_deref()).ok_or_else(|| json.shape("expected a package's name"))?;
        let mut one = Vulnerability::new(ids.clone(), package).fixed_by(fixed.clone());
        if refused {
            one.fix = Fix::None;
        }
        one.rated = rated.clone();
        one.title.clone_from(&title);
        all.push((one, paths));
    }
    Ok(all)
}

/// A package of npm 7 and later. What is in `via` as an object is its own vulnerability; as a text, that of a package that it
/// depends on, which has an entry of its own.
fn by_package(json: &mut Json<'_>, teller: &mut Teller<'_>, grades: &mut Grades, key: &str) -> Result<(), Why> {
    let (mut name, mut fix, mut place) = (None, Fix::Unknown, None);
    let mut own: Vec<Via> = Vec::new();
    json.object(|json, key| {
        match key {
            "name" => name = json.text()?,
            "via" => json.array(|json| {
                match json.kind()? {
                    Kind::Object if own.len() >= MOST_FOUND => {
                        return Err(json.limit("advisories of one package", MOST_FOUND as u64));
                    }
                    Kind::Object => own.push(via(json)?),
                    _ => json.skip()?,
                }
                Ok(())
            })?,
            "nodes" => place = json.texts(MANY)?.into_iter().next(),
            "fixAvailable" => {
                fix = match json.kind()? {
                    Kind::Bool => {
                        if json.flag()? == Some(true) {
                            Fix::Available
                        } else {
                            Fix::None
                        }
                    }
                    Kind::Object => {
                        json.skip()?;
                        Fix::Available
                    }
                    _ => {
                        json.skip()?;
                        Fix::Unknown
                    }
                }
            }
            _ => json.skip()?,
        }
        Ok(())
    })?;
    let entry = name.unwrap_or_else(|| key.to_owned());
    for via in own {
        grades.name(&via.rated);
        let name = via.name.as_deref().unwrap_or(&entry);
        let package = package("npm", name, None).ok_or_else(|| json.shape("expected a package's name"))?;
        let mut one = Vulnerability::new(via.ids, package);
        (one.rated, one.title, one.fix) = (via.rated, via.title, fix);
        one.place.clone_from(&place);
        teller.tell(json, Told::Vulnerability(Box::new(one)))?;
    }
    Ok(())
}

#[derive(Default)]
struct Via {
    ids: Ids,
    name: Option<String>,
    title: Option<String>,
    rated: Rated,
}

fn via(json: &mut Json<'_>) -> Result<Via, Why> {
    let mut via = Via::default();
    json.object(|json, key| {
        match key {
            "source" => json.text()?.iter().for_each(|id| via.ids.add(&format!("npm:{id}"))),
            "url" => json.text()?.iter().filter_map(|url| advisory_of(url)).for_each(|id| via.ids.add(&id)),
            "name" => via.name = json.text()?,
            "title" => via.title = json.message()?,
            "severity" => via.rated.said = json.text()?,
            "cvss" => cvss(json, &mut via.rated)?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    if via.ids.is_empty() {
        return Err(json.missing("source"));
    }
    Ok(via)
}

fn cvss(json: &mut Json<'_>, rated: &mut Rated) -> Result<(), Why> {
    json.only("vectorString", |json| {
        json.text()?.iter().for_each(|vector| rated.add(vector));
        Ok(())
    })
}

/// The advisory that an address of GitHub's database names.
pub(super) fn advisory_of(url: &str) -> Option<String> {
    let last = url.rsplit('/').next()?;
    last.starts_with("GHSA-").then(|| last.to_owned())
}
