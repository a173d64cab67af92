//! Any bytes as a unit of systemd and, behind a NUL, as a drop-in over it, beside a file that they may name.
#![no_main]

use std::{fs, sync::LazyLock};

use exhibit_collectors::fuzzing::with_source;
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("a.env"), "P=1\nQ=\nA=9\n").expect("written");
    folder
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // A NUL, which no unit holds, begins the drop-in.
    let (unit, over) = match bytes.iter().position(|byte| *byte == 0) {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (bytes, &[][..]),
    };
    fs::write(FOLDER.path().join("app.service"), unit).expect("written");
    fs::write(FOLDER.path().join("over.conf"), over).expect("written");
    with_source(FOLDER.path(), "systemd={units=['app.service','over.conf']}");
});
