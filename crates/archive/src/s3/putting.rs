//! Putting once, where the store itself would put twice.

use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;
use exhibit_evidence::Digest;

use super::S3Vault;
use super::examining::Told;
use super::failure::{Class, Failure};
use super::objects::{History, Lock, Object, Offer, Stored, whole_seconds};
use super::parts::{MEDIA_TYPE, Manifest, Part};
use crate::content::Checked;
use crate::vault::{Done, PutOptions, PutOutcome, Version};
use crate::{Content, ObjectKey, VaultError};

/// What came of one object of the bucket.
struct Settled {
    version: Version,
    done: Done,
    request_id: Option<String>,
}

impl S3Vault {
    pub(super) async fn put_object(
        &self,
        key: &ObjectKey,
        content: &dyn Content,
        options: &PutOptions,
    ) -> Result<PutOutcome, VaultError> {
        options.check(key)?;
        if options.media_type == MEDIA_TYPE {
            let problem = format!("{MEDIA_TYPE:?} is the vault's own mark for a list of parts");
            return Err(VaultError::BadOptions { key: key.clone(), problem });
        }
        self.refuse_folders(key).await?;
        let (digest, size) = (content.digest(), content.size());
        let lock = Lock { mode: self.mode(), until: whole_seconds(options.retain_until) };
        let whole =
            Offer { bytes: Bytes::new(), digest, size, media_type: &options.media_type, put_at: options.put_at, lock };
        let settled = if size <= self.client.settings.single_part_limit {
            let bytes = Checked::new(key, content).all().await?;
            self.put_one(&self.object(key), &Offer { bytes: bytes.into(), ..whole }).await?
        } else {
            self.put_parts(key, content, whole).await?
        };
        let Settled { version, done, request_id } = settled;
        Ok(PutOutcome { version, digest, size, done, request_id })
    }

    /// Puts the parts, each once, and then the list of them. One of them is in memory at a time. A content that turns out
    /// to be another than was announced leaves parts behind that no list names.
    async fn put_parts(&self, key: &ObjectKey, content: &dyn Content, whole: Offer<'_>) -> Result<Settled, VaultError> {
        let object = self.object(key);
        let history = self.client.history(&object.full).await?;
        if history.first().is_some() {
            return self.settle(&object, &whole, &history, None).await;
        }
        let limit = usize::try_from(self.client.settings.single_part_limit).unwrap_or(usize::MAX);
        let mut chunks = Checked::new(key, content);
        let mut parts = Vec::new();
        for index in 0.. {
            let part = chunks.part(limit).await?;
            if part.is_empty() {
                break;
            }
            let (digest, size) = (Digest::of(&part), part.len() as u64);
            let media_type = "application/octet-stream";
            let offer = Offer { bytes: part.into(), digest, size, media_type, ..whole };
            let settled = self.put_one(&self.part(key, whole.digest, index), &offer).await?;
            parts.push(Part::new(&settled.version, digest, size));
        }
        let manifest = Manifest::new(key, whole.digest, whole.size, whole.media_type, parts);
        let offer = Offer { bytes: Bytes::from(manifest.to_bytes()?), media_type: MEDIA_TYPE, ..whole };
        self.put_one(&object, &offer).await
    }

    /// Looks, puts, and looks again; after a put that was not answered too.
    async fn put_one(&self, object: &Object<'_>, offer: &Offer<'_>) -> Result<Settled, VaultError> {
        let what = self.client.what("putting", &object.full);
        let mut tries = 0;
        let mut occupied = false;
        loop {
            let history = self.client.history(&object.full).await?;
            if history.first().is_some() {
                return self.settle(object, offer, &history, None).await;
            }
            // Where something is said to be there and nothing is, the header is no help.
            let conditional = self.client.conditional.load(Relaxed) && !occupied;
            tries += 1;
            let failure = match self.client.put(&object.full, offer, conditional).await? {
                Ok(stored) if stored.version.as_str().is_empty() => {
                    return Err(VaultError::Unprotected {
                        key: object.key.clone(),
                        found: format!("{what} was answered without a version: the bucket keeps no versions"),
                    });
                }
                Ok(stored) => {
                    let history = self.client.history(&object.full).await?;
                    return self.settle(object, offer, &history, Some(stored)).await;
                }
                Err(failure) => failure,
            };
            let last = tries >= self.client.settings.patience.tries;
            match failure.class {
                // The look that comes next tells who was faster.
                Class::Occupied if !last => occupied = true,
                Class::Unknown if conditional && !last => self.client.conditional.store(false, Relaxed),
                _ if failure.passes() && !last => self.client.wait(tries).await,
                // One more look: the last put may have been done all the same.
                _ if failure.passes() => {
                    let history = self.client.history(&object.full).await?;
                    if history.first().is_none() {
                        return Err(failure.into_error(&what));
                    }
                    return self.settle(object, offer, &history, None).await;
                }
                Class::Senseless if self.locks_nothing().await => {
                    let problem =
                        format!("the bucket has no Object Lock, so that nothing in it can be kept ({failure})");
                    return Err(VaultError::Unfit { place: what, problem });
                }
                _ => return Err(failure.into_error(&what)),
            }
        }
    }

