//! Any text as AWS's shared credentials file.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| exhibit_collectors::fuzzing::aws_keys(text));
