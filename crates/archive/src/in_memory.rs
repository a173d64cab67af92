//! A vault in memory that fails on request, for tests of everything above it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use exhibit_evidence::{Digest, Timestamp};

use crate::content::Checked;
use crate::vault::{Done, Listed, PutOptions, PutOutcome, ReadBack, Vault, VaultDescription, VaultFuture, Version};
use crate::{Aspect, Content, Depth, ObjectKey, Observation, Standing, VaultError};

/// The word for this kind of store and its kind of lock.
const KIND: &str = "in-memory";

/// What goes wrong with the next verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The work is not done, and the caller sees [`VaultError::Unavailable`].
    NotDone,
    /// The work is done, and the caller sees the same [`VaultError::Unavailable`].
    DoneButNotTold,
    /// A put succeeds, but what asked for protection got lost on the way: the
    /// object is stored unprotected. Other verbs succeed.
    ProtectionDropped,
}

/// A vault for tests: it keeps nothing longer than the process lives.
///
/// Faults are queued by [`Self::fail_next`]; each is used up by one verb of
/// [`Vault`], in order. The functions that begin with `tamper` do what an
/// intruder would.
#[derive(Debug, Default)]
pub struct InMemoryVault {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<ObjectKey, Object>,
    faults: VecDeque<Fault>,
    /// What examining tells that is not as in an untouched vault.
    drift: BTreeMap<Aspect, Observation>,
}

#[derive(Debug)]
struct Object {
    /// None once somebody removed them.
    bytes: Option<Vec<u8>>,
    recorded: Digest,
    options: PutOptions,
    protected: bool,
    legal_hold: bool,
    mode: String,
    masked: bool,
}

impl InMemoryVault {
    /// An empty vault.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets the verb after those already spoken for fail.
    pub fn fail_next(&self, fault: Fault) {
        self.state().faults.push_back(fault);
    }

    /// Replaces an object's bytes behind the vault's back; false where there is no such object.
    pub fn tamper_replace(&self, key: &ObjectKey, bytes: &[u8]) -> bool {
        let mut state = self.state();
        let object = state.objects.get_mut(key);
        object.map(|object| object.bytes = Some(bytes.to_vec())).is_some()
    }

    /// Removes an object's bytes behind the vault's back; false where there is no such object.
    pub fn tamper_remove(&self, key: &ObjectKey) -> bool {
        self.state().objects.get_mut(key).and_then(|object| object.bytes.take()).is_some()
    }

    /// Takes away an object's protection behind the vault's back; false where there is no such object.
    pub fn tamper_unprotect(&self, key: &ObjectKey) -> bool {
        self.tamper(key, |object| object.protected = false)
    }

    /// Puts a delete marker over an object; false where there is no such object.
    pub fn tamper_mask(&self, key: &ObjectKey) -> bool {
        self.tamper(key, |object| object.masked = true)
    }

    /// Sets another retain-until date, also an earlier one; false where there is no such object.
    pub fn tamper_retention(&self, key: &ObjectKey, until: Timestamp) -> bool {
        self.tamper(key, |object| object.options.retain_until = until)
    }

    /// Weakens the kind of lock; false where there is no such object.
    pub fn tamper_mode(&self, key: &ObjectKey, mode: &str) -> bool {
        self.tamper(key, |object| mode.clone_into(&mut object.mode))
    }

    /// Sets or takes away a legal hold behind the vault's back; false where there is no such object.
    pub fn tamper_legal_hold(&self, key: &ObjectKey, on: bool) -> bool {
        self.tamper(key, |object| object.legal_hold = on)
    }

    /// Lets [`Vault::examine`] tell this of its aspect from now on.
    pub fn tamper_surroundings(&self, observation: Observation) {
        self.state().drift.insert(observation.aspect, observation);
    }

    fn tamper(&self, key: &ObjectKey, change: impl FnOnce(&mut Object)) -> bool {
        self.state().objects.get_mut(key).map(change).is_some()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does `work`, unless a fault is due.
    fn perform<T>(
        &self,
        what: &str,
        work: impl FnOnce(&mut State, Option<Fault>) -> Result<T, VaultError>,
    ) -> Result<T, VaultError> {
        let mut state = self.state();
        let fault = state.faults.pop_front();
        let lost =
            || Err(VaultError::Unavailable { what: what.to_owned(), detail: "the connection was closed".to_owned() });
        match fault {
            Some(Fault::NotDone) => lost(),
            Some(Fault::DoneButNotTold) => {
                // Whatever the answer was, it is lost on the way back.
                let _unheard = work(&mut state, fault);
                lost()
            }
            Some(Fault::ProtectionDropped) | None => work(&mut state, fault),
        }
    }
}

impl State {
    /// The object and its bytes, after every check there is.
    fn inspect(&mut self, key: &ObjectKey) -> Result<(&mut Object, Vec<u8>), VaultError> {
        let Some(object) = self.objects.get_mut(key) else {
            return Err(VaultError::NotFound { key: key.clone() });
        };
        let Some(bytes) = object.bytes.clone() else {
            return Err(VaultError::ObjectMissing { key: key.clone(), recorded: object.recorded });
        };
        if !object.protected {
            let found = "the store has no retention for it".to_owned();
            return Err(VaultError::Unprotected { key: key.clone(), found });
        }
        let found = Digest::of(&bytes);
        if found != object.recorded {
            return Err(VaultError::Changed { key: key.clone(), recorded: object.recorded, found });
        }
        Ok((object, bytes))
    }

