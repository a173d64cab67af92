//! Any bytes: a note that is read is written again to the byte; a note that is signed is read back.
#![no_main]

use exhibit_ledger::note::{Note, SigningKey};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(note) = Note::parse(bytes) {
        assert_eq!(note.to_bytes(), bytes);
        assert!(note.text().ends_with('\n'));
        assert!(!note.signatures().is_empty());
    }
    let key = SigningKey::from_seed("example.org/log", &[1; 32]).expect("a name");
    if let Ok(text) = str::from_utf8(bytes)
        && let Ok(note) = Note::sign(text, &[&key])
    {
        let read = Note::parse(&note.to_bytes()).expect("what was signed");
        assert_eq!(read, note);
        assert_eq!(read.verify([key.verifier()]).expect("our own signature").len(), 1);
    }
});
