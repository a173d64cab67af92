//! Any bytes: keys have one spelling; rotation statements are read without a panic, and never without two signatures.
#![no_main]

use exhibit_ledger::keys::{KeyHistory, Rotation};
use exhibit_ledger::note::{Note, SigningKey, VerifierKey};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let key = |seed: u8| SigningKey::from_seed("example.org/log", &[seed; 32]).expect("a name");
    if let Ok(rotation) = Rotation::parse(bytes) {
        let note = Note::parse(bytes).expect("it was read from one");
        assert_eq!(note.verify([&rotation.old, &rotation.new]).map(|signed| signed.len()), Ok(2));
        let _ = KeyHistory::walk(&rotation.origin, &rotation.new, std::slice::from_ref(&rotation));
    }
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Ok(read) = VerifierKey::parse(text) {
        assert_eq!(read.to_string(), text);
    }
    if let Ok(read) = SigningKey::parse(text) {
        assert_eq!(*read.to_secret_text(), text);
        assert!(!format!("{read:?}").contains(text));
    }
    // The text as the origin: what is signed is read back, whatever the origin holds.
    if let Ok(note) = Rotation::sign(text, bytes.len() as u64, &key(1), &key(2)) {
        let read = Rotation::parse(&note.to_bytes()).expect("what was signed");
        assert_eq!(read.origin, text);
        let history = KeyHistory::walk(text, key(2).verifier(), &[read]).expect("one line of keys");
        assert_eq!(history.windows().len(), 2);
    }
});
