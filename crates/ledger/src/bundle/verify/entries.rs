//! The entries of a bundle and the tree over them.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use exhibit_evidence::{Digest, EntryId, Timestamp};

use super::examine::{Examined, Says};
use super::report::{Differences, Place, Proven};
use crate::bundle::layout::{first_entry, holds};
use crate::bundle::{CHECKPOINT, PREVIOUS};
use crate::checkpoint::Checkpoint;
use crate::keys::{MAX_ROTATIONS, Rotation};
use crate::tiles::{TileId, parse_hashes};
use crate::tree::{Frontier, Hash, NodeMap, NodeReader, ProofError, TILE_WIDTH, frontier_at};

/// The bundle's hash tiles, by level and index.
#[derive(Default)]
struct HashTiles(BTreeMap<(u8, u64), (TileId, Vec<Hash>)>);

impl NodeReader for HashTiles {
    fn node(&self, level: u8, index: u64) -> Option<Hash> {
        let (_, hashes) = self.0.get(&(level, index / TILE_WIDTH))?;
        hashes.get((index % TILE_WIDTH) as usize).copied()
    }
}

/// What is counted of the entries since the previous close.
#[derive(Clone, Copy, Default)]
pub(super) struct Counts {
    /// Of kinds that this version does not know.
    pub(super) unknown_kinds: u64,
    /// Receipts.
    pub(super) receipts: u64,
    /// Values that stand in the records as digests.
    pub(super) disclosable: u64,
}

/// The ids that were seen. Nearly all of them ascend, as the times in them do, and need no more than a list.
#[derive(Default)]
struct Ids {
    ascending: Vec<EntryId>,
    others: HashSet<EntryId>,
}

impl Ids {
    /// Whether this id was not there yet.
    fn insert(&mut self, id: EntryId) -> bool {
        if self.ascending.last().is_none_or(|last| *last < id) {
            self.ascending.push(id);
            return true;
        }
        self.ascending.binary_search(&id).is_err() && self.others.insert(id)
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
    /// Sizes whose roots are wanted, and the roots.
    wanted: BTreeSet<u64>,
    roots: BTreeMap<u64, Hash>,
    counts: Counts,
    ids: Ids,
    last_recorded: Option<Timestamp>,
    bad_entries: bool,
    rotations: Vec<Rotation>,
    /// By digest, the first entry that cites it.
    cited: BTreeMap<Digest, u64>,
}

impl Entries {
    /// The entries from one size to another; besides the root at the first, those at `wanted` sizes are noted.
    pub(super) fn new(origin: &str, from_size: u64, size: u64, mut wanted: BTreeSet<u64>) -> Self {
        wanted.insert(from_size);
        Self {
            origin: origin.to_owned(),
            from_size,
            size,
            given: HashTiles::default(),
            computed: NodeMap::new(),
            tree: None,
            wanted,
            roots: BTreeMap::new(),
            counts: Counts::default(),
            ids: Ids::default(),
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

    /// Where the entries end.
    pub(super) fn end(&self) -> u64 {
        self.size
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

    /// The log.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// What was counted in passing.
    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// Takes one hash tile that belongs into this bundle.
    pub(super) fn hashes(&mut self, tile: TileId, level: u8, bytes: &[u8], out: &mut Differences) {
        match parse_hashes(bytes, tile.width) {
            Ok(hashes) => {
                self.given.0.insert((level, tile.index), (tile, hashes));
            }
            Err(e) => out.file(tile, "a hash tile", e),
        }
    }

    /// Takes the next entry bundle.
    pub(super) fn take(&mut self, examined: Examined, out: &mut Differences) {
        let tile = examined.tile;
        self.begin();
        self.break_at_gap(tile.first());
        let entries = match examined.entries {
            Ok(entries) => entries,
            Err(e) => {
                out.file(tile, format_args!("{} entries", tile.width), &e);
                self.bad_entries = true;
                self.tree = Some(Err(format!("{tile} is malformed")));
                return;
            }
        };
        let path = tile.to_string();
        for (seq, entry) in (tile.first()..).zip(entries) {
            let place = || Place::Entry { seq, path: path.clone() };
            let before = out.count();
            // The hash tile says which entry it is that was changed.
            if let Some(given) = self.given.node(0, seq).filter(|given| *given != entry.leaf) {
                let expected = format!("the leaf hash {} of its hash tile", hex::encode(given));
                out.add(place(), expected, hex::encode(entry.leaf));
            }
            self.append(entry.leaf);
            self.follow(entry.envelope, &place, out);
            for (expected, found) in entry.wrong {
                out.add(place(), expected, found);
            }
            self.hear(seq, entry.says, &place, out);
            self.bad_entries |= out.count() > before;
        }
    }

    /// The tree of what lies before the first entry.
    fn begin(&mut self) {
        if self.tree.is_some() {
            return;
        }
        let before = frontier_at(first_entry(self.from_size), &self.given);
        if let Some(tree) = before.as_ref().ok().filter(|tree| self.wanted.contains(&tree.size())) {
            self.roots.insert(tree.size(), tree.root());
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
        if self.wanted.contains(&size) {
            self.roots.insert(size, tree.root());
        }
    }

    /// What an envelope must be after the one before it.
    fn follow(&mut self, envelope: Option<(EntryId, Timestamp)>, place: &impl Fn() -> Place, out: &mut Differences) {
        let Some((id, recorded_at)) = envelope else {
            return;
        };
        if !self.ids.insert(id) {
            out.add(place(), "an id of its own", format_args!("{id} again"));
        }
        if let Some(last) = self.last_recorded.filter(|last| *last > recorded_at) {
            out.add(place(), format_args!("recorded_at not before {last}"), recorded_at);
        }
        self.last_recorded = Some(recorded_at);
    }

    /// What an entry before the previous close says is told by an earlier bundle.
    fn hear(&mut self, seq: u64, says: Says, place: &impl Fn() -> Place, out: &mut Differences) {
        let own = seq >= self.from_size;
        match says {
            Says::Rotation(rotation) if self.rotations.len() < MAX_ROTATIONS => self.rotations.push(*rotation),
            Says::Rotation(_) => out.add(place(), format_args!("at most {MAX_ROTATIONS} rotations"), "more"),
            _ if !own => {}
            Says::UnknownKind => self.counts.unknown_kinds += 1,
            Says::Receipt => self.counts.receipts += 1,
            Says::Cites { artifacts, disclosable } => {
                self.counts.disclosable += disclosable;
                for digest in artifacts {
                    self.cited.entry(digest).or_insert(seq);
                }
            }
            Says::Nothing => {}
        }
    }

    /// The root at a size, where the entries pass it.
    pub(super) fn root_at(&self, size: u64) -> Option<Hash> {
        self.roots.get(&size).copied()
    }

    /// Compares the tree with what is signed, once everything was read.
    pub(super) fn finish(
        &mut self,
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
        match self.root_at(self.from_size) {
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

#[cfg(test)]
mod tests {
    use super::{EntryId, Ids};

    #[test]
    fn an_id_counts_once_wherever_it_comes_again() {
        let id = |n: u64| format!("01890000-0000-7000-8000-{n:012x}").parse::<EntryId>().unwrap();
        let mut ids = Ids::default();
        let new: Vec<bool> = [2, 4, 6, 3, 6, 2, 3, 4, 7, 1, 1].into_iter().map(|n| ids.insert(id(n))).collect();
        assert_eq!(new, [true, true, true, true, false, false, false, false, true, true, false]);
    }
}
