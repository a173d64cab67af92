//! Writes the one kind of bbolt database that Trivy needs: buckets in buckets, all of it on one leaf.
//!
//! After bbolt's source: two meta pages, an empty list of free pages, one leaf that runs over as many pages as it needs, and
//! each bucket inline in what holds it.

use std::collections::BTreeMap;

/// The size of a page.
const PAGE: usize = 4096;
/// Flags of a page.
const LEAF: u16 = 0x02;
const META: u16 = 0x04;
const FREE: u16 = 0x10;
/// Bytes before what a page holds, and of each entry of a leaf.
const HEADER: usize = 16;
/// Where the leaf lies.
const ROOT: u64 = 3;

/// What a key leads to.
pub(super) enum Value {
    /// Bytes.
    Text(String),
    /// Further keys.
    Bucket(BTreeMap<String, Value>),
}

impl Value {
    /// A bucket of these.
    pub(super) fn bucket<'a>(entries: impl IntoIterator<Item = (&'a str, Value)>) -> Self {
        Self::Bucket(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }

    /// A value that is JSON.
    pub(super) fn json(value: &serde_json::Value) -> Self {
        Self::Text(value.to_string())
    }
}

/// The file with this bucket as its root.
pub(super) fn database(root: &Value) -> Vec<u8> {
    let Value::Bucket(root) = root else { panic!("a root is a bucket") };
    let mut leaf = leaf(root, ROOT);
    let pages = leaf.len().div_ceil(PAGE);
    leaf.resize(pages * PAGE, 0);
    let mut file = Vec::new();
    for transaction in 0..2_u64 {
        let mut meta: Vec<u8> = [0xED0C_DAED_u32, 2, PAGE as u32, 0].into_iter().flat_map(u32::to_le_bytes).collect();
        // The root bucket's page and sequence, the list of free pages, the first page behind the last, the transaction.
        let numbers = [ROOT, 0, 2, ROOT + pages as u64, transaction];
        meta.extend(numbers.into_iter().flat_map(u64::to_le_bytes));
        meta.extend(fnv(&meta).to_le_bytes());
        file.extend(page(transaction, META, 0, 0, &meta));
        file.resize(file.len().next_multiple_of(PAGE), 0);
    }
    file.extend(page(2, FREE, 0, 0, &[]));
    file.resize(file.len().next_multiple_of(PAGE), 0);
    file.extend(leaf);
    file
}

fn page(id: u64, flags: u16, count: usize, overflow: usize, holds: &[u8]) -> Vec<u8> {
    let mut page = id.to_le_bytes().to_vec();
    page.extend(flags.to_le_bytes());
    page.extend(u16::try_from(count).expect("few").to_le_bytes());
    page.extend(u32::try_from(overflow).expect("few").to_le_bytes());
    page.extend(holds);
    page
}

fn leaf(bucket: &BTreeMap<String, Value>, id: u64) -> Vec<u8> {
    let (mut entries, mut data) = (Vec::new(), Vec::new());
    for (at, (key, value)) in bucket.iter().enumerate() {
        let (flag, value) = match value {
            Value::Text(text) => (0_u32, text.clone().into_bytes()),
            // A bucket within: no page of its own, sequence 0, then the page itself.
            Value::Bucket(inner) => (1, [vec![0; 16], leaf(inner, 0)].concat()),
        };
        // Where the key begins, from its entry on.
        let position = HEADER * (bucket.len() - at) + data.len();
        for number in [flag as usize, position, key.len(), value.len()] {
            entries.extend(u32::try_from(number).expect("small").to_le_bytes());
        }
        data.extend(key.as_bytes());
        data.extend(value);
    }
    let holds = [entries, data].concat();
    let overflow = if id == 0 { 0 } else { (HEADER + holds.len() - 1) / PAGE };
    page(id, LEAF, bucket.len(), overflow, &holds)
}

/// FNV-1a, 64 bits.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
