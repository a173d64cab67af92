//! Any bytes as what kubectl prints: a program in its place prints them.
#![no_main]

use std::{fs, os::unix::fs::PermissionsExt as _, sync::LazyLock};

use exhibit_collectors::fuzzing::with_source;
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = TempDir::new().expect("a folder");
    let program = folder.path().join("kubectl");
    fs::write(&program, "#!/bin/sh\nexec cat printed\n").expect("written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).expect("a program");
    folder
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    fs::write(FOLDER.path().join("printed"), bytes).expect("written");
    with_source(FOLDER.path(), "kubectl={namespace='app',program='./kubectl'}");
});
