//! Docker compose projects: several files merged as compose does, interpolation resolved from the
//! variable files given and never from our own process environment.
//!
//! - `load` reads the files, applies `extends`, merges;
//! - `read` turns the merged project into credentials;
//! - `count` counts names from the files by another path;
//! - `commands` finds passwords in command lines and health checks.

mod commands;
mod count;
mod load;
mod read;

use super::interpolate::{Strictness, Variables, interpolate};
use super::yaml::{Kind, Node};
use super::{Listing, Reading, Root, Source, SourceError, Text, dotenv, files};

/// One compose project as one environment runs it.
#[derive(Debug, Clone)]
pub struct Compose {
    /// The folder from which the files' names count.
    pub root: Root,
    /// Authored id of the environment.
    pub environment: String,
    /// The compose files in the order in which they are given to compose; later ones override.
    pub files: Vec<String>,
    /// Variable files for interpolation, as given by `--env-file`. Empty: `.env` beside the first
    /// compose file, if it is there, as compose does.
    pub env_files: Vec<String>,
}

impl Compose {
    /// The folder from which relative paths in the compose files count.
    fn project_folder(&self) -> String {
        self.files.first().map(|file| files::folder_of(file)).unwrap_or_default()
    }

    /// The variables for interpolation.
    fn variables(&self) -> Result<Variables, SourceError> {
        let mut names = self.env_files.clone();
        let usual = files::beside(&self.project_folder(), ".env");
        if names.is_empty() && files::exists(&self.root, &usual) {
            names.push(usual);
        }
        let mut variables = Variables::new();
        for name in names {
            let text = files::text(&self.root, &name)?;
            for found in dotenv::parse(&name, &text, &variables, Variables::new(), Strictness::Compose)? {
                if let Some(value) = found.value {
                    variables.insert(found.name, value);
                }
            }
        }
        Ok(variables)
    }
}

impl Source for Compose {
    fn kind(&self) -> &'static str {
        "compose"
    }

    fn environment(&self) -> &str {
        &self.environment
    }

    fn label(&self) -> String {
        let mut label = format!("compose {}", self.files.join(" + "));
        if !self.env_files.is_empty() {
            label.push_str(" with variables from ");
            label.push_str(&self.env_files.join(", "));
        }
        label
    }

    fn listing(&self) -> Result<Listing, SourceError> {
        count::names(self).map(|names| Listing { names })
    }

    fn read(&self) -> Result<Reading, SourceError> {
        read::project(self)
    }
}

/// Resolves the references in a scalar.
fn resolve(text: &str, variables: &Variables, file: &str, line: u32, key: &str) -> Result<Text, SourceError> {
    interpolate(text, variables, &Variables::new(), Strictness::Compose)
        .map_err(|problem| dotenv::explain(file, line, key, problem))
}

/// An `env_file:` entry.
struct EnvFile {
    path: String,
    required: bool,
}

/// The `env_file:` of a service in any of its forms, paths resolved from `folder`.
fn env_files(
    node: Option<&Node>,
    variables: &Variables,
    folder: &str,
    file: &str,
    key: &str,
) -> Result<Vec<EnvFile>, SourceError> {
    let Some(node) = node else {
        return Ok(Vec::new());
    };
    let single = std::slice::from_ref(node);
    let items = if matches!(node.kind, Kind::Seq(_)) { node.items() } else { single };
    let mut found = Vec::new();
    for item in items {
        let required = item.text_at(&["required"]).is_none_or(|word| word != "false");
        let Some(path) = item.text().or_else(|| item.text_at(&["path"])) else {
            return Err(SourceError::Malformed {
                file: file.to_owned(),
                line: item.line,
                key: key.to_owned(),
                expected: "a file name, or a mapping with `path`".to_owned(),
            });
        };
        if item.text_at(&["format"]).is_some() {
            return Err(SourceError::Malformed {
                file: file.to_owned(),
                line: item.line,
                key: key.to_owned(),
                expected: "no `format`: files in another format are not supported yet".to_owned(),
            });
        }
        let path = resolve(path, variables, file, item.line, key)?;
        found.push(EnvFile { path: files::beside(folder, path.as_str()), required });
    }
    Ok(found)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
