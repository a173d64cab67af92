//! Any bytes: a checkpoint's three lines have one spelling, and its note is kept to the byte.
#![no_main]

use exhibit_ledger::checkpoint::{Checkpoint, SignedCheckpoint};
use exhibit_ledger::note::SigningKey;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(signed) = SignedCheckpoint::parse(bytes) {
        assert_eq!(signed.to_bytes(), bytes);
        assert!(signed.note().text().starts_with(&signed.unverified().text()));
    }
    let Ok(text) = str::from_utf8(bytes) else { return };
    let Ok(checkpoint) = Checkpoint::parse_text(text) else { return };
    // Extension lines may follow.
    assert!(text.starts_with(&checkpoint.text()));
    let key = SigningKey::from_seed("example.org/log", &[1; 32]).expect("a name");
    if let Ok(signed) = checkpoint.clone().sign(&[&key]) {
        let read = SignedCheckpoint::parse(&signed.to_bytes()).expect("what was signed");
        assert_eq!(read.verify(&checkpoint.origin, [key.verifier()]), Ok(&checkpoint));
    }
});
