//! `pip-audit --format json`: `{"dependencies": […], "fixes": […]}`. A dependency has either `vulns` or a `skip_reason`: with
//! its service out of reach pip-audit skips every one of them, and exits as if all were well.

use super::MANY;
use crate::results::{Examined, Ids, Skipped, Told, Tool, Vulnerability, Why, json::Json, package, teller::Teller};

pub(super) fn read(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    let mut there = false;
    teller.tell(json, Told::Tool(Tool { name: "pip-audit".to_owned(), version: None }))?;
    json.only("dependencies", |json| {
        there = true;
        json.array(|json| dependency(json, teller))
    })?;
    if !there {
        return Err(json.missing("dependencies"));
    }
    json.end()
}

fn dependency(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    let (mut name, mut version, mut skipped, mut audited) = (None, None, None, false);
    let mut found: Vec<Vuln> = Vec::new();
    json.object(|json, key| {
        match key {
            "name" => name = json.text()?,
            "version" => version = json.text()?,
            "skip_reason" => skipped = json.message()?,
            "vulns" => {
                audited = true;
                json.array(|json| {
                    let one = vuln(json)?;
                    if found.len() >= json.limits().remembered {
                        return Err(json.limit("vulnerabilities in one package", json.limits().remembered as u64));
                    }
                    found.push(one);
                    Ok(())
                })?;
            }
            _ => json.skip()?,
        }
        Ok(())
    })?;
    let name = name.ok_or_else(|| json.missing("name"))?;
    let package = package("pypi", &name, version.as_deref()).ok_or_else(|| json.shape("expected a package's name"))?;
    if let Some(reason) = skipped {
        return teller.tell(json, Told::Skipped(Skipped { name, package: Some(package), reason }));
    }
    // Neither audited nor skipped: nothing says that it was looked at.
    if !audited {
        return Err(json.missing("vulns"));
    }
    teller.tell(json, Told::Examined(Examined { package: package.clone(), place: None }))?;
    for one in found {
        let mut vulnerability = Vulnerability::new(one.ids, package.clone()).fixed_by(one.fixed);
        vulnerability.title = one.title;
        teller.tell(json, Told::Vulnerability(Box::new(vulnerability)))?;
    }
    Ok(())
}

struct Vuln {
    ids: Ids,
    fixed: Vec<String>,
    title: Option<String>,
}

fn vuln(json: &mut Json<'_>) -> Result<Vuln, Why> {
    let mut one = Vuln { ids: Ids::default(), fixed: Vec::new(), title: None };
    json.object(|json, key| {
        match key {
            "id" => json.text()?.iter().for_each(|id| one.ids.add(id)),
            "aliases" => json.texts(MANY)?.iter().for_each(|id| one.ids.add(id)),
            "fix_versions" => one.fixed = json.texts(MANY)?,
            "description" => one.title = json.message()?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    if one.ids.is_empty() {
        return Err(json.missing("id"));
    }
    Ok(one)
}
