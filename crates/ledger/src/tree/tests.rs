//! The tree against two implementations by other people, and against itself.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use proptest::prelude::*;
use sha2::Sha256;
use tlog_tiles::tlog;

use super::*;

fn record(i: u64) -> Vec<u8> {
    format!("record {i}").into_bytes()
}

fn leaves(size: u64) -> Vec<Hash> {
    (0..size).map(|i| leaf_hash(&record(i))).collect()
}

/// Everything a store would keep for these leaves.
fn stored(leaves: &[Hash]) -> NodeMap {
    let mut nodes: NodeMap = completed_nodes(&Frontier::new(), leaves).into_iter().collect();
    for (index, hash) in (0..).zip(leaves) {
        nodes.insert(NodeId { level: 0, index }, *hash);
    }
    nodes
}

/// ct-merkle's tree over the same records.
fn oracle(size: u64) -> MemoryBackedTree<Sha256, Vec<u8>> {
    let mut tree = MemoryBackedTree::new();
    (0..size).for_each(|i| tree.push(record(i)));
    tree
}

fn concat(hashes: &[Hash]) -> Vec<u8> {
    hashes.concat()
}

struct TlogHashes(Vec<tlog::Hash>);

impl tlog::HashReader for TlogHashes {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog::Hash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|i| self.0[*i as usize]).collect())
    }
}

/// tlog_tiles' stored hashes over the same records.
fn tlog_oracle(size: u64) -> TlogHashes {
    let mut all = TlogHashes(Vec::new());
    for i in 0..size {
        let new = tlog::stored_hashes(i, &record(i), &all).unwrap();
        all.0.extend(new);
    }
    all
}

#[test]
fn frontier_definition_and_both_oracles_agree_on_every_root() {
    let all = leaves(600);
    let nodes = stored(&all);
    let tlog_hashes = tlog_oracle(600);
    let mut frontier = Frontier::new();
    let mut ct = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    for size in 0..=600_u64 {
        let root = frontier.root();
        assert_eq!(frontier.size(), size);
        assert_eq!(root, root_of(&all[..size as usize]), "size {size}");
        assert_eq!(root, root_at(size, &nodes).unwrap(), "size {size}");
        assert_eq!(frontier_at(size, &nodes).as_ref(), Ok(&frontier));
        assert_eq!(&root[..], &ct.root().as_bytes()[..], "size {size}");
        if size > 0 {
            assert_eq!(root, tlog::tree_hash(size, &tlog_hashes).unwrap().0);
        }
        if size < 600 {
            frontier.append(all[size as usize]);
            ct.push(record(size));
        }
    }
}

#[test]
fn a_frontier_survives_storing_and_refuses_what_is_not_one() {
    let mut frontier = Frontier::new();
    frontier.append_all(leaves(300));
    let root = frontier.root();
    let peaks = frontier.peaks().to_vec();
    assert_eq!(peaks.len(), 4);
    assert_eq!(Frontier::restore_with_root(300, peaks.clone(), &root), Ok(frontier));
    assert_eq!(
        Frontier::restore(301, peaks.clone()),
        Err(FrontierError::WrongCount { size: 301, expected: 5, found: 4 })
    );
    let mut swapped = peaks;
    swapped.swap(0, 1);
    assert_eq!(Frontier::restore_with_root(300, swapped, &root), Err(FrontierError::WrongRoot { size: 300 }));
}

#[test]
fn completed_nodes_are_the_roots_of_their_subtrees() {
    let all = leaves(256 * 256 + 700);
    let nodes = completed_nodes(&Frontier::new(), &all);
    assert_eq!(nodes.len(), 256 + 2 + 1);
    for node in nodes {
        let width = 256_usize.pow(node.id.level.into());
        let start = node.id.index as usize * width;
        assert_eq!(node.hash, root_of(&all[start..start + width]), "{node:?}");
    }
}

#[test]
fn proofs_across_levels_read_exactly_what_they_announce() {
    let size = 256 * 256 + 700;
    let all = leaves(size);
    let nodes = stored(&all);
    let root = root_of(&all);
    for index in [0, 255, 256, 65_535, 65_536, 66_000, size - 1] {
        let announced = only(&nodes, &inclusion_nodes(index, size).unwrap());
        let proof = inclusion_proof(index, size, &announced).unwrap();
        verify_inclusion(&all[index as usize], index, size, &proof, &root).unwrap();
    }
    for old in [1, 255, 256, 257, 40_000, 65_536, 65_537, size - 1] {
        let announced = only(&nodes, &consistency_nodes(old, size).unwrap());
        let proof = consistency_proof(old, size, &announced).unwrap();
        let old_root = root_of(&all[..old as usize]);
        verify_consistency(old, &old_root, size, &root, &proof).unwrap();
    }
    let announced = only(&nodes, &root_nodes(size));
    assert_eq!(root_at(size, &announced), Ok(root));
}

