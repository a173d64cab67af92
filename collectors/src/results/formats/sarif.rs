//! SARIF 2.1.0 (OASIS), whoever writes it. A result refers to its rule, which may stand after it: then the file is read once
//! more. A run that says that it did not succeed is told as an error of the scanner.

use super::MANY;
use crate::results::{
    FileSeen, Finding, Grade, Told, Tool, Why,
    json::{Json, Kind},
    teller::{Rule, Rules, Teller},
};

pub(super) fn read(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    let (mut version, mut runs, mut number) = (false, false, 0);
    json.object(|json, key| match key {
        "version" => {
            version = true;
            let found = json.text()?.unwrap_or_default();
            if found == "2.1.0" {
                return Ok(());
            }
            Err(Why::Schema { format: json.format(), key: "version", found, known: "version 2.1.0" })
        }
        "runs" => {
            runs = true;
            json.array(|json| {
                number += 1;
                run(json, teller, number - 1)
            })
        }
        _ => json.skip(),
    })?;
    if !version {
        return Err(json.missing("version"));
    }
    if !runs {
        return Err(json.missing("runs"));
    }
    if number == 0 {
        teller.notice(json, Grade::Error, "it tells of no run: nothing was looked at", None)?;
    }
    json.end()
}

fn run(json: &mut Json<'_>, teller: &mut Teller<'_>, number: usize) -> Result<(), Why> {
    if !teller.knows() {
        if teller.memory.rules.len() >= 10_000 {
            return Err(json.limit("runs", 10_000));
        }
        teller.memory.rules.push(Rules::default());
    }
    let (mut tool, mut results, mut passed) = (false, false, 0);
    json.object(|json, key| match key {
        "tool" => {
            tool = true;
            json.object(|json, key| match key {
                "driver" => driver(json, teller, number, true),
                "extensions" => json.array(|json| driver(json, teller, number, false)),
                _ => json.skip(),
            })
        }
        "invocations" => json.array(|json| invocation(json, teller)),
        "artifacts" => json.array(|json| artifact(json, teller)),
        "externalPropertyFileReferences" => {
            json.skip()?;
            let words = "parts of it lie in other files, which were not read";
            teller.notice(json, Grade::Error, words, None)
        }
        "results" => {
            // Only an array says that the run came to an end, an empty one that it found none.
            results = json.kind()? == Kind::Array;
            if teller.learns() || !results {
                return json.skip();
            }
            if !tool && !teller.knows() {
                return Err(Why::Again);
            }
            json.array(|json| result(json, teller, number, &mut passed))
        }
        _ => json.skip(),
    })?;
    if !tool {
        return Err(json.missing("tool"));
    }
    if !results {
        // SARIF: no `results` says that the run was not to produce any, an empty array that it found none.
        teller.notice(json, Grade::Error, "a run has no `results`: it did not look, or it did not get so far", None)?;
    }
    if passed > 0 {
        let count = crate::results::Count { of: "checks passed".to_owned(), count: passed, place: None };
        teller.tell(json, Told::Count(count))?;
    }
    Ok(())
}

