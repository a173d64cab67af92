//! The embedded store: a directory in which files are written once.
//!
//! ```text
//! <root>/reports/2026-Q4/bundle.tar        an object, mode 0444
//! <root>/.meta/reports/2026-Q4/bundle.tar/.1.json   its record, mode 0444
//! <root>/.incoming/                        what is being written; empty at rest
//! <root>/.lock                             held by the one writer
//! ```
//!
//! A put writes beside, makes durable, takes away the right to write, and only
//! then links to the final name, which fails if that name exists: so an object is
//! whole or absent, and never replaced. The record follows in the same way, and
//! success is reported after both. What the record will say is noted in
//! `.incoming` before the object is there. So whoever opens the directory after a
//! put was killed, at whatever moment, finds nothing of it or completes it.

mod files;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod record;
mod surroundings;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use exhibit_evidence::{Digest, Timestamp};

use self::files::{Files, Looked};
use self::record::Record;
use crate::vault::{Done, Listed, PutOptions, PutOutcome, ReadBack, Vault, VaultDescription, VaultFuture, Version};
use crate::{Depth, ObjectKey, Observation, VaultError};

/// The word for this kind of store and its kind of lock.
const KIND: &str = "write-once-directory";

/// A directory in which every object is written once: tamper-evident, not
/// regulatory WORM.
#[derive(Debug)]
pub struct WriteOnceDirectory {
    files: Files,
}

impl WriteOnceDirectory {
    /// Opens the directory, creating it where it does not exist, and clears away
    /// what an interrupted put left half-written.
    ///
    /// # Errors
    ///
    /// Where the folder cannot be made, read or locked.
    pub fn open(root: impl AsRef<Path>) -> Result<Self, VaultError> {
        let directory = Self { files: Files::open(root.as_ref())? };
        // A writer that is at work clears up for itself.
        if let Some(_writer) = directory.files.try_lock()? {
            directory.files.clear_incoming()?;
            directory.complete()?;
        }
        Ok(directory)
    }

    /// Completes a put that was killed between its object and its record. The caller holds the lock.
    fn complete(&self) -> Result<(), VaultError> {
        let Some(noted) = self.files.noted()? else { return Ok(()) };
        if let Some((key, record)) = Record::of_note(&noted)
            && let Looked::Kept(bytes) = self.files.look(&self.object_path(&key), &key)?
            && Digest::of(&bytes) == record.digest
            && Record::latest(&self.files, &key)?.is_none()
        {
            self.files.make_names_durable(&self.object_path(&key))?;
            record.write(&self.files, &key)?;
        }
        self.files.forget_note()
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        self.files.root()
    }

    /// Where the bytes of an object lie, for people and for tools that only read.
    pub fn object_path(&self, key: &ObjectKey) -> PathBuf {
        self.files.object(key)
    }

    fn put(&self, key: &ObjectKey, bytes: &[u8], options: &PutOptions) -> Result<PutOutcome, VaultError> {
        options.check(key)?;
        let digest = Digest::of(bytes);
        let size = bytes.len() as u64;
        let _writer = self.files.lock()?;
        self.complete()?;
        let first = Record::first(key, digest, size, options);
        let done = match self.files.look(&self.object_path(key), key)? {
            Looked::Nothing => {
                if let Some(record) = Record::latest(&self.files, key)? {
                    return Err(VaultError::ObjectMissing { key: key.clone(), recorded: record.digest });
                }
                self.files.note(&first.noted(key)?)?;
                self.files.write_once(&self.object_path(key), bytes, key)?;
                Done::Stored
            }
            Looked::Folder => {
                let problem = "it is a folder of other objects".to_owned();
                return Err(VaultError::KeyConflict { key: key.clone(), problem });
            }
            Looked::Kept(kept) => {
                let kept = Digest::of(&kept);
                let record = Record::latest(&self.files, key)?;
                agree(key, record.map(|record| record.digest), kept)?;
                if kept != digest {
                    return Err(VaultError::OtherBytes { key: key.clone(), kept, offered: digest });
                }
                Done::AlreadyThere
            }
        };
        if done == Done::AlreadyThere {
            self.files.make_names_durable(&self.object_path(key))?;
        }
        match Record::latest(&self.files, key)? {
            None => first.write(&self.files, key)?,
            Some(record) => {
                self.extend(key, record, options.retain_until, options.put_at)?;
            }
        }
        self.files.forget_note()?;
        Ok(PutOutcome { version: version_of(digest), digest, size, done, request_id: None })
    }

    /// The record and the bytes of a version, after every check there is.
    fn inspect(&self, key: &ObjectKey, version: &Version) -> Result<(Record, Vec<u8>), VaultError> {
        let looked = self.files.look(&self.object_path(key), key)?;
        let record = Record::latest(&self.files, key)?;
        let (record, bytes) = match (record, looked) {
            (None, Looked::Nothing | Looked::Folder) => {
                return Err(VaultError::NotFound { key: key.clone() });
            }
            (None, Looked::Kept(_)) => return Err(VaultError::RecordMissing { key: key.clone() }),
            (Some(record), Looked::Nothing | Looked::Folder) => {
                return Err(VaultError::ObjectMissing { key: key.clone(), recorded: record.digest });
            }
            (Some(record), Looked::Kept(bytes)) => (record, bytes),
        };
        agree(key, Some(record.digest), Digest::of(&bytes))?;
        let kept = version_of(record.digest);
        if kept != *version {
            return Err(VaultError::NoSuchVersion { key: key.clone(), asked: version.clone(), kept });
        }
        Ok((record, bytes))
    }

