//! An artifact's bytes, from wherever they are kept.

use exhibit_archive::{ObjectKey, Version};
use exhibit_evidence::{Body, Digest, EntryId, observation::Evidence, report::Receipt};
use exhibit_store::StoreError;

use crate::{
    StepError, World,
    archiving::{artifact_key, cites},
};

/// An artifact, with the bytes that have its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptArtifact {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The key of the object in the archive that they were read from; none where the database has them.
    pub archived: Option<String>,
}

/// Why an artifact can't be had.
#[derive(Debug, thiserror::Error)]
pub enum NotKept {
    /// Nothing tells of it.
    #[error(
        "no artifact is kept under {0}, and no evidence names it: expected a digest as `exhibit evidence show` prints it"
    )]
    Unknown(Digest),
    /// A record names it, without citing it as kept.
    #[error("no artifact is kept under {digest}; evidence {evidence} says of it: {why}")]
    LeftOut {
        /// The digest.
        digest: Digest,
        /// The evidence.
        evidence: EntryId,
        /// In its words.
        why: String,
    },
    /// A record cites it, and it is gone.
    #[error("evidence {evidence} cites {digest}, and neither the database nor the archive has it: it is lost")]
    Lost {
        /// The evidence.
        evidence: EntryId,
        /// The digest.
        digest: Digest,
    },
    /// What the archive has under its key is something else.
    #[error("{key} in the archive: its bytes are others: expected {expected}, found {found}")]
    Other {
        /// The object.
        key: String,
        /// What was asked for.
        expected: Digest,
        /// What is there.
        found: Digest,
    },
    /// It could not be looked for.
    #[error(transparent)]
    Step(#[from] StepError),
}

/// The artifact with this digest: from the database, or else from the archive. Its digest is computed again, from the bytes.
///
/// # Errors
/// [`NotKept`] where it is nowhere, with the reason as far as a record tells it, or where the bytes are others.
pub async fn kept_artifact(world: &World, digest: Digest) -> Result<KeptArtifact, NotKept> {
    match world.store.artifact(digest).await {
        Ok(artifact) => return Ok(KeptArtifact { bytes: artifact.bytes, archived: None }),
        Err(StoreError::NotFound { .. }) => {}
        Err(error) => return Err(StepError::from(error).into()),
    }
    let name = artifact_key(digest);
    for entry in world.store.receipts_under(&name).await.map_err(StepError::from)? {
        if let Body::Receipt(receipt) = entry.envelope().map_err(StepError::from)?.body {
            return archived(world, &receipt, digest).await;
        }
    }
    let Some(entry) = world.store.evidence_naming(digest).await.map_err(StepError::from)? else {
        return Err(NotKept::Unknown(digest));
    };
    let envelope = entry.envelope().map_err(StepError::from)?;
    let evidence = envelope.id;
    Err(match envelope.body {
        body if cites(&body).contains(&digest) => NotKept::Lost { evidence, digest },
        Body::Evidence(record) => match left_out(&record, digest) {
            Some(why) => NotKept::LeftOut { digest, evidence, why },
            None => NotKept::Unknown(digest),
        },
        _ => NotKept::Unknown(digest),
    })
}

async fn archived(world: &World, receipt: &Receipt, digest: Digest) -> Result<KeptArtifact, NotKept> {
    let key = ObjectKey::parse(&receipt.key).map_err(|error| StepError::Ledger(error.to_string()))?;
    let bytes = world.vault.get(&key, &Version::new(receipt.version.clone())).await.map_err(StepError::from)?;
    let found = Digest::of(&bytes);
    let key = receipt.key.clone();
    if found != digest {
        return Err(NotKept::Other { key, expected: digest, found });
    }
    Ok(KeptArtifact { bytes, archived: Some(key) })
}

/// What the evidence says of something that was not kept.
fn left_out(evidence: &Evidence, digest: Digest) -> Option<String> {
    let digest = digest.to_string();
    evidence.observation.filters.iter().find(|filter| filter.contains(&digest)).cloned()
}
