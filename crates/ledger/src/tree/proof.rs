//! Making proofs (RFC 6962 §2.1.1 and §2.1.2) from the hashes that a store keeps.
//!
//! Each proof is first a list of leaf ranges, whose roots are then computed. The list alone says
//! which nodes will be read, so that they can be fetched in one query.

use std::ops::Range;

use super::frontier::Frontier;
use super::hash::{Hash, empty_root, node_hash, split_point};
use super::nodes::{NodeId, NodeRange, NodeReader, subtrees};

/// Why a proof cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The leaf is not in a tree of this size.
    #[error("leaf {index} is not in a tree of size {size}")]
    IndexOutOfRange {
        /// The leaf asked for.
        index: u64,
        /// The size asked for.
        size: u64,
    },
    /// The old tree is larger than the new one.
    #[error("the old size {old} is larger than the new size {new}")]
    SizesReversed {
        /// Size of the old tree.
        old: u64,
        /// Size of the new tree.
        new: u64,
    },
    /// The reader does not have a node that must exist at this size.
    #[error("the tree's node {index} of level {level} is not there")]
    MissingNode {
        /// Level of the node, as in [`NodeId::level`].
        level: u8,
        /// Index of the node.
        index: u64,
    },
}

impl From<NodeId> for ProofError {
    fn from(id: NodeId) -> Self {
        Self::MissingNode { level: id.level, index: id.index }
    }
}

/// The proof that leaf `index` is in the tree of this `size`: the hashes of the siblings on its way
/// to the root, lowest first.
///
/// # Errors
/// When the leaf is outside the tree, or a node is not there.
pub fn inclusion_proof(index: u64, size: u64, reader: &(impl NodeReader + ?Sized)) -> Result<Vec<Hash>, ProofError> {
    hashes(&inclusion_ranges(index, size)?, reader)
}

/// The nodes that [`inclusion_proof`] will read.
///
/// # Errors
/// When the leaf is outside the tree.
pub fn inclusion_nodes(index: u64, size: u64) -> Result<Vec<NodeRange>, ProofError> {
    Ok(nodes(&inclusion_ranges(index, size)?))
}

/// The proof that the tree of size `old` is the beginning of the tree of size `new`. It is empty
/// when the sizes are equal or the old tree has no leaves.
///
/// # Errors
/// When the sizes are reversed, or a node is not there.
pub fn consistency_proof(old: u64, new: u64, reader: &(impl NodeReader + ?Sized)) -> Result<Vec<Hash>, ProofError> {
    hashes(&consistency_ranges(old, new)?, reader)
}

/// The nodes that [`consistency_proof`] will read.
///
/// # Errors
/// When the sizes are reversed.
pub fn consistency_nodes(old: u64, new: u64) -> Result<Vec<NodeRange>, ProofError> {
    Ok(nodes(&consistency_ranges(old, new)?))
}

/// The root that the tree had at this size.
///
/// # Errors
/// When a node is not there.
pub fn root_at(size: u64, reader: &(impl NodeReader + ?Sized)) -> Result<Hash, ProofError> {
    if size == 0 {
        return Ok(empty_root());
    }
    Ok(range_hash(&(0..size), reader)?)
}

/// The frontier that the tree had at this size.
///
/// # Errors
/// When a node is not there.
pub fn frontier_at(size: u64, reader: &(impl NodeReader + ?Sized)) -> Result<Frontier, ProofError> {
    let peaks = subtrees(0, size).into_iter().map(|part| part.hash(reader)).collect::<Result<_, _>>()?;
    Ok(Frontier::restore(size, peaks).expect("a tree divides into one subtree for each set bit"))
}

/// The nodes that [`root_at`] and [`frontier_at`] will read.
#[must_use]
pub fn root_nodes(size: u64) -> Vec<NodeRange> {
    nodes(std::slice::from_ref(&(0..size)))
}

fn inclusion_ranges(index: u64, size: u64) -> Result<Vec<Range<u64>>, ProofError> {
    if index >= size {
        return Err(ProofError::IndexOutOfRange { index, size });
    }
    let mut siblings = Vec::new();
    let (mut start, mut end) = (0, size);
    while end - start > 1 {
        let middle = start + split_point(end - start);
        if index < middle {
            siblings.push(middle..end);
            end = middle;
        } else {
            siblings.push(start..middle);
            start = middle;
        }
    }
    siblings.reverse();
    Ok(siblings)
}

fn consistency_ranges(old: u64, new: u64) -> Result<Vec<Range<u64>>, ProofError> {
    if old > new {
        return Err(ProofError::SizesReversed { old, new });
    }
    if old == 0 || old == new {
        return Ok(Vec::new());
    }
    let mut parts = Vec::new();
    let (mut start, mut end) = (0, new);
    // Walk down to the place where the old tree ends with a subtree of the new one.
    while old != end {
        let middle = start + split_point(end - start);
        if old <= middle {
            parts.push(middle..end);
            end = middle;
        } else {
            parts.push(start..middle);
            start = middle;
        }
    }
    // The verifier knows the old root, so a walk that never turned right leaves it out.
    if start > 0 {
        parts.push(start..end);
    }
    parts.reverse();
    Ok(parts)
}

fn nodes(ranges: &[Range<u64>]) -> Vec<NodeRange> {
    ranges.iter().flat_map(|r| subtrees(r.start, r.end)).map(super::nodes::Subtree::nodes).collect()
}

fn hashes(ranges: &[Range<u64>], reader: &(impl NodeReader + ?Sized)) -> Result<Vec<Hash>, ProofError> {
    ranges.iter().map(|r| range_hash(r, reader).map_err(ProofError::from)).collect()
}

/// The root over a range of leaves that is not empty.
fn range_hash(range: &Range<u64>, reader: &(impl NodeReader + ?Sized)) -> Result<Hash, NodeId> {
    let mut parts = subtrees(range.start, range.end).into_iter().rev();
    let last = parts.next().expect("a proof names no empty range");
    let mut hash = last.hash(reader)?;
    for left in parts {
        hash = node_hash(&left.hash(reader)?, &hash);
    }
    Ok(hash)
}
