//! Reading back: what the store says of a version, and what its bytes are.

use exhibit_evidence::{Digest, Digesting, Timestamp};

use super::S3Vault;
use super::objects::{Head, Lock, Object};
use super::parts::{MEDIA_TYPE, Manifest};
use crate::vault::{ReadBack, Version};
use crate::{ObjectKey, VaultError};

/// One object of the bucket, looked at.
struct Looked {
    head: Head,
    lock: Lock,
    hold: bool,
    masked: bool,
    digest: Digest,
    size: u64,
    /// Empty where they were not wanted.
    bytes: Vec<u8>,
}

impl S3Vault {
    /// A version after every check there is; its bytes only where they are wanted.
    pub(super) async fn inspect(
        &self,
        key: &ObjectKey,
        version: &Version,
        want_bytes: bool,
    ) -> Result<(ReadBack, Vec<u8>), VaultError> {
        let own = self.look(&self.object(key), version, want_bytes).await?;
        let noted = own.head.noted_digest.ok_or_else(|| VaultError::RecordMissing { key: key.clone() })?;
        let put_at = own.head.put_at.ok_or_else(|| VaultError::RecordMissing { key: key.clone() })?;
        let mut back = ReadBack {
            key: key.clone(),
            version: version.clone(),
            digest: own.digest,
            size: own.size,
            mode: own.lock.mode.to_string(),
            retain_until: own.lock.until,
            legal_hold: own.hold,
            put_at,
            media_type: own.head.media_type.clone(),
            stored_checksum: own.head.stored_checksum,
            e_tag: own.head.e_tag.clone(),
            request_id: own.head.request_id.clone(),
            masked: own.masked,
        };
        let mut bytes = own.bytes;
        if own.head.media_type == MEDIA_TYPE {
            let manifest = Manifest::read(&bytes, key)?;
            bytes = self.join(&manifest, own.lock, &mut back, want_bytes).await?;
            back.media_type.clone_from(&manifest.media_type);
            // The store's word is about the list alone.
            back.stored_checksum = None;
            agree(key, manifest.digest, back.digest)?;
        }
        agree(key, noted, back.digest)?;
        Ok((back, bytes))
    }

    /// The parts of an object, one after the other. It is kept as well as the worst of them.
    async fn join(
        &self,
        manifest: &Manifest,
        own: Lock,
        back: &mut ReadBack,
        want_bytes: bool,
    ) -> Result<Vec<u8>, VaultError> {
        let mut worst = own;
        let mut digesting = Digesting::default();
        let mut bytes = Vec::new();
        for (index, part) in manifest.parts.iter().enumerate() {
            let object = self.part(&back.key, manifest.digest, index);
            let looked =
                self.look(&object, &part.version(), true).await.map_err(|error| part_error(&back.key, index, error))?;
            agree(&back.key, part.digest, looked.digest)?;
            worst = Lock { mode: worst.mode.min(looked.lock.mode), until: worst.until.min(looked.lock.until) };
            back.legal_hold &= looked.hold;
            back.masked |= looked.masked;
            digesting.take(&looked.bytes);
            if want_bytes {
                bytes.extend_from_slice(&looked.bytes);
            }
        }
        (back.digest, back.size) = digesting.finish();
        back.mode = worst.mode.to_string();
        back.retain_until = worst.until;
        Ok(bytes)
    }

    /// Everything that the store says of a version, and what its bytes are. They are kept where they are wanted, and where
    /// they are a list of parts.
    async fn look(&self, object: &Object<'_>, version: &Version, want_bytes: bool) -> Result<Looked, VaultError> {
        let masked = self.find(object, version).await?;
        let Some(head) = self.client.head(&object.full, version).await? else {
            return Err(VaultError::NotFound { key: object.key.clone() });
        };
        let lock = self.lock_of(object, version).await?;
        let hold = self.client.hold(&object.full, version).await?;
        let read = if want_bytes || head.media_type == MEDIA_TYPE {
            let bytes = self.client.bytes(&object.full, version).await?;
            bytes.map(|bytes| (Digest::of(&bytes), bytes.len() as u64, bytes))
        } else {
            let found = self.client.digest(&object.full, version).await?;
            found.map(|(digest, size)| (digest, size, Vec::new()))
        };
        let Some((digest, size, bytes)) = read else {
            return Err(match head.noted_digest {
                Some(recorded) => VaultError::ObjectMissing { key: object.key.clone(), recorded },
                None => VaultError::NotFound { key: object.key.clone() },
            });
        };
        Ok(Looked { head, lock, hold, masked, digest, size, bytes })
    }

    /// Whether the version is listed, and whether it is masked: whoever names no version is told that there is nothing, or is
    /// given other bytes. A later version with the same bytes, of two who put them in one moment, masks nothing.
    async fn find(&self, object: &Object<'_>, version: &Version) -> Result<bool, VaultError> {
        let history = self.client.history(&object.full).await?;
        match (history.masks(version), history.first()) {
            (Some(true), _) => match history.on_top() {
                Some(top) => Ok(!self.same_bytes(object, version, top).await?),
                None => Ok(true),
            },
            (Some(false), _) => Ok(false),
            (None, None) => Err(VaultError::NotFound { key: object.key.clone() }),
            (None, Some(kept)) => {
                Err(VaultError::NoSuchVersion { key: object.key.clone(), asked: version.clone(), kept: kept.clone() })
            }
        }
    }

