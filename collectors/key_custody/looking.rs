//! What came of looking at a place, and looking itself: one function for each kind of place.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use exhibit_evidence::Timestamp;
use zeroize::Zeroizing;

use super::facts::{Nearby, Standing};
use super::{attested, nearby};
use super::proof::{Challenge, Proof};
use super::settings::{ChallengeSettings, FileSettings, GpgSettings, Holds, HttpSettings, Kind, PlaceSettings, Protects};
use crate::attested::{AttestationFacts, AttestationSource};
use crate::process::{Program, RunError};
use crate::sources::{Credential, Root, SecretValue, Surroundings, dotenv, files};
use crate::remote::{Client, HeaderName, Limits, Method, RealPace, RemoteError, Request};
use crate::sources::settings::CredentialSource;

/// No file that holds a key is larger.
const MOST: u64 = 8 * 1024 * 1024;
/// The site of all files here.
const LOCAL: &str = "local files";
/// No answer to a challenge is longer.
const ANSWER: u64 = 1024;
/// So many failures in a row, and a place is left alone for the rest of the run.
const ENOUGH: u32 = 2;

/// What a place gave.
pub(super) enum Given {
    /// The key, as it is written there. Wiped when dropped, which is as soon as it has answered the challenge.
    Value(SecretValue),
    /// Its own answer to the challenge.
    Proof(Proof),
    /// It can't be asked; this is what tells of an attestation, if there ever was one.
    Attestation(Option<Box<AttestationFacts>>),
    /// It holds none.
    Absent(String),
    /// It could not be asked.
    Unreadable {
        /// A steady code.
        code: &'static str,
        /// The same in words.
        why: String,
    },
}

/// A place that was looked at.
pub(super) struct Look {
    pub(super) given: Given,
    /// The file or object that was looked at, where the settings name a pattern.
    pub(super) found: Option<String>,
    pub(super) taken: Option<Timestamp>,
    pub(super) since: Option<Timestamp>,
    pub(super) readers: Option<Vec<String>>,
    pub(super) nearby: Option<Nearby>,
}

impl Look {
    pub(super) fn of(given: Given) -> Self {
        Self { given, found: None, taken: None, since: None, readers: None, nearby: None }
    }

    pub(super) fn absent(why: impl Into<String>) -> Self {
        Self::of(Given::Absent(why.into()))
    }

    pub(super) fn unreadable(code: &'static str, why: impl Into<String>) -> Self {
        Self::of(Given::Unreadable { code, why: why.into() })
    }

    fn refused(error: &RunError) -> Self {
        Self::unreadable(error.code(), error.to_string())
    }
}

/// Looks at places, each by itself: what one gave is known nowhere when the next is asked.
pub(super) struct Looker<'a> {
    pub(super) around: Surroundings<'a>,
    /// What people attested, where somebody can tell.
    pub(super) attestations: Option<&'a dyn AttestationSource>,
    failures: HashMap<String, u32>,
}

impl<'a> Looker<'a> {
    pub(super) fn new(around: Surroundings<'a>, attestations: Option<&'a dyn AttestationSource>) -> Self {
        Self { around, attestations, failures: HashMap::new() }
    }

    /// Looks at one place. One that failed twice in a row is not asked again in this run: whoever is down stays down for
    /// each of a hundred keys, and each would wait as long.
    pub(super) fn look(&mut self, place: &PlaceSettings, challenge: &Challenge, protects: &Protects) -> Look {
        let asked = label(place, &self.around);
        if self.failures.get(&asked).is_some_and(|count| *count >= ENOUGH) {
            return Look::unreadable("left-alone", format!("{asked} failed {ENOUGH} times in a row and was left alone"));
        }
        let look = self.ask(place, challenge, protects);
        match look.given {
            Given::Unreadable { .. } => *self.failures.entry(asked).or_default() += 1,
            _ => drop(self.failures.remove(&asked)),
        }
        look
    }

    fn ask(&self, place: &PlaceSettings, challenge: &Challenge, protects: &Protects) -> Look {
        match &place.kind {
            Kind::Credentials(source) => self.credentials(source, place, protects),
            Kind::File(file) => self.file(file, &place.entry, protects),
            Kind::Restic(restic) => super::restic::look(self, restic, &place.entry, protects),
            Kind::S3(s3) => super::bucket::look(self, s3, &place.entry, protects, challenge.number()),
            Kind::Challenge(settings) => self.challenge(settings, challenge),
            Kind::Http(settings) => match self.http(settings, challenge) {
                Ok(look) => look,
                Err(error) => Look::unreadable(error.code(), error.to_string()),
            },
            Kind::Attested(settings) => attested::look(self, settings, &place.entry),
        }
    }

