//! A merged compose project as credentials.

use super::super::interpolate::{Strictness, Variables};
use super::super::yaml::Node;
use super::super::{
    Credential, Origin, Place, Reading, SecretValue, SourceError, Text, Unread, dotenv, files, is_name,
};
use super::load::{self, Project};
use super::{Compose, commands, env_files, resolve};
use std::collections::{BTreeMap, HashMap};

/// Reads the whole project.
pub(super) fn project(compose: &Compose) -> Result<Reading, SourceError> {
    let variables = compose.variables()?;
    let project = load::project(compose)?;
    let mut reader = Reader {
        compose,
        variables: &variables,
        project: &project,
        reading: Reading::default(),
        from_env_files: HashMap::new(),
    };
    for (name, service) in project.merged.get("services").map_or(&[][..], Node::entries) {
        reader.service(name, service)?;
    }
    reader.top_level("secrets")?;
    reader.top_level("configs")?;
    reader.reading.blind_spots.extend(project.blind_spots.iter().cloned());
    Ok(reader.reading)
}

struct Reader<'a> {
    compose: &'a Compose,
    variables: &'a Variables,
    project: &'a Project,
    reading: Reading,
    /// Credentials of env files by file, line and name: several services may be given one file.
    from_env_files: HashMap<(String, u32, String), usize>,
}

