//! Any bytes as a container image: `fuzzing::images` says in which form, and what holds.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| exhibit_collectors::fuzzing::images(bytes));
