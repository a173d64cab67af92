//! Any text as an object's key: what is taken is kept as it was written, and never leads out of a folder.
#![no_main]

use std::path::{Component, Path};

use exhibit_archive::{MAX_KEY_BYTES, ObjectKey};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let Ok(key) = ObjectKey::parse(text) else { return };
    assert_eq!(key.as_str(), text);
    assert!((1..=MAX_KEY_BYTES).contains(&text.len()));
    assert_eq!(key.segments().collect::<Vec<_>>().join("/"), text);
    let path = Path::new(text);
    assert!(path.components().all(|part| matches!(part, Component::Normal(_))));
    assert_eq!(path.components().count(), key.segments().count());
});
