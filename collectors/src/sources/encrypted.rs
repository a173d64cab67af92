//! Files that `age`, `gpg` or `sops` encrypted, and stores of `pass`: decrypted by these programs themselves, through a pipe,
//! with the keys that they find where their owner keeps them.

use super::command::{CommandSettings, CommandSource, Format};
use super::fields::of_whole;
use super::settings::{Kind, OneOrMore, Problem};
use super::{Listing, Reading, Root, Source, SourceError, Surroundings, files, is_name};
use serde::Deserialize;

/// The table `encrypted` of a source of credentials.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncryptedSettings {
    /// The files, and folders that are searched for them at any depth.
    pub files: OneOrMore,
    /// The program that decrypts them.
    pub by: Program,
    /// Where that program is, if not where programs usually are.
    pub program: Option<String>,
    /// What is in each.
    pub format: Format,
    /// The file with age's identities.
    pub identities: Option<String>,
    /// Whether only the first line is the value, as `pass` has it.
    #[serde(default)]
    pub first_line: bool,
    /// Names of variables that the program gets from the environment of this process.
    #[serde(default = "home")]
    pub pass_environment: Vec<String>,
    /// How long each may take, in seconds, 1 to 3,600.
    #[serde(default = "a_minute")]
    pub time_limit: u64,
}

fn home() -> Vec<String> {
    vec!["HOME".to_owned(), "GNUPGHOME".to_owned()]
}

fn a_minute() -> u64 {
    60
}

/// A program that decrypts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Program {
    /// `age`.
    Age,
    /// GnuPG.
    Gpg,
    /// `sops`.
    Sops,
}

impl Program {
    fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Age => &["age"],
            Self::Gpg => &["gpg", "asc", "pgp"],
            Self::Sops => &["json", "yaml", "yml", "env"],
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Age => "age",
            Self::Gpg => "gpg",
            Self::Sops => "sops",
        }
    }
}

impl Kind for EncryptedSettings {
    fn problem(&self) -> Option<Problem> {
        if self.files.list().is_empty() {
            return Some(("files", "expected at least one file or folder"));
        }
        if (self.by == Program::Age) != self.identities.is_some() {
            return Some(("identities", "goes with `age`, which needs it"));
        }
        if self.format == Format::Names {
            return Some(("format", "expected `json`, `dotenv` or `value`"));
        }
        if self.first_line && self.format != Format::Value {
            return Some(("first_line", "goes with the format `value` only"));
        }
        if !(1..=3600).contains(&self.time_limit) {
            return Some(("time_limit", "expected 1 to 3600 seconds"));
        }
        None
    }

    fn open<'a>(&self, around: &Surroundings<'a>, environment: &str) -> Box<dyn Source + 'a> {
        let (root, environment) = (around.root.clone(), environment.to_owned());
        Box::new(Encrypted { root, environment, settings: self.clone() })
    }
}

/// Encrypted files of one environment.
struct Encrypted {
    root: Root,
    environment: String,
    settings: EncryptedSettings,
}

impl Encrypted {
    /// The files, each with the folder or file that was configured, in a fixed order.
    fn files(&self) -> Result<Vec<(String, String)>, SourceError> {
        let mut found = Vec::new();
        for path in self.settings.files.list() {
            let below = files::below(&self.root, &path, self.settings.by.endings())?;
            found.extend(below.into_iter().map(|file| (path.clone(), file)));
        }
        Ok(found)
    }

    /// One file as what the program prints of it.
    fn one(&self, configured: &str, file: &str) -> CommandSource {
        let settings = &self.settings;
        let mut run = vec![settings.program.clone().unwrap_or_else(|| settings.by.name().to_owned())];
        let further: Vec<&str> = match (settings.by, &settings.identities, settings.format) {
            (Program::Age, identities, _) => vec!["--decrypt", "--identity", identities.as_deref().unwrap_or(""), "--"],
            (Program::Gpg, ..) => vec!["--batch", "--quiet", "--decrypt", "--"],
            (Program::Sops, _, Format::Json) => vec!["--decrypt", "--output-type", "json"],
            (Program::Sops, ..) => vec!["--decrypt", "--output-type", "dotenv"],
        };
        run.extend(further.into_iter().map(str::to_owned));
        // sops has no `--`, and no file may be taken for an option.
        run.push(if file.starts_with('-') { format!("./{file}") } else { file.to_owned() });
        let command = CommandSettings {
            name: (settings.format == Format::Value).then(|| self.name(configured, file)),
            pass_environment: settings.pass_environment.clone(),
            time_limit: settings.time_limit,
            first_line: settings.first_line,
            ..CommandSettings::new(run, settings.format)
        };
        CommandSource::new(self.root.clone(), self.environment.clone(), command)
    }

    /// A file's path below what was configured, without its ending, is what its one value is called.
    fn name(&self, configured: &str, file: &str) -> String {
        let below = file.strip_prefix(configured.trim_end_matches('/')).filter(|below| !below.is_empty());
        let whole = below.unwrap_or_else(|| file.rsplit('/').next().unwrap_or(file)).trim_start_matches('/');
        let stem = whole.rsplit_once('.').map_or(whole, |(stem, _)| stem);
        if is_name(stem) { of_whole(stem) } else { "unnamed".to_owned() }
    }
}

impl Source for Encrypted {
    fn kind(&self) -> &'static str {
        "encrypted"
    }

    fn environment(&self) -> &str {
        &self.environment
    }

    fn label(&self) -> String {
        format!("{}, decrypted by {}", self.settings.files.list().join(", "), self.settings.by.name())
    }

    fn counted_by(&self) -> &'static str {
        match self.settings.format {
            Format::Value => "the files in the folders; none is decrypted for that",
            _ => "the names in what was decrypted, counted by a reader that keeps no values",
        }
    }

    fn rights(&self) -> &'static str {
        "read access to the encrypted files, and the key that decrypts them"
    }

    fn listing(&self) -> Result<Listing, SourceError> {
        let files = self.files()?;
        if self.settings.format == Format::Value {
            return Ok(Listing { names: files.len() as u64 });
        }
        let counts = files.iter().map(|(configured, file)| Ok(self.one(configured, file).listing()?.names));
        Ok(Listing { names: counts.sum::<Result<u64, SourceError>>()? })
    }

    fn read(&self) -> Result<Reading, SourceError> {
        let mut whole = Reading::default();
        for (configured, file) in self.files()? {
            let mut read = self.one(&configured, &file).read()?;
            for found in &mut read.credentials {
                found.place.file.clone_from(&file);
                found.origin = super::Origin::Encrypted;
            }
            read.unread.iter_mut().for_each(|unread| unread.place.file.clone_from(&file));
            whole.examined += read.examined;
            whole.credentials.extend(read.credentials);
            whole.unread.extend(read.unread);
        }
        Ok(whole)
    }
}
