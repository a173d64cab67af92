//! What people write into `exhibit.toml` for this collector: the keys, and the places of each.

use std::collections::BTreeSet;

use exhibit_evidence::{EnvironmentId, SubjectId, Timestamp, observation::Subject};
use serde::{Deserialize, de::DeserializeOwned};

use super::attested::{AttestedSettings, asked_alone};
pub(super) use super::drill_settings::{Drill, DrillMethod};
use super::proof::{Shape, Writing};
use crate::SettingProblem;
use crate::remote::Reference;
use crate::remote::aws::AwsAccess;
use crate::sources::settings::CredentialSource;

/// The table `source`.
#[derive(Clone, Debug, Default)]
pub(super) struct Source {
    pub(super) keys: Vec<Key>,
    pub(super) vaults: Vec<VaultBackup>,
}

/// A vault's own backup.
#[derive(Clone, Debug)]
pub(super) struct VaultBackup {
    pub(super) subject: Subject,
    /// The snapshot's file; a `*` in its name stands for the newest.
    pub(super) snapshot: String,
    /// The keys that open the vault it was made of, as many as it takes.
    pub(super) unseal: Vec<Reference>,
    /// The vault's program, OpenBao's or HashiCorp's.
    pub(super) program: String,
    /// The keys that it has to hold, by their subjects.
    pub(super) keys: Vec<SubjectId>,
    /// How the restored vault is read: a source of credentials without its address.
    vault: toml::Table,
}

impl VaultBackup {
    /// Where the restored vault, listening at `address`, has to hold a key.
    pub(super) fn place(&self, key: &Key, address: &str) -> Result<PlaceSettings, SettingProblem> {
        let mut vault = self.vault.clone();
        vault.insert("address".to_owned(), address.into());
        let table = toml::Table::from_iter([
            ("name".to_owned(), key.name.clone().into()),
            ("vault".to_owned(), toml::Value::Table(vault)),
        ]);
        let reader = Reader { environment: &self.subject.environment, entry: &key.name, shape: key.shape };
        reader.place(&table, "vault")
    }
}

/// One key of one environment.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) subject: Subject,
    /// What it is called where it is configured.
    pub(super) name: String,
    pub(super) shape: Shape,
    /// The services that run with it; the first one that answers says which key is the current one.
    pub(super) running: Vec<PlaceSettings>,
    /// Where copies of it are kept.
    pub(super) copies: Vec<PlaceSettings>,
    pub(super) older: Vec<Older>,
    pub(super) drills: Vec<Drill>,
    pub(super) protects: Protects,
}

/// A key that was replaced, under which there still is data.
#[derive(Clone, Debug)]
pub(super) struct Older {
    pub(super) version: String,
    pub(super) needed_until: Option<Timestamp>,
    pub(super) copies: Vec<PlaceSettings>,
}

/// What a key protects, where it is kept as files.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Protects {
    /// Folders of database dumps.
    pub(super) folders: Vec<String>,
    /// Names of database dumps.
    pub(super) patterns: Vec<String>,
}

impl Default for Protects {
    fn default() -> Self {
        let patterns = ["*.dump", "*.dump.*", "*.sql", "*.sql.*", "*.pgdump*", "*.rdb", "*.bak"];
        Self { folders: Vec::new(), patterns: patterns.map(str::to_owned).to_vec() }
    }
}

/// One place, where a key is or should be.
#[derive(Clone, Debug)]
pub(super) struct PlaceSettings {
    pub(super) name: String,
    /// What one failure would take with it, as authored.
    pub(super) site: Option<String>,
    /// What the key is called there.
    pub(super) entry: String,
    /// The service that receives it, where a source holds several of one name.
    pub(super) service: Option<String>,
    pub(super) shape: Shape,
    pub(super) kind: Kind,
}

/// How a place is looked at.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// As any source of credentials.
    Credentials(Box<CredentialSource>),
    /// A file, or the newest of several.
    File(FileSettings),
    /// The newest snapshot of a restic repository.
    Restic(ResticSettings),
    /// A command that answers the challenge, so that the key stays where it is.
    Challenge(ChallengeSettings),
    /// A service that answers the challenge over HTTP.
    Http(HttpSettings),
    /// The newest object of a bucket.
    S3(Box<S3Settings>),
    /// A location that only people can look at.
    Attested(AttestedSettings),
}

