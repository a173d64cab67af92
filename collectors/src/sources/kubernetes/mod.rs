//! Kubernetes manifests: Secrets, ConfigMaps and the environment of containers.
//!
//! - `read` turns objects into credentials and resolves references between them;
//! - `count` counts names from the files by another path.
//!
//! A SealedSecret or ExternalSecret holds no value that could be compared: its names are listed as
//! not read, with the reason.

mod cluster;
mod count;
mod read;

pub use cluster::KubectlSettings;

use super::yaml::Node;
use super::{Listing, Reading, Root, Source, SourceError, files};
use cluster::Cluster;
use zeroize::Zeroizing;

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
    /// The cluster that is asked in place of files.
    cluster: Option<Cluster>,
}

impl Kubernetes {
    /// Manifests in files.
    #[must_use]
    pub fn files_at(root: Root, environment: String, paths: Vec<String>) -> Self {
        Self { root, environment, paths, cluster: None }
    }

    /// The texts that hold objects, each with its name.
    fn texts(&self) -> Result<Vec<(String, Zeroizing<String>)>, SourceError> {
        if let Some(cluster) = &self.cluster {
            return cluster.objects(&self.root).map(|text| vec![(cluster.name(), text)]);
        }
        self.files()?.into_iter().map(|file| Ok((file.clone(), files::text(&self.root, &file)?))).collect()
    }

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
        match &self.cluster {
            Some(cluster) => cluster.name(),
            None => format!("kubernetes {}", self.paths.join(", ")),
        }
    }

    fn counted_by(&self) -> &'static str {
        match self.cluster {
            Some(_) => "the names in the cluster's answer, counted by a reader that keeps no values",
            None => "the names in the same files, counted by a reader that keeps no values",
        }
    }

    fn rights(&self) -> &'static str {
        match self.cluster {
            Some(_) => "what kubectl may read in the cluster: get on secrets, configmaps and workloads",
            None => "read access to the files that the job names",
        }
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
