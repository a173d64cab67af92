//! A vault in memory whose faults come when a test wants them, not only next.

use std::sync::{Mutex, PoisonError};

use exhibit_archive::{
    Content, Depth, Fault, InMemoryVault, Listed, ObjectKey, Observation, PutOptions, PutOutcome, ReadBack, Vault,
    VaultDescription, VaultFuture, Version,
};
use exhibit_evidence::Timestamp;

/// Counts the verbs, and lets the one that was named fail.
#[derive(Debug, Default)]
pub struct FaultyVault {
    inside: InMemoryVault,
    planned: Mutex<Option<(usize, Fault)>>,
}

impl FaultyVault {
    /// The vault itself, to be tampered with.
    #[must_use]
    pub fn inside(&self) -> &InMemoryVault {
        &self.inside
    }

    /// Lets the verb after `verbs` further ones fail.
    pub fn fail_after(&self, verbs: usize, fault: Fault) {
        *self.planned.lock().unwrap_or_else(PoisonError::into_inner) = Some((verbs, fault));
    }

    /// Whether the fault that was planned has come; false too after [`Self::forget`].
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.planned.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// Calls off what was planned.
    pub fn forget(&self) {
        *self.planned.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The keys of all objects.
    ///
    /// # Panics
    /// When a fault was planned for this.
    pub async fn keys(&self) -> Vec<String> {
        let listed = self.inside.list("").await.expect("no fault is planned");
        listed.into_iter().map(|listed| listed.key.to_string()).collect()
    }

    /// Every object's bytes, by key.
    ///
    /// # Panics
    /// When an object can't be read.
    pub async fn objects(&self) -> Vec<(String, Vec<u8>)> {
        let mut objects = Vec::new();
        for listed in self.inside.list("").await.expect("no fault is planned") {
            let version = listed.version.expect("objects have versions");
            let bytes = self.inside.get(&listed.key, &version).await.expect("objects can be read");
            objects.push((listed.key.to_string(), bytes));
        }
        objects
    }

    fn count(&self) -> &InMemoryVault {
        let mut planned = self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        match planned.take() {
            Some((0, fault)) => self.inside.fail_next(fault),
            Some((verbs, fault)) => *planned = Some((verbs - 1, fault)),
            None => {}
        }
        &self.inside
    }
}

impl Vault for FaultyVault {
    fn describe(&self) -> VaultDescription {
        self.inside.describe()
    }

    fn put<'a>(
        &'a self,
        key: &'a ObjectKey,
        content: &'a dyn Content,
        options: &'a PutOptions,
    ) -> VaultFuture<'a, PutOutcome> {
        self.count().put(key, content, options)
    }

    fn read_back<'a>(&'a self, key: &'a ObjectKey, version: &'a Version) -> VaultFuture<'a, ReadBack> {
        self.count().read_back(key, version)
    }

    fn get<'a>(&'a self, key: &'a ObjectKey, version: &'a Version) -> VaultFuture<'a, Vec<u8>> {
        self.count().get(key, version)
    }

    fn list<'a>(&'a self, prefix: &'a str) -> VaultFuture<'a, Vec<Listed>> {
        self.count().list(prefix)
    }

    fn retain_at_least<'a>(
        &'a self,
        key: &'a ObjectKey,
        version: &'a Version,
        until: Timestamp,
        at: Timestamp,
    ) -> VaultFuture<'a, Timestamp> {
        self.count().retain_at_least(key, version, until, at)
    }

    fn set_legal_hold<'a>(
        &'a self,
        key: &'a ObjectKey,
        version: &'a Version,
        on: bool,
        at: Timestamp,
    ) -> VaultFuture<'a, bool> {
        self.count().set_legal_hold(key, version, on, at)
    }

    fn legal_hold<'a>(&'a self, key: &'a ObjectKey, version: &'a Version) -> VaultFuture<'a, bool> {
        self.count().legal_hold(key, version)
    }

    fn examine(&self, at: Timestamp, depth: Depth) -> VaultFuture<'_, Vec<Observation>> {
        self.count().examine(at, depth)
    }
}