/// A reader that has only the nodes in these ranges.
fn only(nodes: &NodeMap, ranges: &[NodeRange]) -> NodeMap {
    ranges
        .iter()
        .flat_map(|r| (r.start..r.start + r.count).map(|index| (r.level, index)))
        .map(|(level, index)| Node {
            id: NodeId { level, index },
            hash: nodes.node(level, index).expect("announced nodes exist"),
        })
        .collect()
}

#[test]
fn a_missing_node_is_named() {
    assert_eq!(inclusion_proof(0, 2, &NodeMap::new()), Err(ProofError::MissingNode { level: 0, index: 1 }));
    assert_eq!(inclusion_proof(2, 2, &NodeMap::new()), Err(ProofError::IndexOutOfRange { index: 2, size: 2 }));
    assert_eq!(consistency_proof(3, 2, &NodeMap::new()), Err(ProofError::SizesReversed { old: 3, new: 2 }));
}

#[test]
fn every_small_proof_holds_and_no_changed_one_does() {
    const MAX: u64 = 40;
    let all = leaves(MAX);
    let nodes = stored(&all);
    let roots: Vec<_> = (0..=MAX).map(|n| root_of(&all[..n as usize])).collect();
    for size in 1..=MAX {
        let root = &roots[size as usize];
        for index in 0..size {
            let proof = inclusion_proof(index, size, &nodes).unwrap();
            let leaf = &all[index as usize];
            verify_inclusion(leaf, index, size, &proof, root).unwrap();
            assert!(verify_inclusion(leaf, index ^ 1, size, &proof, root).is_err() || size == 1);
            for changed in changes(&proof) {
                assert!(verify_inclusion(leaf, index, size, &changed, root).is_err());
            }
        }
        for old in 0..=size {
            let proof = consistency_proof(old, size, &nodes).unwrap();
            let old_root = &roots[old as usize];
            verify_consistency(old, old_root, size, root, &proof).unwrap();
            if old > 0 && old < size {
                assert!(verify_consistency(old, &[7; 32], size, root, &proof).is_err());
                assert!(verify_consistency(old, old_root, size, &[7; 32], &proof).is_err());
            }
            for changed in changes(&proof) {
                assert!(verify_consistency(old, old_root, size, root, &changed).is_err());
            }
        }
    }
}

#[test]
fn a_proof_that_ends_early_shows_nothing_even_when_the_roots_are_equal() {
    let root = root_of(&leaves(8));
    let short = Err(VerifyError::WrongLength { found: 0 });
    assert_eq!(verify_inclusion(&root, 0, 8, &[], &root), short);
    assert_eq!(verify_consistency(4, &root, 8, &root, &[]), short);
    assert_eq!(verify_consistency(3, &root, 8, &root, &[]), short);
}

/// The proof with each hash changed, one left out, and one too many.
fn changes(proof: &[Hash]) -> Vec<Vec<Hash>> {
    let mut changed = vec![[proof, &[[9; 32]]].concat()];
    for i in 0..proof.len() {
        let mut flipped = proof.to_vec();
        flipped[i][31] ^= 1;
        changed.push(flipped);
        let mut shorter = proof.to_vec();
        shorter.remove(i);
        changed.push(shorter);
    }
    changed
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn inclusion_proofs_equal_both_oracles(size in 1_u64..600, at in any::<prop::sample::Index>()) {
        let index = at.index(size as usize) as u64;
        let all = leaves(size);
        let proof = inclusion_proof(index, size, &stored(&all)).unwrap();
        verify_inclusion(&all[index as usize], index, size, &proof, &root_of(&all)).unwrap();

        let ct = oracle(size).prove_inclusion(index as usize);
        prop_assert_eq!(concat(&proof), ct.as_bytes());
        let theirs = tlog::prove_record(size, index, &tlog_oracle(size)).unwrap();
        prop_assert_eq!(&proof, &theirs.iter().map(|h| h.0).collect::<Vec<_>>());
    }

    #[test]
    fn consistency_proofs_equal_both_oracles(new in 1_u64..600, at in any::<prop::sample::Index>()) {
        let old = at.index(new as usize) as u64 + 1;
        let all = leaves(new);
        let (old_root, new_root) = (root_of(&all[..old as usize]), root_of(&all));
        let proof = consistency_proof(old, new, &stored(&all)).unwrap();
        verify_consistency(old, &old_root, new, &new_root, &proof).unwrap();

        if old < new {
            let ct = oracle(new).prove_consistency((new - old) as usize);
            prop_assert_eq!(concat(&proof), ct.as_bytes());
        }
        let theirs = tlog::prove_tree(new, old, &tlog_oracle(new)).unwrap();
        prop_assert_eq!(&proof, &theirs.iter().map(|h| h.0).collect::<Vec<_>>());
    }

    #[test]
    fn verification_never_panics(
        index: u64, size: u64, old: u64,
        proof in prop::collection::vec(any::<[u8; 32]>(), 0..70),
    ) {
        let _ = verify_inclusion(&[1; 32], index, size, &proof, &[2; 32]);
        let _ = verify_consistency(old, &[1; 32], size, &[2; 32], &proof);
        let _ = inclusion_nodes(index, size);
        let _ = consistency_nodes(old, size);
    }
}
