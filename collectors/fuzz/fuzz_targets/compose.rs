//! Any bytes as a compose file, and as a second one over it: what can be read and counted, by two paths, gives the
//! same number.
#![no_main]

use std::{fs, sync::LazyLock};

use exhibit_collectors::sources::{Root, Source, compose::Compose};
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = TempDir::new().expect("a folder to write to");
    fs::write(folder.path().join("a.env"), "P=1\nQ\nR=$V\nA=9\n").expect("written");
    fs::write(folder.path().join(".env"), "V=v\n").expect("written");
    fs::write(folder.path().join("o.yml"), "services: {far: {environment: {F: 1}, env_file: a.env}}\n")
        .expect("written");
    folder
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // A NUL, which no YAML holds, begins the second file.
    let (first, second) = match bytes.iter().position(|byte| *byte == 0) {
        Some(at) => (&bytes[..at], Some(&bytes[at + 1..])),
        None => (bytes, None),
    };
    fs::write(FOLDER.path().join("c.yml"), first).expect("written");
    let mut files = vec!["c.yml".to_owned()];
    if let Some(second) = second {
        fs::write(FOLDER.path().join("d.yml"), second).expect("written");
        files.push("d.yml".to_owned());
    }
    let source = Compose {
        root: Root::folder(FOLDER.path()),
        environment: "production".to_owned(),
        files,
        env_files: Vec::new(),
    };
    // The count reads types where the reader looks for names, and so refuses more: an error then, never a pass.
    let (Ok(reading), Ok(listing)) = (source.read(), source.listing()) else { return };
    let seen = reading.examined + reading.unread.len() as u64;
    assert_eq!(listing.names, seen);
});