/// What a file holds once it is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Holds {
    /// The key and nothing else.
    #[default]
    Value,
    /// `NAME=value` lines.
    Dotenv,
}

/// The table of a place that is a file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileSettings {
    /// Its path; a `*` in the name stands for the newest that fits.
    pub(super) file: String,
    #[serde(default)]
    pub(super) holds: Holds,
    pub(super) age: Option<AgeSettings>,
    pub(super) gpg: Option<GpgSettings>,
    #[serde(default = "a_minute")]
    pub(super) time_limit: u64,
}

/// How a file of age's is opened: by age itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AgeSettings {
    /// The file with the identity.
    pub(super) identity: String,
    #[serde(default = "age")]
    pub(super) program: String,
}

/// How a file of OpenPGP is opened: by gpg itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GpgSettings {
    /// The folder with its keyring.
    pub(super) home: String,
    #[serde(default = "gpg")]
    pub(super) program: String,
}

/// The table of a place in a restic repository.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ResticSettings {
    pub(super) repository: String,
    /// The file within the snapshot, absolute.
    pub(super) path: String,
    /// The file that opens the repository; without it, what `pass_environment` hands on.
    pub(super) unlock_file: Option<String>,
    /// Only snapshots with this tag.
    pub(super) tag: Option<String>,
    /// Only snapshots of this host.
    pub(super) host: Option<String>,
    #[serde(default)]
    pub(super) holds: Holds,
    #[serde(default)]
    pub(super) pass_environment: Vec<String>,
    #[serde(default = "restic")]
    pub(super) program: String,
    #[serde(default = "five_minutes")]
    pub(super) time_limit: u64,
}

impl ResticSettings {
    fn read(value: toml::Value, at: &str) -> Result<Self, SettingProblem> {
        let settings: Self = typed(value, at)?;
        if settings.pass_environment.iter().any(|name| name == "RESTIC_PASSWORD") {
            let expected = "expected `unlock_file` for the repository's password: others can see a program's environment";
            return Err(SettingProblem::new(&format!("{at}.pass_environment"), expected));
        }
        Ok(settings)
    }
}

/// The table of a place that answers the challenge itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChallengeSettings {
    /// Program and arguments. It reads the challenge from its standard input and prints 64 hexadecimal digits.
    pub(super) run: Vec<String>,
    #[serde(default)]
    pub(super) pass_environment: Vec<String>,
    #[serde(default = "a_minute")]
    pub(super) time_limit: u64,
}

/// The table of a place in an S3 bucket.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct S3Settings {
    pub(super) bucket: String,
    /// The object's key; a `*` behind its last `/` stands for the newest.
    pub(super) object: String,
    #[serde(default)]
    pub(super) holds: Holds,
    pub(super) age: Option<AgeSettings>,
    pub(super) gpg: Option<GpgSettings>,
    pub(super) aws: AwsAccess,
}

impl S3Settings {
    fn read(value: toml::Value, at: &str) -> Result<Self, SettingProblem> {
        let settings: Self = typed(value, at)?;
        if let Some((key, message)) = settings.aws.problem() {
            return Err(SettingProblem::new(&format!("{at}.aws.{key}"), message));
        }
        if settings.age.is_some() && settings.gpg.is_some() {
            return Err(SettingProblem::new(at, "expected at most one of `age` and `gpg`"));
        }
        Ok(settings)
    }
}

/// The table of a service that answers the challenge over HTTP: it gets the challenge as the body of a POST, and answers with
/// 64 hexadecimal digits.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HttpSettings {
    pub(super) url: String,
    /// What proves to the service that it may be asked, by reference.
    pub(super) permit: Option<Reference>,
    /// The file with the authorities that its certificate may come from, PEM.
    pub(super) authorities: Option<String>,
    /// Whether `http://` may be used beyond this machine.
    #[serde(default)]
    pub(super) plain_http: bool,
    #[serde(default = "a_minute")]
    pub(super) time_limit: u64,
}

fn a_minute() -> u64 {
    60
}

fn five_minutes() -> u64 {
    300
}

fn age() -> String {
    "age".to_owned()
}

fn gpg() -> String {
    "gpg".to_owned()
}

fn bao() -> String {
    "bao".to_owned()
}

