//! `semgrep scan --json`. The lines that matched are not read.

use crate::results::{
    FileSeen, Finding, Grade, Skipped, Told, Tool, Why,
    json::{Json, Kind},
    teller::Teller,
};

pub(super) fn read(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    let (mut results, mut paths, mut version) = (false, false, None);
    json.object(|json, key| match key {
        "version" => {
            version = json.text()?;
            Ok(())
        }
        "results" => {
            results = true;
            json.array(|json| finding(json, teller))
        }
        "errors" => json.array(|json| error(json, teller)),
        "paths" => {
            paths = true;
            json.object(|json, key| match key {
                "scanned" => json.array(|json| match json.text()? {
                    Some(path) => teller.tell(json, Told::File(FileSeen { path })),
                    None => Ok(()),
                }),
                "skipped" => json.array(|json| {
                    let (mut path, mut reason) = (None, None);
                    json.object(|json, key| {
                        match key {
                            "path" => path = json.text()?,
                            "reason" => reason = json.message()?,
                            _ => json.skip()?,
                        }
                        Ok(())
                    })?;
                    let (name, reason) = (path.unwrap_or_default(), reason.unwrap_or_default());
                    teller.tell(json, Told::Skipped(Skipped { name, package: None, reason }))
                }),
                _ => json.skip(),
            })
        }
        _ => json.skip(),
    })?;
    if !results {
        return Err(json.missing("results"));
    }
    if !paths {
        return Err(json.missing("paths"));
    }
    teller.tell(json, Told::Tool(Tool { name: "semgrep".to_owned(), version }))?;
    json.end()
}

fn finding(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    let mut finding = Finding::default();
    json.object(|json, key| match key {
        "check_id" => {
            finding.rule = json.text()?.unwrap_or_default();
            Ok(())
        }
        "path" => {
            finding.file = json.text()?;
            Ok(())
        }
        "start" => json.only("line", |json| {
            finding.line = json.whole()?;
            Ok(())
        }),
        "extra" => json.object(|json, key| {
            match key {
                "message" => finding.message = json.message()?,
                "severity" => finding.level = json.text()?,
                "is_ignored" => finding.suppressed = (json.flag()? == Some(true)).then(|| "nosemgrep".to_owned()),
                _ => json.skip()?,
            }
            Ok(())
        }),
        _ => json.skip(),
    })?;
    if finding.rule.is_empty() {
        return Err(json.missing("check_id"));
    }
    teller.tell(json, Told::Finding(finding))
}

fn error(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    let (mut level, mut sort, mut message, mut path) = (None, None, None, None);
    json.object(|json, key| {
        match key {
            "level" => level = json.text()?,
            "type" => match json.kind()? {
                Kind::Text => sort = json.text()?,
                Kind::Array => {
                    let mut first = true;
                    json.array(|json| {
                        if std::mem::take(&mut first) && json.kind()? == Kind::Text {
                            sort = json.text()?;
                            return Ok(());
                        }
                        json.skip()
                    })?;
                }
                _ => json.skip()?,
            },
            "message" | "long_msg" => message = json.message()?.or(message.take()),
            "path" => path = json.text()?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    let grade = if level.as_deref() == Some("error") { Grade::Error } else { Grade::Warning };
    let words: Vec<String> = [sort, message].into_iter().flatten().collect();
    let words = words.join(": ");
    // It lists such a file among those that it scanned, and looked at no more than a part of it.
    if let Some(path) = &path {
        teller.tell(json, Told::Skipped(Skipped { name: path.clone(), package: None, reason: words.clone() }))?;
    }
    teller.notice(json, grade, words, path)
}
