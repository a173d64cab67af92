//! Looking at a batch of rows. Pure, so that several threads can do it.

use std::collections::BTreeSet;

use bytes::Bytes;
use exhibit_evidence::{Body, Digest, Disclosure, Envelope, Record, Timestamp};
use exhibit_ledger::tree::{Hash, leaf_hash};

use super::stream::fields;
use super::sums::{DISCLOSED, Key, Sums};
use crate::projection::{moved_findings, project, since_2000};

/// What a batch of entries says, all of them well formed and in order.
pub(super) struct Looked {
    /// Position of the first.
    pub(super) first: i64,
    /// The leaves, in order.
    pub(super) leaves: Vec<Hash>,
    /// When the first and the last were recorded.
    pub(super) recorded: (Timestamp, Timestamp),
    /// The rows that they give.
    pub(super) sums: Sums,
    /// Artifacts that they cite.
    pub(super) cited: BTreeSet<Digest>,
    /// Erasures, with their positions.
    pub(super) erasures: Vec<(i64, Body)>,
    /// Position and text of the records that hand over keys.
    pub(super) handovers: Vec<(i64, String)>,
    /// Entries whose findings lie in an artifact: their rows are not in the sums yet.
    pub(super) moved: Vec<(u64, Envelope)>,
}

/// What entries say; none where one of them is not as it must be.
pub(super) fn entries(batch: &[Bytes], key: &Key) -> Option<Looked> {
    let mut looked: Option<Looked> = None;
    for row in batch {
        let [Some(seq), Some(kind), Some(id), Some(recorded_at), Some(record)] = fields(row)? else {
            return None;
        };
        let seq = i64::from_be_bytes(seq.try_into().ok()?);
        let envelope = Record::examine(record).ok()?.envelope.ok()?;
        let at = envelope.recorded_at;
        let copies_agree = kind == envelope.body.kind().word().as_bytes()
            && id == envelope.id.0.as_bytes()
            && recorded_at == since_2000(at).to_be_bytes();
        let looked = looked.get_or_insert_with(|| Looked::from(seq, at));
        let follows = seq == looked.first.checked_add(i64::try_from(looked.leaves.len()).ok()?)?;
        if !copies_agree || !follows || at < looked.recorded.1 {
            return None;
        }
        looked.recorded.1 = at;
        looked.take(seq, envelope, record, key)?;
    }
    looked
}

impl Looked {
    fn from(first: i64, at: Timestamp) -> Self {
        Self {
            first,
            leaves: Vec::new(),
            recorded: (at, at),
            sums: Sums::default(),
            cited: BTreeSet::new(),
            erasures: Vec::new(),
            handovers: Vec::new(),
            moved: Vec::new(),
        }
    }

    fn take(&mut self, seq: i64, envelope: Envelope, record: &[u8], key: &Key) -> Option<()> {
        let leaf = leaf_hash(record);
        self.leaves.push(leaf);
        self.sums.node(key, 0, seq, &leaf);
        self.sums.id(key, envelope.id, seq);
        for (path, held) in envelope.body.disclosables() {
            self.sums.disclosed(key, envelope.id.0.as_bytes(), path.as_bytes(), &held.digest.0);
        }
        self.cited.extend(super::super::entries::cited(&envelope.body));
        match &envelope.body {
            Body::Erasure(_) => self.erasures.push((seq, envelope.body.clone())),
            Body::Key(_) => self.handovers.push((seq, String::from_utf8(record.to_vec()).ok()?)),
            _ => {}
        }
        let position = u64::try_from(seq).ok()?;
        if moved_findings(&envelope.body).is_some() {
            self.moved.push((position, envelope));
        } else {
            let rows = project(position, envelope.id, envelope.recorded_at, &envelope.body, &[]);
            self.sums.rows(key, &rows);
        }
        Some(())
    }
}

/// The sum of a table's rows; none where a disclosed value is not the one of its digest.
pub(super) fn rows(table: &'static str, batch: &[Bytes], key: &Key) -> Option<Sums> {
    let mut sums = Sums::default();
    for row in batch {
        if table != DISCLOSED {
            sums.row(key, table, row);
            continue;
        }
        let [Some(entry), Some(path), Some(digest), salt, value] = fields(row)? else {
            return None;
        };
        sums.disclosed(key, entry, path, digest);
        // What was erased has neither.
        if let (Some(salt), Some(value)) = (salt, value) {
            let text = |bytes: &[u8]| std::str::from_utf8(bytes).map(str::to_owned).ok();
            let disclosure = Disclosure { salt: text(salt)?, path: text(path)?, value: text(value)? };
            if disclosure.seal().ok()?.digest.0 != digest {
                return None;
            }
        }
    }
    Some(sums)
}
