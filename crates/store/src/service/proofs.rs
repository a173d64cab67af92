//! That an entry is in the log, in the same view as the entry itself.

use exhibit_ledger::tree::{Hash, inclusion_nodes, inclusion_proof};

use super::reading::Reading;
use crate::checkpoints::latest;
use crate::nodes::nodes;
use crate::{StoreError, StoredCheckpoint};

impl Reading {
    /// The checkpoint that covers most, and the proof that this entry is in its tree (RFC 6962 §2.1.1); none until one
    /// covers the entry. Positions and hashes are public: only who saw the entry asks for its proof.
    ///
    /// # Errors
    /// If the database cannot be used, or a hash is not there.
    pub async fn inclusion(&mut self, seq: u64) -> Result<Option<(StoredCheckpoint, Vec<Hash>)>, StoreError> {
        let Some(latest) = latest(self.connection()).await?.filter(|latest| latest.size > seq) else { return Ok(None) };
        let ranges = inclusion_nodes(seq, latest.size).map_err(StoreError::Proof)?;
        let nodes = nodes(self.connection(), &ranges).await?;
        let proof = inclusion_proof(seq, latest.size, &nodes).map_err(StoreError::Proof)?;
        Ok(Some((latest, proof)))
    }
}