fn restic() -> String {
    "restic".to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSource {
    #[serde(default)]
    keys: Vec<toml::Value>,
    #[serde(default)]
    vaults: Vec<toml::Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawVault {
    environment: EnvironmentId,
    subject: SubjectId,
    snapshot: String,
    unseal: Vec<Reference>,
    #[serde(default = "bao")]
    program: String,
    keys: Vec<SubjectId>,
    vault: toml::Table,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKey {
    environment: EnvironmentId,
    subject: Option<SubjectId>,
    name: String,
    #[serde(default)]
    encoding: Writing,
    bytes: Option<u64>,
    #[serde(default)]
    running: Vec<toml::Table>,
    #[serde(default)]
    copies: Vec<toml::Table>,
    #[serde(default)]
    older: Vec<RawOlder>,
    #[serde(default)]
    drills: Vec<toml::Value>,
    #[serde(default)]
    protects: Protects,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawOlder {
    version: String,
    needed_until: Option<Timestamp>,
    #[serde(default)]
    copies: Vec<toml::Table>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPlace {
    name: String,
    site: Option<String>,
    entry: Option<String>,
    service: Option<String>,
    encoding: Option<Writing>,
}

/// The settings of a place that are the same for each kind.
const OF_EVERY_PLACE: [&str; 5] = ["name", "site", "entry", "service", "encoding"];

impl Source {
    /// Reads the table `source`.
    ///
    /// # Errors
    /// The first setting of each key that is not as expected.
    pub(super) fn read(table: &toml::Table) -> Result<Self, Vec<SettingProblem>> {
        let raw: RawSource = typed(toml::Value::Table(table.clone()), "source").map_err(|problem| vec![problem])?;
        if raw.keys.is_empty() {
            let expected = "expected at least one `[[source.keys]]`";
            return Err(vec![SettingProblem::new("source.keys", expected)]);
        }
        let mut problems = Vec::new();
        let mut keys: Vec<Key> = Vec::new();
        for (at, value) in raw.keys.into_iter().enumerate() {
            let place = format!("source.keys.{at}");
            match Key::read(value, &place) {
                Ok(key) if keys.iter().any(|known| known.subject == key.subject) => {
                    let expected = "expected another one for each key of an environment";
                    problems.push(SettingProblem::new(&format!("{place}.subject"), expected));
                }
                Ok(key) => keys.push(key),
                Err(problem) => problems.push(problem),
            }
        }
        let mut vaults: Vec<VaultBackup> = Vec::new();
        for (at, value) in raw.vaults.into_iter().enumerate() {
            let place = format!("source.vaults.{at}");
            match VaultBackup::read(value, &place, &keys) {
                Ok(vault) if vaults.iter().any(|known| known.subject == vault.subject) => {
                    let expected = "expected another one for each vault of an environment";
                    problems.push(SettingProblem::new(&format!("{place}.subject"), expected));
                }
                Ok(vault) => vaults.push(vault),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() { Ok(Self { keys, vaults }) } else { Err(problems) }
    }
}

impl VaultBackup {
    fn read(value: toml::Value, at: &str, known: &[Key]) -> Result<Self, SettingProblem> {
        let RawVault { environment, subject, snapshot, unseal, program, keys, vault } = typed(value, at)?;
        if unseal.is_empty() {
            let expected = "expected the unseal keys of the saved vault, by reference: one that unseals itself, by a cloud's key \
                service, a hardware module or another vault, can't be restored here";
            return Err(SettingProblem::new(&format!("{at}.unseal"), expected));
        }
        let subject = Subject { environment, id: subject };
        if known.iter().any(|key| key.subject == subject) {
            let expected = "expected another one than those of keys";
            return Err(SettingProblem::new(&format!("{at}.subject"), expected));
        }
        let backup = Self { subject, snapshot, unseal, program, keys, vault };
        let held = |id: &SubjectId| {
            known.iter().find(|key| key.subject.id == *id && key.subject.environment == backup.subject.environment)
        };
        let keys: Option<Vec<&Key>> = backup.keys.iter().map(held).collect();
        let Some(keys) = keys.filter(|keys| keys.iter().all(|key| !key.running.is_empty()) && !keys.is_empty()) else {
            let expected = "expected subjects of keys of that environment, for which the job says where they run";
            return Err(SettingProblem::new(&format!("{at}.keys"), expected));
        };
        for key in keys {
            // Any address will do to see whether the rest is in order.
            backup.place(key, "http://127.0.0.1:1").map_err(|problem| SettingProblem {
                key: format!("{at}.vault").split('.').map(str::to_owned).collect(),
                ..problem
            })?;
        }
        Ok(backup)
    }
}

impl Key {
    fn read(value: toml::Value, at: &str) -> Result<Self, SettingProblem> {
        let raw: RawKey = typed(value, at)?;
        let subject = match raw.subject {
            Some(subject) => subject,
            None => SubjectId::new(raw.name.to_lowercase().replace('_', "-")).map_err(|_| {
                let expected = "expected an id of 1 to 80 small letters, digits, `-`, `_` and `.`";
                SettingProblem::new(&format!("{at}.subject"), expected)
            })?,
        };
        let shape = Shape { encoding: raw.encoding, bytes: raw.bytes };
        let reader = Reader { environment: &raw.environment, entry: &raw.name, shape };
        let asked = |tables: &[toml::Table], at: String| asked_alone(reader.places(tables, &at)?, &at);
        let running = asked(&raw.running, format!("{at}.running"))?;
        let copies = reader.places(&raw.copies, &format!("{at}.copies"))?;
        let mut older = Vec::new();
        for (number, one) in raw.older.into_iter().enumerate() {
            let copies = asked(&one.copies, format!("{at}.older.{number}.copies"))?;
            older.push(Older { version: one.version, needed_until: one.needed_until, copies });
        }
        let mut drills = Vec::new();
        for (number, one) in raw.drills.into_iter().enumerate() {
            let read = |table: &toml::Table, at: &str| reader.place(table, at);
            drills.push(Drill::read(one, &format!("{at}.drills.{number}"), read)?);
        }
        if running.is_empty() && (drills.is_empty() || !copies.is_empty() || !older.is_empty()) {
            let expected = "expected where it runs: without that nobody knows which key is the current one";
            return Err(SettingProblem::new(&format!("{at}.running"), expected));
        }
        let subject = Subject { environment: raw.environment.clone(), id: subject };
        Ok(Self { subject, name: raw.name, shape, running, copies, older, drills, protects: raw.protects })
    }
}

/// What places of one key share.
struct Reader<'a> {
    environment: &'a EnvironmentId,
    entry: &'a str,
    shape: Shape,
}

impl Reader<'_> {
    fn places(&self, tables: &[toml::Table], at: &str) -> Result<Vec<PlaceSettings>, SettingProblem> {
        let mut names = BTreeSet::new();
        let mut places = Vec::new();
        for (number, table) in tables.iter().enumerate() {
            let at = format!("{at}.{number}");
            let place = self.place(table, &at)?;
            if !names.insert(place.name.clone()) {
                return Err(SettingProblem::new(&format!("{at}.name"), "expected another name for each place"));
            }
            places.push(place);
        }
        Ok(places)
    }

    fn place(&self, table: &toml::Table, at: &str) -> Result<PlaceSettings, SettingProblem> {
        let (own, mut of_kind): (toml::Table, toml::Table) = table
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .partition(|(name, _)| OF_EVERY_PLACE.contains(&name.as_str()));
        let own: RawPlace = typed(own.into(), at)?;
        let kind = if of_kind.contains_key("file") {
            let file: FileSettings = typed(of_kind.into(), at)?;
            if file.age.is_some() && file.gpg.is_some() {
                return Err(SettingProblem::new(at, "expected at most one of `age` and `gpg`"));
            }
            Kind::File(file)
        } else if let Some(restic) = single(&mut of_kind, "restic", at)? {
            Kind::Restic(ResticSettings::read(restic, &format!("{at}.restic"))?)
        } else if let Some(challenge) = single(&mut of_kind, "challenge", at)? {
            let challenge: ChallengeSettings = typed(challenge, &format!("{at}.challenge"))?;
            if challenge.run.first().is_none_or(String::is_empty) {
                let expected = "expected a program and its arguments";
                return Err(SettingProblem::new(&format!("{at}.challenge.run"), expected));
            }
            Kind::Challenge(challenge)
        } else if let Some(s3) = single(&mut of_kind, "s3", at)? {
            Kind::S3(Box::new(S3Settings::read(s3, &format!("{at}.s3"))?))
        } else if let Some(http) = single(&mut of_kind, "http", at)? {
            let http: HttpSettings = typed(http, &format!("{at}.http"))?;
            if !http.url.contains("://") || http.url.contains('@') {
                let expected = "expected https://HOST/…, without a user's name in it";
                return Err(SettingProblem::new(&format!("{at}.http.url"), expected));
            }
            Kind::Http(http)
        } else if let Some(location) = single(&mut of_kind, "attested", at)? {
            Kind::Attested(AttestedSettings::read(&location, self.environment, at)?)
        } else {
            of_kind.insert("environment".to_owned(), self.environment.to_string().into());
            let source: CredentialSource = typed(of_kind.into(), at)?;
            if let Some(problem) = source.problem(at) {
                return Err(problem);
            }
            Kind::Credentials(Box::new(source))
        };
        let shape = Shape { encoding: own.encoding.unwrap_or(self.shape.encoding), ..self.shape };
        let entry = own.entry.unwrap_or_else(|| self.entry.to_owned());
        Ok(PlaceSettings { name: own.name, site: own.site, entry, service: own.service, shape, kind })
    }
}

/// The table of a kind that stands alone.
fn single(table: &mut toml::Table, kind: &str, at: &str) -> Result<Option<toml::Value>, SettingProblem> {
    let found = table.remove(kind);
    if found.is_some() && !table.is_empty() {
        let expected = format!("expected nothing beside `{kind}` but what every place has");
        return Err(SettingProblem::new(at, expected));
    }
    Ok(found)
}

/// How many places the table `source` names for each key, in order: counted without reading what they are.
pub(super) fn count(table: &toml::Table) -> Vec<u64> {
    let list = |value: &toml::Value, name: &str| value.get(name).and_then(toml::Value::as_array).cloned().unwrap_or_default();
    let keys = table.get("keys").and_then(toml::Value::as_array);
    let of_key = |key: &toml::Value| {
        let older: usize = list(key, "older").iter().map(|one| list(one, "copies").len()).sum();
        (list(key, "running").len() + list(key, "copies").len() + list(key, "drills").len() + older) as u64
    };
    keys.into_iter().flatten().map(of_key).collect()
}

/// Deserialises a value; the message never repeats it.
pub(super) fn typed<T: DeserializeOwned>(value: toml::Value, key: &str) -> Result<T, SettingProblem> {
    value.try_into().map_err(|error: toml::de::Error| SettingProblem::unread(key, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Source, Vec<String>> {
        Source::read(&toml::from_str(text).expect("TOML"))
            .map_err(|problems| problems.iter().map(|one| format!("{}: {}", one.key.join("."), one.message)).collect())
    }

    const KEY: &str = "[[keys]]\nenvironment = 'production'\nname = 'ENCRYPTION_KEY'\n";

    #[test]
    fn keys_and_places_are_read() {
        let text = format!(
            "{KEY}bytes = 32\n[[keys.running]]\nname = 'backend'\ncompose = 'c.yml'\nservice = 'backend'\n\
             [[keys.copies]]\nname = 'offline'\nfile = 'k-*.age'\nage = {{ identity = 'id.txt' }}\nencoding = 'base64'\n\
             [[keys.copies]]\nname = 'offsite'\nsite = 's3'\nrestic = {{ repository = 'r', path = '/etc/k' }}\n\
             [[keys.older]]\nversion = '1'\ncopies = [{{ name = 'offline', file = 'old' }}]\n\
             [[keys.drills]]\nname = 'd'\nmethod = 'aes-256-gcm'\ncanary = 'c'\nexpect = 'x'\ncopy = {{ name = 'o', file = 'k' }}\n"
        );
        let source = read(&text).expect("valid");
        let key = &source.keys[0];
        assert_eq!((key.subject.id.as_str(), key.copies[0].shape.encoding), ("encryption-key", Writing::Base64));
        assert_eq!((key.copies[1].site.as_deref(), key.copies[1].entry.as_str()), (Some("s3"), "ENCRYPTION_KEY"));
        assert_eq!(count(&toml::from_str(&text).expect("TOML")), [5]);
    }

    #[test]
    fn refused_by_key_and_without_the_value() {
        let running = "[[keys.running]]\nname = 'backend'\ndotenv = 'a.env'\n";
        let cases = [
            (String::new(), "source.keys: expected at least one `[[source.keys]]`"),
            (KEY.to_owned(), "source.keys.0.running: expected where it runs: without that nobody knows which key is the current one"),
            (
                format!("{KEY}{running}{KEY}{running}"),
                "source.keys.1.subject: expected another one for each key of an environment",
            ),
            (
                format!("{KEY}{running}{running}"),
                "source.keys.0.running.1.name: expected another name for each place",
            ),
            (
                format!("{KEY}{running}[[keys.copies]]\nname = 'a'\nfile = 'f'\nage = {{ identity = 'i' }}\ngpg = {{ home = 'h' }}\n"),
                "source.keys.0.copies.0: expected at most one of `age` and `gpg`",
            ),
            (
                format!("{KEY}{running}[[keys.copies]]\nname = 'a'\ndotenv = 'f'\nchallenge = {{ run = ['x'] }}\n"),
                "source.keys.0.copies.0: expected nothing beside `challenge` but what every place has",
            ),
            (
                format!("{KEY}[[keys.running]]\nname = 'safe'\nattested = 'safe'\n"),
                "source.keys.0.running.0.attested: expected a place that can be asked: what is `attested` is a copy and nothing else",
            ),
            (
                format!("{KEY}[[keys.drills]]\nname = 'd'\nmethod = 'fernet'\ncommand = ['x']\ncanary = 'c'\nexpect = 'x'\ncopy = {{ name = 'o', file = 'k' }}\n"),
                "source.keys.0.drills.0.command: goes with the method `command`, which needs a program and its arguments",
            ),
            (
                format!("{KEY}[[keys.drills]]\nname = 'd'\nmethod = 'command'\ncommand = ['x']\nwrong_key_exit = [0]\ncanary = 'c'\ncopy = {{ name = 'o', file = 'k' }}\n"),
                "source.keys.0.drills.0.wrong_key_exit: expected statuses from 1 to 255: with 0 a program says that all went well",
            ),
            (
                format!("{KEY}[[keys.drills]]\nname = 'd'\nmethod = 'age'\nwrong_key_exit = [1]\ncanary = 'c'\ncopy = {{ name = 'o', file = 'k' }}\n"),
                "source.keys.0.drills.0.wrong_key_exit: goes with the method `command`: of the others it is known how they refuse a key",
            ),
            (
                format!("{KEY}[[keys.drills]]\nname = 'd'\nmethod = 'fernet'\nprogram = 'age'\ncanary = 'c'\ncopy = {{ name = 'o', file = 'k' }}\n"),
                "source.keys.0.drills.0.program: goes with the method `age`",
            ),
        ];
        let restic = "restic = { repository = 'r', path = '/k', pass_environment = ['RESTIC_PASSWORD'] }";
        assert_eq!(
            read(&format!("{KEY}{running}[[keys.copies]]\nname = 'a'\n{restic}\n")).expect_err("refused"),
            [
                "source.keys.0.copies.0.restic.pass_environment: expected `unlock_file` for the repository's password: others can \
                 see a program's environment"
            ]
        );
        for (text, expected) in cases {
            assert_eq!(read(&text).expect_err("refused"), [expected], "{text}");
        }
        let vault = format!(
            "{KEY}{running}[[vaults]]\nenvironment = 'production'\nsubject = 'vault'\nsnapshot = 's'\nunseal = []\n\
             keys = ['encryption-key']\nvault = {{ token = 'file:t' }}\n"
        );
        let refused = read(&vault).expect_err("refused").concat();
        assert!(refused.contains("source.vaults.0.unseal") && refused.contains("can't be restored here"), "{refused}");
        let wrong = read(&format!("{KEY}bytes = 'hunter2'"));
        assert!(!wrong.expect_err("refused").concat().contains("hunter2"));
    }

    /// A configuration that holds a literal under a name that promises a secret is refused: ours must promise none.
    #[test]
    fn names_of_settings_promise_no_secret() {
        let names = OF_EVERY_PLACE.into_iter().chain([
            "environment", "subject", "bytes", "file", "holds", "identity", "program", "home", "repository", "path",
            "unlock_file", "tag", "host", "version", "needed_until", "method", "canary", "expect", "folders", "patterns",
            "bucket", "object", "url", "permit", "authorities", "attested", "wrong_key_exit",
        ]);
        for name in names {
            assert_eq!(exhibit_detect::sensitive_key(name), None, "{name}");
        }
    }
}
