//! `hadolint -f json`: an array of findings. An empty one says that the files it was given are in order; which files those
//! were it does not say.

use crate::results::{Finding, Told, Tool, Why, json::Json, teller::Teller};

pub(super) fn read(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    teller.tell(json, Told::Tool(Tool { name: "hadolint".to_owned(), version: None }))?;
    json.array(|json| {
        let mut finding = Finding::default();
        json.object(|json, key| {
            match key {
                "code" => finding.rule = json.text()?.unwrap_or_default(),
                "level" => finding.level = json.text()?,
                "message" => finding.message = json.message()?,
                "file" => finding.file = json.text()?,
                "line" => finding.line = json.whole()?,
                _ => json.skip()?,
            }
            Ok(())
        })?;
        if finding.rule.is_empty() {
            return Err(json.missing("code"));
        }
        teller.tell(json, Told::Finding(finding))
    })?;
    json.end()
}
