//! Any bytes as an adapter's file: `fuzzing::adapters` says what holds.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| exhibit_collectors::fuzzing::adapters(bytes));
