//! Lists a mount level by level, and reads each secret that the list names.

use super::super::fields::{self, leaves, of_field};
use super::super::json::Json;
use super::super::service::{MOST_NAMES, each};
use super::super::{
    Credential, Listing, Origin, Place, Reading, SecretValue, Source as _, SourceError, Unread, Version, instant,
};
use super::session::{Got, Session};
use super::{Vault, segments};

/// No folder nests deeper in what people made.
const DEEPEST: usize = 32;

/// What the list names: the segments of each secret's path below the mount.
struct Names {
    secrets: Vec<Vec<String>>,
    blind_spots: Vec<String>,
}

/// How many secrets there are, by LIST alone.
pub(super) fn names(vault: &Vault) -> Result<Listing, SourceError> {
    let session = Session::begin(vault)?;
    session.check_mount()?;
    Ok(Listing { names: walk(vault, &session)?.secrets.len() as u64 })
}

/// Every secret with its fields.
pub(super) fn all(vault: &Vault) -> Result<Reading, SourceError> {
    let session = Session::begin(vault)?;
    session.check_mount()?;
    let Names { secrets, blind_spots } = walk(vault, &session)?;
    let policies = vault.settings.readers.then(|| session.policies()).transpose()?;
    let read = each(&secrets, vault.settings.at_once, &|path| {
        let mut secret = one(vault, &session, path)?;
        let readers = policies.as_ref().map(|policies| policies.readers(&session.whole(path)));
        secret.credentials.iter_mut().for_each(|credential| credential.readers.clone_from(&readers));
        Ok(secret)
    })?;
    let denied = |reading: &Reading| reading.unread.iter().any(|unread| unread.code == "not-permitted");
    if read.iter().any(denied) {
        session.still_valid()?;
    }
    let mut whole = Reading { blind_spots, ..Reading::default() };
    for secret in read {
        whole.examined += secret.examined;
        whole.credentials.extend(secret.credentials);
        whole.unread.extend(secret.unread);
    }
    Ok(whole)
}

fn walk(vault: &Vault, session: &Session<'_>) -> Result<Names, SourceError> {
    let start: Vec<String> = segments(&vault.settings.path).map(str::to_owned).collect();
    let mut names = Names { secrets: Vec::new(), blind_spots: Vec::new() };
    own_name(session, &start, &mut names)?;
    let mut level = vec![start];
    for _ in 0..DEEPEST {
        let listed = each(&level, vault.settings.at_once, &|folder: &Vec<String>| session.list(folder))?;
        let mut next = Vec::new();
        for (folder, inside) in level.iter().zip(listed) {
            for name in inside.unwrap_or_default() {
                let mut path = folder.clone();
                path.push(name.trim_end_matches('/').to_owned());
                if name.ends_with('/') { next.push(path) } else { names.secrets.push(path) }
            }
        }
        if names.secrets.len() + next.len() > MOST_NAMES {
            break;
        }
        if next.is_empty() {
            return Ok(names);
        }
        level = next;
    }
    let reason = format!("it holds more than {MOST_NAMES} secrets, or folders in more than {DEEPEST} levels");
    Err(SourceError::refused(vault.label(), "too-large", reason))
}

/// A secret may have the very name of the folder that is configured; only the folder above knows.
fn own_name(session: &Session<'_>, start: &[String], names: &mut Names) -> Result<(), SourceError> {
    let Some((last, above)) = start.split_last() else { return Ok(()) };
    match session.list(above) {
        Ok(inside) if inside.as_ref().is_some_and(|inside| inside.contains(last)) => names.secrets.push(start.to_vec()),
        Ok(_) => {}
        Err(error) if error.code() == "denied" => {
            let path = start.join("/");
            names.blind_spots.push(format!(
                "Whether the vault holds a secret with the name of the folder {path} itself is not known: the folder above may not be listed."
            ));
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// One secret: its fields, or why they can't be seen.
fn one(vault: &Vault, session: &Session<'_>, path: &[String]) -> Result<Reading, SourceError> {
    let mut reading = Reading::default();
    let place = place_of(vault, path);
    let unread = |code, reason: &str, version| {
        let unread = Unread::new(relative(vault, path), Place::keyed(&place, "*"), code, reason);
        Unread { version, ..unread }
    };
    match session.secret(path)? {
        Got::Denied => {
            let version = session.metadata(path)?.as_ref().and_then(current);
            reading.unread.push(unread("not-permitted", "the vault lists it, and the token may not read it", version));
        }
        Got::Gone(answer) => {
            let version = answer.at(["data", "metadata"]).and_then(version);
            reading.unread.push(unread("deleted", "its current version is deleted, so that it has no value", version));
        }
        Got::There(answer) => {
            let data: &[&str] = if vault.settings.kv == 2 { &["data", "data"] } else { &["data"] };
            let malformed = || SourceError::refused(vault.label(), "not-understood", "a secret is no object of fields");
            let inside = answer.at(data.iter().copied()).filter(|inside| matches!(inside, Json::Map(_)));
            let version = answer.at(["data", "metadata"]).filter(|_| vault.settings.kv == 2).and_then(version);
            leaves(inside.ok_or_else(malformed)?, &mut |field, value| {
                let value = SecretValue::new(value.as_bytes().to_vec());
                let place = Place::keyed(&place, field);
                let name = of_field(&relative(vault, path), field);
                let found = Credential::plain(&vault.environment, name, value, place, Origin::Vault);
                reading.credentials.push(Credential { version: version.clone(), ..found });
            });
            reading.examined = 1;
        }
    }
    Ok(reading)
}

/// The secret's path below the configured folder, if it can be shown.
fn relative(vault: &Vault, path: &[String]) -> String {
    let skipped = segments(&vault.settings.path).count();
    shown(path.get(skipped..).unwrap_or_default())
}

fn place_of(vault: &Vault, path: &[String]) -> String {
    format!("vault {}/{}", vault.settings.mount.trim_matches('/'), shown(path))
}

fn shown(path: &[String]) -> String {
    fields::shown(path.iter().map(String::as_str))
}

/// What a secret's own metadata says about the version that it came in.
fn version(metadata: &Json) -> Option<Version> {
    let since = metadata.text_at(["created_time"]).and_then(instant)?;
    Some(Version { id: metadata.text_at(["version"]).map(str::to_owned), since: Some(since), kept: None })
}

/// What the metadata of all versions says about the current one.
fn current(answer: &Json) -> Option<Version> {
    let data = answer.get("data")?;
    let id = data.text_at(["current_version"])?;
    let versions = data.get("versions")?;
    let since = versions.text_at([id, "created_time"]).and_then(instant);
    Some(Version { id: Some(id.to_owned()), since, kept: Some(versions.entries().len() as u64) })
}
