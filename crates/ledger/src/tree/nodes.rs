//! Which hashes a store keeps, and how proofs ask for them.

use std::collections::HashMap;

use super::hash::{Hash, node_hash};

/// How many hashes one level of a tile holds (tlog-tiles): each kept level covers 256 of the level
/// below.
pub const TILE_WIDTH: u64 = 256;

/// The highest level that a 64-bit tree can have: 256⁷ leaves fit, 256⁸ do not.
pub const MAX_LEVEL: u8 = 7;

/// The name of one kept hash: the complete subtree over leaves
/// `index × 256^level .. (index + 1) × 256^level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId {
    /// 0 for leaf hashes, 1 for roots of 256 leaves, 2 for roots of 65,536, …, at most [`MAX_LEVEL`].
    pub level: u8,
    /// Position within the level, from 0.
    pub index: u64,
}

/// A kept hash with its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    /// Where it stands.
    pub id: NodeId,
    /// The root hash of that subtree.
    pub hash: Hash,
}

/// A run of kept hashes on one level, for reading many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeRange {
    /// Level, as in [`NodeId::level`].
    pub level: u8,
    /// Index of the first.
    pub start: u64,
    /// How many, at least 1 and at most [`TILE_WIDTH`].
    pub count: u64,
}

/// Gives proofs the hashes they need. A proof asks only for nodes that are complete in the tree it
/// is made for.
///
/// A store that reads asynchronously asks [`super::inclusion_nodes`] or
/// [`super::consistency_nodes`] what will be needed, fetches it at once into a [`NodeMap`], and
/// passes that.
pub trait NodeReader {
    /// The hash of this node, or `None` when it is not there.
    fn node(&self, level: u8, index: u64) -> Option<Hash>;
}

impl<F: Fn(u8, u64) -> Option<Hash>> NodeReader for F {
    fn node(&self, level: u8, index: u64) -> Option<Hash> {
        self(level, index)
    }
}

/// Nodes held in memory.
#[derive(Debug, Clone, Default)]
pub struct NodeMap(HashMap<NodeId, Hash>);

impl NodeMap {
    /// A map without nodes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts one node in, replacing what was there.
    pub fn insert(&mut self, id: NodeId, hash: Hash) {
        self.0.insert(id, hash);
    }

    /// How many nodes it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Extend<Node> for NodeMap {
    fn extend<T: IntoIterator<Item = Node>>(&mut self, nodes: T) {
        self.0.extend(nodes.into_iter().map(|n| (n.id, n.hash)));
    }
}

impl FromIterator<Node> for NodeMap {
    fn from_iter<T: IntoIterator<Item = Node>>(nodes: T) -> Self {
        let mut map = Self::new();
        map.extend(nodes);
        map
    }
}

impl NodeReader for NodeMap {
    fn node(&self, level: u8, index: u64) -> Option<Hash> {
        self.0.get(&NodeId { level, index }).copied()
    }
}

/// A complete, aligned subtree over `index << height .. (index + 1) << height`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Subtree {
    pub(super) height: u8,
    pub(super) index: u64,
}

impl Subtree {
    /// The kept nodes from which this subtree's hash is computed: one, or up to 128 of the level
    /// below.
    pub(super) fn nodes(self) -> NodeRange {
        let (level, rest) = (self.height / 8, self.height % 8);
        NodeRange { level, start: self.index << rest, count: 1 << rest }
    }

    /// The subtree's hash, from the kept nodes below it.
    pub(super) fn hash(self, reader: &(impl NodeReader + ?Sized)) -> Result<Hash, NodeId> {
        let range = self.nodes();
        let mut hashes = (range.start..range.start + range.count)
            .map(|index| {
                let level = range.level;
                reader.node(level, index).ok_or(NodeId { level, index })
            })
            .collect::<Result<Vec<_>, _>>()?;
        while hashes.len() > 1 {
            hashes = hashes.chunks(2).map(|p| node_hash(&p[0], &p[1])).collect();
        }
        Ok(hashes[0])
    }
}

/// Divides leaves `start..end` into complete, aligned subtrees, left to right, as the tree's own
/// shape has them. `start` must be a place where the tree of size `end` divides, which every range
/// that a proof names is.
pub(super) fn subtrees(start: u64, end: u64) -> Vec<Subtree> {
    let mut parts = Vec::new();
    let mut at = start;
    while at < end {
        let height = (end - at).ilog2();
        parts.push(Subtree { height: height as u8, index: at >> height });
        at += 1 << height;
    }
    parts
}
