//! `checkov -o json`: one report, an array of reports, or, where it found nothing to look at, a bare summary. With `--quiet` it counts
//! what it was told to skip, and does not list it.

use std::collections::BTreeSet;

use crate::results::{
    Count, FileSeen, Finding, Grade, Told, Tool, Why,
    json::{Json, Kind},
    teller::Teller,
};

pub(super) fn read(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    match json.kind()? {
        Kind::Array => json.array(|json| report(json, teller))?,
        _ => report(json, teller)?,
    }
    json.end()
}

fn report(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    let (mut sort, mut results, mut summary) = (None, false, Summary::default());
    let (mut listed, mut files) = (0, BTreeSet::new());
    json.object(|json, key| match key {
        "check_type" => {
            sort = json.text()?;
            Ok(())
        }
        "results" => {
            results = true;
            json.object(|json, key| match key {
                "failed_checks" => json.array(|json| check(json, teller, false)),
                "skipped_checks" => json.array(|json| {
                    listed += 1;
                    check(json, teller, true)
                }),
                "passed_checks" => json.array(|json| passed(json, teller, &mut files)),
                "parsing_errors" => json.array(|json| {
                    let path = json.text()?;
                    teller.notice(json, Grade::Error, "it could not be parsed", path)
                }),
                _ => json.skip(),
            })
        }
        "summary" => json.object(|json, key| summary.read(json, key)),
        // Where there was nothing to look at, the summary is all.
        other => summary.read(json, other),
    })?;
    if !results && !summary.there {
        return Err(json.missing("results"));
    }
    if let Some(skipped) = summary.skipped.filter(|skipped| *skipped > listed) {
        let words = format!(
            "checks that it was told to skip: {skipped}, of which it lists {listed}: without --quiet it lists all"
        );
        teller.notice(json, Grade::Error, words, None)?;
    }
    if let Some(version) = summary.version {
        teller.tell(json, Told::Tool(Tool { name: "checkov".to_owned(), version: Some(version) }))?;
    }
    for (of, count) in [("checks passed", summary.passed), ("resources", summary.resources)] {
        if let Some(count) = count {
            teller.tell(json, Told::Count(Count { of: of.to_owned(), count, place: sort.clone() }))?;
        }
    }
    Ok(())
}

#[derive(Default)]
struct Summary {
    there: bool,
    version: Option<String>,
    passed: Option<u64>,
    skipped: Option<u64>,
    resources: Option<u64>,
}

impl Summary {
    fn read(&mut self, json: &mut Json<'_>, key: &str) -> Result<(), Why> {
        match key {
            "checkov_version" => {
                self.there = true;
                self.version = json.text()?;
            }
            "passed" => self.passed = json.whole()?,
            "skipped" => self.skipped = json.whole()?,
            "resource_count" => self.resources = json.whole()?,
            _ => json.skip()?,
        }
        Ok(())
    }
}

/// A check that passed says which file it looked at. A file is told once.
fn passed(json: &mut Json<'_>, teller: &mut Teller<'_>, files: &mut BTreeSet<String>) -> Result<(), Why> {
    let mut file = None;
    json.only("file_path", |json| {
        file = json.text()?;
        Ok(())
    })?;
    match file {
        Some(path) if files.insert(path.clone()) => teller.tell(json, Told::File(FileSeen { path })),
        _ => Ok(()),
    }
}

/// A check that failed, or that was told to be skipped. The code that it shows is not read.
fn check(json: &mut Json<'_>, teller: &mut Teller<'_>, skipped: bool) -> Result<(), Why> {
    let mut finding = Finding::default();
    let mut comment = None;
    json.object(|json, key| {
        match key {
            "check_id" => finding.rule = json.text()?.unwrap_or_default(),
            "check_name" => finding.message = json.message()?,
            "severity" => finding.level = json.text()?,
            "file_path" => finding.file = json.text()?,
            "resource" => finding.about = json.text()?,
            "file_line_range" => {
                let mut first = true;
                json.array(|json| {
                    if std::mem::take(&mut first) {
                        finding.line = json.whole()?.filter(|line| *line > 0);
                        return Ok(());
                    }
                    json.skip()
                })?;
            }
            "check_result" => json.object(|json, key| {
                match key {
                    "suppress_comment" => comment = json.message()?,
                    _ => json.skip()?,
                }
                Ok(())
            })?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    if finding.rule.is_empty() {
        return Err(json.missing("check_id"));
    }
    if skipped {
        finding.suppressed = Some(comment.unwrap_or_else(|| "skipped".to_owned()));
    }
    teller.tell(json, Told::Finding(finding))
}
