//! Any bytes: matches stay in bounds and apart, and masking leaves nothing to find.
#![no_main]

use exhibit_detect::{Engine, mask};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let engine = Engine::builtin();
    let mut end = 0;
    for found in engine.scan(bytes) {
        assert!(found.span.end <= bytes.len());
        assert!(found.secret.start >= end && found.secret.start < found.secret.end);
        end = found.secret.end;
    }
    let masked = mask(engine, &[], bytes);
    assert!(engine.scan(&masked.bytes).is_empty());
});
