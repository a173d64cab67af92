//! The entries of a bundle and the tree over them.

use std::collections::{BTreeMap, HashSet};

use exhibit_evidence::{Body, Digest, EntryId, Kind, Record, Timestamp};

use super::report::{Differences, Place, Proven};
use crate::bundle::layout::{first_entry, holds};
use crate::bundle::{CHECKPOINT, PREVIOUS};
use crate::checkpoint::Checkpoint;
use crate::keys::{MAX_ROTATIONS, Rotation};
use crate::tiles::{Content, TileId, parse_entries, parse_hashes};
use crate::tree::{Frontier, Hash, NodeMap, NodeReader, ProofError, TILE_WIDTH, frontier_at, leaf_hash};

/// The bundle's hash tiles, by level and index.
#[derive(Default)]
struct HashTiles(BTreeMap<(u8, u64), (TileId, Vec<Hash>)>);

impl NodeReader for HashTiles {
    fn node(&self, level: u8, index: u64) -> Option<Hash> {
        let (_, hashes) = self.0.get(&(level, index / TILE_WIDTH))?;
        hashes.get((index % TILE_WIDTH) as usize).copied()
    }
}

/// Follows the entries of a bundle as they stream by. It holds 32 bytes an entry for the tiles, and
/// 16 for the ids.
pub(super) struct Entries {
    origin: String,
    from_size: u64,
    size: u64,
    given: HashTiles,
    /// Nodes of level 1 and above, computed from the entries.
    computed: NodeMap,
    /// The tree so far, or why it could not be followed any further.
    tree: Option<Result<Frontier, String>>,
    root_at_from: Option<Hash>,
    ids: HashSet<EntryId>,
    last_recorded: Option<Timestamp>,
    bad_entries: bool,
    rotations: Vec<Rotation>,
    /// By digest, the first entry that cites it.
    cited: BTreeMap<Digest, u64>,
}

impl Entries {
    pub(super) fn new(origin: &str, from_size: u64, size: u64) -> Self {
        Self {
            origin: origin.to_owned(),
            from_size,
            size,
            given: HashTiles::default(),
            computed: NodeMap::new(),
            tree: None,
            root_at_from: None,
            ids: HashSet::new(),
            last_recorded: None,
            bad_entries: false,
            rotations: Vec::new(),
            cited: BTreeMap::new(),
        }
    }

    /// Where the entries begin.
    pub(super) fn start(&self) -> u64 {
        self.from_size
    }

    /// Whether a tile belongs into this bundle.
    pub(super) fn holds(&self, tile: TileId) -> bool {
        holds(tile, self.from_size, self.size)
    }

    /// Every tile that belongs into this bundle.
    pub(super) fn expected(&self) -> impl Iterator<Item = TileId> {
        crate::bundle::layout::tiles(self.from_size, self.size)
    }

    /// Takes the rotations found in entries of kind `key`.
    pub(super) fn rotations(&self) -> &[Rotation] {
        &self.rotations
    }

    /// The artifacts that the entries since the previous close cite, each with the first entry that does.
    pub(super) fn cited(&self) -> &BTreeMap<Digest, u64> {
        &self.cited
    }

    /// Takes one tile that belongs into this bundle.
    pub(super) fn tile(&mut self, tile: TileId, bytes: &[u8], out: &mut Differences) {
        match tile.content {
            Content::Hashes(level) => match parse_hashes(bytes, tile.width) {
                Ok(hashes) => {
                    self.given.0.insert((level, tile.index), (tile, hashes));
                }
                Err(e) => out.file(tile, "a hash tile", e),
            },
            Content::Entries => self.entries(tile, bytes, out),
        }
    }

    fn entries(&mut self, tile: TileId, bytes: &[u8], out: &mut Differences) {
        self.begin();
        self.break_at_gap(tile.first());
        let records = match parse_entries(bytes, tile.width) {
            Ok(records) => records,
            Err(e) => {
                out.file(tile, format_args!("{} entries", tile.width), &e);
                self.bad_entries = true;
                self.tree = Some(Err(format!("{tile} is malformed")));
                return;
            }
        };
        let path = tile.to_string();
        for (seq, bytes) in (tile.first()..).zip(records) {
            let place = || Place::Entry { seq, path: path.clone() };
            let before = out.count();
            let leaf = leaf_hash(bytes);
            // The hash tile says which entry it is that was changed.
            if let Some(given) = self.given.node(0, seq).filter(|given| *given != leaf) {
                let expected = format!("the leaf hash {} of its hash tile", hex::encode(given));
                out.add(place(), expected, hex::encode(leaf));
            }
            self.append(leaf);
            self.record(seq, bytes, &place, out);
            self.bad_entries |= out.count() > before;
        }
    }

    /// The tree of what lies before the first entry.
    fn begin(&mut self) {
        if self.tree.is_some() {
            return;
        }
        let before = frontier_at(first_entry(self.from_size), &self.given);
        if let Ok(tree) = &before {
            self.note_root_at_from(tree.size(), tree.root());
        }
        self.tree = Some(before.map_err(|e: ProofError| e.to_string()));
    }

    fn break_at_gap(&mut self, first: u64) {
        if let Some(Ok(tree)) = &self.tree
            && tree.size() != first
        {
            self.tree = Some(Err(format!("entry {} does not follow", tree.size())));
        }
    }

    fn append(&mut self, leaf: Hash) {
        let Some(Ok(tree)) = &mut self.tree else {
            return;
        };
        self.computed.extend(tree.append(leaf));
        let size = tree.size();
        if size == self.from_size {
            let root = tree.root();
            self.note_root_at_from(size, root);
        }
    }

