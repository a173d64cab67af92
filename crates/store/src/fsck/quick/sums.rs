//! Sums of keyed hashes, by table: equal where the rows are.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};

use exhibit_evidence::EntryId;
use exhibit_ledger::tree::Hash;
use sha2::{Digest as _, Sha256};

use crate::projection::{self, Rows, field};

/// Ids and positions of entries.
pub(super) const IDS: &str = "entry_ids";
/// Hashes of the tree.
pub(super) const NODES: &str = "tree_nodes";
/// Disclosable values: entry, path and digest.
pub(super) const DISCLOSED: &str = "disclosures";

/// What makes the hashes of one look unlike those of any other.
#[derive(Clone)]
pub(super) struct Key(Sha256);

impl Key {
    /// A key that nobody knows. The result of a look does not depend on it.
    pub(super) fn draw() -> Self {
        let mut hasher = Sha256::new();
        // Each state has keys of its own, drawn by the standard library against those who choose what is hashed.
        for number in 0..4_u64 {
            hasher.update(RandomState::new().hash_one(number).to_be_bytes());
        }
        Self(hasher)
    }

    fn hash(&self, table: &str, row: &[u8]) -> u128 {
        let mut hasher = self.0.clone();
        hasher.update(table.as_bytes());
        hasher.update(row);
        let hash: [u8; 32] = hasher.finalize().into();
        let (half, _) = hash.split_first_chunk().expect("a half of it");
        u128::from_be_bytes(*half)
    }
}

/// A sum for each table that has rows.
#[derive(Default, PartialEq, Eq)]
pub(super) struct Sums(BTreeMap<&'static str, u128>);

impl Sums {
    /// Counts a row in.
    pub(super) fn row(&mut self, key: &Key, table: &'static str, row: &[u8]) {
        self.count(table, key.hash(table, row));
    }

    /// Counts another sum in.
    pub(super) fn add(&mut self, other: &Self) {
        for (table, sum) in &other.0 {
            self.count(table, *sum);
        }
    }

    fn count(&mut self, table: &'static str, hash: u128) {
        let sum = self.0.entry(table).or_default();
        *sum = sum.wrapping_add(hash);
    }

    /// Counts the rows of projections in.
    pub(super) fn rows(&mut self, key: &Key, rows: &Rows) {
        projection::encode(rows, |table, row| self.row(key, table, row));
    }

    /// Counts a hash of the tree in.
    pub(super) fn node(&mut self, key: &Key, level: i16, index: i64, hash: &Hash) {
        let mut row = Vec::with_capacity(64);
        row.extend(3_i16.to_be_bytes());
        field(&mut row, &level.to_be_bytes());
        field(&mut row, &index.to_be_bytes());
        field(&mut row, hash);
        self.row(key, NODES, &row);
    }

    /// Counts an entry's id in.
    pub(super) fn id(&mut self, key: &Key, id: EntryId, seq: i64) {
        let mut row = Vec::with_capacity(64);
        row.extend(2_i16.to_be_bytes());
        field(&mut row, id.0.as_bytes());
        field(&mut row, &seq.to_be_bytes());
        self.row(key, IDS, &row);
    }

    /// Counts a digest that a record holds in.
    pub(super) fn disclosed(&mut self, key: &Key, entry: &[u8], path: &[u8], digest: &[u8]) {
        let mut row = Vec::with_capacity(128);
        field(&mut row, entry);
        field(&mut row, path);
        field(&mut row, digest);
        self.row(key, DISCLOSED, &row);
    }
}