    fn version(&mut self, key: &ObjectKey, asked: &Version) -> Result<(&mut Object, Vec<u8>), VaultError> {
        let (object, bytes) = self.inspect(key)?;
        let kept = version_of(object.recorded);
        if kept == *asked {
            Ok((object, bytes))
        } else {
            Err(VaultError::NoSuchVersion { key: key.clone(), asked: asked.clone(), kept })
        }
    }

    fn put(
        &mut self,
        key: &ObjectKey,
        bytes: &[u8],
        options: &PutOptions,
        protected: bool,
    ) -> Result<PutOutcome, VaultError> {
        options.check(key)?;
        self.refuse_folders(key)?;
        let offered = Digest::of(bytes);
        let done = if self.objects.contains_key(key) {
            let (object, _) = self.inspect(key)?;
            if object.recorded != offered {
                return Err(VaultError::OtherBytes { key: key.clone(), kept: object.recorded, offered });
            }
            object.options.retain_until = object.options.retain_until.max(options.retain_until);
            Done::AlreadyThere
        } else {
            let bytes = Some(bytes.to_vec());
            let object = Object {
                bytes,
                recorded: offered,
                options: options.clone(),
                protected,
                legal_hold: false,
                mode: KIND.to_owned(),
                masked: false,
            };
            self.objects.insert(key.clone(), object);
            Done::Stored
        };
        Ok(PutOutcome {
            version: version_of(offered),
            digest: offered,
            size: bytes.len() as u64,
            done,
            request_id: None,
        })
    }

    /// As in a directory, a key is an object or a folder of objects.
    fn refuse_folders(&self, key: &ObjectKey) -> Result<(), VaultError> {
        let inside = |folder: &ObjectKey, key: &ObjectKey| {
            key.as_str().strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/'))
        };
        match self.objects.keys().find(|other| inside(other, key) || inside(key, other)) {
            None => Ok(()),
            Some(other) => Err(VaultError::KeyConflict { key: key.clone(), problem: format!("{other} is an object") }),
        }
    }
}

/// The version of an object is its digest: there is only ever one.
fn version_of(digest: Digest) -> Version {
    Version::new(digest.to_string())
}

impl Vault for InMemoryVault {
    fn describe(&self) -> VaultDescription {
        VaultDescription {
            kind: KIND,
            place: "this process".to_owned(),
            regulatory_worm: false,
            statement: "In memory, for tests: nothing outlives the process.".to_owned(),
        }
    }

