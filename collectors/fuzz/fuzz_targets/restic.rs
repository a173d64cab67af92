//! Any bytes as what restic prints of snapshots and files.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| exhibit_collectors::fuzzing::restic(bytes));
