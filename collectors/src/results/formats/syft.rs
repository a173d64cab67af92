//! `syft -o syft-json`: the packages that it found, and nothing of vulnerabilities.

use super::grype::{read_artifact, source};
use crate::results::{Examined, Told, Tool, Why, json::Json, teller::Teller};

/// The newest major version of its schema that was looked at.
const SCHEMA: u64 = 16;

pub(super) fn read(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    let (mut artifacts, mut tool) = (false, None);
    json.object(|json, key| match key {
        "artifacts" => {
            artifacts = true;
            json.array(|json| {
                let one = read_artifact(json)?;
                let package = one.package().ok_or_else(|| json.missing("name"))?;
                teller.tell(json, Told::Examined(Examined { package, place: one.place }))
            })
        }
        "source" => source(json, teller),
        "descriptor" => json.only("version", |json| {
            tool = json.text()?;
            Ok(())
        }),
        "schema" => json.only("version", |json| {
            let found = json.text()?.unwrap_or_default();
            let major = found.split('.').next().and_then(|major| major.parse::<u64>().ok());
            if major.is_none_or(|major| major > SCHEMA) {
                let known = "versions 1 to 16";
                return Err(Why::Schema { format: json.format(), key: "schema.version", found, known });
            }
            Ok(())
        }),
        _ => json.skip(),
    })?;
    if !artifacts {
        return Err(json.missing("artifacts"));
    }
    teller.tell(json, Told::Tool(Tool { name: "syft".to_owned(), version: tool }))?;
    teller.tell(json, Told::ListsOnly)?;
    json.end()
}
