//! Parameter Store: DescribeParameters, then GetParameters for ten names at a time.

use super::super::fields::{of_whole, shown};
use super::super::json::Json;
use super::super::service::each;
use super::super::{Credential, Origin, Place, Reading, SecretValue, SourceError, Unread, Version};
use super::Aws;
use super::call::{Caller, not_seen, seconds};
use serde_json::json;
use std::collections::BTreeMap;

/// As many names as one request may hold.
const BATCH: usize = 10;

/// What the list says about a parameter.
#[derive(Clone)]
struct Listed {
    name: String,
    version: Version,
}

fn list(aws: &Aws<'_>, caller: &Caller<'_>) -> Result<Vec<Listed>, SourceError> {
    let mut ask = json!({ "MaxResults": 50 });
    if !aws.settings.under.is_empty() {
        ask["ParameterFilters"] = json!([{ "Key": "Name", "Option": "BeginsWith", "Values": [aws.settings.under] }]);
    }
    let listed = caller.pages("listing parameters", "DescribeParameters", &ask, "Parameters")?;
    let read = |parameter: &Json| {
        let since = parameter.text_at(["LastModifiedDate"]).and_then(seconds);
        let version = Version { id: parameter.text_at(["Version"]).map(str::to_owned), since, kept: None };
        Some(Listed { name: parameter.text_at(["Name"])?.to_owned(), version })
    };
    let listed: Option<Vec<Listed>> = listed.iter().map(read).collect();
    let mut listed = listed.ok_or_else(|| caller.malformed())?;
    listed.retain(|parameter| parameter.name.starts_with(&aws.settings.under));
    Ok(listed)
}

/// How many parameters there are, by the service's list.
pub(super) fn names(aws: &Aws<'_>) -> Result<u64, SourceError> {
    let caller = Caller::begin(aws)?;
    Ok(list(aws, &caller)?.len() as u64)
}

/// Every parameter with its value.
pub(super) fn all(aws: &Aws<'_>) -> Result<Reading, SourceError> {
    let caller = Caller::begin(aws)?;
    let listed = list(aws, &caller)?;
    let batches: Vec<&[Listed]> = listed.chunks(BATCH).collect();
    let read = each(&batches, aws.settings.at_once, &|batch| of_batch(aws, &caller, batch))?;
    let mut whole = Reading::default();
    for batch in read {
        whole.examined += batch.examined;
        whole.credentials.extend(batch.credentials);
        whole.unread.extend(batch.unread);
    }
    Ok(whole)
}

/// Up to ten parameters. One that may not be read spoils the whole request: then each is asked for by itself.
fn of_batch(aws: &Aws<'_>, caller: &Caller<'_>, batch: &[Listed]) -> Result<Reading, SourceError> {
    let names: Vec<&str> = batch.iter().map(|parameter| parameter.name.as_str()).collect();
    let ask = json!({ "Names": names, "WithDecryption": true });
    let answer = match caller.call("reading parameters", "GetParameters", &ask) {
        Ok(answer) => answer,
        Err(error) if batch.len() == 1 || not_seen(&error).is_none() => {
            let reason = not_seen(&error).ok_or_else(|| caller.told(&error))?;
            return Ok(Reading {
                unread: batch.iter().map(|one| unread(aws, one, reason)).collect(),
                ..Reading::default()
            });
        }
        Err(_) => {
            let mut whole = Reading::default();
            for one in batch.chunks(1) {
                let read = of_batch(aws, caller, one)?;
                whole.examined += read.examined;
                whole.credentials.extend(read.credentials);
                whole.unread.extend(read.unread);
            }
            return Ok(whole);
        }
    };
    let parameters = answer.get("Parameters").ok_or_else(|| caller.malformed())?;
    let values: BTreeMap<&str, &str> = parameters
        .items()
        .iter()
        .filter_map(|parameter| Some((parameter.text_at(["Name"])?, parameter.text_at(["Value"])?)))
        .collect();
    let mut reading = Reading::default();
    for parameter in batch {
        let Some(value) = values.get(parameter.name.as_str()) else {
            reading.unread.push(unread(aws, parameter, ("deleted", "it has no current value")));
            continue;
        };
        let (place, name) = (place(parameter, "Value"), of_whole(&relative(aws, parameter)));
        let value = SecretValue::new(value.as_bytes().to_vec());
        let found = Credential::plain(&aws.environment, name, value, place, Origin::ParameterStore);
        reading.credentials.push(Credential { version: Some(parameter.version.clone()), ..found });
        reading.examined += 1;
    }
    Ok(reading)
}

fn unread(aws: &Aws<'_>, parameter: &Listed, (code, reason): (&'static str, &'static str)) -> Unread {
    let unread = Unread::new(relative(aws, parameter), place(parameter, "Value"), code, reason);
    Unread { version: Some(parameter.version.clone()), ..unread }
}

fn relative(aws: &Aws<'_>, parameter: &Listed) -> String {
    let name = parameter.name.strip_prefix(aws.settings.under.as_str()).unwrap_or(&parameter.name);
    shown(name.trim_start_matches('/').split('/'))
}

fn place(parameter: &Listed, key: &str) -> Place {
    Place::keyed(format!("parameter-store {}", parameter_shown(parameter)), key)
}

fn parameter_shown(parameter: &Listed) -> String {
    let (slash, rest) = match parameter.name.strip_prefix('/') {
        Some(rest) => ("/", rest),
        None => ("", parameter.name.as_str()),
    };
    format!("{slash}{}", shown(rest.split('/')))
}
