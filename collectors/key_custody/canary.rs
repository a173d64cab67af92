//! Canaries for restore drills: a text that nobody else has, encrypted when a key is current, and a note beside it that says
//! which key that was, when, and what has to come out. Neither holds the key.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::cipher::{EncryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::{aead, cipher, digest as hash, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use exhibit_evidence::{Clock, EnvironmentId, SubjectId, Timestamp};
use serde::{Deserialize, Serialize};

use super::drill::{self, Attempt, NONCE};
use super::looking::{Given, Looker};
use super::proof::{Challenge, key_of};
use super::settings::{Drill, DrillMethod, Key, Kind, PlaceSettings, Protects, Source};
use crate::SettingProblem;
use crate::sources::{Root, SecretValue, Surroundings, files};

/// The version of the note's form.
const FORMAT: u64 = 1;
/// How long age may take.
const LIMIT: Duration = Duration::from_secs(60);
/// How the text begins.
const TEXT: &str = "exhibit canary ";

/// What stands beside a canary, in JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Note {
    format: u64,
    pub(super) environment: EnvironmentId,
    /// The key, by its subject.
    pub(super) key: SubjectId,
    pub(super) method: String,
    pub(super) written_at: Timestamp,
    /// The place whose key it was encrypted with.
    place: String,
    /// The services that ran with that key then.
    pub(super) current_for: Vec<String>,
    /// SHA-256 of the text, in hexadecimal: the text itself comes out of the canary alone.
    pub(super) text_sha256: String,
}

impl Note {
    /// Reads the note beside a canary.
    ///
    /// # Errors
    /// When there is none, or it is no such note.
    pub(super) fn read(root: &Root, canary: &str) -> Result<Self, String> {
        let name = note_of(canary);
        if !files::exists(root, &name) {
            return Err(format!("what has to come out is not known: the drill has no `expect`, and there is no {name}"));
        }
        let bytes = files::bytes(root, &name).map_err(|error| error.to_string())?;
        let note = serde_json::from_slice::<Self>(&bytes).ok().filter(|note| note.format == FORMAT);
        note.ok_or_else(|| format!("{name} is no note that `exhibit custody canary` wrote"))
    }
}

/// The name of a canary's note.
fn note_of(canary: &str) -> String {
    format!("{canary}.json")
}

