//! The way of one object into the archive.

use exhibit_archive::{Chunks, Content, ObjectKey, PutOptions, VaultError, VaultFuture, retention};
use exhibit_evidence::{
    Digest, EntryId,
    report::{Archived, Receipt},
};
use exhibit_store::{Append, ArchiveIntent, ArtifactChunks, NewEntry, Store};

use crate::{StepError, World};

/// What is to be archived; its bytes are an artifact in the database.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub subject: Archived,
    pub report: Option<EntryId>,
    pub key: String,
    pub digest: Digest,
    pub size: u64,
    pub media_type: String,
}

impl Object {
    /// The intent that is recorded before the first put; `subject` says in words what the object is.
    pub(super) fn intent(&self, subject: String) -> ArchiveIntent {
        let Self { key, digest, size, .. } = self;
        ArchiveIntent { key: key.clone(), digest: *digest, size: *size, subject }
    }

    /// The object that an intent names.
    pub(super) fn intended(
        intent: ArchiveIntent,
        subject: Archived,
        report: Option<EntryId>,
        media_type: &str,
    ) -> Self {
        let ArchiveIntent { key, digest, size, .. } = intent;
        Self { subject, report, key, digest, size, media_type: media_type.to_owned() }
    }
}

/// An artifact as what is put: a little of it in memory at a time.
struct Stored<'a> {
    store: &'a Store,
    digest: Digest,
    size: u64,
}

impl Content for Stored<'_> {
    fn digest(&self) -> Digest {
        self.digest
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn open(&self) -> Box<dyn Chunks + '_> {
        Box::new(Reading(self.store.artifact_chunks(self.digest)))
    }
}

struct Reading(ArtifactChunks);

impl Chunks for Reading {
    fn next(&mut self) -> VaultFuture<'_, Option<Vec<u8>>> {
        Box::pin(async move { self.0.next().await.map_err(VaultError::unread) })
    }
}

/// Puts an object whose intent is recorded, reads it back, and records the receipt.
pub(super) async fn archive(world: &World, object: Object) -> Result<(), StepError> {
    let Object { subject, report, key: name, digest, size, media_type } = object;
    let content = Stored { store: &world.store, digest, size };
    let key = ObjectKey::parse(&name).map_err(|error| StepError::Ledger(error.to_string()))?;
    let put_at = world.now();
    let class = world.plan.retention.of(subject);
    let options = PutOptions { put_at, retain_until: retention::retain_until(put_at, class.years), media_type };
    let put = world.vault.put(&key, &content, &options).await?;
    let back = world.vault.read_back(&key, &put.version).await?;
    let read_back_at = world.now();
    if back.digest != digest || back.size != size {
        let (expected, found) = (digest.to_string(), back.digest.to_string());
        return Err(StepError::NotArchived { key: name, expected, found });
    }
    if back.retain_until < options.retain_until {
        let (expected, found) = (options.retain_until.human(), back.retain_until.human());
        let (expected, found) = (format!("kept until {expected}"), format!("kept until {found}"));
        return Err(StepError::NotArchived { key: name, expected, found });
    }
    let description = world.vault.describe();
    let receipt = Receipt {
        subject,
        report,
        store: description.kind.to_owned(),
        regulatory_worm: description.regulatory_worm,
        key: name,
        version: back.version.to_string(),
        digest: back.digest,
        size: back.size,
        mode: back.mode,
        retention_class: class.word.clone(),
        retain_until: back.retain_until,
        legal_hold: back.legal_hold,
        put_at: back.put_at,
        read_back_at,
    };
    let entry = NewEntry { id: world.entry_id(), body: receipt.into() };
    world.store.append(Append::entries(world.now(), vec![entry])).await?;
    Ok(())
}
