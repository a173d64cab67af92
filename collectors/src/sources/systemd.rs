//! The environment that systemd's units give to services: `Environment=`, `EnvironmentFile=`, `SetCredential=`.
//!
//! Unit files and drop-ins as they lie on disk, later ones adding to earlier ones, an empty setting taking back what
//! came before (systemd.exec(5)). What comes from elsewhere (`PassEnvironment=`, `LoadCredential=`, a `%` specifier) is
//! listed as not seen.

use super::interpolate::{Strictness, Variables};
use super::settings::{Kind, OneOrMore, Problem};
use super::{
    Credential, Listing, Origin, Place, Reading, Root, SecretValue, Source, SourceError, Surroundings, Unread, dotenv,
    files, is_name,
};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use zeroize::Zeroizing;

/// The table `systemd` of a source of credentials.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SystemdSettings {
    /// Unit files and drop-ins of one service, in the order in which systemd reads them.
    pub units: OneOrMore,
}

/// Units of one environment.
struct Systemd {
    root: Root,
    environment: String,
    units: Vec<String>,
}

impl Kind for SystemdSettings {
    fn problem(&self) -> Option<Problem> {
        self.units.list().is_empty().then_some(("units", "expected at least one unit file"))
    }

    fn open<'a>(&self, around: &Surroundings<'a>, environment: &str) -> Box<dyn Source + 'a> {
        let (root, units) = (around.root.clone(), self.units.list());
        Box::new(Systemd { root, environment: environment.to_owned(), units })
    }
}

/// A setting of the section `[Service]`, its continued lines joined.
struct Setting {
    file: String,
    line: u32,
    key: String,
    value: Zeroizing<String>,
}

/// What is known about one name.
enum Known {
    Value(Zeroizing<String>),
    Elsewhere(&'static str),
}

impl Systemd {
    fn settings(&self) -> Result<Vec<Setting>, SourceError> {
        let mut found = Vec::new();
        for file in &self.units {
            let text = files::text(&self.root, file)?;
            let (mut service, mut lines) = (false, text.lines().enumerate());
            while let Some((at, line)) = lines.next() {
                let line = line.trim();
                if line.is_empty() || line.starts_with(['#', ';']) {
                    continue;
                }
                let mut whole = Zeroizing::new(line.to_owned());
                while whole.ends_with('\\') {
                    let next = lines.next().map(|(_, line)| line.trim()).unwrap_or_default();
                    whole = Zeroizing::new(format!("{} {next}", &whole[..whole.len() - 1]));
                }
                if whole.starts_with('[') {
                    service = whole.as_str() == "[Service]";
                } else if let Some((key, value)) = whole.split_once('=').filter(|_| service) {
                    let (key, value) = (key.trim().to_owned(), Zeroizing::new(value.trim().to_owned()));
                    found.push(Setting { file: file.clone(), line: files::line_number(at), key, value });
                }
            }
        }
        Ok(found)
    }

    /// The files that `EnvironmentFile=` names, with whether each may be missing.
    fn environment_files(settings: &[Setting]) -> Vec<(String, bool)> {
        let mut found = Vec::new();
        for setting in settings.iter().filter(|setting| setting.key == "EnvironmentFile") {
            match setting.value.strip_prefix('-') {
                _ if setting.value.is_empty() => found.clear(),
                Some(path) => found.push((path.to_owned(), true)),
                None => found.push((setting.value.to_string(), false)),
            }
        }
        found
    }
}

impl Source for Systemd {
    fn kind(&self) -> &'static str {
        "systemd"
    }

    fn environment(&self) -> &str {
        &self.environment
    }

    fn label(&self) -> String {
        format!("systemd {}", self.units.join(", "))
    }

    fn listing(&self) -> Result<Listing, SourceError> {
        let settings = self.settings()?;
        let (mut inline, mut names) = (BTreeSet::new(), BTreeSet::new());
        for setting in &settings {
            match setting.key.as_str() {
                "Environment" if setting.value.is_empty() => inline.clear(),
                "Environment" => inline.extend(names_in(&setting.value)),
                "PassEnvironment" => names.extend(setting.value.split_whitespace().map(str::to_owned)),
                key if is_credential(key) => {
                    names.extend(setting.value.split(':').next().map(str::to_owned).filter(|name| !name.is_empty()));
                }
                _ => {}
            }
        }
        names.append(&mut inline);
        for (file, optional) in Self::environment_files(&settings) {
            if !optional || files::exists(&self.root, &file) {
                names.extend(dotenv::names_in(&files::text(&self.root, &file)?));
            }
        }
        Ok(Listing { names: names.len() as u64 })
    }