/// SHA-256 in hexadecimal.
pub(super) fn digest(text: &[u8]) -> String {
    hex(hash::digest(&hash::SHA256, text).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// For which drill a canary is to be written, and from which place the key is taken.
pub struct Order<'a> {
    /// The folder that relative paths of settings start from.
    pub base: &'a Path,
    /// Tells when it is written.
    pub clock: &'a dyn Clock,
    /// 64 random bytes, for this order alone.
    pub random: &'a [u8; 64],
    /// The table `source` of the job that performs the drill.
    pub source: &'a toml::Table,
    /// The same of the other jobs, each with its name: they may say where the key runs.
    pub others: &'a [(&'a str, &'a toml::Table)],
    /// The environment, where the job has drills in several.
    pub environment: Option<&'a EnvironmentId>,
    /// The key, by its subject, where the job has drills with several.
    pub key: Option<&'a SubjectId>,
    /// The drill, by its name, where the key has several.
    pub drill: Option<&'a str>,
    /// The place that the key is taken from; the first service that it comes out of, where none is named.
    pub from: Option<&'a str>,
}

/// A canary that was written. Holds no key.
#[derive(Clone, Debug, Serialize)]
pub struct Written {
    /// The key's environment.
    pub environment: EnvironmentId,
    /// The key, by its subject.
    pub key: SubjectId,
    /// What the key is called where it is configured.
    pub name: String,
    /// The drill that opens it.
    pub drill: String,
    /// How it is encrypted: `aes-256-gcm`, `fernet`, `age`.
    pub method: String,
    /// The encrypted text, as the settings name it.
    pub canary: String,
    /// The note beside it.
    pub note: String,
    /// The place that the key was taken from.
    pub place: String,
    /// When it was written.
    pub written_at: Timestamp,
    /// The services that ran with the key then.
    pub current_for: Vec<String>,
    /// The services that could not be asked, and the jobs that could not say of any, each with the reason.
    pub not_asked: Vec<String>,
}

/// Why no canary was written. Holds no key.
#[derive(Debug, thiserror::Error)]
pub enum CanaryError {
    /// The job's settings are not in order.
    #[error("{}: {}", .0.key.join("."), .0.message)]
    Settings(SettingProblem),
    /// No such job.
    #[error("there is no such job of the collector key_custody; there are: {0}")]
    NoJob(String),
    /// No drill fits.
    #[error("the job configures no such restore drill; it has {0}")]
    NoDrill(String),
    /// Several drills fit.
    #[error("several restore drills fit, and one has to be named: {0}")]
    Several(String),
    /// Only the application can write it.
    #[error("the drill decrypts by a command of the application's own, which alone knows how such a text is encrypted")]
    OfTheApplication,
    /// A file is there already.
    #[error("{0} is there already; nothing was written")]
    Exists(String),
    /// No place of that name.
    #[error("the key has no place of that name that it comes out of; it has {0}")]
    NoPlace(String),
    /// The place gave no key.
    #[error("{place}: {why}")]
    NotRead {
        /// The place.
        place: String,
        /// What came of it.
        why: String,
    },
    /// Another key runs.
    #[error("the key of {place} is not the current one: {service} runs with another; nothing was written")]
    NotCurrent {
        /// The place that the key was taken from.
        place: String,
        /// The service that runs with another key.
        service: String,
    },
    /// Nobody could say which key runs.
    #[error("whether the key of {place} is the current one could not be found out: {why}; nothing was written")]
    NotKnown {
        /// The place that the key was taken from.
        place: String,
        /// What came of asking.
        why: String,
    },
    /// It could not be encrypted, or did not open again.
    #[error("the text could not be encrypted: {0}")]
    NotEncrypted(String),
    /// It could not be stored.
    #[error("writing {file}: {source}")]
    NotStored {
        /// The file.
        file: String,
        /// What came of it.
        source: io::Error,
    },
}

/// Writes the canary of a drill and the note beside it: both, or neither, and never over what is there.
///
/// # Errors
/// When the drill, the key or its being current can't be made out, or a file is there already.
pub fn write(order: &Order<'_>) -> Result<Written, CanaryError> {
    let (sources, unread) = sources(order)?;
    let (key, drill) = chosen(order, &sources[0])?;
    if drill.method == DrillMethod::Command {
        return Err(CanaryError::OfTheApplication);
    }
    let note = note_of(&drill.canary);
    for name in [&drill.canary, &note] {
        // Also a link that leads nowhere is something.
        if fs::symlink_metadata(order.base.join(name)).is_ok() {
            return Err(CanaryError::Exists(name.clone()));
        }
    }
    let known: Vec<&Key> = sources.iter().flat_map(|source| &source.keys).filter(|one| one.subject == key.subject).collect();
    let place = place(order, &known, drill)?;

    let root = Root::folder(order.base);
    let mut looker = Looker::new(Surroundings { root: &root, clock: order.clock }, None);
    let (challenge_key, rest) = order.random.split_first_chunk::<32>().expect("64 bytes hold 32");
    let (own_text, own_start) = rest.split_first_chunk::<16>().expect("32 bytes are left");
    let challenge = Challenge::of(challenge_key, &key.subject);
    let value = taken(&mut looker, place, &challenge)?;
    let (current_for, not_asked) = current(&mut looker, &known, place, &value, &challenge, unread)?;

    let text = format!("{TEXT}{}", hex(own_text));
    let start: &[u8; 16] = own_start.try_into().expect("16 bytes are left");
    let sealed = encrypted(&looker, drill, place, &value, &text, start, order.clock.now())?;
    let written = Note {
        format: FORMAT,
        environment: key.subject.environment.clone(),
        key: key.subject.id.clone(),
        method: drill.method.word().to_owned(),
        written_at: order.clock.now(),
        place: place.name.clone(),
        current_for: current_for.clone(),
        text_sha256: digest(text.as_bytes()),
    };
    let mut told = serde_json::to_vec_pretty(&written).map_err(|error| CanaryError::NotEncrypted(error.to_string()))?;
    told.push(b'\n');
    store(order.base, &[(&drill.canary, &sealed), (&note, &told)])?;
    opens_again(&looker, drill, place, &value, &text).inspect_err(|_| {
        // Whoever finds it would believe it.
        [&drill.canary, &note].iter().for_each(|name| drop(fs::remove_file(order.base.join(name))));
    })?;
    Ok(Written {
        environment: written.environment,
        key: written.key,
        name: key.name.clone(),
        drill: drill.name.clone(),
        method: written.method,
        canary: drill.canary.clone(),
        note,
        place: written.place,
        written_at: written.written_at,
        current_for,
        not_asked,
    })
}

/// The job's own settings first, then those of the others; and which of these can't be read, so that nobody knows what they say
/// of where the key runs.
fn sources(order: &Order<'_>) -> Result<(Vec<Source>, Vec<String>), CanaryError> {
    let first = |mut problems: Vec<SettingProblem>| {
        problems.pop().unwrap_or_else(|| SettingProblem::new("source", "expected `[[source.keys]]`"))
    };
    let own = Source::read(order.source).map_err(|problems| CanaryError::Settings(first(problems)))?;
    let (mut all, mut unread) = (vec![own], Vec::new());
    for (job, table) in order.others {
        match Source::read(table) {
            Ok(source) => all.push(source),
            Err(problems) => {
                let problem = first(problems);
                unread.push(format!("the settings of the job {job}: {}: {}", problem.key.join("."), problem.message));
            }
        }
    }
    Ok((all, unread))
}

fn chosen<'s>(order: &Order<'_>, source: &'s Source) -> Result<(&'s Key, &'s Drill), CanaryError> {
    let all = || source.keys.iter().flat_map(|key| key.drills.iter().map(move |drill| (key, drill)));
    let fits = |(key, drill): &(&Key, &Drill)| {
        order.environment.is_none_or(|id| *id == key.subject.environment)
            && order.key.is_none_or(|id| *id == key.subject.id)
            && order.drill.is_none_or(|name| name == drill.name)
    };
    let told = |drills: Vec<(&Key, &Drill)>| match drills.as_slice() {
        [] => "none".to_owned(),
        some => {
            let one = |(key, drill): &(&Key, &Drill)| {
                format!("\"{}\" with {} of {}", drill.name, key.subject.id, key.subject.environment)
            };
            some.iter().map(one).collect::<Vec<_>>().join(", ")
        }
    };
    let mut fitting: Vec<_> = all().filter(fits).collect();
    match (fitting.pop(), fitting.is_empty()) {
        (Some(one), true) => Ok(one),
        (Some(last), false) => Err(CanaryError::Several(told(fitting.into_iter().chain([last]).collect()))),
        (None, _) => Err(CanaryError::NoDrill(told(all().collect()))),
    }
}

