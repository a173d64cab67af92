//! Runs the vectors in `vectors/`, which another program in another language computed.

use serde::Deserialize;

use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::note::{SigningKey, VerifierKey};
use crate::tree::{
    Frontier, Hash, NodeReader, consistency_proof, inclusion_proof, leaf_hash, root_of, verify_consistency,
    verify_inclusion,
};

#[derive(Deserialize)]
struct Vectors {
    leaves: Vec<Leaf>,
    roots: Vec<Root>,
    inclusion: Vec<Inclusion>,
    consistency: Vec<Consistency>,
    checkpoint: SignedNote,
}

#[derive(Deserialize)]
struct Leaf {
    record: String,
    hash: String,
}

#[derive(Deserialize)]
struct Root {
    size: u64,
    root: String,
}

#[derive(Deserialize)]
struct Inclusion {
    index: u64,
    size: u64,
    proof: Vec<String>,
}

#[derive(Deserialize)]
struct Consistency {
    old: u64,
    new: u64,
    proof: Vec<String>,
}

#[derive(Deserialize)]
struct SignedNote {
    seed: String,
    verifier_key: String,
    text: String,
    note: String,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../vectors/vectors.json")).expect("the vectors are JSON of this shape")
}

fn hash(text: &str) -> Hash {
    hex::decode(text).unwrap().try_into().unwrap()
}

fn hashes(texts: &[String]) -> Vec<Hash> {
    texts.iter().map(|text| hash(text)).collect()
}

impl Vectors {
    fn leaf_hashes(&self) -> Vec<Hash> {
        self.leaves.iter().map(|leaf| hash(&leaf.hash)).collect()
    }

    fn root(&self, size: u64) -> Hash {
        hash(&self.roots[size as usize].root)
    }
}

/// Trees this small have no nodes above their leaves that a store would keep.
fn reader(leaves: &[Hash]) -> impl NodeReader {
    move |level: u8, index: u64| (level == 0).then(|| leaves.get(index as usize).copied())?
}

#[test]
fn leaves_and_roots() {
    let vectors = vectors();
    assert_eq!((vectors.leaves.len(), vectors.roots.len()), (8, 9));
    for leaf in &vectors.leaves {
        let record = hex::decode(&leaf.record).unwrap();
        assert_eq!(leaf_hash(&record), hash(&leaf.hash), "{}", leaf.record);
    }
    let leaves = vectors.leaf_hashes();
    for Root { size, root } in &vectors.roots {
        let leaves = &leaves[..*size as usize];
        let mut frontier = Frontier::new();
        frontier.append_all(leaves.iter().copied());
        assert_eq!(frontier.root(), hash(root), "size {size}");
        assert_eq!(root_of(leaves), hash(root), "size {size}");
    }
}

#[test]
fn inclusion() {
    let vectors = vectors();
    let leaves = vectors.leaf_hashes();
    assert_eq!(vectors.inclusion.len(), 36);
    for case in &vectors.inclusion {
        let Inclusion { index, size, .. } = *case;
        let proof = inclusion_proof(index, size, &reader(&leaves)).unwrap();
        assert_eq!(proof, hashes(&case.proof), "{index} in {size}");
        let (leaf, root) = (&leaves[index as usize], vectors.root(size));
        assert_eq!(verify_inclusion(leaf, index, size, &proof, &root), Ok(()));
    }
}

#[test]
fn consistency() {
    let vectors = vectors();
    let leaves = vectors.leaf_hashes();
    assert_eq!(vectors.consistency.len(), 36);
    for case in &vectors.consistency {
        let Consistency { old, new, .. } = *case;
        let proof = consistency_proof(old, new, &reader(&leaves)).unwrap();
        assert_eq!(proof, hashes(&case.proof), "{old} to {new}");
        let (before, after) = (vectors.root(old), vectors.root(new));
        assert_eq!(verify_consistency(old, &before, new, &after, &proof), Ok(()));
    }
}

#[test]
fn signed_checkpoint() {
    let vector = vectors().checkpoint;
    let verifier = VerifierKey::parse(&vector.verifier_key).unwrap();
    let signer = SigningKey::from_seed(verifier.name(), &hash(&vector.seed)).unwrap();
    assert_eq!(signer.verifier(), &verifier);

    let checkpoint = Checkpoint::parse_text(&vector.text).unwrap();
    assert_eq!(checkpoint.root, vectors().root(checkpoint.size));
    let signed = checkpoint.clone().sign(&[&signer]).unwrap();
    assert_eq!(signed.to_bytes(), vector.note.as_bytes());
    let read = SignedCheckpoint::parse(vector.note.as_bytes()).unwrap();
    assert_eq!(read.verify(verifier.name(), [&verifier]), Ok(&checkpoint));
}
