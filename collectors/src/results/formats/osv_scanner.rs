//! `osv-scanner --format json`. It names the packages that it examined only with `--all-packages`; else only those in which it
//! found something.

use super::{MANY, osv::advisory};
use crate::results::{
    Advisory, Examined, Grade, Ids, Reach, Target, Told, Tool, Vulnerability, Why, json::Json, package, teller::Teller,
};

pub(super) fn read(json: &mut Json<'_>, teller: &mut Teller<'_>) -> Result<(), Why> {
    let (mut there, mut all) = (false, false);
    teller.tell(json, Told::Tool(Tool { name: "osv-scanner".to_owned(), version: None }))?;
    json.object(|json, key| match key {
        "results" => {
            there = true;
            json.array(|json| {
                let mut target = Target::default();
                json.object(|json, key| match key {
                    "source" => json.object(|json, key| {
                        match key {
                            "path" => target.name = json.text()?.unwrap_or_default(),
                            "type" => target.class = json.text()?,
                            _ => json.skip()?,
                        }
                        Ok(())
                    }),
                    "packages" => json.array(|json| {
                        all |= !packaged(json, teller, &target.name)?;
                        Ok(())
                    }),
                    _ => json.skip(),
                })?;
                teller.tell(json, Told::Target(target))
            })
        }
        _ => json.skip(),
    })?;
    if !there {
        return Err(json.missing("results"));
    }
    if !all {
        let words = "it names only packages with findings: without `--all-packages` how many were examined is not told";
        teller.notice(json, Grade::Warning, words, None)?;
    }
    json.end()
}

#[derive(Default)]
struct Group {
    ids: Ids,
    called: Option<bool>,
    severity: Option<String>,
}

/// Reads a package, and says whether anything was found in it.
fn packaged(json: &mut Json<'_>, teller: &mut Teller<'_>, place: &str) -> Result<bool, Why> {
    let (mut name, mut version, mut ecosystem) = (None, None, None);
    let mut found: Vec<Advisory> = Vec::new();
    let mut groups: Vec<Group> = Vec::new();
    json.object(|json, key| {
        match key {
            "package" => json.object(|json, key| {
                match key {
                    "name" => name = json.text()?,
                    "version" => version = json.text()?,
                    "ecosystem" => ecosystem = json.text()?,
                    _ => json.skip()?,
                }
                Ok(())
            })?,
            "vulnerabilities" => json.array(|json| {
                if found.len() >= 10_000 {
                    return Err(json.limit("vulnerabilities in one package", 10_000));
                }
                found.push(advisory(json, name.as_deref())?);
                Ok(())
            })?,
            "groups" => json.array(|json| {
                groups.push(group(json)?);
                if groups.len() > 10_000 { Err(json.limit("groups in one package", 10_000)) } else { Ok(()) }
            })?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    let name = name.unwrap_or_default();
    let package = package(ecosystem.as_deref().unwrap_or_default(), &name, version.as_deref())
        .ok_or_else(|| json.missing("package.name"))?;
    let place = (!place.is_empty()).then(|| place.to_owned());
    teller.tell(json, Told::Examined(Examined { package: package.clone(), place: place.clone() }))?;
    let any = !found.is_empty();
    for group in groups {
        let (members, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|one| one.ids.meets(&group.ids));
        found = others;
        let Some(mut one) = members.into_iter().reduce(joined) else { continue };
        one.ids.join(&group.ids);
        if one.rated.said.is_none() {
            one.rated.said = group.severity;
        }
        let mut one = vulnerability(one, package.clone(), place.clone());
        one.reach = group.called.map(|called| if called { Reach::Called } else { Reach::Imported });
        teller.tell(json, Told::Vulnerability(Box::new(one)))?;
    }
    for one in found {
        let one = vulnerability(one, package.clone(), place.clone());
        teller.tell(json, Told::Vulnerability(Box::new(one)))?;
    }
    Ok(any)
}

fn joined(mut one: Advisory, other: Advisory) -> Advisory {
    one.ids.join(&other.ids);
    one.rated.join(&other.rated);
    one.title = one.title.or(other.title);
    one.withdrawn = one.withdrawn.and(other.withdrawn);
    for version in other.fixed {
        if !one.fixed.contains(&version) && one.fixed.len() < MANY {
            one.fixed.push(version);
        }
    }
    one
}

fn vulnerability(one: Advisory, package: crate::results::Package, place: Option<String>) -> Vulnerability {
    let mut vulnerability = Vulnerability::new(one.ids, package).fixed_by(one.fixed);
    (vulnerability.rated, vulnerability.title, vulnerability.place) = (one.rated, one.title, place);
    vulnerability.suppressed = one.withdrawn.map(|when| format!("withdrawn on {when}"));
    vulnerability
}

fn group(json: &mut Json<'_>) -> Result<Group, Why> {
    let mut group = Group::default();
    json.object(|json, key| {
        match key {
            "ids" | "aliases" => json.texts(MANY)?.iter().for_each(|id| group.ids.add(id)),
            "max_severity" => group.severity = json.text()?,
            "experimentalAnalysis" => json.object(|json, _| {
                json.only("called", |json| {
                    group.called = json.flag()?.map(|called| called || group.called == Some(true));
                    Ok(())
                })
            })?,
            _ => json.skip()?,
        }
        Ok(())
    })?;
    Ok(group)
}
