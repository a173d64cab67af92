//! Cloudflare Workers: `[vars]` of a `wrangler.toml`, which are plain text for everybody who may read the file or the
//! dashboard. A credential among them should be a secret.

use super::settings::{Kind, OneOrMore, Problem};
use super::{
    Credential, Listing, Origin, Place, Reading, Root, SecretValue, Source, SourceError, Surroundings, files, is_name,
};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// The table `wrangler` of a source of credentials.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WranglerSettings {
    /// The configuration files, in TOML.
    pub files: OneOrMore,
    /// The environment in them; their top level unless it says otherwise. Variables are not inherited.
    pub env: Option<String>,
}

/// Variables of Workers.
struct Wrangler {
    root: Root,
    environment: String,
    settings: WranglerSettings,
}

/// The names in a file, without values.
#[derive(Deserialize)]
struct Names {
    #[serde(default)]
    vars: BTreeMap<String, IgnoredAny>,
    #[serde(default)]
    env: BTreeMap<String, Names>,
}

impl Kind for WranglerSettings {
    fn problem(&self) -> Option<Problem> {
        self.files.list().is_empty().then_some(("files", "expected at least one file"))
    }

    fn open<'a>(&self, around: &Surroundings<'a>, environment: &str) -> Box<dyn Source + 'a> {
        let (root, environment) = (around.root.clone(), environment.to_owned());
        Box::new(Wrangler { root, environment, settings: self.clone() })
    }
}

impl Wrangler {
    /// Every variable of every file, with its value as text.
    fn variables(&self, each: &mut dyn FnMut(&str, &str, &toml::Value)) -> Result<(), SourceError> {
        for file in self.settings.files.list() {
            let text = files::text(&self.root, &file)?;
            // What the reader says repeats the text: only that it is none is told.
            let malformed = |key: &str, expected: &str| {
                let (key, expected) = (key.to_owned(), expected.to_owned());
                SourceError::Malformed { file: file.clone(), line: 1, key, expected }
            };
            let table: toml::Table = toml::from_str(&text).map_err(|_| malformed("toml", "well-formed TOML"))?;
            let place = match &self.settings.env {
                None => Some(&table),
                Some(name) => table.get("env").and_then(|all| all.get(name)).and_then(toml::Value::as_table),
            };
            let place = place.ok_or_else(|| malformed("env", "the environment that the settings name"))?;
            let variables = match place.get("vars") {
                None => continue,
                Some(variables) => variables.as_table().ok_or_else(|| malformed("vars", "a table"))?,
            };
            for (name, value) in variables {
                let name = Some(name.as_str()).filter(|name| is_name(name));
                each(&file, name.ok_or_else(|| malformed("vars", "names of variables"))?, value);
            }
        }
        Ok(())
    }
}

impl Source for Wrangler {
    fn kind(&self) -> &'static str {
        "wrangler"
    }

    fn environment(&self) -> &str {
        &self.environment
    }

    fn label(&self) -> String {
        let env = self.settings.env.as_ref().map(|env| format!(", environment {env}")).unwrap_or_default();
        format!("variables of {}{env}", self.settings.files.list().join(", "))
    }

    fn listing(&self) -> Result<Listing, SourceError> {
        let mut names = 0;
        for file in self.settings.files.list() {
            let counted: Names =
                toml::from_str(&files::text(&self.root, &file)?).map_err(|_| SourceError::Malformed {
                    file: file.clone(),
                    line: 1,
                    key: "toml".to_owned(),
                    expected: "well-formed TOML, with tables of variables".to_owned(),
                })?;
            let place = match &self.settings.env {
                None => Some(&counted),
                Some(env) => counted.env.get(env),
            };
            names += place.map_or(0, |place| place.vars.len() as u64);
        }
        Ok(Listing { names })
    }

    fn read(&self) -> Result<Reading, SourceError> {
        let mut reading = Reading::default();
        self.variables(&mut |file, name, value| {
            let text = match value {
                toml::Value::String(text) => Zeroizing::new(text.clone()),
                // JSON and numbers, as the Worker gets them.
                other => Zeroizing::new(other.to_string()),
            };
            let value = SecretValue::new(text.as_bytes().to_vec());
            let place = Place::keyed(file, format!("vars.{name}"));
            reading.credentials.push(Credential::plain(&self.environment, name, value, place, Origin::WranglerVars));
        })?;
        reading.examined = reading.credentials.len() as u64;
        reading.blind_spots.push(
            "Secrets of Workers (`wrangler secret`) have no value that could be read; only plain variables are seen."
                .to_owned(),
        );
        Ok(reading)
    }
}

#[cfg(test)]
mod tests {
    use super::super::settings::{self, tests::FixedClock};
    use super::*;

    fn with<T>(text: &'static str, env: &str, work: impl FnOnce(&dyn Source) -> T) -> T {
        let files: &'static [(&'static str, &'static str)] = Box::leak(Box::new([("wrangler.toml", text)]));
        let settings = format!("[[c]]\nenvironment='staging'\nwrangler={{files='wrangler.toml'{env}}}");
        let table: toml::Table = toml::from_str(&settings).expect("TOML");
        let read = settings::read(&table["c"], "c").expect("valid");
        let root = Root::Memory(files);
        let source = read[0].open(&Surroundings { root: &root, clock: &FixedClock }).expect("opened");
        work(source.as_ref())
    }

    const FILE: &str =
        "name = 'w'\n[vars]\nAPI_TOKEN = 'canary-W0rker'\nPORT = 80\n[env.production.vars]\nA = { b = 'c' }\n";

    #[test]
    fn plain_variables_of_an_environment_are_read() {
        let shown = |source: &dyn Source| {
            let reading = source.read().expect("read");
            assert_eq!(source.listing(), Ok(Listing { names: reading.examined }));
            let read = reading
                .credentials
                .iter()
                .map(|found| format!("{} {}", found.place, found.value.text().expect("text")));
            read.collect::<Vec<_>>()
        };
        with(FILE, "", |source| {
            assert_eq!(shown(source), ["wrangler.toml (vars.API_TOKEN) canary-W0rker", "wrangler.toml (vars.PORT) 80"]);
        });
        with(FILE, ",env='production'", |source| assert_eq!(shown(source).len(), 1));
        with("name = 'w'", "", |source| assert!(shown(source).is_empty()));
    }

    #[test]
    fn refused_without_showing_the_value() {
        for (text, env) in
            [("vars = 'hunter2'", ""), ("vars = hunter2", ""), ("[vars]\n'hunter2: x' = 1", ""), (FILE, ",env='none'")]
        {
            with(text, env, |source| {
                let told = source.read().expect_err(text).to_string();
                assert!(!told.contains("hunter2") && !told.contains("canary"), "{told}");
            });
        }
    }
}
