//! The collectors that are built in, each with its manifest, its page and its content digest.

use exhibit_evidence::{CollectorId, Digest, catalog::CollectorManifest, observation::CollectorRef, to_canonical};

use crate::Collector;

include!(concat!(env!("OUT_DIR"), "/registry.rs"));

/// A collector's folder as it was built in.
pub struct Entry {
    /// The folder's name: the collector's permanent id.
    pub folder: &'static str,
    /// The text of its `collector.toml`.
    pub manifest: &'static str,
    /// The text of its `README.md`.
    pub readme: &'static str,
    /// SHA-256 over its source files, in hexadecimal.
    pub code: &'static str,
    /// The collector.
    pub collector: Box<dyn Collector>,
}

/// A collector that is ready to work.
pub struct Registered {
    /// Its manifest.
    pub manifest: CollectorManifest,
    /// Its page, Markdown.
    pub readme: &'static str,
    /// What evidence says produced it.
    pub reference: CollectorRef,
    /// The collector.
    pub collector: Box<dyn Collector>,
}

/// All collectors, by id.
pub struct Registry {
    collectors: Vec<Registered>,
}

/// Why a built-in collector's folder is not in order.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The manifest can't be read.
    #[error("collectors/{folder}/collector.toml: {source}")]
    Manifest {
        /// The folder.
        folder: &'static str,
        /// What is wrong with it.
        source: Box<toml::de::Error>,
    },
    /// The manifest names another id than its folder.
    #[error("collectors/{folder}/collector.toml: `id` is {id}, but the folder's name is the id")]
    OtherId {
        /// The folder.
        folder: &'static str,
        /// What the manifest says.
        id: CollectorId,
    },
}

impl Registry {
    /// The collectors that are built in.
    ///
    /// # Errors
    /// When a manifest is not in order; a test sees to it that none is.
    pub fn built_in() -> Result<Self, RegistryError> {
        let collectors = built_in().into_iter().map(register).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { collectors })
    }

    /// Puts another collector in the place of a built-in one, under its manifest: tests need one that is slow, hangs or
    /// breaks. Nothing changes where there is none of that id.
    pub fn substitute(&mut self, id: &str, collector: Box<dyn Collector>) {
        if let Some(registered) = self.collectors.iter_mut().find(|known| known.manifest.id.as_str() == id) {
            registered.collector = collector;
        }
    }

    /// Every collector, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Registered> {
        self.collectors.iter()
    }

    /// The collector of that id.
    pub fn get(&self, id: &str) -> Option<&Registered> {
        self.collectors.iter().find(|registered| registered.manifest.id.as_str() == id)
    }
}

fn register(entry: Entry) -> Result<Registered, RegistryError> {
    let manifest: CollectorManifest = toml::from_str(entry.manifest)
        .map_err(|source| RegistryError::Manifest { folder: entry.folder, source: Box::new(source) })?;
    if manifest.id.as_str() != entry.folder {
        return Err(RegistryError::OtherId { folder: entry.folder, id: manifest.id });
    }
    let version = env!("CARGO_PKG_VERSION");
    let content = (entry.manifest, version, entry.code, entry.collector.rule_pack());
    let content = Digest::of(&to_canonical(&content).expect("manifests hold no NUL and no numbers beyond 2^53"));
    let reference = CollectorRef { id: manifest.id.clone(), version: version.to_owned(), content };
    Ok(Registered { manifest, readme: entry.readme, reference, collector: entry.collector })
}
