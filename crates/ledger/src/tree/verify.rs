//! Checking proofs, by the algorithms of RFC 9162 §2.1.3.2 and §2.1.4.2, which share no code with
//! the making of proofs.

use super::hash::{Hash, empty_root, node_hash};

/// Why a proof shows nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The leaf cannot be in a tree of this size.
    #[error("leaf {index} cannot be in a tree of size {size}")]
    IndexOutOfRange {
        /// The leaf claimed.
        index: u64,
        /// The size claimed.
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
    /// The proof has too few or too many hashes for these sizes.
    #[error("the proof has the wrong length for these sizes ({found} hashes)")]
    WrongLength {
        /// Hashes in the proof.
        found: usize,
    },
    /// The proof leads to another root than the one expected.
    #[error("the proof leads to another root")]
    RootMismatch,
    /// The proof starts from another old tree than the one expected.
    #[error("the proof starts from another old root")]
    OldRootMismatch,
}

/// Checks that `leaf` stands at `index` in the tree of this `size` and `root`.
///
/// # Errors
/// When it does not, or the proof does not show it.
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> Result<(), VerifyError> {
    if index >= size {
        return Err(VerifyError::IndexOutOfRange { index, size });
    }
    let wrong_length = VerifyError::WrongLength { found: proof.len() };
    let (mut node, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for sibling in proof {
        if last == 0 {
            return Err(wrong_length);
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(wrong_length);
    }
    if hash != *root {
        return Err(VerifyError::RootMismatch);
    }
    Ok(())
}

/// Checks that the tree of size `old` and root `old_root` is the beginning of the tree of size
/// `new` and root `new_root`.
///
/// # Errors
/// When it is not, or the proof does not show it.
pub fn verify_consistency(
    old: u64,
    old_root: &Hash,
    new: u64,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), VerifyError> {
    let wrong_length = VerifyError::WrongLength { found: proof.len() };
    if old > new {
        return Err(VerifyError::SizesReversed { old, new });
    }
    if old == 0 || old == new {
        // Nothing to prove: every tree begins with the empty one, and with itself.
        let known_old = if old == 0 { &empty_root() } else { new_root };
        return match (proof.is_empty(), old_root == known_old) {
            (false, _) => Err(wrong_length),
            (true, false) => Err(VerifyError::OldRootMismatch),
            (true, true) => Ok(()),
        };
    }

    // When the old tree is one complete subtree, its root is the first hash and is not sent.
    let mut rest = proof.iter();
    let first = if old.is_power_of_two() { old_root } else { rest.next().ok_or(wrong_length.clone())? };
    let (mut node, mut last) = (old - 1, new - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let (mut old_hash, mut new_hash) = (*first, *first);
    for sibling in rest {
        if last == 0 {
            return Err(wrong_length);
        }
        if node & 1 == 1 || node == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(wrong_length);
    }
    if old_hash != *old_root {
        return Err(VerifyError::OldRootMismatch);
    }
    if new_hash != *new_root {
        return Err(VerifyError::RootMismatch);
    }
    Ok(())
}
