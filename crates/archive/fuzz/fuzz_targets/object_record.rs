//! Any bytes as the note that the write-once directory keeps beside an object.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| exhibit_archive::fuzzing::record(bytes));
