//! Segments: the ledger in the archive, piece by piece, so that a write-once store alone can give it back.
//!
//! A segment is a [bundle](crate::bundle) of a UTC day in the place of a period, with [`WORD`] in the place of a
//! report's id, and with no file but manifest, note, checkpoints, keys and tiles (C2SP tlog-tiles names): raw artifacts
//! lie beside it in the archive, each under its digest. Its checkpoint is of exactly the size at which its entries end,
//! `checkpoint.previous` of the size at which they begin, so one segment follows the other without a gap.

use std::io::Cursor;
use std::ops::Range;

use exhibit_evidence::report::SEGMENTS;
pub use exhibit_evidence::report::segment_range as range_of;

use crate::bundle::{
    About, BundleError, BundleWriter, CannotLook, Manifest, Trust, Verification, read_files, verify_bundle,
};
use crate::checkpoint::{CheckpointError, SignedCheckpoint};
use crate::keys::{Rotation, parse_rotations};
use crate::tiles::{Content, TileError, TileId, parse_entries};
use crate::tree::NodeReader;

/// What stands in a segment's manifest in the place of a report's id.
pub const WORD: &str = "segment";
/// The key in the archive of a day's entries in this range.
#[must_use]
pub fn key(day: &str, range: &Range<u64>) -> String {
    format!("{SEGMENTS}{day}/{:016}-{:016}.tar", range.start, range.end)
}

impl Manifest {
    /// Whether this is a segment's, not a report's.
    #[must_use]
    pub fn is_segment(&self) -> bool {
        self.report == WORD
    }
}

/// Begins a segment: the entries from the size of `previous` (from the beginning without one) up to `checkpoint`. Of
/// `before` it needs the nodes that [`crate::bundle::nodes_before`] names. Add every record from
/// [`BundleWriter::next_entry`] on, then the keys, and finish it.
///
/// # Errors
/// As [`BundleWriter::new`].
pub fn write(
    day: &str,
    checkpoint: SignedCheckpoint,
    previous: Option<&SignedCheckpoint>,
    before: &(impl NodeReader + ?Sized),
) -> Result<BundleWriter<Cursor<Vec<u8>>>, BundleError> {
    let about = About { period: day.to_owned(), report: WORD.to_owned(), renderer: String::new() };
    BundleWriter::new(about, checkpoint, previous, before)
}

/// A segment that was verified and read.
#[derive(Debug)]
pub struct Segment {
    /// The UTC day, `2026-11-22`.
    pub day: String,
    /// The positions of its entries.
    pub range: Range<u64>,
    /// The signed checkpoint of the size at which it ends.
    pub checkpoint: SignedCheckpoint,
    /// The signed checkpoint of the size at which it begins; none for the first segment.
    pub previous: Option<SignedCheckpoint>,
    /// The records of its entries, in order.
    pub records: Vec<Vec<u8>>,
    /// Every rotation of the signing key up to its making.
    pub rotations: Vec<Rotation>,
}

