//! The tree rolled up from leaf hashes, independently of the code that appends.

use exhibit_ledger::tree::{Hash, empty_root, node_hash};

/// Roots of complete subtrees, the largest first, with the number of leaves of each.
#[derive(Debug, Default)]
pub(super) struct Edge {
    parts: Vec<(u64, Hash)>,
    size: u64,
}

impl Edge {
    /// Puts the next leaf in. Tells roots of 256^n leaves that it completed, as level, index, hash.
    pub(super) fn push(&mut self, leaf: Hash) -> Vec<(i16, u64, Hash)> {
        let mut completed = Vec::new();
        let (mut width, mut hash) = (1_u64, leaf);
        self.size += 1;
        while let Some((_, left)) = self.parts.pop_if(|(leaves, _)| *leaves == width) {
            hash = node_hash(&left, &hash);
            width *= 2;
            let level = i16::try_from(width.ilog2() / 8).unwrap_or(i16::MAX);
            if width.ilog2() % 8 == 0 {
                completed.push((level, self.size / width - 1, hash));
            }
        }
        self.parts.push((width, hash));
        completed
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// The hashes that the head should hold.
    pub(super) fn peaks(&self) -> Vec<Hash> {
        self.parts.iter().map(|(_, hash)| *hash).collect()
    }

    /// The root over all leaves so far (RFC 6962 §2.1).
    pub(super) fn root(&self) -> Hash {
        let mut right_to_left = self.parts.iter().rev().map(|(_, hash)| *hash);
        let Some(last) = right_to_left.next() else {
            return empty_root();
        };
        right_to_left.fold(last, |right, left| node_hash(&left, &right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use exhibit_ledger::tree::{Frontier, leaf_hash, root_of};

    #[test]
    fn agrees_with_the_definition_and_with_the_frontier() {
        let leaves: Vec<Hash> = (0..700_u32).map(|i| leaf_hash(&i.to_be_bytes())).collect();
        let (mut edge, mut frontier) = (Edge::default(), Frontier::new());
        for (index, leaf) in leaves.iter().enumerate() {
            assert_eq!(edge.root(), root_of(&leaves[..index]));
            let ours = edge.push(*leaf);
            let theirs = frontier.append(*leaf);
            let theirs: Vec<_> = theirs.iter().map(|n| (i16::from(n.id.level), n.id.index, n.hash)).collect();
            assert_eq!(ours, theirs);
            assert_eq!(edge.peaks(), frontier.peaks());
        }
        assert_eq!(edge.size(), 700);
    }
}