    fn put<'a>(
        &'a self,
        key: &'a ObjectKey,
        content: &'a dyn Content,
        options: &'a PutOptions,
    ) -> VaultFuture<'a, PutOutcome> {
        Box::pin(async move {
            let bytes = Checked::new(key, content).all().await?;
            self.perform(key.as_str(), |state, fault| {
                state.put(key, &bytes, options, fault != Some(Fault::ProtectionDropped))
            })
        })
    }

    fn read_back<'a>(&'a self, key: &'a ObjectKey, version: &'a Version) -> VaultFuture<'a, ReadBack> {
        Box::pin(async move {
            self.perform(key.as_str(), |state, _| {
                let (object, bytes) = state.version(key, version)?;
                Ok(ReadBack {
                    key: key.clone(),
                    version: version.clone(),
                    digest: Digest::of(&bytes),
                    size: bytes.len() as u64,
                    mode: object.mode.clone(),
                    retain_until: object.options.retain_until,
                    legal_hold: object.legal_hold,
                    put_at: object.options.put_at,
                    media_type: object.options.media_type.clone(),
                    stored_checksum: Some(object.recorded),
                    e_tag: None,
                    request_id: None,
                    masked: object.masked,
                })
            })
        })
    }

    fn get<'a>(&'a self, key: &'a ObjectKey, version: &'a Version) -> VaultFuture<'a, Vec<u8>> {
        Box::pin(
            async move { self.perform(key.as_str(), |state, _| state.version(key, version).map(|(_, bytes)| bytes)) },
        )
    }

    fn list<'a>(&'a self, prefix: &'a str) -> VaultFuture<'a, Vec<Listed>> {
        Box::pin(async move {
            self.perform(&format!("the list of {prefix:?}"), |state, _| {
                let wanted = state.objects.iter().filter(|(key, _)| key.as_str().starts_with(prefix));
                Ok(wanted
                    .map(|(key, object)| Listed {
                        key: key.clone(),
                        version: Some(version_of(object.recorded)),
                        present: object.bytes.is_some(),
                        masked: object.masked,
                        others: Vec::new(),
                    })
                    .collect())
            })
        })
    }

    fn retain_at_least<'a>(
        &'a self,
        key: &'a ObjectKey,
        version: &'a Version,
        until: Timestamp,
        _at: Timestamp,
    ) -> VaultFuture<'a, Timestamp> {
        Box::pin(async move {
            self.perform(key.as_str(), |state, _| {
                let (object, _) = state.version(key, version)?;
                object.options.retain_until = object.options.retain_until.max(until);
                Ok(object.options.retain_until)
            })
        })
    }

    fn set_legal_hold<'a>(
        &'a self,
        key: &'a ObjectKey,
        version: &'a Version,
        on: bool,
        _at: Timestamp,
    ) -> VaultFuture<'a, bool> {
        Box::pin(async move {
            self.perform(key.as_str(), |state, _| {
                let (object, _) = state.version(key, version)?;
                object.legal_hold = on;
                Ok(object.legal_hold)
            })
        })
    }

    fn legal_hold<'a>(&'a self, key: &'a ObjectKey, version: &'a Version) -> VaultFuture<'a, bool> {
        Box::pin(async move {
            self.perform(key.as_str(), |state, _| state.version(key, version).map(|(object, _)| object.legal_hold))
        })
    }

    fn examine(&self, _at: Timestamp, _depth: Depth) -> VaultFuture<'_, Vec<Observation>> {
        Box::pin(async move {
            self.perform("the store itself", |state, _| {
                let untouched = |aspect: &Aspect| {
                    Observation::new(*aspect, Standing::NotApplicable, KIND, "Nothing outlives the process.")
                };
                Ok(Aspect::ALL
                    .iter()
                    .map(|aspect| state.drift.get(aspect).cloned().unwrap_or_else(|| untouched(aspect)))
                    .collect())
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::{at, key, now, options};

    #[test]
    fn both_faults_look_alike_and_asking_again_settles_it() {
        for (fault, done) in [(Fault::NotDone, Done::Stored), (Fault::DoneButNotTold, Done::AlreadyThere)] {
            let vault = InMemoryVault::new();
            vault.fail_next(fault);
            let error = now(vault.put_once(&key("a"), b"bytes", &options(2033))).unwrap_err();
            assert_eq!(error.code(), "archive.unavailable");
            assert!(!error.is_difference());
            let again = now(vault.put_once(&key("a"), b"bytes", &options(2033))).unwrap();
            assert_eq!(again.done, done, "{fault:?}");
            vault.fail_next(fault);
            assert!(now(vault.list("")).is_err());
            vault.fail_next(fault);
            assert!(now(vault.retain_at_least(&key("a"), &again.version, at(2040), at(2027))).is_err());
            let kept = now(vault.read_back(&key("a"), &again.version)).unwrap().retain_until;
            assert_eq!(kept, if fault == Fault::NotDone { at(2033) } else { at(2040) });
        }
    }

    #[test]
    fn lost_protection_and_tampering_are_found_on_reading_back() {
        let vault = InMemoryVault::new();
        vault.fail_next(Fault::ProtectionDropped);
        let code = |name: &str, put: &PutOutcome| {
            now(vault.read_back(&key(name), &put.version)).map_or_else(|error| error.code(), |_| "fine")
        };
        let bare = now(vault.put_once(&key("bare"), b"1", &options(2033))).unwrap();
        assert_eq!(code("bare", &bare), "archive.unprotected");
        let put = now(vault.put_once(&key("a"), b"1", &options(2033))).unwrap();
        assert_eq!(code("a", &put), "fine");
        assert!(vault.tamper_replace(&key("a"), b"2"));
        assert_eq!(code("a", &put), "archive.changed");
        assert!(vault.tamper_replace(&key("a"), b"1"));
        assert!(vault.tamper_unprotect(&key("a")));
        assert_eq!(code("a", &put), "archive.unprotected");
        assert!(vault.tamper_remove(&key("a")));
        assert_eq!(code("a", &put), "archive.object-missing");
        assert!(
            !vault.tamper_remove(&key("b"))
                && !vault.tamper_replace(&key("b"), b"")
                && !vault.tamper_unprotect(&key("b"))
        );
    }

    #[test]
    fn what_an_intruder_changes_beside_the_bytes_is_read_back() {
        let vault = InMemoryVault::new();
        let put = now(vault.put_once(&key("a"), b"1", &options(2033))).unwrap();
        let read = || now(vault.read_back(&key("a"), &put.version)).unwrap();
        assert!(vault.tamper_mask(&key("a")) && read().masked);
        assert!(now(vault.list("a")).unwrap()[0].masked);
        assert!(vault.tamper_retention(&key("a"), at(2028)));
        assert!(vault.tamper_mode(&key("a"), "GOVERNANCE"));
        assert!(vault.tamper_legal_hold(&key("a"), true));
        assert_eq!((read().retain_until, read().mode.as_str(), read().legal_hold), (at(2028), "GOVERNANCE", true));
        assert!(!vault.tamper_mask(&key("b")) && !vault.tamper_mode(&key("b"), "x"));
        let off = Observation::new(Aspect::ObjectLock, Standing::Broken, "off", "The lock is off.");
        vault.tamper_surroundings(off.clone());
        assert!(now(vault.examine(at(2026), Depth::Asking)).unwrap().contains(&off));
    }
}
