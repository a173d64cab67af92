//! The right edge of the tree: all that is needed to append to it.

use super::hash::{Hash, empty_root, node_hash};
use super::nodes::{Node, NodeId};

/// The roots of the complete subtrees that make up a tree of some size, largest first: one for each
/// set bit of the size. Appending needs nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

/// A stored frontier that cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrontierError {
    /// The number of hashes does not fit the size.
    #[error("a tree of size {size} has {expected} frontier hashes, but {found} are stored")]
    WrongCount {
        /// The stored size.
        size: u64,
        /// Set bits of the size.
        expected: usize,
        /// Hashes stored.
        found: usize,
    },
    /// The hashes do not give the root they are said to give.
    #[error("the frontier stored for size {size} does not give the stored root")]
    WrongRoot {
        /// The stored size.
        size: u64,
    },
}

impl Frontier {
    /// The frontier of a tree without leaves.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A frontier from what [`Frontier::peaks`] gave.
    ///
    /// # Errors
    /// When the number of hashes is not the number of set bits of `size`.
    pub fn restore(size: u64, peaks: Vec<Hash>) -> Result<Self, FrontierError> {
        let expected = size.count_ones() as usize;
        if peaks.len() != expected {
            return Err(FrontierError::WrongCount { size, expected, found: peaks.len() });
        }
        Ok(Self { size, peaks })
    }

    /// As [`Frontier::restore`], and the root must be `root`.
    ///
    /// # Errors
    /// Also when the hashes give another root.
    pub fn restore_with_root(size: u64, peaks: Vec<Hash>, root: &Hash) -> Result<Self, FrontierError> {
        let frontier = Self::restore(size, peaks)?;
        if frontier.root() != *root {
            return Err(FrontierError::WrongRoot { size });
        }
        Ok(frontier)
    }

    /// How many leaves the tree has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The hashes to store, largest subtree first; at most 64.
    #[must_use]
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// The root of the tree.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        match peaks.next() {
            None => empty_root(),
            Some(last) => peaks.fold(*last, |right, left| node_hash(left, &right)),
        }
    }

    /// Appends one leaf. What it completes above the leaf level is returned, lowest level first.
    ///
    /// # Panics
    /// At 2⁶⁴ − 1 leaves.
    pub fn append(&mut self, leaf: Hash) -> Vec<Node> {
        let mut completed = Vec::new();
        let mut hash = leaf;
        // A carry of a binary counter: each trailing one bit of the size is a peak to merge with.
        for height in 1..=self.size.trailing_ones() {
            let left = self.peaks.pop().expect("a frontier has one hash for each set bit of its size");
            hash = node_hash(&left, &hash);
            if height % 8 == 0 {
                let id = NodeId { level: (height / 8) as u8, index: self.size >> height };
                completed.push(Node { id, hash });
            }
        }
        self.peaks.push(hash);
        self.size = self.size.checked_add(1).expect("fewer than 2^64 leaves");
        completed
    }

    /// Appends leaves in order. What they complete above the leaf level is returned, in the order
    /// of completion: the rows to insert beside the leaves, in the same transaction, without a
    /// read.
    pub fn append_all(&mut self, leaves: impl IntoIterator<Item = Hash>) -> Vec<Node> {
        leaves.into_iter().flat_map(|leaf| self.append(leaf)).collect()
    }
}

/// The nodes of level 1 and above that become complete when `leaves` are appended to the tree that
/// `frontier` stands for; the frontier itself is left alone. Nothing has to be read.
#[must_use]
pub fn completed_nodes(frontier: &Frontier, leaves: &[Hash]) -> Vec<Node> {
    frontier.clone().append_all(leaves.iter().copied())
}