impl Reader<'_> {
    fn service(&mut self, service: &str, node: &Node) -> Result<(), SourceError> {
        let own = node.get("environment");
        for (name, value) in own.map_or(&[][..], Node::entries) {
            self.variable(service, name, value)?;
        }
        self.env_files(service, node, own)?;
        for (key, line) in [
            ("command", node.get("command")),
            ("entrypoint", node.get("entrypoint")),
            ("healthcheck.test", node.at(&["healthcheck", "test"])),
        ] {
            if let Some(line) = line {
                self.command(service, key, line)?;
            }
        }
        Ok(())
    }

    /// An entry of `environment:`.
    fn variable(&mut self, service: &str, name: &str, node: &Node) -> Result<(), SourceError> {
        if !is_name(name) {
            let key = format!("services.{service}.environment");
            return Err(self.malformed(node, &key, "`NAME: value` or `NAME=value`"));
        }
        let place = self.place(node, format!("services.{service}.environment.{name}"));
        let text = match node.text() {
            Some(text) => self.resolve(text, &place)?,
            None if node.is_null() => match self.variables.get(name) {
                Some(value) => {
                    let mut text = Text::default();
                    text.push_variable(name, value);
                    text
                }
                None => {
                    let reason = "handed on from whoever starts compose; not in the variable file";
                    self.unread(name, place, "outside", reason);
                    return Ok(());
                }
            },
            None => return Err(self.malformed(node, &place.key, "a text, a number or nothing")),
        };
        if !text.unset().is_empty() {
            // Which one is not said: a `$` may be part of a password.
            let reason = "a variable in it is not in the variable file";
            self.unread(name, place, "outside", reason);
            return Ok(());
        }
        self.reading.examined += 1;
        let found = self.credential(service, name, text, place, Origin::ComposeEnvironment);
        self.reading.credentials.push(found);
        Ok(())
    }

    /// The files of `env_file:`, later ones winning, `environment:` winning over all.
    fn env_files(&mut self, service: &str, node: &Node, own: Option<&Node>) -> Result<(), SourceError> {
        let Some(listed) = node.get("env_file") else {
            return Ok(());
        };
        let key = format!("services.{service}.env_file");
        let mut names: BTreeMap<String, (String, u32, Option<Text>)> = BTreeMap::new();
        for item in listed.items() {
            let file = self.file(item);
            // Paths count from the project's folder, except in a file that was extended from.
            let folder = if self.compose.files.contains(&file) {
                self.compose.project_folder()
            } else {
                files::folder_of(&file)
            };
            for entry in env_files(Some(item), self.variables, &folder, &file, &key)? {
                if !entry.required && !files::exists(&self.compose.root, &entry.path) {
                    continue;
                }
                let text = files::text(&self.compose.root, &entry.path)?;
                let strictness = Strictness::Compose;
                for found in dotenv::parse(&entry.path, &text, self.variables, Variables::new(), strictness)? {
                    let value = found.value.or_else(|| {
                        let value = self.variables.get(&found.name)?;
                        let mut text = Text::default();
                        text.push_variable(&found.name, value);
                        Some(text)
                    });
                    let new = (entry.path.clone(), found.line, value);
                    if let Some((file, line, _)) = names.insert(found.name.clone(), new) {
                        self.reading.overridden.push(Place { file, line, document: 0, key: found.name });
                    }
                }
            }
        }
        for (name, (file, line, value)) in names {
            if own.is_some_and(|own| own.get(&name).is_some()) {
                continue;
            }
            self.env_file_entry(service, name, file, line, value);
        }
        Ok(())
    }

    fn env_file_entry(&mut self, service: &str, name: String, file: String, line: u32, value: Option<Text>) {
        let place = Place { file: file.clone(), line, document: 0, key: name.clone() };
        let Some(text) = value.filter(|text| text.unset().is_empty()) else {
            let reason = "its value, or a variable in it, comes from outside this file";
            self.unread(&name, place, "outside", reason);
            return;
        };
        self.reading.examined += 1;
        let id = (file, line, name.clone());
        if let Some(&at) = self.from_env_files.get(&id) {
            self.reading.credentials[at].recipients.push(service.to_owned());
            return;
        }
        self.from_env_files.insert(id, self.reading.credentials.len());
        let found = self.credential(service, &name, text, place, Origin::ComposeEnvFile);
        self.reading.credentials.push(found);
    }

    fn command(&mut self, service: &str, key: &str, node: &Node) -> Result<(), SourceError> {
        let place = self.place(node, format!("services.{service}.{key}"));
        let single = std::slice::from_ref(node);
        let items = if node.text().is_some() { single } else { node.items() };
        let mut words = Vec::new();
        for item in items {
            if let Some(text) = item.text() {
                words.push(self.resolve(text, &place)?);
            }
        }
        for (name, word) in commands::passwords(&words) {
            let place = Place { key: format!("{}.{name}", place.key), ..place.clone() };
            let found = self.credential(service, name, word, place, Origin::ComposeCommand);
            self.reading.found_elsewhere.push(found);
        }
        Ok(())
    }

    /// Top-level `secrets:` or `configs:`.
    fn top_level(&mut self, section: &str) -> Result<(), SourceError> {
        for (name, node) in self.project.merged.get(section).map_or(&[][..], Node::entries) {
            if !is_name(name) {
                return Err(self.malformed(node, section, "a name of letters, digits, `_`, `.` and `-`"));
            }
            let place = self.place(node, format!("{section}.{name}"));
            if let Some(variable) = node.text_at(&["environment"]) {
                match self.variables.get(variable) {
                    Some(value) => {
                        let mut text = Text::default();
                        text.push_variable(variable, value);
                        self.section_entry(name, text, place);
                    }
                    None => {
                        let reason = "its variable is not in the variable file";
                        self.unread(name, place, "outside", reason);
                    }
                }
            } else if let Some(content) = node.text_at(&["content"]) {
                let text = self.resolve(content, &place)?;
                self.section_entry(name, text, place);
            } else if let Some(file) = node.text_at(&["file"]) {
                if section == "configs" {
                    let spot = format!("{place}: whole configuration files are not looked into");
                    self.reading.blind_spots.push(spot);
                    continue;
                }
                let file = self.resolve(file, &place)?;
                let path = files::beside(&self.compose.project_folder(), file.as_str());
                let mut bytes = files::bytes(&self.compose.root, &path)?;
                while bytes.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
                    bytes.pop();
                }
                self.reading.examined += 1;
                let place = Place { file: path, line: 0, ..place };
                let mut found = self.credential("", name, Text::default(), place, Origin::ComposeSecret);
                found.value = SecretValue::new(bytes.to_vec());
                self.reading.credentials.push(found);
            } else {
                let reason = "external: it is kept by the platform, not in these files";
                self.unread(name, place, "platform", reason);
            }
        }
        Ok(())
    }

    fn section_entry(&mut self, name: &str, text: Text, place: Place) {
        self.reading.examined += 1;
        let found = self.credential("", name, text, place, Origin::ComposeSecret);
        self.reading.credentials.push(found);
    }

    fn credential(&self, service: &str, name: &str, text: Text, place: Place, origin: Origin) -> Credential {
        let (value, parts) = text.into_secret();
        Credential {
            recipients: if service.is_empty() { Vec::new() } else { vec![service.to_owned()] },
            parts,
            ..Credential::plain(&self.compose.environment, name, value, place, origin)
        }
    }

    fn resolve(&self, text: &str, place: &Place) -> Result<Text, SourceError> {
        resolve(text, self.variables, &place.file, place.line, &place.key)
    }

    fn unread(&mut self, name: &str, place: Place, code: &'static str, reason: &str) {
        self.reading.unread.push(Unread::new(name, place, code, reason));
    }

    fn file(&self, node: &Node) -> String {
        self.project.names.get(node.file).cloned().unwrap_or_default()
    }

    fn place(&self, node: &Node, key: String) -> Place {
        Place { file: self.file(node), line: node.line, document: 0, key }
    }

    fn malformed(&self, node: &Node, key: &str, expected: &str) -> SourceError {
        SourceError::Malformed {
            file: self.file(node),
            line: node.line,
            key: key.to_owned(),
            expected: expected.to_owned(),
        }
    }
}
