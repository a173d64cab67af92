//! Any bytes: what is read as canonical is written as it was; what is JSON has one canonical form at most.
#![no_main]

use exhibit_evidence::{parse_canonical, to_canonical};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let read = parse_canonical(bytes);
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(bytes) else {
        assert!(read.is_err(), "what is no JSON is not canonical");
        return;
    };
    let Ok(canonical) = to_canonical(&value) else {
        assert!(read.is_err(), "what has no canonical form was read");
        return;
    };
    assert_eq!(read.is_ok(), canonical == bytes);
    assert_eq!(parse_canonical(&canonical).expect("its own output"), value);
    // An implementation of RFC 8785 that nobody here wrote.
    assert_eq!(canonical, serde_json_canonicalizer::to_vec(&value).expect("it has a canonical form"));
});
