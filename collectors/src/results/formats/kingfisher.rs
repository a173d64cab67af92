//! `kingfisher scan --format json`. A finding's `snippet`, `validate_command` and the answers of services hold the secret:
//! none of them is read.

use crate::results::{Count, Finding, Grade, Target, Told, Tool, Why, json::Json, teller::Teller};

pub(super) fn read(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    let (mut findings, mut metadata) = (false, false);
    json.object(|json, key| match key {
        "findings" => {
            findings = true;
            json.array(|json| finding(json, teller))
        }
        "metadata" => {
            metadata = true;
            about(json, teller)
        }
        "audit" => json.object(|json, key| match key {
            "summary" => json.object(|json, key| match key {
                "fetch_failed" | "scan_failed" | "scan_partial" | "pending" => match json.whole()? {
                    Some(count) if count > 0 => {
                        teller.notice(json, Grade::Error, format!("{key}: {count} repositories"), None)
                    }
                    _ => Ok(()),
                },
                _ => json.skip(),
            }),
            _ => json.skip(),
        }),
        _ => json.skip(),
    })?;
    if !findings {
        return Err(json.missing("findings"));
    }
    if !metadata {
        return Err(json.missing("metadata"));
    }
    json.end()
}

fn finding(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    let mut finding = Finding::default();
    json.object(|json, key| match key {
        "rule" => json.object(|json, key| {
            match key {
                "id" => finding.rule = json.text()?.unwrap_or_default(),
                "description" => finding.message = json.message()?,
                _ => json.skip()?,
            }
            Ok(())
        }),
        "finding" => json.object(|json, key| {
            match key {
                "path" => finding.file = json.text()?,
                "line" => finding.line = json.whole()?,
                "git_metadata" => json.only("commit", |json| {
                    json.only("id", |json| {
                        finding.about = json.text()?.map(|commit| format!("commit {commit}"));
                        Ok(())
                    })
                })?,
                _ => json.skip()?,
            }
            Ok(())
        }),
        _ => json.skip(),
    })?;
    if finding.rule.is_empty() {
        return Err(json.missing("rule.id"));
    }
    teller.tell(json, Told::Finding(finding))
}

fn about(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    let mut version = None;
    json.object(|json, key| {
        match key {
            "kingfisher_version" => version = json.text()?,
            "target" => {
                if let Some(name) = json.text()? {
                    teller.tell(json, Told::Target(Target { name, ..Target::default() }))?;
                }
            }
            "summary" => json.object(|json, key| {
                let of = match key {
                    "blobs_scanned" => "blobs",
                    "rules_applied" => "rules",
                    _ => return json.skip(),
                };
                match json.whole()? {
                    Some(count) => teller.tell(json, Told::Count(Count { of: of.to_owned(), count, place: None })),
                    None => Ok(()),
                }
            })?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    teller.tell(json, Told::Tool(Tool { name: "kingfisher".to_owned(), version }))
}
