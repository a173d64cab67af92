//! `gitleaks -f json`: an array of findings. `Match` and `Secret` hold the secret in clear unless it was asked to redact:
//! neither is read.

use crate::results::{Finding, Told, Tool, Why, json::Json, teller::Teller};

pub(super) fn read(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    teller.tell(json, Told::Tool(Tool { name: "gitleaks".to_owned(), version: None }))?;
    json.array(|json| {
        let mut finding = Finding::default();
        json.object(|json, key| {
            match key {
                "RuleID" => finding.rule = json.text()?.unwrap_or_default(),
                "Description" => finding.message = json.message()?,
                "File" => finding.file = json.text()?,
                "StartLine" => finding.line = json.whole()?,
                "Commit" => finding.about = json.text()?.map(|commit| format!("commit {commit}")),
                _ => json.skip()?,
            }
            Ok(())
        })?;
        if finding.rule.is_empty() {
            return Err(json.missing("RuleID"));
        }
        teller.tell(json, Told::Finding(finding))
    })?;
    json.end()
}