    fn read(&self) -> Result<Reading, SourceError> {
        let settings = self.settings()?;
        let mut known: BTreeMap<String, (Place, Known)> = BTreeMap::new();
        let mut inline: BTreeMap<String, (Place, Known)> = BTreeMap::new();
        let place = |setting: &Setting, name: &str| Place {
            file: setting.file.clone(),
            line: setting.line,
            document: 0,
            key: name.to_owned(),
        };
        let malformed = |setting: &Setting, expected: &str| SourceError::Malformed {
            file: setting.file.clone(),
            line: setting.line,
            key: setting.key.clone(),
            expected: expected.to_owned(),
        };
        for setting in &settings {
            match setting.key.as_str() {
                "Environment" if setting.value.is_empty() => inline.clear(),
                "Environment" => {
                    for word in words(&setting.value).ok_or_else(|| malformed(setting, "closing quotes"))? {
                        let pair = word.split_once('=').filter(|(name, _)| is_name(name));
                        let (name, value) = pair.ok_or_else(|| malformed(setting, "NAME=value"))?;
                        inline.insert(name.to_owned(), (place(setting, name), without_specifiers(value)));
                    }
                }
                "PassEnvironment" => {
                    for name in setting.value.split_whitespace() {
                        let name =
                            Some(name).filter(|name| is_name(name)).ok_or_else(|| malformed(setting, "names"))?;
                        let elsewhere = Known::Elsewhere("systemd hands it on from its own environment");
                        known.insert(name.to_owned(), (place(setting, name), elsewhere));
                    }
                }
                key if is_credential(key) && !setting.value.is_empty() => {
                    let (name, value) = setting.value.split_once(':').unwrap_or((setting.value.as_str(), ""));
                    let name = Some(name).filter(|name| is_name(name)).ok_or_else(|| malformed(setting, "ID:…"))?;
                    let found = match key {
                        "SetCredential" => without_specifiers(value),
                        _ => Known::Elsewhere("systemd loads it from elsewhere, or decrypts it"),
                    };
                    known.insert(name.to_owned(), (place(setting, name), found));
                }
                _ => {}
            }
        }
        known.append(&mut inline);
        for (file, optional) in Self::environment_files(&settings) {
            if optional && !files::exists(&self.root, &file) {
                continue;
            }
            let (text, none) = (files::text(&self.root, &file)?, Variables::new());
            for found in dotenv::parse(&file, &text, &none, Variables::new(), Strictness::Literal)? {
                let place = Place { file: file.clone(), line: found.line, document: 0, key: found.name.clone() };
                let value = match &found.value {
                    Some(text) => Known::Value(Zeroizing::new(text.as_str().to_owned())),
                    None => Known::Elsewhere("it stands alone, and systemd ignores it"),
                };
                known.insert(found.name, (place, value));
            }
        }
        let mut reading = Reading::default();
        for (name, (place, found)) in known {
            match found {
                Known::Elsewhere(reason) => reading.unread.push(Unread::new(name, place, "outside", reason)),
                Known::Value(value) => {
                    let value = SecretValue::new(value.as_bytes().to_vec());
                    reading.credentials.push(Credential::plain(&self.environment, name, value, place, Origin::Systemd));
                }
            }
        }
        reading.examined = reading.credentials.len() as u64;
        Ok(reading)
    }
}

fn is_credential(key: &str) -> bool {
    matches!(key, "SetCredential" | "SetCredentialEncrypted" | "LoadCredential" | "LoadCredentialEncrypted")
}

/// `%%` is `%`; any other specifier stands for something that only systemd knows.
fn without_specifiers(value: &str) -> Known {
    let plain = Zeroizing::new(value.replace("%%", ""));
    if plain.contains('%') {
        return Known::Elsewhere("a `%` specifier stands for a part of it");
    }
    Known::Value(Zeroizing::new(value.replace("%%", "%")))
}

/// Words with quotes and escapes undone; none where a quote is not closed.
fn words(text: &str) -> Option<Vec<Zeroizing<String>>> {
    let (mut found, mut word, mut open): (Vec<_>, Option<Zeroizing<String>>, _) = (Vec::new(), None, None);
    let mut letters = text.chars();
    let room = || Zeroizing::new(String::with_capacity(text.len()));
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => word.get_or_insert_with(room).push(match letters.next()? {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                's' => ' ',
                'x' => {
                    let code: String = letters.by_ref().take(2).collect();
                    u8::from_str_radix(&code, 16).ok().filter(u8::is_ascii).map(char::from)?
                }
                other => other,
            }),
            quote if open == Some(quote) => open = None,
            '"' | '\'' if open.is_none() => {
                open = Some(letter);
                word.get_or_insert_with(room);
            }
            blank if blank.is_whitespace() && open.is_none() => found.extend(word.take()),
            other => word.get_or_insert_with(room).push(other),
        }
    }
    found.extend(word);
    open.is_none().then_some(found)
}