    fn extend(
        &self,
        key: &ObjectKey,
        record: Record,
        until: Timestamp,
        at: Timestamp,
    ) -> Result<Timestamp, VaultError> {
        if until <= record.retain_until {
            self.files.make_names_durable(&self.files.record(key, record.number))?;
            return Ok(record.retain_until);
        }
        record.extended(until, at).write(&self.files, key)?;
        Ok(until)
    }

    fn listing(&self, prefix: &str) -> Result<Vec<Listed>, VaultError> {
        let keys = self.files.keys()?;
        let wanted = keys.into_iter().filter(|(key, _)| key.as_str().starts_with(prefix));
        wanted
            .map(|(key, present)| {
                let version = match Record::latest(&self.files, &key) {
                    Ok(record) => record.map(|record| version_of(record.digest)),
                    Err(error) if error.is_difference() => None,
                    Err(error) => return Err(error),
                };
                Ok(Listed { key, version, present, masked: false, others: Vec::new() })
            })
            .collect()
    }
}

/// The version of an object is its digest: there is only ever one.
fn version_of(digest: Digest) -> Version {
    Version::new(digest.to_string())
}

fn agree(key: &ObjectKey, recorded: Option<Digest>, found: Digest) -> Result<(), VaultError> {
    match recorded {
        Some(recorded) if recorded != found => Err(VaultError::Changed { key: key.clone(), recorded, found }),
        _ => Ok(()),
    }
}

impl Vault for WriteOnceDirectory {
    fn describe(&self) -> VaultDescription {
        VaultDescription {
            kind: KIND,
            place: self.root().display().to_string(),
            regulatory_worm: false,
            statement: "Write-once directory: tamper-evident, not regulatory WORM; a change or removal is found by \
                        comparing with the receipts in the ledger, but nothing here stops whoever administers the machine."
                .to_owned(),
        }
    }

    fn put_once<'a>(
        &'a self,
        key: &'a ObjectKey,
        bytes: &'a [u8],
        options: &'a PutOptions,
    ) -> VaultFuture<'a, PutOutcome> {
        Box::pin(async move { self.put(key, bytes, options) })
    }

    fn read_back<'a>(&'a self, key: &'a ObjectKey, version: &'a Version) -> VaultFuture<'a, ReadBack> {
        Box::pin(async move {
            let (record, bytes) = self.inspect(key, version)?;
            Ok(ReadBack {
                key: key.clone(),
                version: version.clone(),
                digest: Digest::of(&bytes),
                size: bytes.len() as u64,
                mode: record.mode,
                retain_until: record.retain_until,
                legal_hold: record.legal_hold,
                put_at: record.put_at,
                media_type: record.media_type,
                stored_checksum: Some(record.digest),
                e_tag: None,
                request_id: None,
                masked: false,
            })
        })
    }

    fn get<'a>(&'a self, key: &'a ObjectKey, version: &'a Version) -> VaultFuture<'a, Vec<u8>> {
        Box::pin(async move { self.inspect(key, version).map(|(_, bytes)| bytes) })
    }

    fn list<'a>(&'a self, prefix: &'a str) -> VaultFuture<'a, Vec<Listed>> {
        Box::pin(async move { self.listing(prefix) })
    }

    fn retain_at_least<'a>(
        &'a self,
        key: &'a ObjectKey,
        version: &'a Version,
        until: Timestamp,
        at: Timestamp,
    ) -> VaultFuture<'a, Timestamp> {
        Box::pin(async move {
            let _writer = self.files.lock()?;
            let (record, _) = self.inspect(key, version)?;
            self.extend(key, record, until, at)
        })
    }

    fn set_legal_hold<'a>(
        &'a self,
        key: &'a ObjectKey,
        version: &'a Version,
        on: bool,
        at: Timestamp,
    ) -> VaultFuture<'a, bool> {
        Box::pin(async move {
            let _writer = self.files.lock()?;
            let (record, _) = self.inspect(key, version)?;
            if record.legal_hold == on {
                self.files.make_names_durable(&self.files.record(key, record.number))?;
            } else {
                record.held(on, at).write(&self.files, key)?;
            }
            Ok(on)
        })
    }

    fn legal_hold<'a>(&'a self, key: &'a ObjectKey, version: &'a Version) -> VaultFuture<'a, bool> {
        Box::pin(async move { Ok(self.inspect(key, version)?.0.legal_hold) })
    }

    fn examine(&self, _at: Timestamp, _depth: Depth) -> VaultFuture<'_, Vec<Observation>> {
        Box::pin(async move { Ok(surroundings::examine(self.root())) })
    }
}
