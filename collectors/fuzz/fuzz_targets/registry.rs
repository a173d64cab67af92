//! Any bytes as what a registry of images answers, and as what names one: `fuzzing::registry` says in which form.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| exhibit_collectors::fuzzing::registry(bytes));
