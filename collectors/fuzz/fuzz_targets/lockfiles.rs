//! Any bytes as a lockfile of each kind, which the first byte chooses: reading ends, what it counts are packages that can be named
//! again, and no error holds what a terminal would obey.
#![no_main]

use exhibit_collectors::packages::{Format, Package};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((first, bytes)) = bytes.split_first() else { return };
    let format = Format::ALL[usize::from(first.wrapping_sub(b'a')) % Format::ALL.len()];
    match format.read("lockfile", bytes) {
        Ok(locked) => {
            for package in &locked.packages {
                assert!(package.version().is_some());
                assert_eq!(Package::parse(&package.purl()).as_ref(), Ok(package));
            }
            assert!(locked.apart.iter().all(|apart| !apart.name.contains(char::is_control)));
            assert!(locked.unpinned.iter().all(|one| one.line > 0 && !one.name.contains(char::is_control)));
        }
        Err(error) => assert!(!error.to_string().contains(char::is_control)),
    }
});
