//! Hashes of the tree, for proofs: fetched in one query, then computed with in memory.

use exhibit_ledger::tree::{
    Hash, Node, NodeId, NodeMap, NodeRange, ProofError, consistency_nodes, consistency_proof, inclusion_nodes,
    inclusion_proof, root_at, root_nodes,
};

use sqlx::PgExecutor;

use crate::error::in_tx;
use crate::rows::{Reader, bigint};
use crate::{Store, StoreError};

impl Store {
    /// The kept hashes in these ranges. Nodes that are not there are left out.
    ///
    /// # Errors
    /// If the database cannot be used or a row is malformed.
    pub async fn nodes(&self, ranges: &[NodeRange]) -> Result<NodeMap, StoreError> {
        nodes(&self.pool, ranges).await
    }

    /// The root hash of the first `size` entries, from the kept hashes.
    ///
    /// # Errors
    /// [`StoreError::Proof`] if the ledger is shorter or a hash is not there.
    pub async fn root(&self, size: u64) -> Result<Hash, StoreError> {
        let nodes = self.nodes(&root_nodes(size)).await?;
        root_at(size, &nodes).map_err(StoreError::Proof)
    }

    /// The proof that entry `seq` is in the ledger of this `size` (RFC 6962 §2.1.1).
    ///
    /// # Errors
    /// [`StoreError::Proof`] if the ledger is shorter or a hash is not there.
    pub async fn inclusion_proof(&self, seq: u64, size: u64) -> Result<Vec<Hash>, StoreError> {
        let nodes = self.nodes(&inclusion_nodes(seq, size).map_err(StoreError::Proof)?).await?;
        inclusion_proof(seq, size, &nodes).map_err(StoreError::Proof)
    }

    /// The proof that the ledger of size `old` is the beginning of that of size `new`
    /// (RFC 6962 §2.1.2).
    ///
    /// # Errors
    /// [`StoreError::Proof`] if the ledger is shorter or a hash is not there.
    pub async fn consistency_proof(&self, old: u64, new: u64) -> Result<Vec<Hash>, StoreError> {
        let nodes = self.nodes(&consistency_nodes(old, new).map_err(StoreError::Proof)?).await?;
        consistency_proof(old, new, &nodes).map_err(StoreError::Proof)
    }
}

/// Range by range from the index, whatever is known of them when it is planned: `OFFSET 0` keeps it so. A row a range:
/// a proof takes hundreds of hashes, and each row of its own would cost more than its hash.
pub(crate) const NODES: &str = "/* nodes */ SELECT r.level, n.places, n.hashes \
    FROM unnest($1::smallint[], $2::bigint[], $3::bigint[]) AS r (level, first, after) \
    CROSS JOIN LATERAL (SELECT array_agg(n.idx) AS places, string_agg(n.hash, '') AS hashes \
        FROM (SELECT n.idx, n.hash FROM exhibit.tree_nodes n \
               WHERE n.level = r.level AND n.idx >= r.first AND n.idx < r.after OFFSET 0) n) n \
   WHERE n.places IS NOT NULL";

/// The kept hashes in these ranges, as a connection sees them.
pub(crate) async fn nodes(executor: impl PgExecutor<'_>, ranges: &[NodeRange]) -> Result<NodeMap, StoreError> {
    let levels: Vec<i16> = ranges.iter().map(|range| i16::from(range.level)).collect();
    let starts: Vec<i64> = ranges.iter().map(|range| bigint(range.start)).collect();
    let ends: Vec<i64> = ranges.iter().map(|range| bigint(range.start.saturating_add(range.count))).collect();
    let rows =
        sqlx::query(NODES).bind(&levels).bind(&starts).bind(&ends).fetch_all(executor).await.map_err(in_tx("nodes"))?;
    let mut nodes = Vec::new();
    for row in &rows {
        let reader = Reader::new(row, "tree_nodes", "");
        let level: i16 = reader.get("level")?;
        let level = level.try_into().map_err(|_| reader.malformed("level", "it is negative"))?;
        let places: Vec<i64> = reader.get("places")?;
        let bytes: &[u8] = reader.get("hashes")?;
        let (hashes, rest) = bytes.as_chunks::<32>();
        if hashes.len() != places.len() || !rest.is_empty() {
            return Err(reader.malformed("hash", "not every hash has 32 bytes"));
        }
        for (place, hash) in places.into_iter().zip(hashes) {
            let index = place.try_into().map_err(|_| reader.malformed("idx", "it is negative"))?;
            nodes.push(Node { id: NodeId { level, index }, hash: *hash });
        }
    }
    Ok(nodes.into_iter().collect())
}

impl From<ProofError> for StoreError {
    fn from(error: ProofError) -> Self {
        Self::Proof(error)
    }
}
