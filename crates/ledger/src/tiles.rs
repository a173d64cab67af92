//! Tiles: how the tree is published and bundled
//! ([C2SP tlog-tiles](https://c2sp.org/tlog-tiles)).
//!
//! A hash tile of level `L` and index `N` holds the nodes `N × 256 .. (N + 1) × 256` of the tree's
//! level `L` ([`crate::tree::NodeId`]), 32 bytes each. An entry bundle of index `N` holds the
//! records of the same leaves, each behind its length in two bytes, big-endian. The last tile of a
//! tree may be partial; its width is then part of its path.

use std::fmt;

use crate::tree::{Hash, MAX_LEVEL, TILE_WIDTH};

/// The longest record that an entry bundle can carry, in bytes.
pub const MAX_RECORD_BYTES: usize = u16::MAX as usize;

/// The largest entry bundle, in bytes.
pub const MAX_ENTRIES_BYTES: usize = TILE_WIDTH as usize * (2 + MAX_RECORD_BYTES);

/// The largest hash tile, in bytes.
pub const MAX_HASHES_BYTES: usize = TILE_WIDTH as usize * 32;

/// What a tile holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Content {
    /// Hashes of this level, 0 to [`MAX_LEVEL`].
    Hashes(u8),
    /// Records.
    Entries,
}

/// The name of one tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// What it holds.
    pub content: Content,
    /// Position within its level, from 0.
    pub index: u64,
    /// How many hashes or records it holds: 1 to 256.
    pub width: u16,
}

/// Why bytes are not the tile that they are said to be, or a tile cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    /// A path that names no tile, or not in its one form.
    #[error("not the path of a tile: `tile/<level or entries>/<index>[.p/<width>]` was expected")]
    BadPath,
    /// A hash tile of another length than its width asks for.
    #[error("the hash tile has {found} bytes instead of {expected}")]
    WrongSize {
        /// Bytes expected.
        expected: usize,
        /// Bytes found.
        found: usize,
    },
    /// An entry bundle that ends within an entry.
    #[error("the entry bundle ends within its entry {position}")]
    Truncated {
        /// Which entry of the bundle, from 0.
        position: usize,
    },
    /// An entry bundle with bytes after its last entry.
    #[error("the entry bundle has {extra} bytes after its last entry")]
    TrailingBytes {
        /// How many.
        extra: usize,
    },
    /// A record that two bytes of length cannot measure.
    #[error("record {position} has {found} bytes; at most {MAX_RECORD_BYTES} are possible")]
    RecordTooLong {
        /// Which record of the bundle, from 0.
        position: usize,
        /// Its bytes.
        found: usize,
    },
}

impl TileId {
    /// The tile of this content and index in a tree of `size` leaves, as wide as it is there;
    /// `None` when it would be empty.
    #[must_use]
    pub fn at_size(content: Content, index: u64, size: u64) -> Option<Self> {
        let nodes = match content {
            Content::Entries => size,
            Content::Hashes(level) => size.checked_shr(8 * u32::from(level)).unwrap_or(0),
        };
        let before = index.checked_mul(TILE_WIDTH)?;
        let width = nodes.checked_sub(before)?.min(TILE_WIDTH) as u16;
        (width > 0).then_some(Self { content, index, width })
    }

    /// Whether all 256 places are filled.
    #[must_use]
    pub fn is_full(&self) -> bool {
        u64::from(self.width) == TILE_WIDTH
    }

