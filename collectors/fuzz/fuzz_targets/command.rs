//! Any bytes as what a manager's command prints, in the form that the first byte chooses.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| exhibit_collectors::fuzzing::command(bytes));
