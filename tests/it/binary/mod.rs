//! The program from outside, as people and their scripts meet it.

mod asking;
mod attest;
pub(crate) mod authority;
mod bad_results;
mod bucket;
mod bucket_keys;
mod cores;
mod custody;
mod demo;
mod disclosures;
mod doctor;
mod empty_index;
mod help;
mod hostile;
mod importing;
mod init;
mod interrupted;
mod keys;
mod kills;
mod leaks;
mod looking_up;
mod majors;
mod own_rules;
mod publisher;
mod pulling;
mod pushing;
mod restore;
mod scan;
mod scanning;
mod serve;
mod serve_keys;
mod serve_kills;
mod server;
mod tampering;
mod tls;
mod tokens;
mod vaults;
mod waiver;

use std::{
    fs,
    io::ErrorKind,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use exhibit_tests::{Needles, fresh_binary};
use serde_json::Value;
use tempfile::TempDir;

/// The program with these arguments, started in `folder`, seeing nothing of the tests' own surroundings.
fn exhibit(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(fresh_binary());
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).env_clear();
    for kept in ["PATH", "HOME", "TMPDIR", "USER", "PIP_CERT", "PIP_FIND_LINKS", "XDG_CACHE_HOME"] {
        if let Some(value) = std::env::var_os(kept) {
            command.env(kept, value);
        }
    }
    command
}

/// Runs it to its end.
fn output(folder: &Path, arguments: &[&str]) -> Output {
    exhibit(folder, arguments).output().expect("the program starts")
}

/// Runs it, asserts how it ended, and gives back what it printed.
#[track_caller]
fn ends_with(code: i32, folder: &Path, arguments: &[&str]) -> String {
    let output = output(folder, arguments);
    let printed = String::from_utf8(output.stdout).expect("it prints UTF-8");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "exhibit {arguments:?}\n{printed}\n{said}");
    printed
}

/// The same, for what is printed as JSON.
#[track_caller]
fn json(code: i32, folder: &Path, arguments: &[&str]) -> Value {
    let printed = ends_with(code, folder, arguments);
    serde_json::from_str(&printed)
        .unwrap_or_else(|error| panic!("exhibit {arguments:?} prints JSON: {error}\n{printed}"))
}

/// Looks for the needles in every file below a folder but those that are left out: how many bytes were searched, and what
/// was found where.
fn searched(folder: &Path, needles: &Needles, left_out: impl Fn(&Path) -> bool) -> (usize, Vec<String>) {
    let (mut bytes, mut found) = (0, Vec::new());
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the folder can be read") {
            let path = entry.expect("an entry").path();
            if left_out(&path) || path.is_symlink() {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.is_file() {
                let content = match fs::read(&path) {
                    // A server that still runs takes away files of its own.
                    Err(error) if error.kind() == ErrorKind::NotFound => continue,
                    content => content.expect("the file can be read"),
                };
                bytes += content.len();
                found.extend(needles.told_in(&content).into_iter().map(|form| format!("{}: {form}", path.display())));
            }
        }
    }
    (bytes, found)
}

/// A folder for a deployment, which any user may pass through; whatever of a server is left there is stopped in the end.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("it is ours");
        Self { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn join(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Every command adopts a server that a killed one left behind, and stops it as its last user.
        for configuration in ["exhibit.toml", "look/exhibit.toml"] {
            if self.join(configuration).exists() {
                let _ = output(self.path(), &["archive", "list", "--config", configuration]);
            }
        }
    }
}
