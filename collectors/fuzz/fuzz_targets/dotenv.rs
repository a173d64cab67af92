//! Any bytes as one dotenv file, or as two: what can be read can be counted, by another reader, to the same number.
#![no_main]

use std::{fs, sync::LazyLock};

use exhibit_collectors::sources::{Root, Source, dotenv::Dotenv};
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| TempDir::new().expect("a folder to write to"));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // A NUL begins the second file.
    let (first, second) = match bytes.iter().position(|byte| *byte == 0) {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (bytes, &[][..]),
    };
    fs::write(FOLDER.path().join("a.env"), first).expect("written");
    fs::write(FOLDER.path().join("b.env"), second).expect("written");
    let source = Dotenv {
        root: Root::folder(FOLDER.path()),
        environment: "production".to_owned(),
        files: vec!["a.env".to_owned(), "b.env".to_owned()],
    };
    let listing = source.listing();
    let Ok(reading) = source.read() else { return };
    let seen = reading.examined + reading.unread.len() as u64;
    assert_eq!(listing.expect("read, so counted").names, seen);
});