    fn credentials(&self, settings: &CredentialSource, place: &PlaceSettings, protects: &Protects) -> Look {
        let Some(source) = settings.open(&self.around) else {
            return Look::unreadable("settings", "its settings were refused");
        };
        let mut reading = match source.read() {
            Ok(reading) => reading,
            Err(error) => return Look::unreadable(error.code(), error.to_string()),
        };
        let named = |found: &Credential| {
            let names = std::iter::once(&found.name).chain(&found.also_named);
            let received = |service: &String| found.recipients.iter().any(|recipient| recipient == service);
            names.into_iter().any(|name| *name == place.entry) && place.service.as_ref().is_none_or(received)
        };
        let mut found: Vec<Credential> = reading.credentials.drain(..).filter(named).collect();
        let Some(first) = found.pop() else {
            let unread = reading.unread.iter().find(|unread| unread.name == place.entry);
            return match unread {
                Some(unread) => Look::unreadable(unread.code, format!("its value can't be seen: {}", unread.reason)),
                None => Look::absent(format!("{} holds no {}", source.label(), place.entry)),
            };
        };
        if found.iter().any(|other| other.value.bytes() != first.value.bytes()) {
            let why = format!("{} holds different values of that name; a `service` tells them apart", source.label());
            return Look::unreadable("ambiguous", why);
        }
        let file = in_files(settings).then(|| first.place.file.clone());
        // Who can open an encrypted file is not who can read it.
        let plain = settings.encrypted.is_none();
        let (readers, nearby) = match file.map(|file| self.path(&file)) {
            Some(Some(path)) => (readers(&path).filter(|_| plain), nearby::of_file(self.around.root, &path, protects)),
            Some(None) => (None, nearby::in_memory()),
            None => (None, Nearby {
                standing: Standing::Apart,
                detail: format!("{} keeps secrets, and no dumps", source.label()),
            }),
        };
        let readers = first.readers.or(readers);
        let since = first.version.and_then(|version| version.since);
        let look = Look::of(Given::Value(first.value));
        Look { since, readers, nearby: Some(nearby), ..look }
    }

    fn file(&self, file: &FileSettings, entry: &str, protects: &Protects) -> Look {
        let path = match self.newest(&file.file) {
            Ok(Some(path)) => path,
            Ok(None) => return Look::absent(format!("there is no file {}", file.file)),
            Err(why) => return Look::unreadable("file-unreadable", why),
        };
        let limit = Duration::from_secs(file.time_limit);
        let content = match (&file.age, &file.gpg) {
            (Some(age), _) => {
                let command = ["--decrypt", "--identity", &age.identity, &path];
                self.printed(&age.program, &command, &[], None, limit)
            }
            (None, Some(gpg)) => self.decrypted_by_gpg(gpg, &path, limit),
            (None, None) => match files::bytes(self.around.root, &path) {
                Ok(content) => Ok(content),
                Err(error) => return Look::unreadable("file-unreadable", error.to_string()),
            },
        };
        let content = match content {
            Ok(content) => content,
            Err(error) => return Look::refused(&error),
        };
        let encrypted = file.age.is_some() || file.gpg.is_some();
        let here = self.path(&path);
        let taken = match &here {
            Some(here) => modified(here),
            None => Some(self.around.clock.now()),
        };
        let nearby = here.as_ref().map_or_else(nearby::in_memory, |here| nearby::of_file(self.around.root, here, protects));
        // Who can open an encrypted file is not who can read it.
        let readers = here.filter(|_| !encrypted).and_then(|here| readers(&here));
        let look = picked(&content, file.holds, entry, &path);
        let found = (path != file.file).then_some(path);
        Look { found, taken, readers, nearby: Some(nearby), ..look }
    }

    /// gpg leaves an agent behind that goes on serving the keyring: one that was not there before is told to end.
    fn decrypted_by_gpg(&self, gpg: &GpgSettings, path: &str, limit: Duration) -> Result<Zeroizing<Vec<u8>>, RunError> {
        let served = self.path(&gpg.home).is_some_and(|home| home.join("S.gpg-agent").exists());
        let command = ["--batch", "--quiet", "--no-tty", "--homedir", &gpg.home, "--decrypt", path];
        let printed = self.printed(&gpg.program, &command, &[], None, limit);
        if !served {
            let ending = gpg.program.rsplit_once('/').map_or_else(|| "gpgconf".to_owned(), |(at, _)| format!("{at}/gpgconf"));
            // What it says changes nothing: the key is here, or is not.
            let _ = self.printed(&ending, &["--homedir", &gpg.home, "--kill", "gpg-agent"], &[], None, limit);
        }
        printed
    }

