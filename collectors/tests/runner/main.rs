//! The runner against programs that mean harm: each ends as an error that says what happened, and nothing of it stays.

mod hostile;
mod kept_away;
#[path = "../../../tests/it/packages.rs"]
mod packages;
mod real;
#[path = "../../../tests/it/scanners/mod.rs"]
mod scanners;

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use exhibit_collectors::runner::{Binary, Fence, InForce, Limits, Ran, Runner as _, RunnerError, Spawning, Task};

/// A scanner that is a script, and the folder that it lies in, which is its target too.
struct Script {
    folder: tempfile::TempDir,
    limits: Limits,
    network: bool,
}

impl Script {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("scanner");
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("made a program");
        let limits = Limits { time: Duration::from_secs(60), ..Limits::default() };
        Self { folder, limits, network: false }
    }

    fn limited(mut self, with: impl FnOnce(&mut Limits)) -> Self {
        with(&mut self.limits);
        self
    }

    /// The folder that it may write, where a test sees what it wrote after the run.
    fn notes(&self) -> PathBuf {
        let notes = self.folder.path().join("notes");
        fs::create_dir_all(&notes).expect("made");
        notes
    }

    /// Runs it, with its target's and its notes' folder as arguments.
    fn run(&self) -> Result<Ran, RunnerError> {
        let target = self.folder.path().join("target");
        fs::create_dir_all(&target).expect("made");
        let notes = self.notes();
        let program = Binary::find("./scanner", self.folder.path()).expect("it is there");
        let arguments = [&target, &notes].map(|path| path.display().to_string());
        runner().run(&Task {
            key: "script/scan",
            program: &program,
            arguments: &arguments,
            pass: &[],
            set: &[("CACHE".to_owned(), "{work}/cache".to_owned())],
            readable: &[target],
            writable: &[notes],
            network: self.network,
            limits: &self.limits,
        })
    }

    fn printed(&self) -> String {
        printed(&self.run().expect("it runs"))
    }

    fn refused(&self) -> RunnerError {
        self.run().expect_err("refused")
    }
}

fn runner() -> Spawning {
    // It calls the helper whatever its arguments are.
    Spawning::with_helper(env!("CARGO_BIN_EXE_exhibit-collectors-test-helper").as_ref())
}

/// Whether it was held to its files: all of these tests need a kernel that can do that (Linux 6.7 or newer, with landlock).
fn fenced(in_force: &InForce) -> bool {
    in_force.fence == Fence::Full && in_force.no_new_privileges
}

fn printed(ran: &Ran) -> String {
    let mut text = String::new();
    (&ran.stdout).read_to_string(&mut text).expect("text");
    assert_eq!(text.len() as u64, ran.stdout_bytes);
    text
}