    async fn same_bytes(&self, object: &Object<'_>, one: &Version, other: &Version) -> Result<bool, VaultError> {
        match (self.digest_of(object, one).await, self.digest_of(object, other).await) {
            (Ok(one), Ok(other)) => Ok(one == other),
            (Err(error), _) | (_, Err(error)) if !error.is_difference() => Err(error),
            _ => Ok(false),
        }
    }

    async fn lock_of(&self, object: &Object<'_>, version: &Version) -> Result<Lock, VaultError> {
        self.client.lock(&object.full, version).await?.ok_or_else(|| VaultError::Unprotected {
            key: object.key.clone(),
            found: format!(
                "version {version} has no retention ({})",
                self.client.what("asking for the retention of", &object.full)
            ),
        })
    }

    /// The digest of what a version stands for, from its bytes.
    pub(super) async fn digest_of(&self, object: &Object<'_>, version: &Version) -> Result<Digest, VaultError> {
        let missing = || VaultError::NotFound { key: object.key.clone() };
        let head = self.client.head(&object.full, version).await?.ok_or_else(missing)?;
        if head.media_type != MEDIA_TYPE {
            return Ok(self.client.digest(&object.full, version).await?.ok_or_else(missing)?.0);
        }
        let bytes = self.client.bytes(&object.full, version).await?.ok_or_else(missing)?;
        let manifest = Manifest::read(&bytes, object.key)?;
        let mut whole = Digesting::default();
        for (index, part) in manifest.parts.iter().enumerate() {
            let object = self.part(object.key, manifest.digest, index);
            let bytes = self.client.bytes(&object.full, &part.version()).await?;
            whole.take(&bytes.ok_or_else(missing)?);
        }
        Ok(whole.finish().0)
    }

    /// The objects of the bucket that carry a version: its parts, and last itself.
    async fn carriers<'a>(
        &self,
        key: &'a ObjectKey,
        version: &Version,
    ) -> Result<Vec<(Object<'a>, Version)>, VaultError> {
        let object = self.object(key);
        self.find(&object, version).await?;
        let missing = || VaultError::NotFound { key: key.clone() };
        let head = self.client.head(&object.full, version).await?.ok_or_else(missing)?;
        let mut carriers = Vec::new();
        if head.media_type == MEDIA_TYPE {
            let bytes = self.client.bytes(&object.full, version).await?.ok_or_else(missing)?;
            let manifest = Manifest::read(&bytes, key)?;
            for (index, part) in manifest.parts.iter().enumerate() {
                carriers.push((self.part(key, manifest.digest, index), part.version()));
            }
        }
        carriers.push((object, version.clone()));
        Ok(carriers)
    }

    pub(super) async fn extend(
        &self,
        key: &ObjectKey,
        version: &Version,
        until: Timestamp,
    ) -> Result<Timestamp, VaultError> {
        let until = super::objects::whole_seconds(until);
        let mut shortest: Option<Timestamp> = None;
        for (object, version) in self.carriers(key, version).await? {
            let lock = self.lock_of(&object, &version).await?;
            let holds = self.lock_at_least(&object, &version, Lock { mode: lock.mode, until }).await?.until;
            shortest = Some(shortest.map_or(holds, |shortest| shortest.min(holds)));
        }
        Ok(shortest.unwrap_or(until))
    }

    /// Whether a hold is on the version and on each of its parts.
    pub(super) async fn is_held(&self, key: &ObjectKey, version: &Version) -> Result<bool, VaultError> {
        for (object, version) in self.carriers(key, version).await? {
            if !self.client.hold(&object.full, &version).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(super) async fn hold(&self, key: &ObjectKey, version: &Version, on: bool) -> Result<bool, VaultError> {
        let mut carriers = self.carriers(key, version).await?;
        if !on {
            // The object's own hold stands for those of its parts: it goes on last and comes off first.
            carriers.reverse();
        }
        let mut all = true;
        for (object, version) in carriers {
            if self.client.hold(&object.full, &version).await? != on {
                self.client.set_hold(&object.full, &version, on).await?;
            }
            all &= self.client.hold(&object.full, &version).await?;
        }
        Ok(all)
    }
}

fn agree(key: &ObjectKey, recorded: Digest, found: Digest) -> Result<(), VaultError> {
    if recorded == found { Ok(()) } else { Err(VaultError::Changed { key: key.clone(), recorded, found }) }
}

/// What is wrong with a part is wrong with the object.
fn part_error(key: &ObjectKey, index: usize, error: VaultError) -> VaultError {
    match error {
        VaultError::NotFound { .. } | VaultError::NoSuchVersion { .. } => {
            VaultError::RecordUnreadable { key: key.clone(), problem: format!("its part {index} is gone") }
        }
        other => other,
    }
}
