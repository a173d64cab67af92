//! Any bytes as a manifest: what can be read and counted, by two paths, gives the same number.
#![no_main]

use std::{fs, sync::LazyLock};

use exhibit_collectors::sources::{Root, Source, kubernetes::Kubernetes};
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| TempDir::new().expect("a folder to write to"));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    fs::write(FOLDER.path().join("x.yaml"), bytes).expect("written");
    let source = Kubernetes::files_at(Root::folder(FOLDER.path()), "production".to_owned(), vec!["x.yaml".to_owned()]);
    // The count reads types where the reader looks for names, and so refuses more: an error then, never a pass.
    let (Ok(reading), Ok(listing)) = (source.read(), source.listing()) else { return };
    let seen = reading.examined + reading.unread.len() as u64;
    assert_eq!(listing.names, seen);
});
