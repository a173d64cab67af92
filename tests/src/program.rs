//! The program `exhibit` as it was just built.

use std::{
    env,
    fs::File,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

/// Names a program to test instead of the one that is built here: a release, or one inside a container.
const VARIABLE: &str = "EXHIBIT_TEST_PROGRAM";

/// The path of the program, built beside the tests if it is not yet: once for each process.
///
/// # Panics
/// When it can't be built.
#[must_use]
pub fn fresh_binary() -> &'static Path {
    static PROGRAM: LazyLock<PathBuf> =
        LazyLock::new(|| env::var_os(VARIABLE).map_or_else(|| build("exhibit", "exhibit-cli"), PathBuf::from));
    &PROGRAM
}

/// The path of the program `exhibit-verify`, built in the same way.
///
/// # Panics
/// When it can't be built.
#[must_use]
pub fn fresh_verifier() -> &'static Path {
    static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| build("exhibit-verify", "exhibit-verify"));
    &PROGRAM
}

fn build(program: &str, package: &'static str) -> PathBuf {
    // The tests' own binary lies in <target>/<profile>/deps.
    let own = env::current_exe().expect("a process knows its program");
    let profile_folder = own.parent().and_then(Path::parent).expect("tests lie in a folder of the build");
    let target = profile_folder.parent().expect("a build has a folder");
    let profile = match profile_folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    // Cargo's own lock would do, but its message would end up in a test's output.
    let lock = File::create(target.join("exhibit-test-program.lock")).expect("the build's folder is ours");
    lock.lock().expect("the lock can be had");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--bin", program, "--profile", profile])
        .args(packages(package))
        .arg("--target-dir")
        .arg(target)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .expect("cargo runs");
    assert!(built.status.success(), "the program can't be built:\n{}", String::from_utf8_lossy(&built.stderr));
    profile_folder.join(program)
}

/// Which packages are named together decides which features libraries are built with. After a test of the whole
/// workspace, as in CI, naming it whole again finds everything built; otherwise the program alone is least.
fn packages(package: &str) -> Vec<&str> {
    if env::var_os("CI").is_some() { vec!["--workspace", "--tests"] } else { vec!["--package", package] }
}
