//! How many names a compose project has, counted from typed structures that hold names only: the
//! values are never kept, and the tree that the reader merges is never built.

use super::super::{SourceError, dotenv, files, yaml};
use super::{Compose, resolve};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

#[derive(Deserialize)]
struct File {
    services: Option<BTreeMap<String, Option<Service>>>,
    secrets: Option<BTreeMap<String, IgnoredAny>>,
    configs: Option<BTreeMap<String, Option<Config>>>,
}

#[derive(Deserialize, Default)]
struct Service {
    environment: Option<Names>,
    env_file: Option<Paths>,
    extends: Option<Extends>,
}

#[derive(Deserialize)]
struct Config {
    file: Option<IgnoredAny>,
}

/// One service's names, and the paths of its env files with the folder they count from.
#[derive(Default, Clone)]
struct Tally {
    names: BTreeSet<String>,
    paths: Vec<(String, Path)>,
}

/// Distinct (service, name) pairs, and top-level secrets and configs.
pub(super) fn names(compose: &Compose) -> Result<u64, SourceError> {
    let mut services: BTreeMap<String, Tally> = BTreeMap::new();
    let mut sections = BTreeSet::new();
    for name in &compose.files {
        for file in documents(compose, name)? {
            for service in file.services.iter().flat_map(BTreeMap::keys) {
                let folder = compose.project_folder();
                let tally = tally(compose, &file, name, service, &folder, 0)?;
                let known = services.entry(service.clone()).or_default();
                known.names.extend(tally.names);
                known.paths.extend(tally.paths);
            }
            let secrets = file.secrets.into_iter().flatten().map(|(name, _)| ("secret", name));
            let configs = file.configs.into_iter().flatten();
            // Whole configuration files are a blind spot that the reader names.
            let configs = configs
                .filter(|(_, config)| config.as_ref().is_none_or(|config| config.file.is_none()))
                .map(|(name, _)| ("config", name));
            sections.extend(secrets.chain(configs));
        }
    }
    let variables = compose.variables()?;
    let mut total = sections.len();
    for (service, mut tally) in services {
        for (folder, path) in &tally.paths {
            let path_text = resolve(&path.path, &variables, &service, 0, "env_file")?;
            let file = files::beside(folder, path_text.as_str());
            if path.required || files::exists(&compose.root, &file) {
                tally.names.extend(dotenv::names_in(&files::text(&compose.root, &file)?));
            }
        }
        total += tally.names.len();
    }
    Ok(total as u64)
}

fn documents(compose: &Compose, name: &str) -> Result<Vec<File>, SourceError> {
    let text = files::text(&compose.root, name)?;
    yaml::typed::<File>(name, &text)
}

fn tally(
    compose: &Compose,
    file: &File,
    name: &str,
    service: &str,
    folder: &str,
    depth: usize,
) -> Result<Tally, SourceError> {
    let found = file.services.as_ref().and_then(|services| services.get(service));
    let Some(Some(found)) = found else {
        return Ok(Tally::default());
    };
    let mut tally = match &found.extends {
        Some(extends) if depth < 16 => match &extends.file {
            None => self::tally(compose, file, name, &extends.service, folder, depth + 1)?,
            Some(other) => {
                let path = files::beside(&files::folder_of(name), other);
                let folder = files::folder_of(&path);
                match documents(compose, &path)?.first() {
                    Some(file) => self::tally(compose, file, &path, &extends.service, &folder, depth + 1)?,
                    None => Tally::default(),
                }
            }
        },
        _ => Tally::default(),
    };
    tally.names.extend(found.environment.iter().flat_map(|names| names.0.iter().cloned()));
    let paths = found.env_file.iter().flat_map(|paths| paths.0.iter().cloned());
    tally.paths.extend(paths.map(|path| (folder.to_owned(), path)));
    Ok(tally)
}

/// The names of an `environment`, in either form.
struct Names(BTreeSet<String>);

#[derive(Clone)]
struct Path {
    path: String,
    required: bool,
}

/// An `env_file` in any of its forms.
struct Paths(Vec<Path>);

struct Extends {
    service: String,
    file: Option<String>,
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Seen;
        impl<'de> Visitor<'de> for Seen {
            type Value = Names;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping or a list of `NAME=value`")
            }
            fn visit_unit<E>(self) -> Result<Names, E> {
                Ok(Names(BTreeSet::new()))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
                let mut names = BTreeSet::new();
                while let Some((name, IgnoredAny)) = map.next_entry::<String, IgnoredAny>()? {
                    names.insert(name);
                }
                Ok(Names(names))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Names, A::Error> {
                let mut names = BTreeSet::new();
                while let Some(text) = seq.next_element::<String>()? {
                    let text = zeroize::Zeroizing::new(text);
                    names.insert(text.split('=').next().unwrap_or("").to_owned());
                }
                Ok(Names(names))
            }
        }
        deserializer.deserialize_any(Seen)
    }
}

impl<'de> Deserialize<'de> for Paths {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Seen;
        impl<'de> Visitor<'de> for Seen {
            type Value = Paths;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a file name or a list of them")
            }
            fn visit_str<E>(self, path: &str) -> Result<Paths, E> {
                Ok(Paths(vec![Path { path: path.to_owned(), required: true }]))
            }
            fn visit_unit<E>(self) -> Result<Paths, E> {
                Ok(Paths(Vec::new()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Paths, A::Error> {
                let mut paths = Vec::new();
                while let Some(path) = seq.next_element::<Path>()? {
                    paths.push(path);
                }
                Ok(Paths(paths))
            }
        }
        deserializer.deserialize_any(Seen)
    }
}

impl<'de> Deserialize<'de> for Path {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Seen;
        impl<'de> Visitor<'de> for Seen {
            type Value = Path;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a file name or a mapping with `path`")
            }
            fn visit_str<E>(self, path: &str) -> Result<Path, E> {
                Ok(Path { path: path.to_owned(), required: true })
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Path, A::Error> {
                let mut found = Path { path: String::new(), required: true };
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "path" => found.path = map.next_value()?,
                        "required" => found.required = map.next_value()?,
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(found)
            }
        }
        deserializer.deserialize_any(Seen)
    }
}

impl<'de> Deserialize<'de> for Extends {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Seen;
        impl<'de> Visitor<'de> for Seen {
            type Value = Extends;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a service's name or a mapping with `service`")
            }
            fn visit_str<E>(self, service: &str) -> Result<Extends, E> {
                Ok(Extends { service: service.to_owned(), file: None })
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Extends, A::Error> {
                let mut found = Extends { service: String::new(), file: None };
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "service" => found.service = map.next_value()?,
                        "file" => found.file = map.next_value()?,
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(found)
            }
        }
        deserializer.deserialize_any(Seen)
    }
}
