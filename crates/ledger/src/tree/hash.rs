//! Leaf, node and root hashes (RFC 6962 §2.1).

use sha2::{Digest as _, Sha256};

/// A SHA-256 value: a leaf hash, the hash of a subtree, or a root.
pub type Hash = [u8; 32];

/// The hash of a leaf: SHA-256 of a zero byte and the record's bytes.
#[must_use]
pub fn leaf_hash(record: &[u8]) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update([0x00]);
    hasher.update(record);
    hasher.finalize().into()
}

/// The hash of an inner node: SHA-256 of a one byte, the left hash and the right hash.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update([0x01]);
    hasher.update(left);
    hasher.update(right);
    hasher.finalize().into()
}

/// The root of a tree without leaves: SHA-256 of nothing.
#[must_use]
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// The root over these leaf hashes, straight from the recursive definition in RFC 6962 §2.1.
///
/// It shares nothing with [`super::Frontier`] but [`node_hash`], so that each can check the other.
#[must_use]
pub fn root_of(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split_point(leaves.len() as u64) as usize);
            node_hash(&root_of(left), &root_of(right))
        }
    }
}

/// The largest power of two smaller than `size`, where the tree of that size divides.
/// `size` is at least 2.
pub(super) fn split_point(size: u64) -> u64 {
    debug_assert!(size >= 2, "a tree of fewer than two leaves does not divide");
    1 << (size - 1).ilog2()
}
