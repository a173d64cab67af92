//! Any bytes as a stream in any chunks, with everything that can be looked for: the first three bytes choose.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| exhibit_detect::fuzzing::stream(bytes));