/// The place that the key is taken from.
fn place<'s>(order: &Order<'_>, known: &[&'s Key], drill: &'s Drill) -> Result<&'s PlaceSettings, CanaryError> {
    let gives = |place: &&PlaceSettings| !matches!(place.kind, Kind::Challenge(_) | Kind::Http(_) | Kind::Attested(_));
    let running = || known.iter().flat_map(|key| &key.running).filter(gives);
    let all = || running().chain(known.iter().flat_map(|key| &key.copies).filter(gives)).chain([&drill.copy]);
    let found = match order.from {
        Some(name) => all().find(|place| place.name == name),
        None => running().next(),
    };
    found.ok_or_else(|| {
        let mut names: Vec<String> = all().map(|place| format!("\"{}\"", place.name)).collect();
        names.dedup();
        CanaryError::NoPlace(names.join(", "))
    })
}

fn taken(looker: &mut Looker<'_>, place: &PlaceSettings, challenge: &Challenge) -> Result<SecretValue, CanaryError> {
    let why = match looker.look(place, challenge, &Protects::default()).given {
        Given::Value(value) if !value.bytes().trim_ascii().is_empty() => return Ok(value),
        Given::Value(_) => "what stands there is empty".to_owned(),
        Given::Absent(why) | Given::Unreadable { why, .. } => why,
        Given::Proof(_) | Given::Attestation(_) => "the key does not come out of that place".to_owned(),
    };
    Err(CanaryError::NotRead { place: place.name.clone(), why })
}

