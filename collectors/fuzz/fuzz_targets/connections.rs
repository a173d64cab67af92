//! Any text taken apart as a connection string: the password's place lies in the text, and `Debug` shows none of it.
#![no_main]

use exhibit_collectors::sources::urls::{Connection, take_apart};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let found = take_apart(text);
    let shown = format!("{found:?}");
    let Connection::Parts(parts) = found else { return };
    let written = text.get(parts.password_range()).expect("a place in the text");
    if parts.password.is_none() {
        assert!(written.is_empty());
    }
    // Longer than any word that `Debug` prints of itself.
    if written.len() > 20 {
        assert!(!shown.contains(written));
    }
    let _ = parts.is_loopback();
});
