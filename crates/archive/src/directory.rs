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

use self::files::{Files, Incoming, Looked};
use self::record::Record;
use crate::content::Checked;
use crate::vault::{Done, Listed, PutOptions, PutOutcome, ReadBack, Vault, VaultDescription, VaultFuture, Version};
use crate::{Content, Depth, ObjectKey, Observation, VaultError};

/// The word for this kind of store and its kind of lock.
const KIND: &str = "write-once-directory";

/// A directory in which every object is written once: tamper-evident, not
/// regulatory WORM.
#[derive(Debug)]
pub struct WriteOnceDirectory {
    files: Files,
}

/// A version, looked at.
struct Inspected {
    record: Record,
    size: u64,
    /// Empty where they were not wanted.
    bytes: Vec<u8>,
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
            && let Looked::Kept(kept) = self.files.look(&self.object_path(&key), &key)?
            && kept.digest()?.0 == record.digest
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

    /// The same with bytes at hand, without waiting.
    #[cfg(test)]
    fn put(&self, key: &ObjectKey, bytes: &[u8], options: &PutOptions) -> Result<PutOutcome, VaultError> {
        crate::conformance::now(self.take(key, &crate::Held::new(bytes), options))
    }

    /// Looks whether it is there; else writes it beside, and then gives it its name.
    ///
    /// While the content is awaited, the lock is not held: who waits for it blocks a thread, and the content may need one.
    async fn take(
        &self,
        key: &ObjectKey,
        content: &dyn Content,
        options: &PutOptions,
    ) -> Result<PutOutcome, VaultError> {
        options.check(key)?;
        let first = Record::first(key, content.digest(), content.size(), options);
        if let Some(there) = self.settle(key, &first, None, options)? {
            return Ok(there);
        }
        let mut incoming = self.files.incoming()?;
        let mut chunks = Checked::new(key, content);
        while let Some(chunk) = chunks.next().await? {
            self.files.write(&mut incoming, &chunk)?;
        }
        self.files.seal(&mut incoming)?;
        let settled = self.settle(key, &first, Some(&incoming), options)?;
        settled.ok_or_else(|| VaultError::NotFound { key: key.clone() })
    }

    /// What is under the key, against what is offered; where nothing is, what came in gets the name. None where there is
    /// nothing of either.
    fn settle(
        &self,
        key: &ObjectKey,
        first: &Record,
        incoming: Option<&Incoming>,
        options: &PutOptions,
    ) -> Result<Option<PutOutcome>, VaultError> {
        let digest = first.digest;
        let _writer = self.files.lock()?;
        self.complete()?;
        let done = match self.files.look(&self.object_path(key), key)? {
            Looked::Nothing => {
                if let Some(record) = Record::latest(&self.files, key)? {
                    return Err(VaultError::ObjectMissing { key: key.clone(), recorded: record.digest });
                }
                let Some(incoming) = incoming else { return Ok(None) };
                self.files.note(&first.noted(key)?)?;
                self.files.name(incoming, &self.object_path(key), key)?;
                Done::Stored
            }
            Looked::Folder => {
                let problem = "it is a folder of other objects".to_owned();
                return Err(VaultError::KeyConflict { key: key.clone(), problem });
            }
            Looked::Kept(kept) => {
                let (kept, _) = kept.digest()?;
                let record = Record::latest(&self.files, key)?;
                agree(key, record.map(|record| record.digest), kept)?;
                if kept != digest {
                    return Err(VaultError::OtherBytes { key: key.clone(), kept, offered: digest });
                }
                if let Some(incoming) = incoming {
                    self.files.discard(incoming)?;
                }
                self.files.make_names_durable(&self.object_path(key))?;
                Done::AlreadyThere
            }
        };
        match Record::latest(&self.files, key)? {
            None => first.write(&self.files, key)?,
            Some(record) => {
                self.extend(key, record, options.retain_until, options.put_at)?;
            }
        }
        self.files.forget_note()?;
        let version = version_of(digest);
        Ok(Some(PutOutcome { version, digest, size: first.size, done, request_id: None }))
    }

    /// The record of a version after every check there is; its bytes only where they are wanted.
    fn inspect(&self, key: &ObjectKey, version: &Version, want: bool) -> Result<Inspected, VaultError> {
        let looked = self.files.look(&self.object_path(key), key)?;
        let record = Record::latest(&self.files, key)?;
        let (record, kept) = match (record, looked) {
            (None, Looked::Nothing | Looked::Folder) => {
                return Err(VaultError::NotFound { key: key.clone() });
            }
            (None, Looked::Kept(_)) => return Err(VaultError::RecordMissing { key: key.clone() }),
            (Some(record), Looked::Nothing | Looked::Folder) => {
                return Err(VaultError::ObjectMissing { key: key.clone(), recorded: record.digest });
            }
            (Some(record), Looked::Kept(kept)) => (record, kept),
        };
        let (bytes, (found, size)) = if want {
            let bytes = kept.bytes()?;
            let found = (Digest::of(&bytes), bytes.len() as u64);
            (bytes, found)
        } else {
            (Vec::new(), kept.digest()?)
        };
        agree(key, Some(record.digest), found)?;
        let kept = version_of(record.digest);
        if kept != *version {
            return Err(VaultError::NoSuchVersion { key: key.clone(), asked: version.clone(), kept });
        }
        Ok(Inspected { record, size, bytes })
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

    fn put<'a>(
        &'a self,
        key: &'a ObjectKey,
        content: &'a dyn Content,
        options: &'a PutOptions,
    ) -> VaultFuture<'a, PutOutcome> {
        Box::pin(self.take(key, content, options))
    }

    fn read_back<'a>(&'a self, key: &'a ObjectKey, version: &'a Version) -> VaultFuture<'a, ReadBack> {
        Box::pin(async move {
            let Inspected { record, size, .. } = self.inspect(key, version, false)?;
            Ok(ReadBack {
                key: key.clone(),
                version: version.clone(),
                digest: record.digest,
                size,
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
        Box::pin(async move { self.inspect(key, version, true).map(|inspected| inspected.bytes) })
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
            let record = self.inspect(key, version, false)?.record;
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
            let record = self.inspect(key, version, false)?.record;
            if record.legal_hold == on {
                self.files.make_names_durable(&self.files.record(key, record.number))?;
            } else {
                record.held(on, at).write(&self.files, key)?;
            }
            Ok(on)
        })
    }

    fn legal_hold<'a>(&'a self, key: &'a ObjectKey, version: &'a Version) -> VaultFuture<'a, bool> {
        Box::pin(async move { Ok(self.inspect(key, version, false)?.record.legal_hold) })
    }

    fn examine(&self, _at: Timestamp, _depth: Depth) -> VaultFuture<'_, Vec<Observation>> {
        Box::pin(async move { Ok(surroundings::examine(self.root())) })
    }
}