/// The services that run with this key, and those that could not be asked, behind what is `unread`. One that runs with another
/// key ends it.
fn current(
    looker: &mut Looker<'_>,
    known: &[&Key],
    place: &PlaceSettings,
    value: &SecretValue,
    challenge: &Challenge,
    unread: Vec<String>,
) -> Result<(Vec<String>, Vec<String>), CanaryError> {
    let own = challenge.answer(&key_of(value.bytes(), place.shape).0);
    let (mut same, mut silent): (Vec<String>, Vec<String>) = (Vec::new(), unread);
    for service in known.iter().flat_map(|key| &key.running) {
        let answer = match looker.look(service, challenge, &Protects::default()).given {
            Given::Value(value) => Ok(challenge.answer(&key_of(value.bytes(), service.shape).0)),
            Given::Proof(proof) => Ok(proof),
            Given::Attestation(_) => Err("it can't be asked".to_owned()),
            Given::Absent(why) | Given::Unreadable { why, .. } => Err(why),
        };
        match answer {
            Ok(answer) if answer.is(&own) && !same.contains(&service.name) => same.push(service.name.clone()),
            Ok(answer) if answer.is(&own) => {}
            Ok(_) => {
                let (place, service) = (place.name.clone(), service.name.clone());
                return Err(CanaryError::NotCurrent { place, service });
            }
            Err(why) => silent.push(format!("{}: {why}", service.name)),
        }
    }
    if same.is_empty() {
        let why = match silent.is_empty() {
            true => "no job says which service runs with it".to_owned(),
            false => silent.join("; "),
        };
        return Err(CanaryError::NotKnown { place: place.name.clone(), why });
    }
    Ok((same, silent))
}

fn encrypted(
    looker: &Looker<'_>,
    drill: &Drill,
    place: &PlaceSettings,
    value: &SecretValue,
    text: &str,
    start: &[u8; 16],
    now: Timestamp,
) -> Result<Vec<u8>, CanaryError> {
    let (key, _) = key_of(value.bytes(), place.shape);
    let unfit = |_| CanaryError::NotEncrypted("the key is none of 32 bytes".to_owned());
    match drill.method {
        DrillMethod::Aes256Gcm => aes_256_gcm(&key, text, start).map_err(unfit),
        DrillMethod::Fernet => fernet(&key, text, start, now).map_err(unfit),
        DrillMethod::Age | DrillMethod::Command => for_identity(looker, &drill.program, value.bytes(), text),
    }
}

/// Base64 of nonce, encrypted text and tag.
fn aes_256_gcm(key: &[u8], text: &str, start: &[u8; 16]) -> Result<Vec<u8>, aws_lc_rs::error::Unspecified> {
    let key = aead::LessSafeKey::new(aead::UnboundKey::new(&aead::AES_256_GCM, key)?);
    let nonce = aead::Nonce::try_assume_unique_for_key(&start[..NONCE])?;
    let mut sealed = text.as_bytes().to_vec();
    key.seal_in_place_append_tag(nonce, aead::Aad::empty(), &mut sealed)?;
    Ok(line(STANDARD.encode([&start[..NONCE], &sealed].concat())))
}