    /// The index, within the tree's level, of the first node or record it holds.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.index.saturating_mul(TILE_WIDTH)
    }

    /// Reads a tile's path, which [`fmt::Display`] writes.
    ///
    /// # Errors
    /// When it names none, or spells it otherwise (leading zeros, a full width written out).
    pub fn parse(path: &str) -> Result<Self, TileError> {
        Self::read(path).filter(|tile| tile.to_string() == path).ok_or(TileError::BadPath)
    }

    fn read(path: &str) -> Option<Self> {
        let (content, rest) = path.strip_prefix("tile/")?.split_once('/')?;
        let content = match content {
            "entries" => Content::Entries,
            level => Content::Hashes(level.parse().ok().filter(|l| *l <= MAX_LEVEL)?),
        };
        let (digits, width) = match rest.split_once(".p/") {
            None => (rest, TILE_WIDTH as u16),
            Some((digits, width)) => {
                let width = width.parse().ok().filter(|w| (1..256).contains(w))?;
                (digits, width)
            }
        };
        let mut index = 0_u64;
        for group in digits.split('/') {
            let group = group.strip_prefix('x').unwrap_or(group);
            let value = group.parse::<u64>().ok().filter(|v| *v < 1000)?;
            index = index.checked_mul(1000)?.checked_add(value)?;
        }
        Some(Self { content, index, width })
    }
}

impl fmt::Display for TileId {
    /// The path, such as `tile/0/x001/234` or `tile/entries/000.p/17`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.content {
            Content::Hashes(level) => write!(f, "tile/{level}/")?,
            Content::Entries => f.write_str("tile/entries/")?,
        }
        let groups = self.index.checked_ilog(1000).unwrap_or(0);
        for group in (1..=groups).rev() {
            write!(f, "x{:03}/", self.index / 1000_u64.pow(group) % 1000)?;
        }
        write!(f, "{:03}", self.index % 1000)?;
        if !self.is_full() {
            write!(f, ".p/{}", self.width)?;
        }
        Ok(())
    }
}

/// The bytes of a hash tile.
#[must_use]
pub fn write_hashes(hashes: &[Hash]) -> Vec<u8> {
    hashes.concat()
}

/// The hashes in a tile of this width.
///
/// # Errors
/// When the number of bytes does not fit the width.
pub fn parse_hashes(bytes: &[u8], width: u16) -> Result<Vec<Hash>, TileError> {
    let expected = usize::from(width) * 32;
    if bytes.len() != expected {
        let found = bytes.len();
        return Err(TileError::WrongSize { expected, found });
    }
    let (hashes, _) = bytes.as_chunks::<32>();
    Ok(hashes.to_vec())
}

/// The bytes of an entry bundle.
///
/// # Errors
/// When a record is longer than [`MAX_RECORD_BYTES`].
pub fn write_entries<R: AsRef<[u8]>>(records: impl IntoIterator<Item = R>) -> Result<Vec<u8>, TileError> {
    let mut out = Vec::new();
    for (position, record) in records.into_iter().enumerate() {
        let record = record.as_ref();
        let found = record.len();
        let length = u16::try_from(found).map_err(|_| TileError::RecordTooLong { position, found })?;
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(record);
    }
    Ok(out)
}