    fn challenge(&self, settings: &ChallengeSettings, challenge: &Challenge) -> Look {
        let limit = Duration::from_secs(settings.time_limit);
        let (program, arguments) = settings.run.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let asked = format!("{}\n", challenge.text);
        let printed = self.printed(program, &arguments, &settings.pass_environment, Some(asked.as_bytes()), limit);
        match printed.map(|printed| Proof::read(&printed)) {
            Ok(Some(proof)) => Look::of(Given::Proof(proof)),
            Ok(None) => Look::unreadable("no-answer", "it did not print 64 hexadecimal digits"),
            Err(error) => Look::refused(&error),
        }
    }

    fn http(&self, settings: &HttpSettings, challenge: &Challenge) -> Result<Look, RemoteError> {
        let Root::Folder(base) = self.around.root else { return Ok(Look::unreadable("settings", "there is no network here")) };
        let authorities = match settings.authorities.as_ref().map(|file| files::bytes(self.around.root, file)).transpose() {
            Ok(authorities) => authorities.map(|pem| pem.to_vec()),
            Err(error) => return Ok(Look::unreadable("file-unreadable", error.to_string())),
        };
        let whole = Duration::from_secs(settings.time_limit);
        let limits = Limits { authorities, plain_http: settings.plain_http, whole, most: ANSWER, ..Limits::default() };
        let client = Client::new(limits, Arc::new(RealPace::new()), challenge.number())?;
        let asked = Zeroizing::new(challenge.text.clone().into_bytes());
        let mut request = Request::new("asking the service for its answer", Method::POST, client.url(&settings.url)?)
            .body("text/plain", asked);
        if let Some(permit) = &settings.permit {
            let name = HeaderName::from_static("authorization");
            request = request.secret_header(name, "Bearer ", &permit.resolve(base)?)?;
        }
        Ok(match Proof::read(&client.fetch(&request)?.body) {
            Some(proof) => Look::of(Given::Proof(proof)),
            None => Look::unreadable("no-answer", "it did not answer with 64 hexadecimal digits"),
        })
    }

    /// The path of a file, absolute; none within the program itself.
    pub(super) fn path(&self, name: &str) -> Option<PathBuf> {
        match self.around.root {
            Root::Folder(folder) => Some(folder.join(name)),
            Root::Memory(_) => None,
        }
    }

    /// The file of that name, or the newest that fits its `*`; none if there is none.
    pub(super) fn newest(&self, name: &str) -> Result<Option<String>, String> {
        let Root::Folder(base) = self.around.root else {
            return Ok(files::exists(self.around.root, name).then(|| name.to_owned()));
        };
        let (folder, last) = name.rsplit_once('/').map_or(("", name), |(folder, last)| (folder, last));
        let folder = if name.starts_with('/') && folder.is_empty() { "/" } else { folder };
        let missing = |error: &std::io::Error| error.kind() == std::io::ErrorKind::NotFound;
        let told = |error: std::io::Error| match missing(&error) {
            true => format!("{name}: there is no such folder"),
            false => format!("{name}: {}", error.kind()),
        };
        let Some((start, end)) = last.split_once('*') else {
            return match fs::symlink_metadata(base.join(name)) {
                Ok(_) => Ok(Some(name.to_owned())),
                Err(error) if missing(&error) => Ok(None),
                Err(error) => Err(told(error)),
            };
        };
        let mut newest = None;
        // A folder that is not there is no empty one.
        for entry in fs::read_dir(base.join(folder)).map_err(told)? {
            let entry = entry.map_err(told)?;
            let own = entry.file_name().to_string_lossy().into_owned();
            let fits = own.len() >= start.len() + end.len() && own.starts_with(start) && own.ends_with(end);
            if fits && entry.file_type().map_err(told)?.is_file() {
                let modified = entry.metadata().and_then(|told| told.modified()).map_err(told)?;
                newest = newest.max(Some((modified, own)));
            }
        }
        let path = |own: String| if folder.is_empty() { own } else { format!("{}/{own}", folder.trim_end_matches('/')) };
        Ok(newest.map(|(_, own)| path(own)))
    }

    /// Everything that a program prints, wiped on drop.
    pub(super) fn printed(
        &self,
        program: &str,
        arguments: &[&str],
        pass: &[String],
        input: Option<&[u8]>,
        time_limit: Duration,
    ) -> Result<Zeroizing<Vec<u8>>, RunError> {
        let Root::Folder(folder) = self.around.root else {
            let (program, why) = (program.to_owned(), "there is no folder to run it in".to_owned());
            return Err(RunError::NotStarted { program, why });
        };
        let command = command_of(program, arguments);
        Program { command: &command, folder, pass, set: &[], input, time_limit, most: MOST }.printed()
    }

    /// The same with the word of the program that ended badly: whether it said one of `phrases`.
    pub(super) fn printed_or_said(
        &self,
        program: &str,
        arguments: &[&str],
        input: Option<&[u8]>,
        time_limit: Duration,
        phrases: &[&str],
    ) -> Result<Zeroizing<Vec<u8>>, (RunError, bool)> {
        let Root::Folder(folder) = self.around.root else { return Err((RunError::Empty, false)) };
        let command = command_of(program, arguments);
        Program { command: &command, folder, pass: &[], set: &[], input, time_limit, most: MOST }.printed_or_said(phrases)
    }
}

