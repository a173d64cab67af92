//! Any bytes as a `wrangler.toml`: its top level, and an environment in it.
#![no_main]

use std::{fs, sync::LazyLock};

use exhibit_collectors::fuzzing::with_source;
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| {
    TempDir::new().expect("a folder")
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    fs::write(FOLDER.path().join("wrangler.toml"), bytes).expect("written");
    with_source(FOLDER.path(), "wrangler={files='wrangler.toml'}");
    with_source(FOLDER.path(), "wrangler={files='wrangler.toml',env='prod'}");
});
