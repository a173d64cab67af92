//! Kubernetes manifests: Secrets, ConfigMaps and the environment of containers.
//!
//! - `read` turns objects into credentials and resolves references between them;
//! - `count` counts names from the files by another path.
//!
//! A SealedSecret or ExternalSecret holds no value that could be compared: its names are listed as
//! not read, with the reason.

mod count;
mod read;

use super::yaml::Node;
use super::{Listing, Reading, Root, Source, SourceError, files};

/// The endings that manifests have.
const EXTENSIONS: &[&str] = &["yaml", "yml", "json"];

/// Manifests of one environment.
#[derive(Debug, Clone)]
pub struct Kubernetes {
    /// The folder from which the paths count.
    pub root: Root,
    /// Authored id of the environment.
    pub environment: String,
    /// Files, and folders that are searched for `.yaml`, `.yml` and `.json` at any depth.
    pub paths: Vec<String>,
}

impl Kubernetes {
    fn files(&self) -> Result<Vec<String>, SourceError> {
        let mut found = Vec::new();
        for path in &self.paths {
            found.extend(files::below(&self.root, path, EXTENSIONS)?);
        }
        found.sort();
        found.dedup();
        Ok(found)
    }
}

impl Source for Kubernetes {
    fn kind(&self) -> &'static str {
        "kubernetes"
    }

    fn environment(&self) -> &str {
        &self.environment
    }

    fn label(&self) -> String {
        format!("kubernetes {}", self.paths.join(", "))
    }

    fn listing(&self) -> Result<Listing, SourceError> {
        count::names(self).map(|names| Listing { names })
    }

    fn read(&self) -> Result<Reading, SourceError> {
        read::manifests(self)
    }
}

/// One object of the manifests.
struct Object {
    file: String,
    document: u32,
    node: Node,
}

impl Object {
    fn kind(&self) -> &str {
        self.node.text_at(&["kind"]).unwrap_or("")
    }

    fn name(&self) -> &str {
        self.node.text_at(&["metadata", "name"]).unwrap_or("unnamed")
    }

    fn namespace(&self) -> &str {
        self.node.text_at(&["metadata", "namespace"]).unwrap_or("")
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
