//! Any bytes as a line of `journalctl -o json`: what is read is read again the same, and its place can stand in evidence.
#![no_main]

use exhibit_collectors::sources::logs::{journal, place};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some(entry) = journal::entry(bytes) else { return };
    assert!(entry.text.is_empty() || entry.text.ends_with(b"\n"));
    assert!(entry.place.len() <= 80 && entry.place.is_ascii());
    assert_eq!(place::of_unit(&entry.place).unwrap_or_else(|| entry.place.clone()).len(), entry.place.len());
    assert_eq!(journal::entry(bytes), Some(entry));
    if let Ok(path) = std::str::from_utf8(bytes) {
        let once = place::of_file(path);
        assert!(once.len() <= path.len());
    }
});
