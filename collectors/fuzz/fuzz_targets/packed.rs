//! Any bytes as a packed file: reading ends, within its limits, and always tells something.
#![no_main]

use std::fs::File;
use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};

use exhibit_collectors::reading::{Excluded, Limits, Visitor, read_bytes};

/// Counts what is told.
#[derive(Default)]
struct Count {
    told: AtomicU64,
    bytes: AtomicU64,
}

impl Visitor for Count {
    fn stream(&self, _: &str, bytes: &mut dyn Read) -> io::Result<()> {
        self.told.fetch_add(1, Ordering::Relaxed);
        let mut buffer = [0; 4096];
        loop {
            match bytes.read(&mut buffer)? {
                0 => return Ok(()),
                count => self.bytes.fetch_add(count as u64, Ordering::Relaxed),
            };
        }
    }

    fn bytes(&self, _: &str, bytes: &[u8]) {
        self.told.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
    }

    fn file(&self, _: &str, _: &File, _: u64) -> io::Result<()> {
        unreachable!("there is no file")
    }

    fn excluded(&self, excluded: Excluded) {
        assert!(!excluded.reason.to_string().is_empty());
        self.told.fetch_add(1, Ordering::Relaxed);
    }
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { free: 1 << 20, bytes: 4 << 20, entries: 1000, held: 1 << 16, window: 1 << 20, ..Limits::default() };
    let count = Count::default();
    read_bytes("packed", bytes, limits, &count);
    let told = count.told.into_inner();
    // An archive may hold nothing but folders, or nothing at all.
    assert!(told > 0 || bytes.starts_with(b"PK") || bytes.len() >= 22);
    assert!(count.bytes.into_inner() <= limits.bytes + bytes.len() as u64);
});
