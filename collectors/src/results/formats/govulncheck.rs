//! `govulncheck -format json`: messages one after another. Findings speak of advisories that came before them, and come again
//! for every level at which the code reaches the vulnerability; the nearest one counts.

use std::collections::BTreeMap;

use super::osv::advisory;
use crate::results::{
    Advisory, Count, Database, Examined, Fix, Ids, Package, Reach, Told, Tool, Vulnerability, Why, json::Json, package,
    teller::Teller,
};

/// What is known of an advisory in a module.
struct Known {
    package: Package,
    fixed: Option<String>,
    reach: Reach,
    place: Option<String>,
}

pub(super) fn read(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    let mut config = false;
    let mut modules = 0_u64;
    let mut advisories: BTreeMap<String, Advisory> = BTreeMap::new();
    let mut found: BTreeMap<(String, String), Known> = BTreeMap::new();
    while json.another()? {
        json.object(|json, key| match key {
            "config" => {
                config = true;
                about(json, teller)
            }
            "Vulns" => {
                let found = "of a version before 1.0".to_owned();
                Err(Why::Schema { format: json.format(), key: "Vulns", found, known: "version 1" })
            }
            "SBOM" => json.object(|json, key| match key {
                "modules" => json.array(|json| {
                    let (mut path, mut version) = (None, None);
                    json.object(|json, key| {
                        match key {
                            "path" => path = json.text()?,
                            "version" => version = json.text()?,
                            _ => json.skip()?,
                        }
                        Ok(())
                    })?;
                    let path = path.ok_or_else(|| json.missing("path"))?;
                    modules += 1;
                    match package("golang", &path, version.as_deref()) {
                        Some(package) => teller.tell(json, Told::Examined(Examined { package, place: None })),
                        None => Ok(()),
                    }
                }),
                _ => json.skip(),
            }),
            "osv" => {
                let one = advisory(json, None)?;
                if advisories.len() >= json.limits().remembered {
                    return Err(json.limit("advisories to remember", json.limits().remembered as u64));
                }
                for id in one.ids.iter().filter(|id| id.as_str().starts_with("GO-")) {
                    advisories.insert(id.to_string(), one.clone());
                }
                Ok(())
            }
            "finding" => {
                if found.len() >= json.limits().remembered {
                    return Err(json.limit("findings to remember", json.limits().remembered as u64));
                }
                finding(json, &mut found)
            }
            _ => json.skip(),
        })?;
    }
    if !config {
        return Err(json.missing("config"));
    }
    if modules == 0 {
        // Versions before 1.1 print no list of modules.
        let words = "it names no modules: how many were examined is not told";
        teller.notice(json, crate::results::Grade::Note, words, None)?;
    } else {
        teller.tell(json, Told::Count(Count { of: "modules".to_owned(), count: modules, place: None }))?;
    }
    for ((osv, _), known) in found {
        let about = advisories.get(&osv).cloned().unwrap_or_default();
        let mut ids = Ids::new([&osv]);
        ids.join(&about.ids);
        let mut one = Vulnerability::new(ids, known.package).fixed_by(known.fixed.into_iter().collect());
        if one.fixed.is_empty() {
            one.fix = Fix::None;
        }
        (one.rated, one.title, one.place) = (about.rated, about.title, known.place);
        one.reach = Some(known.reach);
        one.suppressed = about.withdrawn.map(|when| format!("withdrawn on {when}"));
        teller.tell(json, Told::Vulnerability(Box::new(one)))?;
    }
    Ok(())
}

fn about(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    let (mut name, mut version) = (None, None);
    let mut database = Database::default();
    json.object(|json, key| {
        match key {
            "protocol_version" => {
                let found = json.text()?.unwrap_or_default();
                if !found.starts_with("v1.") {
                    let (format, key) = (json.format(), "config.protocol_version");
                    return Err(Why::Schema { format, key, found, known: "version 1" });
                }
            }
            "scanner_name" => name = json.text()?,
            "scanner_version" => version = json.text()?,
            "db" => database.name = json.text()?,
            "db_last_modified" => database.updated = json.text()?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    teller.tell(json, Told::Tool(Tool { name: name.unwrap_or_else(|| "govulncheck".to_owned()), version }))?;
    teller.tell(json, Told::Database(database))
}

fn finding(json: &mut Json<'_>, found: &mut BTreeMap<(String, String), Known>) -> Result<(), Why> {
    let (mut osv, mut fixed) = (None, None);
    // Of the first frame, which is the vulnerable one; and of the last, which is where the code begins.
    let (mut module, mut version, mut reach, mut place) = (None, None, Reach::Required, None);
    json.object(|json, key| {
        match key {
            "osv" => osv = json.text()?,
            "fixed_version" => fixed = json.text()?,
            "trace" => {
                let mut first = true;
                json.array(|json| {
                    let (mut file, mut line) = (None, None);
                    json.object(|json, key| {
                        match key {
                            "module" if first => module = json.text()?,
                            "version" if first => version = json.text()?,
                            "package" if first => {
                                json.skip()?;
                                reach = reach.max(Reach::Imported);
                            }
                            "function" if first => {
                                json.skip()?;
                                reach = Reach::Called;
                            }
                            "position" => json.object(|json, key| {
                                match key {
                                    "filename" => file = json.text()?,
                                    "line" => line = json.whole()?,
                                    _ => json.skip()?,
                                }
                                Ok(())
                            })?,
                            _ => json.skip()?,
                        }
                        Ok(())
                    })?;
                    first = false;
                    if let (Some(file), Some(line)) = (file, line) {
                        place = Some(format!("{file}:{line}"));
                    }
                    Ok(())
                })?;
            }
            _ => json.skip()?,
        }
        Ok(())
    })?;
    let osv = osv.ok_or_else(|| json.missing("osv"))?;
    let module: String = module.ok_or_else(|| json.missing("trace.module"))?;
    let package = package("golang", &module, version.as_deref()).ok_or_else(|| json.missing("trace.module"))?;
    let known = Known { package, fixed, reach, place };
    match found.get_mut(&(osv.clone(), module.clone())) {
        Some(nearest) if nearest.reach >= known.reach => {}
        Some(nearest) => *nearest = known,
        None => {
            found.insert((osv, module), known);
        }
    }
    Ok(())
}
