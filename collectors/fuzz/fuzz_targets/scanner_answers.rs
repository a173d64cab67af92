//! Any bytes as what a scanner says of its version and its database: `fuzzing::scanner_answers` says what holds.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| exhibit_collectors::fuzzing::scanner_answers(bytes));
