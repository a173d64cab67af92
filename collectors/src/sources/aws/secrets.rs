//! Secrets Manager: ListSecrets, then GetSecretValue for each.

use super::super::fields::{Content, leaves, of_field, of_whole, shown};
use super::super::json::Json;
use super::super::service::each;
use super::super::{Credential, Origin, Place, Reading, SecretValue, SourceError, Unread, Version};
use super::Aws;
use super::call::{Caller, not_seen, seconds};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use zeroize::Zeroizing;

fn list(aws: &Aws<'_>, caller: &Caller<'_>) -> Result<Vec<Json>, SourceError> {
    let mut ask = json!({ "MaxResults": 100, "IncludePlannedDeletion": true });
    if !aws.settings.under.is_empty() {
        ask["Filters"] = json!([{ "Key": "name", "Values": [aws.settings.under] }]);
    }
    let mut listed = caller.pages("listing secrets", "ListSecrets", &ask, "SecretList")?;
    // The service's filter knows no letter case, and looks at words of names too.
    listed.retain(|secret| secret.text_at(["Name"]).is_none_or(|name| name.starts_with(&aws.settings.under)));
    Ok(listed)
}

/// How many secrets there are, by the service's list.
pub(super) fn names(aws: &Aws<'_>) -> Result<u64, SourceError> {
    let caller = Caller::begin(aws)?;
    Ok(list(aws, &caller)?.len() as u64)
}

/// Every secret with its fields.
pub(super) fn all(aws: &Aws<'_>) -> Result<Reading, SourceError> {
    let caller = Caller::begin(aws)?;
    let listed = list(aws, &caller)?;
    let read = each(&listed, aws.settings.at_once, &|secret| one(aws, &caller, secret))?;
    let mut whole = Reading::default();
    for secret in read {
        whole.examined += secret.examined;
        whole.credentials.extend(secret.credentials);
        whole.unread.extend(secret.unread);
    }
    Ok(whole)
}

fn one(aws: &Aws<'_>, caller: &Caller<'_>, listed: &Json) -> Result<Reading, SourceError> {
    let name = listed.text_at(["Name"]).ok_or_else(|| caller.malformed())?;
    let id = listed.text_at(["ARN"]).unwrap_or(name);
    let kept = listed.get("SecretVersionsToStages").map(|versions| versions.entries().len() as u64);
    let relative = shown(name.strip_prefix(aws.settings.under.as_str()).unwrap_or(name).split('/'));
    let place = format!("secrets-manager {}", shown(name.split('/')));
    let mut reading = Reading::default();
    let unread = |(code, reason): (&'static str, &str)| {
        let since = listed.text_at(["LastRotatedDate"]).and_then(seconds);
        let version = since.map(|since| Version { kept, ..Version::since(since) });
        Unread { version, ..Unread::new(&relative, Place::keyed(&place, "*"), code, reason) }
    };
    if listed.get("DeletedDate").is_some_and(|date| !matches!(date, Json::Null)) {
        reading.unread.push(unread(("deleted", "its deletion is planned, and it can't be read any more")));
        return Ok(reading);
    }
    let answer = match caller.call("reading a secret", "GetSecretValue", &json!({ "SecretId": id })) {
        Ok(answer) => answer,
        Err(error) => {
            reading.unread.push(unread(not_seen(&error).ok_or_else(|| caller.told(&error))?));
            return Ok(reading);
        }
    };
    let since = answer.text_at(["CreatedDate"]).and_then(seconds);
    let version = Version { id: answer.text_at(["VersionId"]).map(str::to_owned), since, kept };
    let mut push = |name: String, key: &str, value: Vec<u8>| {
        let place = Place::keyed(&place, key);
        let found = Credential::plain(&aws.environment, name, SecretValue::new(value), place, Origin::SecretsManager);
        reading.credentials.push(Credential { version: Some(version.clone()), ..found });
    };
    match (answer.text_at(["SecretString"]), answer.text_at(["SecretBinary"])) {
        (Some(text), _) => match Content::of(text) {
            Content::Fields(fields) => {
                leaves(&fields, &mut |field, value| push(of_field(&relative, field), field, value.as_bytes().to_vec()));
            }
            Content::Whole => push(of_whole(&relative), "SecretString", text.as_bytes().to_vec()),
        },
        (None, Some(coded)) => {
            let bytes = STANDARD.decode(coded).map(Zeroizing::new).map_err(|_| caller.malformed())?;
            push(of_whole(&relative), "SecretBinary", bytes.to_vec());
        }
        (None, None) => return Err(caller.malformed()),
    }
    reading.examined = 1;
    Ok(reading)
}