    fn note_root_at_from(&mut self, size: u64, root: Hash) {
        if size == self.from_size {
            self.root_at_from = Some(root);
        }
    }

    /// What a record must be for itself, and after the one before it.
    fn record(&mut self, seq: u64, bytes: &[u8], place: &impl Fn() -> Place, out: &mut Differences) {
        let (record, header) = match Record::from_bytes(bytes.to_vec()) {
            Ok(read) => read,
            Err(e) => return out.add(place(), "a canonical record", e),
        };
        if !self.ids.insert(header.id) {
            out.add(place(), "an id of its own", format_args!("{} again", header.id));
        }
        if let Some(last) = self.last_recorded.filter(|last| *last > header.recorded_at) {
            let expected = format!("recorded_at not before {last}");
            out.add(place(), expected, header.recorded_at);
        }
        self.last_recorded = Some(header.recorded_at);
        if seq == 0 && header.kind != Kind::Deployment.word() {
            let expected = "the deployment, with which a ledger begins";
            out.add(place(), expected, &header.kind);
        }
        if header.kind.parse::<Kind>().is_err() {
            // A later version may have added a kind. Its envelope holds; its body is not ours to judge.
            return;
        }
        match record.read().map(|envelope| envelope.body) {
            Err(e) => out.add(place(), format_args!("an entry of kind {}", header.kind), e),
            Ok(Body::Evidence(evidence)) => {
                let artifacts = evidence.observation.artifacts.iter().map(|a| a.digest);
                self.cite(seq, artifacts.chain(evidence.observation.facts_artifact));
            }
            Ok(Body::Assessment(assessment)) => self.cite(seq, assessment.findings_artifact),
            Ok(Body::Deployment(deployment)) if deployment.origin != self.origin => {
                let expected = format!("a deployment of {}", self.origin);
                out.add(place(), expected, deployment.origin);
            }
            Ok(Body::Key(body)) => self.rotation(seq, &body.statement, place, out),
            Ok(_) => {}
        }
    }

    /// What an entry before the previous close cites lies in an earlier bundle.
    fn cite(&mut self, seq: u64, digests: impl IntoIterator<Item = Digest>) {
        for digest in digests.into_iter().filter(|_| seq >= self.from_size) {
            self.cited.entry(digest).or_insert(seq);
        }
    }

    fn rotation(&mut self, seq: u64, statement: &str, place: &impl Fn() -> Place, out: &mut Differences) {
        match Rotation::of_entry(statement, seq) {
            Ok(rotation) if self.rotations.len() < MAX_ROTATIONS => self.rotations.push(rotation),
            Ok(_) => out.add(place(), format_args!("at most {MAX_ROTATIONS} rotations"), "more"),
            Err(e) => out.add(place(), "a rotation signed by both keys, in its place", e),
        }
    }

    /// Compares the tree with what is signed, once everything was read.
    pub(super) fn finish(
        mut self,
        checkpoint: &Checkpoint,
        previous: Option<&Checkpoint>,
        proven: &mut Vec<Proven>,
        out: &mut Differences,
    ) {
        self.begin();
        let followed = match self.tree.take() {
            Some(Ok(tree)) if tree.size() == self.size => Ok(tree.root()),
            Some(Ok(tree)) => Err(format!("the entries end at {}", tree.size())),
            Some(Err(why)) => Err(why),
            None => Err("there are no entries".to_owned()),
        };
        let root = match followed {
            Ok(root) => root,
            Err(why) => {
                let expected = "a root that can be recomputed from the entries";
                return out.file(CHECKPOINT, expected, why);
            }
        };
        let before = out.count();
        self.compare_tiles(out);
        if root != checkpoint.root || self.size != checkpoint.size {
            let expected = format!("the root {} of its entries", hex::encode(root));
            out.file(CHECKPOINT, expected, hex::encode(checkpoint.root));
        }
        if out.count() == before {
            if !self.bad_entries {
                let (from, until) = (self.from_size, self.size);
                proven.push(Proven::Entries { from, until });
            }
            proven.push(Proven::Root { size: self.size });
        }
        self.compare_previous(previous, proven, out);
    }

    fn compare_previous(&self, previous: Option<&Checkpoint>, proven: &mut Vec<Proven>, out: &mut Differences) {
        let Some(previous) = previous else {
            return;
        };
        if previous.size != self.from_size {
            let expected = format!("size {}, where the entries begin", self.from_size);
            return out.file(PREVIOUS, expected, previous.size);
        }
        match self.root_at_from {
            Some(root) if root == previous.root => proven.push(Proven::Consistency { size: previous.size }),
            Some(root) => out.file(
                PREVIOUS,
                format_args!("the root {} of the entries before it", hex::encode(root)),
                hex::encode(previous.root),
            ),
            None => out.file(PREVIOUS, "a root that can be recomputed", "entries missing"),
        }
    }

    /// Above the leaves, the tiles must hold what the entries give.
    fn compare_tiles(&self, out: &mut Differences) {
        for (level, index) in self.given.0.keys().filter(|(level, _)| *level > 0) {
            let (tile, hashes) = &self.given.0[&(*level, *index)];
            let start = first_entry(self.from_size) >> (8 * level);
            for (position, given) in (0_u64..).zip(hashes) {
                let at = tile.first() + position;
                if at >= start && self.computed.node(*level, at).as_ref() != Some(given) {
                    let path = tile.to_string();
                    let place = Place::Node { path, position };
                    out.add(place, "the hash that the entries give", hex::encode(given));
                }
            }
        }
    }
}
