//! Any bytes: a tile's path has one spelling; hashes and records that are read are written again to the byte.
#![no_main]

use exhibit_ledger::tiles::{TileId, parse_entries, parse_hashes, write_entries, write_hashes};

libfuzzer_sys::fuzz_target!(|input: (u16, &[u8])| {
    let (width, bytes) = input;
    if let Ok(path) = str::from_utf8(bytes)
        && let Ok(tile) = TileId::parse(path)
    {
        assert_eq!(tile.to_string(), path);
        assert!((1..=256).contains(&tile.width));
    }
    if let Ok(records) = parse_entries(bytes, width) {
        assert_eq!(records.len(), usize::from(width));
        assert_eq!(write_entries(&records).expect("their lengths fitted"), bytes);
    }
    if let Ok(hashes) = parse_hashes(bytes, width) {
        assert_eq!(write_hashes(&hashes), bytes);
    }
});