/// Why bytes are not a segment that can be relied on.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// It could not be looked at.
    #[error(transparent)]
    CannotLook(#[from] CannotLook),
    /// Something in it is not as it must be.
    #[error("{first}{}", and_more(*.more))]
    Differs {
        /// The first difference.
        first: String,
        /// How many there are beside it.
        more: u64,
    },
    /// A bundle, but of a report.
    #[error("this is the bundle of report {0}, not a segment of the ledger")]
    OfReport(String),
    /// A checkpoint in it can't be read.
    #[error("its checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// An entry bundle in it can't be read.
    #[error("its entries: {0}")]
    Entries(#[from] TileError),
    /// Its rotations can't be read.
    #[error("its rotations of the signing key can't be read")]
    Rotations,
}

fn and_more(more: u64) -> String {
    if more == 0 { String::new() } else { format!("; and {more} more differences") }
}

/// Verifies a segment from the keys that the caller trusts, and reads it.
///
/// # Errors
/// When anything in it is not proven: nothing of such a segment is handed out.
pub fn read(bytes: &[u8], trust: &Trust) -> Result<Segment, SegmentError> {
    let verified = verify_bundle(bytes, trust)?;
    let manifest = proven(verified)?;
    if !manifest.is_segment() {
        return Err(SegmentError::OfReport(manifest.report));
    }
    let range = manifest.from_size..manifest.checkpoint.size;
    let mut files = Vec::new();
    let wanted = |path: &str| {
        matches!(path, "checkpoint" | "checkpoint.previous" | "keys.rotations") || entries_of(path).is_some()
    };
    read_files(bytes, wanted, |path, bytes| files.push((path.to_owned(), bytes)))?;

    let (mut checkpoint, mut previous, mut rotations) = (None, None, Vec::new());
    let mut records = Vec::new();
    for (path, bytes) in files {
        match path.as_str() {
            "checkpoint" => checkpoint = Some(SignedCheckpoint::parse(&bytes)?),
            "checkpoint.previous" => previous = Some(SignedCheckpoint::parse(&bytes)?),
            "keys.rotations" => rotations = parse_rotations(&bytes).map_err(|_| SegmentError::Rotations)?,
            _ => {
                let Some(tile) = entries_of(&path) else { continue };
                let parsed = parse_entries(&bytes, tile.width)?;
                let own = (tile.first()..).zip(parsed).filter(|(seq, _)| range.contains(seq));
                records.extend(own.map(|(_, record)| record.to_vec()));
            }
        }
    }
    let checkpoint = checkpoint.ok_or_else(|| differs("checkpoint: none"))?;
    if records.len() as u64 != range.end - range.start {
        return Err(differs("fewer entries than its manifest says"));
    }
    Ok(Segment { day: manifest.period, range, checkpoint, previous, records, rotations })
}

fn entries_of(path: &str) -> Option<TileId> {
    TileId::parse(path).ok().filter(|tile| tile.content == Content::Entries)
}

fn differs(first: &str) -> SegmentError {
    SegmentError::Differs { first: first.to_owned(), more: 0 }
}

fn proven(verified: Verification) -> Result<Manifest, SegmentError> {
    let more = (verified.differences.len() as u64).saturating_sub(1) + verified.omitted;
    match (verified.differences.first(), verified.manifest) {
        (Some(first), _) => Err(SegmentError::Differs { first: first.to_string(), more }),
        (None, Some(manifest)) => Ok(manifest),
        (None, None) => Err(differs("nothing of it is proven")),
    }
}

#[cfg(test)]
mod tests {
    use exhibit_evidence::to_canonical;
    use serde_json::json;

    use super::*;
    use crate::checkpoint::Checkpoint;
    use crate::note::SigningKey;
    use crate::tree::{Frontier, NodeMap, completed_nodes, leaf_hash};

    const ORIGIN: &str = "example.org/log";

    fn key() -> SigningKey {
        SigningKey::from_seed(ORIGIN, &[1; 32]).unwrap()
    }

    fn trust(seed: u8) -> Trust {
        let key = SigningKey::from_seed(ORIGIN, &[seed; 32]).unwrap();
        Trust { keys: vec![key.verifier().clone()], ..Trust::default() }
    }

    fn record(seq: u64) -> Vec<u8> {
        let (kind, body) = match seq {
            0 => (
                "deployment",
                json!({
                    "origin": ORIGIN, "name": "Example", "time_zone": "UTC", "fiscal_year_start": 1, "grace_days": 5,
                    "environments": [], "exhibit_version": "0.1.0", "archive": "none",
                    "configuration": exhibit_evidence::Digest::of(b"").to_string(),
                    "verifier_key": key().verifier().to_string(),
                }),
            ),
            _ => ("later", json!({ "number": seq })),
        };
        let id = format!("01890000-0000-7000-8000-{seq:012x}");
        let recorded_at = format!("2026-11-22T03:{:02}:{:02}.000000Z", seq / 60 % 60, seq % 60);
        to_canonical(&json!({ "v": 1, "kind": kind, "id": id, "recorded_at": recorded_at, "body": body })).unwrap()
    }

    fn checkpoint(records: &[Vec<u8>]) -> SignedCheckpoint {
        let mut frontier = Frontier::new();
        frontier.append_all(records.iter().map(|record| leaf_hash(record)));
        Checkpoint::of(ORIGIN, &frontier).sign(&[&key()]).unwrap()
    }

    fn segment(range: Range<u64>) -> Vec<u8> {
        let records: Vec<_> = (0..range.end).map(record).collect();
        let leaves: Vec<_> = records.iter().map(|record| leaf_hash(record)).collect();
        let nodes: NodeMap = completed_nodes(&Frontier::new(), &leaves).into_iter().collect();
        let start = usize::try_from(range.start).unwrap();
        let previous = (start > 0).then(|| checkpoint(&records[..start]));
        let mut writer = write("2026-11-22", checkpoint(&records), previous.as_ref(), &nodes).unwrap();
        for seq in writer.next_entry()..range.end {
            writer.push_record(record(seq)).unwrap();
        }
        writer.keys([key().verifier()], &[]).unwrap();
        let mut out = Vec::new();
        writer.finish(&key(), &mut out).unwrap();
        out
    }

    #[test]
    fn segments_give_back_every_record_and_follow_each_other() {
        let mut back = Vec::new();
        let mut end: Option<SignedCheckpoint> = None;
        for range in [0..3, 3..300, 300..301, 301..812] {
            let read = read(&segment(range.clone()), &trust(1)).unwrap();
            assert_eq!((read.range.clone(), read.day.as_str()), (range, "2026-11-22"));
            assert_eq!(read.previous.map(|note| note.to_bytes()), end.map(|note| note.to_bytes()));
            end = Some(read.checkpoint);
            back.extend(read.records);
        }
        assert_eq!(back, (0..812).map(record).collect::<Vec<_>>());
        assert_eq!(segment(3..300), segment(3..300), "the same entries, the same bytes");
    }

    #[test]
    fn nothing_of_a_segment_that_was_touched_or_signed_by_others_is_handed_out() {
        let good = segment(3..300);
        assert!(matches!(read(&good, &trust(2)), Err(SegmentError::Differs { .. })), "another key");
        assert!(matches!(read(&good, &Trust::default()), Err(SegmentError::CannotLook(_))), "no key");
        for at in (0..good.len()).step_by(97) {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert!(read(&bad, &trust(1)).is_err(), "byte {at}");
        }
        assert!(read(&good[..good.len() - 512], &trust(1)).is_err());
    }

    #[test]
    fn a_key_names_its_range() {
        let range = 3..300;
        assert_eq!(super::key("2026-11-22", &range), "segments/2026-11-22/0000000000000003-0000000000000300.tar");
        assert_eq!(range_of(&super::key("2026-11-22", &range)), Some(range));
        for other in ["segments/2026-11-22/3-300.tar", "reports/2026-11-22/0000000000000003-0000000000000300.tar", ""] {
            assert_eq!(range_of(other), None, "{other}");
        }
    }
}
