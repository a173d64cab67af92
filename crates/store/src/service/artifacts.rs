//! An artifact, read through an entry that cites it.

use exhibit_evidence::{Digest, EntryId};

use super::ask::Ask;
use super::reading::Reading;
use crate::error::in_tx;
use crate::{StoreError, artifacts};

/// An artifact's bytes, whose digest was checked.
pub type ArtifactBytes = artifacts::Artifact;

impl Reading {
    /// The artifact with this digest, read through an entry that cites it and that the scope may see.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the entry cannot be seen or does not cite it; [`StoreError::Artifact`] if the
    /// kept bytes are others.
    pub async fn artifact(&mut self, through: EntryId, digest: Digest) -> Result<ArtifactBytes, StoreError> {
        let missing = || StoreError::NotFound { what: "artifact", key: digest.to_string() };
        let mut ask = Ask::bound(
            "/* reading::artifact */ SELECT set_config('exhibit.artifact_of', e.seq::text, true) \
               FROM exhibit.entry_ids i JOIN exhibit.entries e ON e.seq = i.seq WHERE i.id = ",
        );
        ask.value(through, "uuid").push(" AND strpos(e.record, ").value(hex::encode(digest.0), "text").push(") > 0");
        if self.fetch("reading::artifact", ask).await?.is_empty() {
            return Err(missing());
        }
        let found = artifacts::fetch(self.connection(), digest).await;
        sqlx::query("/* reading::artifact::done */ SELECT set_config('exhibit.artifact_of', '', true)")
            .execute(self.connection())
            .await
            .map_err(in_tx("reading::artifact"))?;
        found
    }
}
