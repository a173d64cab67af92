//! The Merkle tree of RFC 6962 (unchanged in RFC 9162): hashing, the frontier that appends, proofs
//! and their verification.
//!
//! A tree is never held in memory as a whole. What a store keeps are leaf hashes and the roots of
//! complete subtrees of 256, 65,536, … leaves ([`NodeId`]); everything between is recomputed.

mod frontier;
mod hash;
mod nodes;
mod proof;
mod verify;

pub use frontier::{Frontier, FrontierError, completed_nodes};
pub use hash::{Hash, empty_root, leaf_hash, node_hash, root_of};
pub use nodes::{MAX_LEVEL, Node, NodeId, NodeMap, NodeRange, NodeReader, TILE_WIDTH};
pub use proof::{
    ProofError, consistency_nodes, consistency_proof, frontier_at, inclusion_nodes, inclusion_proof, root_at,
    root_nodes,
};
pub use verify::{VerifyError, verify_consistency, verify_inclusion};

#[cfg(test)]
mod tests;