/// The names of assignments, found without undoing anything. Shares nothing with [`words`].
fn names_in(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let (bytes, mut at) = (text.as_bytes(), 0);
    while at < bytes.len() {
        while at < bytes.len() && (bytes[at].is_ascii_whitespace() || matches!(bytes[at], b'"' | b'\'')) {
            at += 1;
        }
        let quote = at.checked_sub(1).map(|before| bytes[before]).filter(|before| matches!(before, b'"' | b'\''));
        let start = at;
        let mut open = quote;
        while at < bytes.len() && (open.is_some() || !bytes[at].is_ascii_whitespace()) {
            match (bytes[at], open) {
                (b'\\', _) => at += 1,
                (byte, Some(quote)) if byte == quote => open = None,
                (quote @ (b'"' | b'\''), None) => open = Some(quote),
                _ => {}
            }
            at += 1;
        }
        if let Some(name) = text.get(start..at.min(text.len())).and_then(|word| word.split_once('=')) {
            names.insert(name.0.to_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::super::settings::{self, tests::FixedClock};
    use super::*;

    fn with<T>(files: &[(&str, &str)], work: impl FnOnce(&dyn Source) -> T) -> T {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("written");
        }
        let units: Vec<_> = files.iter().map(|(name, _)| *name).filter(|name| !name.ends_with(".env")).collect();
        let text = format!("[[c]]\nenvironment='staging'\nsystemd={{units={units:?}}}");
        let table: toml::Table = toml::from_str(&text).expect("TOML");
        let read = settings::read(&table["c"], "c").expect("valid");
        let root = Root::folder(folder.path());
        let source = read[0].open(&Surroundings { root: &root, clock: &FixedClock }).expect("opened");
        work(source.as_ref())
    }

    fn shown(reading: &Reading) -> Vec<String> {
        let values =
            reading.credentials.iter().map(|found| format!("{}={}", found.name, found.value.text().expect("text")));
        values.chain(reading.unread.iter().map(|unread| format!("{}: {}", unread.name, unread.code))).collect()
    }

    #[test]
    fn units_drop_ins_and_their_files_are_read_as_systemd_reads_them() {
        let unit = "[Unit]\nEnvironment=NOT=here\n[Service]\n# Environment=NOR=here\n\
                    Environment=\"A=one two\" 'B=x y' C=plain D=a\\x20b \\\n  E=100%% F=\"q\\\"q\"\n\
                    Environment=G=%i\nPassEnvironment=HOME_KEY\nSetCredential=tls:canary:1\nLoadCredential=db:/run/db\n\
                    EnvironmentFile=app.env\nEnvironmentFile=-none.env\n";
        let drop_in = "[Service]\nEnvironment=B=later\n";
        let files = [("app.service", unit), ("app.conf", drop_in), ("app.env", "C='from $file'\nH=8\n")];
        with(&files, |source| {
            let reading = source.read().expect("read");
            assert_eq!(
                shown(&reading),
                [
                    "A=one two",
                    "B=later",
                    "C=from $file",
                    "D=a b",
                    "E=100%",
                    "F=q\"q",
                    "H=8",
                    "tls=canary:1",
                    "G: outside",
                    "HOME_KEY: outside",
                    "db: outside"
                ]
            );
            let names = reading.examined + reading.unread.len() as u64;
            assert_eq!(source.listing(), Ok(Listing { names }));
        });
        let reset = [("a.service", "[Service]\nEnvironment=A=1\nEnvironment=\nEnvironment=B=2\n")];
        with(&reset, |source| {
            assert_eq!(shown(&source.read().expect("read")), ["B=2"]);
            assert_eq!(source.listing(), Ok(Listing { names: 1 }));
        });
    }

    #[test]
    fn refused_without_showing_the_value() {
        for unit in [
            "Environment=\"A=hunter2",
            "Environment=hunter2",
            "Environment=A=1 'hunter 2=x'",
            "EnvironmentFile=none.env",
            "SetCredential=hunter 2:x",
        ] {
            with(&[("a.service", &format!("[Service]\n{unit}\n"))], |source| {
                let told = source.read().expect_err(unit).to_string();
                assert!(!told.contains("hunter"), "{told}");
            });
        }
    }
}
