//! Which tiles a bundle holds: the log at the checkpoint's size, pruned (in the sense of
//! tlog-tiles) to what is needed from the previous close on.

use crate::tiles::{Content, TileId};
use crate::tree::{MAX_LEVEL, NodeRange, TILE_WIDTH};

/// The first entry that a bundle from this size holds: entry bundles are whole, so up to 255
/// entries before `from_size` come along.
#[must_use]
pub fn first_entry(from_size: u64) -> u64 {
    from_size / TILE_WIDTH * TILE_WIDTH
}

/// The nodes of what lies before [`first_entry`] that a bundle's tiles carry. Levels 1 and above
/// only; at most 255 a level.
#[must_use]
pub fn nodes_before(from_size: u64) -> Vec<NodeRange> {
    (1..=MAX_LEVEL)
        .map(|level| {
            let complete = from_size >> (8 * level);
            NodeRange { level, start: complete / TILE_WIDTH * TILE_WIDTH, count: complete % TILE_WIDTH }
        })
        .filter(|range| range.count > 0)
        .collect()
}

/// Every tile of a bundle, by content and index.
pub(super) fn tiles(from_size: u64, size: u64) -> impl Iterator<Item = TileId> {
    let levels = (0..=MAX_LEVEL).map(Content::Hashes);
    levels.chain([Content::Entries]).flat_map(move |content| tiles_of(content, from_size, size))
}

/// The tiles of one content.
pub(super) fn tiles_of(content: Content, from_size: u64, size: u64) -> impl Iterator<Item = TileId> {
    (first_tile(content, from_size)..).map_while(move |index| TileId::at_size(content, index, size))
}

/// Whether a bundle holds this tile.
pub(super) fn holds(tile: TileId, from_size: u64, size: u64) -> bool {
    tile.index >= first_tile(tile.content, from_size) && TileId::at_size(tile.content, tile.index, size) == Some(tile)
}

fn first_tile(content: Content, from_size: u64) -> u64 {
    match content {
        Content::Entries => from_size / TILE_WIDTH,
        Content::Hashes(level) => (from_size >> (8 * level)) / TILE_WIDTH,
    }
}

/// Whether a text may be a path in a bundle: relative, printable ASCII, no empty or dotted step, no
/// backslash, short enough for a plain tar header.
pub(super) fn is_path(path: &str) -> bool {
    path.len() <= 200
        && path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
        && path.split('/').all(|step| !matches!(step, "" | "." | ".."))
}