fn driver(json: &mut Json<'_>, teller: &mut Teller<'_>, run: usize, main: bool) -> Result<(), Why> {
    let (mut name, mut version, mut semantic) = (None, None, None);
    json.object(|json, key| {
        match key {
            "name" => name = json.text()?,
            "version" => version = json.text()?,
            "semanticVersion" => semantic = json.text()?,
            "rules" => json.array(|json| {
                let rule = rule(json)?;
                teller.rule(json, run, rule, main)
            })?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    let name = name.ok_or_else(|| json.missing("name"))?;
    teller.tell(json, Told::Tool(Tool { name, version: version.or(semantic) }))
}

fn rule(json: &mut Json<'_>) -> Result<Rule, Why> {
    let mut rule = Rule::default();
    json.object(|json, key| match key {
        "id" => {
            rule.id = json.text()?;
            Ok(())
        }
        "defaultConfiguration" => json.only("level", |json| {
            rule.level = json.text()?;
            Ok(())
        }),
        "shortDescription" => json.object(|json, key| {
            match key {
                // As much as stands in for a message.
                "text" => rule.text = json.text()?,
                _ => json.skip()?,
            }
            Ok(())
        }),
        "properties" => properties(json, &mut rule.tenths),
        _ => json.skip(),
    })?;
    Ok(rule)
}

/// `security-severity`, a score from 0 to 10 that GitHub made a custom.
fn properties(json: &mut Json<'_>, tenths: &mut Option<u8>) -> Result<(), Why> {
    json.only("security-severity", |json| {
        let score = json.text()?.and_then(|score| score.parse::<f64>().ok());
        *tenths = score.filter(|score| (0.0..=10.0).contains(score)).map(|score| (score * 10.0).round() as u8);
        Ok(())
    })
}

fn invocation(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    let (mut succeeded, mut code, mut words) = (None, None, None);
    json.object(|json, key| {
        match key {
            "executionSuccessful" => succeeded = json.flag()?,
            "exitCode" => code = json.text()?,
            "exitCodeDescription" | "exitSignalName" | "processStartFailureMessage" => {
                words = json.message()?.or(words.take())
            }
            "toolExecutionNotifications" | "toolConfigurationNotifications" => {
                json.array(|json| notification(json, teller))?;
            }
            _ => json.skip()?,
        }
        Ok(())
    })?;
    if succeeded == Some(false) {
        let code = code.map(|code| format!("exit code {code}"));
        let why: Vec<String> = [code, words].into_iter().flatten().collect();
        let why = if why.is_empty() { String::new() } else { format!(": {}", why.join(", ")) };
        teller.notice(json, Grade::Error, format!("the run did not succeed{why}"), None)?;
    }
    Ok(())
}

fn notification(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    let (mut level, mut words, mut place) = (None, None, Place::default());
    json.object(|json, key| match key {
        "level" => {
            level = json.text()?;
            Ok(())
        }
        "message" => {
            words = message(json)?;
            Ok(())
        }
        "locations" => {
            place = locations(json)?;
            Ok(())
        }
        _ => json.skip(),
    })?;
    let grade = match level.as_deref() {
        Some("error") => Grade::Error,
        Some("none" | "note") => Grade::Note,
        _ => Grade::Warning,
    };
    teller.notice(json, grade, words.unwrap_or_default(), place.file)
}

/// A file that the run knows. Those that it was to analyse are told.
fn artifact(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    let (mut path, mut target) = (None, false);
    json.object(|json, key| match key {
        "location" => json.only("uri", |json| {
            path = json.text()?;
            Ok(())
        }),
        "roles" => {
            target = json.texts(MANY)?.iter().any(|role| role == "analysisTarget");
            Ok(())
        }
        _ => json.skip(),
    })?;
    match path {
        Some(path) if target => teller.tell(json, Told::File(FileSeen { path })),
        _ => Ok(()),
    }
}

#[derive(Default)]
struct Place {
    file: Option<String>,
    line: Option<u64>,
    about: Option<String>,
}

/// The first of the locations.
fn locations(json: &mut Json<'_>) -> Result<Place, Why> {
    let mut place = Place::default();
    let mut first = true;
    json.array(|json| {
        if !std::mem::take(&mut first) {
            return json.skip();
        }
        json.object(|json, key| match key {
            "physicalLocation" => json.object(|json, key| match key {
                "artifactLocation" => json.object(|json, key| {
                    match key {
                        "uri" => place.file = json.text()?,
                        "index" => {
                            let index = json.whole()?;
                            place.file =
                                place.file.take().or(index.map(|index| format!("artifact {index} of the file")));
                        }
                        _ => json.skip()?,
                    }
                    Ok(())
                }),
                "region" => json.only("startLine", |json| {
                    place.line = json.whole()?;
                    Ok(())
                }),
                _ => json.skip(),
            }),
            "logicalLocations" => {
                let mut first = true;
                json.array(|json| {
                    if !std::mem::take(&mut first) {
                        return json.skip();
                    }
                    json.object(|json, key| {
                        match key {
                            "fullyQualifiedName" => place.about = json.text()?,
                            "name" => place.about = place.about.take().or(json.text()?),
                            _ => json.skip()?,
                        }
                        Ok(())
                    })
                })
            }
            _ => json.skip(),
        })
    })?;
    Ok(place)
}

/// A message's text, or its Markdown, or the id of one that its rule has.
fn message(json: &mut Json<'_>) -> Result<Option<String>, Why> {
    let (mut text, mut markdown, mut id) = (None, None, None);
    json.object(|json, key| {
        match key {
            "text" => text = json.message()?,
            "markdown" => markdown = json.message()?,
            "id" => id = json.text()?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    Ok(text.or(markdown).or(id.map(|id| format!("message `{id}` of the rule"))))
}

fn result(json: &mut Json<'_>, teller: &mut Teller<'_>, run: usize, passed: &mut u64) -> Result<(), Why> {
    let mut finding = Finding::default();
    let (mut index, mut kind, mut baseline) = (None, None, None);
    json.object(|json, key| match key {
        "ruleId" => {
            finding.rule = json.text()?.unwrap_or_default();
            Ok(())
        }
        "ruleIndex" => {
            index = json.whole()?;
            Ok(())
        }
        "rule" => json.object(|json, key| {
            match key {
                "id" if finding.rule.is_empty() => finding.rule = json.text()?.unwrap_or_default(),
                "index" => index = index.or(json.whole()?),
                _ => json.skip()?,
            }
            Ok(())
        }),
        "level" => {
            finding.level = json.text()?;
            Ok(())
        }
        "kind" => {
            kind = json.text()?;
            Ok(())
        }
        "baselineState" => {
            baseline = json.text()?;
            Ok(())
        }
        "message" => {
            finding.message = message(json)?;
            Ok(())
        }
        "locations" => {
            let place = locations(json)?;
            (finding.file, finding.line, finding.about) = (place.file, place.line, place.about);
            Ok(())
        }
        "suppressions" => json.array(|json| suppression(json, &mut finding.suppressed)),
        "properties" => properties(json, &mut finding.tenths),
        _ => json.skip(),
    })?;
    match kind.as_deref() {
        Some("pass") => {
            *passed += 1;
            return Ok(());
        }
        Some("notApplicable") => return Ok(()),
        _ if baseline.as_deref() == Some("absent") => return Ok(()),
        _ => {}
    }
    let rule = teller.memory.rules.get(run).and_then(|rules| rules.find(&finding.rule, index));
    if let Some(rule) = rule {
        if finding.rule.is_empty() {
            finding.rule = rule.id.clone().unwrap_or_default();
        }
        finding.level = finding.level.or_else(|| rule.level.clone());
        finding.tenths = finding.tenths.or(rule.tenths);
        finding.message = finding.message.or_else(|| rule.text.clone());
    }
    if finding.rule.is_empty() {
        return Err(json.missing("ruleId"));
    }
    // What SARIF says where nobody says anything (3.27.10).
    if finding.level.is_none() {
        let fails = matches!(kind.as_deref(), None | Some("fail"));
        finding.level = Some(if fails { "warning" } else { "none" }.to_owned());
    }
    teller.tell(json, Told::Finding(finding))
}

/// One that was asked for and not (yet) accepted suppresses nothing.
fn suppression(json: &mut Json<'_>, suppressed: &mut Option<String>) -> Result<(), Why> {
    let (mut kind, mut status, mut words) = (None, None, None);
    json.object(|json, key| {
        match key {
            "kind" => kind = json.text()?,
            "status" | "state" => status = json.text()?,
            "justification" => words = json.message()?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    if matches!(status.as_deref(), None | Some("accepted")) {
        let parts: Vec<String> = [kind, words].into_iter().flatten().collect();
        *suppressed = Some(if parts.is_empty() { "suppressed".to_owned() } else { parts.join(": ") });
    }
    Ok(())
}
