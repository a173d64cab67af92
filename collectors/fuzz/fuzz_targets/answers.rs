//! Any bytes as what servers answer to sources of secrets and of logs: `fuzzing::answers` says in which form.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| exhibit_collectors::fuzzing::answers(bytes));
