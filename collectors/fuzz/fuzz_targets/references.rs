//! Any bytes as a file that refers to images, whose kind the first byte chooses: `fuzzing::references` says what holds.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| exhibit_collectors::fuzzing::references(bytes));