/// A program's command.
fn command_of(program: &str, arguments: &[&str]) -> Vec<String> {
    std::iter::once(program).chain(arguments.iter().copied()).map(str::to_owned).collect()
}

/// What a file holds, once it is open.
pub(super) fn picked(content: &[u8], holds: Holds, entry: &str, file: &str) -> Look {
    match holds {
        Holds::Value if content.trim_ascii().is_empty() => Look::absent(format!("{file} is empty")),
        Holds::Value => Look::of(Given::Value(SecretValue::new(content.trim_ascii().to_vec()))),
        Holds::Dotenv => match dotenv::lookup(file, content, entry) {
            Ok(Some(value)) => Look::of(Given::Value(value)),
            Ok(None) => Look::absent(format!("{file} holds no {entry}")),
            Err(error) => Look::unreadable("source-unreadable", error.to_string()),
        },
    }
}

/// The word for a kind of place, as it stands in evidence.
pub(super) fn kind(place: &PlaceSettings, around: &Surroundings<'_>) -> String {
    let word = match &place.kind {
        Kind::Credentials(source) => source.open(around).map_or("credentials", |source| source.kind()),
        Kind::File(FileSettings { age: Some(_), .. }) => "age file",
        Kind::File(FileSettings { gpg: Some(_), .. }) => "OpenPGP file",
        Kind::File(_) => "file",
        Kind::Restic(_) => "restic snapshot",
        Kind::S3(_) => "s3 object",
        Kind::Challenge(_) => "challenge",
        Kind::Http(_) => "challenge over HTTP",
        Kind::Attested(_) => "attested",
    };
    word.to_owned()
}

/// What is looked at, in words for evidence.
pub(super) fn label(place: &PlaceSettings, around: &Surroundings<'_>) -> String {
    match &place.kind {
        // Opening touches nothing.
        Kind::Credentials(source) => source.open(around).map(|source| source.label()).unwrap_or_default(),
        Kind::File(file) => file.file.clone(),
        Kind::Restic(restic) => format!("{} in the restic repository {}", restic.path, restic.repository),
        Kind::Challenge(challenge) => format!("what `{}` answers", challenge.run.join(" ")),
        Kind::S3(s3) => format!("s3://{}/{}", s3.bucket, s3.object),
        Kind::Http(http) => format!("what {} answers", host(&http.url)),
        Kind::Attested(attested) => format!("what two persons attest of {}", attested.location),
    }
}

/// What one failure would take with it, where nobody said: all local files together, and each server, repository and bucket,
/// whatever lies where in it.
pub(super) fn site(place: &PlaceSettings, around: &Surroundings<'_>) -> String {
    if let Some(site) = &place.site {
        return site.clone();
    }
    match &place.kind {
        Kind::File(_) => LOCAL.to_owned(),
        Kind::Credentials(source) if in_files(source) => LOCAL.to_owned(),
        Kind::Credentials(source) => match (&source.vault, &source.command) {
            (Some(vault), _) => format!("vault at {}", host(&vault.address)),
            (None, Some(command)) => format!("what {} prints", command.run.first().map_or("", String::as_str)),
            (None, None) => kind(place, around),
        },
        Kind::Restic(restic) => format!("restic repository {}", restic.repository),
        Kind::S3(s3) => format!("bucket {}", s3.bucket),
        Kind::Challenge(_) | Kind::Http(_) => label(place, around),
        Kind::Attested(attested) => format!("location {}", attested.location),
    }
}

/// A URL as it may be shown: its scheme and host. What stands behind them may be anything.
fn host(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    format!("{scheme}://{}", rest.split(['/', '?', '#']).next().unwrap_or_default())
}

/// Whether a source is files of this machine: what lies beside them is seen, and one failure takes all of them.
fn in_files(source: &CredentialSource) -> bool {
    let files = [&source.dotenv, &source.compose, &source.kubernetes];
    files.iter().any(|kind| kind.is_some()) || source.encrypted.is_some()
}

/// Who may read a file, as its mode tells.
fn readers(path: &Path) -> Option<Vec<String>> {
    let mode = fs::metadata(path).ok()?.permissions().mode();
    let may = [(0o400, "owner"), (0o040, "group"), (0o004, "everyone")];
    Some(may.iter().filter(|(bit, _)| mode & bit != 0).map(|(_, who)| (*who).to_owned()).collect())
}

/// When a file was written.
pub(super) fn modified(path: &Path) -> Option<Timestamp> {
    let since = fs::metadata(path).ok()?.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Timestamp::from_micros(i64::try_from(since.as_micros()).ok()?)
}
