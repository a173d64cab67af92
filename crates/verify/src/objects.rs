//! What lies in an archive beside the entries: objects that receipts speak of, artifacts, disclosures.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read as _};
use std::path::Path;

use exhibit_evidence::{Body, Digest, Record};
use exhibit_ledger::bundle::read_files;
use exhibit_ledger::tiles::{Content, TileId, parse_entries};
use sha2::{Digest as _, Sha256};

use crate::archive::Files;
use crate::sealed::{Disclosable, Sealed};
use crate::{BUFFER, Failure, Outcome, cannot_read, printable};

/// What the entries of verified bundles say of objects.
pub(crate) struct Objects {
    /// Entries below this were read.
    until: u64,
    /// By key: digest and size, and the entry that says so.
    receipts: BTreeMap<String, (Digest, u64, u64)>,
    /// What is compared with the values that stand in records as digests.
    sealed: Sealed,
}

impl Objects {
    /// Nothing is known of these files yet.
    pub(crate) fn of(files: &Files) -> Result<Self, Failure> {
        Ok(Self { until: 0, receipts: BTreeMap::new(), sealed: Sealed::of(files)? })
    }

    /// Reads the entries of a bundle that was found clean, but for those that an earlier one held.
    pub(crate) fn read(&mut self, path: &Path) -> Result<(), Failure> {
        let file = File::open(path).map_err(cannot_read(path))?;
        let wanted = |path: &str| entries_of(path).is_some();
        let mut heard = Ok(());
        let read = read_files(BufReader::with_capacity(BUFFER, file), wanted, |path, bytes| {
            let Some(tile) = entries_of(path) else { return };
            let records = parse_entries(&bytes, tile.width).unwrap_or_default();
            for (seq, record) in (tile.first()..).zip(records) {
                self.hear(seq, record);
            }
            if heard.is_ok() {
                heard = self.sealed.reached(self.until);
            }
        });
        read.map_err(|source| Failure::Bundle { path: path.to_owned(), source })?;
        heard
    }

    fn hear(&mut self, seq: u64, record: &[u8]) {
        if seq < self.until {
            return;
        }
        self.until = seq + 1;
        let Ok(Ok(envelope)) = Record::examine(record).map(|examined| examined.envelope) else { return };
        if let Body::Receipt(receipt) = &envelope.body {
            self.receipts.insert(receipt.key.clone(), (receipt.digest, receipt.size, seq));
        }
        for (path, held) in envelope.body.disclosables() {
            self.sealed.hear(Disclosable { seq, entry: envelope.id, path, digest: held.digest });
        }
    }

    /// Compares the archive's files with what the entries say of them.
    pub(crate) fn check(&self, files: &Files, outcome: &mut Outcome) -> Result<(), Failure> {
        let (mut as_received, mut without) = (0_u64, Vec::new());
        let mut said = |line: String| outcome.differences.push(printable(&line));
        for (key, path) in files {
            let (digest, size) = measure(path)?;
            match self.receipts.get(key) {
                Some((expected, length, _)) if (*expected, *length) == (digest, size) => as_received += 1,
                Some((expected, length, seq)) => said(format!(
                    "{key}: expected {expected} with {length} bytes, as the receipt at entry {seq} says, found {digest} \
                     with {size}"
                )),
                None => without.push(key.as_str()),
            }
            if key.strip_prefix("artifacts/").is_some_and(|name| name != digest.hex()) {
                said(format!("{key}: expected the artifact with the digest that names it, found {digest}"));
            }
        }
        for (key, (_, _, seq)) in self.receipts.iter().filter(|(key, _)| !files.contains_key(*key)) {
            said(format!("{key}: expected the object of which the receipt at entry {seq} speaks, found no such file"));
        }
        if as_received > 0 {
            outcome.proven.push(format!("{as_received} objects have the digest and size that their receipts say"));
        }
        // Of checkpoints, those that close no segment are archived without receipts; of what came last, the receipt lies beyond the last bundle.
        without.retain(|key| !key.starts_with("checkpoints/"));
        if let Some(first) = without.first() {
            let line = format!("{} objects have no receipt among these entries, the first is {first}", without.len());
            outcome.not_done.push(printable(&line));
        }
        self.sealed.tell(outcome);
        Ok(())
    }
}

fn entries_of(path: &str) -> Option<TileId> {
    TileId::parse(path).ok().filter(|tile| tile.content == Content::Entries)
}

/// Digest and size of a file, read in pieces.
fn measure(path: &Path) -> Result<(Digest, u64), Failure> {
    let mut file = File::open(path).map_err(cannot_read(path))?;
    let (mut hasher, mut size, mut buffer) = (Sha256::new(), 0, vec![0; BUFFER]);
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok((Digest(hasher.finalize().into()), size)),
            Ok(count) => {
                hasher.update(&buffer[..count]);
                size += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(cannot_read(path)(error)),
        }
    }
}