/// The records in an entry bundle of this width.
///
/// # Errors
/// When the bundle ends within an entry, or has bytes after the last one.
pub fn parse_entries(bytes: &[u8], width: u16) -> Result<Vec<&[u8]>, TileError> {
    let mut records = Vec::with_capacity(width.into());
    let mut rest = bytes;
    for position in 0..usize::from(width) {
        let (record, after) = rest
            .split_first_chunk::<2>()
            .and_then(|(length, tail)| tail.split_at_checked(u16::from_be_bytes(*length).into()))
            .ok_or(TileError::Truncated { position })?;
        records.push(record);
        rest = after;
    }
    match rest.len() {
        0 => Ok(records),
        extra => Err(TileError::TrailingBytes { extra }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        let cases = [
            (Content::Hashes(0), 0, 256, "tile/0/000"),
            (Content::Hashes(1), 273, 16, "tile/1/273.p/16"),
            (Content::Entries, 1_234_067, 256, "tile/entries/x001/x234/067"),
            (Content::Entries, 999, 1, "tile/entries/999.p/1"),
            (Content::Entries, 1000, 256, "tile/entries/x001/000"),
        ];
        for (content, index, width, path) in cases {
            let tile = TileId { content, index, width };
            assert_eq!(tile.to_string(), path);
            assert_eq!(TileId::parse(path), Ok(tile));
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for path in [
            "",
            "tile/",
            "tile/0",
            "tile/0/",
            "tile/00/000",
            "tile/8/000",
            "tile/0/0",
            "tile/0/0000",
            "tile/0/x000/001",
            "tile/0/x001",
            "tile/0/001/000",
            "tile/0/x001/x000",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/01",
            "tile/0/000.p/",
            "tile/0/000/",
            "tile/-1/000",
            "tile/data/000",
            "tile/0/+01",
            "/tile/0/000",
            "tile/0/x018/x446/x744/x073/x709/x551/616",
        ] {
            assert_eq!(TileId::parse(path), Err(TileError::BadPath), "{path}");
        }
    }

    #[test]
    fn a_tile_is_as_wide_as_the_tree_makes_it() {
        let width = |content, index, size| TileId::at_size(content, index, size).map(|t| t.width);
        assert_eq!(width(Content::Entries, 0, 0), None);
        assert_eq!(width(Content::Entries, 0, 1), Some(1));
        assert_eq!(width(Content::Hashes(0), 1, 512), Some(256));
        assert_eq!(width(Content::Hashes(0), 2, 512), None);
        assert_eq!(width(Content::Hashes(1), 0, 511), Some(1));
        assert_eq!(width(Content::Hashes(2), 0, 65_535), None);
        assert_eq!(width(Content::Hashes(7), 0, u64::MAX), Some(255));
        assert_eq!(width(Content::Hashes(0), u64::MAX, u64::MAX), None);
    }

    #[test]
    fn entry_bundles_are_read_strictly() {
        let bytes = write_entries([&b"one"[..], b"", b"three"]).unwrap();
        assert_eq!(bytes, b"\0\x03one\0\0\0\x05three");
        assert_eq!(parse_entries(&bytes, 3).unwrap(), [&b"one"[..], b"", b"three"]);
        assert_eq!(parse_entries(&bytes, 2), Err(TileError::TrailingBytes { extra: 7 }));
        assert_eq!(parse_entries(&bytes, 4), Err(TileError::Truncated { position: 3 }));
        assert_eq!(parse_entries(&bytes[..11], 3), Err(TileError::Truncated { position: 2 }));
        let long = vec![0; MAX_RECORD_BYTES + 1];
        assert_eq!(write_entries([&long[1..]]).unwrap().len(), MAX_RECORD_BYTES + 2);
        assert_eq!(write_entries([&[][..], &long]), Err(TileError::RecordTooLong { position: 1, found: 65_536 }));
        assert_eq!(parse_hashes(&[0; 33], 1), Err(TileError::WrongSize { expected: 32, found: 33 }));
    }

    proptest! {
        #[test]
        fn paths_agree_with_tlog_tiles(level in 0_u8..=7, index: u64, width in 1_u16..=256) {
            let ours = TileId { content: Content::Hashes(level), index, width };
            prop_assert_eq!(TileId::parse(&ours.to_string()), Ok(ours));
            let theirs = tlog_tiles::Tile::new(8, level, index, width.into(), false);
            // Theirs carry the tile height, 8, which tlog-tiles leaves out.
            prop_assert_eq!(ours.to_string(), theirs.path().replacen("tile/8/", "tile/", 1));
        }

        #[test]
        fn records_survive_a_bundle(records in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..=256)) {
            let bytes = write_entries(&records).unwrap();
            prop_assert_eq!(parse_entries(&bytes, records.len() as u16).unwrap(), records);
        }

        #[test]
        fn parsing_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..400), width in 0_u16..=256, path in "(tile|x|/|[0-9]{1,4}|entries|\\.p){0,12}") {
            let _ = parse_entries(&bytes, width);
            let _ = parse_hashes(&bytes, width);
            if let Ok(tile) = TileId::parse(&path) {
                prop_assert_eq!(tile.to_string(), path);
            }
        }
    }
}