    /// What is under the key, against what is offered. The earliest version is the object, whoever put it.
    async fn settle(
        &self,
        object: &Object<'_>,
        offer: &Offer<'_>,
        history: &History,
        stored: Option<Stored>,
    ) -> Result<Settled, VaultError> {
        let Some(first) = history.first() else {
            let what = self.client.what("finding what was just put as", &object.full);
            return Err(Failure::lost("the listing does not show it").into_error(&what));
        };
        if let Some(Stored { version, request_id }) = &stored
            && version == first
        {
            self.confirm(object, version, offer, request_id.as_deref()).await?;
            // Whoever put another at the same time may have seen it alone, whatever the order in which they are listed.
            for other in history.versions.iter().skip(1) {
                let kept = self.digest_of(object, &other.version).await?;
                if kept != offer.digest {
                    let (key, offered, beside) = (object.key.clone(), offer.digest, version.clone());
                    return Err(VaultError::Raced { key, kept, offered, beside });
                }
            }
            return Ok(Settled { version: version.clone(), done: Done::Stored, request_id: request_id.clone() });
        }
        let kept = self.digest_of(object, first).await?;
        if kept != offer.digest {
            let (key, offered) = (object.key.clone(), offer.digest);
            return Err(match stored {
                None => VaultError::OtherBytes { key, kept, offered },
                Some(stored) => VaultError::Raced { key, kept, offered, beside: stored.version },
            });
        }
        self.lock_at_least(object, first, offer.lock).await?;
        Ok(Settled { version: first.clone(), done: Done::AlreadyThere, request_id: None })
    }

    /// Whether the bucket surely has no Object Lock: servers word their refusal of a locked put in many ways.
    async fn locks_nothing(&self) -> bool {
        matches!(self.lock_settings().await, Told::None | Told::Unknown)
    }

    /// The store took the put. Did it keep the lock?
    async fn confirm(
        &self,
        object: &Object<'_>,
        version: &Version,
        offer: &Offer<'_>,
        request_id: Option<&str>,
    ) -> Result<(), VaultError> {
        let found = match self.client.lock(&object.full, version).await? {
            Some(lock) if lock.keeps(&offer.lock) => return self.confirm_encryption(object, version).await,
            Some(lock) => format!("{} until {}", lock.mode, lock.until.human()),
            None => "no retention".to_owned(),
        };
        let asked = format!("{} until {}", offer.lock.mode, offer.lock.until.human());
        let request = request_id.map(|id| format!(", request {id}")).unwrap_or_default();
        let found = format!(
            "the store accepted the put with {asked} and answered with success, but version {version} has {found} \
             ({}{request})",
            self.client.what("putting", &object.full)
        );
        Err(VaultError::Unprotected { key: object.key.clone(), found })
    }

    /// The store was asked to encrypt. Does it say that it did?
    async fn confirm_encryption(&self, object: &Object<'_>, version: &Version) -> Result<(), VaultError> {
        let Some(wanted) = self.client.settings.encryption.as_asked() else { return Ok(()) };
        let head = self.client.head(&object.full, version).await?;
        match head.and_then(|head| head.encryption) {
            Some(found) if found == wanted => Ok(()),
            found => Err(VaultError::Unprotected {
                key: object.key.clone(),
                found: format!(
                    "the store was asked to encrypt version {version} with {wanted} and says {} ({})",
                    found.as_deref().unwrap_or("nothing of it"),
                    self.client.what("putting", &object.full)
                ),
            }),
        }
    }

    /// Locks a version that is there, where its lock is weaker: also one whose lock an earlier put lost.
    pub(super) async fn lock_at_least(
        &self,
        object: &Object<'_>,
        version: &Version,
        wanted: Lock,
    ) -> Result<Lock, VaultError> {
        let found = self.client.lock(&object.full, version).await?;
        if let Some(found) = found
            && found.keeps(&wanted)
        {
            return Ok(found);
        }
        let stronger = found
            .map_or(wanted, |found| Lock { mode: found.mode.max(wanted.mode), until: found.until.max(wanted.until) });
        let set = self.client.set_lock(&object.full, version, stronger).await;
        if let (Err(VaultError::Refused { detail, .. }), Some(Lock { mode, until })) = (&set, found)
            && mode < wanted.mode
        {
            let (wanted, until) = (wanted.mode, until.human());
            let found = format!(
                "version {version} is locked in {mode} mode until {until}, {wanted} was asked for, and the store refused \
                 to change it ({}: {detail}); whoever may bypass governance has to set it",
                self.client.what("setting the retention of", &object.full)
            );
            return Err(VaultError::Unprotected { key: object.key.clone(), found });
        }
        set?;
        match self.client.lock(&object.full, version).await? {
            Some(lock) if lock.keeps(&wanted) => Ok(lock),
            _ => Err(VaultError::Unprotected {
                key: object.key.clone(),
                found: format!(
                    "the store accepted a retention for version {version} and does not have it ({})",
                    self.client.what("asking for the retention of", &object.full)
                ),
            }),
        }
    }

    /// As in a directory, a key is an object or a folder of objects: whatever S3 holds can be written to a disk.
    async fn refuse_folders(&self, key: &ObjectKey) -> Result<(), VaultError> {
        let conflict = |problem: String| Err(VaultError::KeyConflict { key: key.clone(), problem });
        if self.known_folder(key.as_str()) || self.client.anything_in(&self.client.full(&format!("{key}/"))).await? {
            return conflict("it is a folder of other objects".to_owned());
        }
        for (at, _) in key.as_str().match_indices('/') {
            let folder = &key.as_str()[..at];
            if !self.known_folder(folder) {
                if self.client.history(&self.client.full(folder)).await?.first().is_some() {
                    return conflict(format!("{folder} is an object"));
                }
                self.learn_folder(folder);
            }
        }
        Ok(())
    }
}
