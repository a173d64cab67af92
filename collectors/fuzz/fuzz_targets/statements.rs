//! Any bytes as OpenVEX: `fuzzing::statements` says what holds.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| exhibit_collectors::fuzzing::statements(bytes));
