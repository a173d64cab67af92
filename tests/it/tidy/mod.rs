//! Rules of this repository that the compiler does not hold, as tests. Each says what to do about it.

mod documents;
mod edges;
mod layout;
mod migrations;
mod sources;

use std::{fs, path::PathBuf, process::Command, sync::LazyLock};

/// The repository's folder.
fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Every file of the repository, tracked or about to be, by its path from the repository's folder.
static FILES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let listed = Command::new("git")
        // A checkout that belongs to another user is still this checkout.
        .args(["-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git runs");
    assert!(listed.status.success(), "git ls-files: {}", String::from_utf8_lossy(&listed.stderr));
    let names = String::from_utf8(listed.stdout).expect("names are UTF-8");
    let mut files: Vec<String> =
        names.split_terminator('\0').filter(|name| root().join(name).is_file()).map(str::to_owned).collect();
    files.sort();
    assert!(files.len() > 100, "only {} files are listed", files.len());
    files
});

/// The files whose name ends so.
fn files_ending(end: &str) -> impl Iterator<Item = &'static str> {
    FILES.iter().map(String::as_str).filter(move |name| name.ends_with(end))
}

/// A file's text, or None where it is not text.
fn text(name: &str) -> Option<String> {
    String::from_utf8(fs::read(root().join(name)).expect("a listed file can be read")).ok()
}

/// Fails with every difference at once, and with what to do about them.
#[track_caller]
fn none(differences: Vec<String>, rule: &str) {
    assert!(differences.is_empty(), "{rule}\n  {}", differences.join("\n  "));
}