/// A Fernet token: <https://github.com/fernet/spec/blob/master/Spec.md>.
fn fernet(key: &[u8], text: &str, start: &[u8; 16], now: Timestamp) -> Result<Vec<u8>, aws_lc_rs::error::Unspecified> {
    let (32, Some((signing, encryption))) = (key.len(), key.split_at_checked(16)) else {
        return Err(aws_lc_rs::error::Unspecified);
    };
    let mut sealed = text.as_bytes().to_vec();
    let cbc = PaddedBlockEncryptingKey::cbc_pkcs7(UnboundCipherKey::new(&cipher::AES_128, encryption)?)?;
    cbc.less_safe_encrypt(&mut sealed, EncryptionContext::Iv128(FixedLength::from(start)))?;
    let mut token = vec![0x80];
    token.extend_from_slice(&(now.micros() / 1_000_000).to_be_bytes());
    token.extend_from_slice(start);
    token.extend_from_slice(&sealed);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, signing), &token);
    token.extend_from_slice(tag.as_ref());
    Ok(line(URL_SAFE.encode(token)))
}

fn line(mut text: String) -> Vec<u8> {
    text.push('\n');
    text.into_bytes()
}

/// By age itself. The identity goes to `age-keygen` through a pipe; its recipient is public.
fn for_identity(looker: &Looker<'_>, program: &str, identity: &[u8], text: &str) -> Result<Vec<u8>, CanaryError> {
    let failed = |error: crate::process::RunError| CanaryError::NotEncrypted(error.to_string());
    let said = looker.printed(&format!("{program}-keygen"), &["-y"], &[], Some(identity), LIMIT).map_err(failed)?;
    let said = std::str::from_utf8(&said).unwrap_or_default();
    let recipient = said.lines().map(str::trim).find(|line| line.starts_with("age1"));
    let recipient = recipient.ok_or_else(|| CanaryError::NotEncrypted("age-keygen names no recipient for the key".to_owned()))?;
    let command = ["--encrypt", "--armor", "--recipient", recipient];
    let sealed = looker.printed(program, &command, &[], Some(text.as_bytes()), LIMIT).map_err(failed)?;
    Ok(sealed.to_vec())
}

/// What a drill that failed from the beginning would be told from one that fails later.
fn opens_again(
    looker: &Looker<'_>,
    drill: &Drill,
    place: &PlaceSettings,
    value: &SecretValue,
    text: &str,
) -> Result<(), CanaryError> {
    let (key, _) = key_of(value.bytes(), place.shape);
    let failed = |why: String| Err(CanaryError::NotEncrypted(why));
    let sealed = match files::bytes(looker.around.root, &drill.canary) {
        Ok(sealed) => sealed,
        Err(error) => return failed(error.to_string()),
    };
    let attempt = match drill.method {
        DrillMethod::Aes256Gcm => drill::aes_256_gcm(&key, &sealed),
        DrillMethod::Fernet => drill::fernet(&key, &sealed),
        DrillMethod::Age | DrillMethod::Command => drill::by_age(looker, &drill.program, &drill.canary, value.bytes()),
    };
    match attempt {
        Attempt::Text(opened) if *opened == text.as_bytes() => Ok(()),
        Attempt::Text(_) => failed("another text came out of it again".to_owned()),
        Attempt::Refused(why) => failed(why.to_owned()),
        Attempt::NotTried(why) => failed(why),
    }
}

/// Writes all of these files, or none; never over one that is there.
fn store(base: &Path, contents: &[(&String, &Vec<u8>)]) -> Result<(), CanaryError> {
    let mut made: Vec<PathBuf> = Vec::new();
    for (name, content) in contents {
        let path = base.join(name);
        let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
        let written = folder.and_then(|()| File::create_new(&path)).and_then(|mut file| {
            made.push(path);
            file.write_all(content)?;
            file.sync_all()
        });
        if let Err(source) = written {
            made.iter().for_each(|path| drop(fs::remove_file(path)));
            let file = (*name).clone();
            return Err(match source.kind() {
                ErrorKind::AlreadyExists => CanaryError::Exists(file),
                _ => CanaryError::NotStored { file, source },
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
