//! Packages of Python's installer that the tests use, each pinned by its checksum and kept in the build folder.

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Held while something is installed: processes of the same user take turns. The lock ends with the value.
pub(crate) fn alone() -> File {
    let name = format!("exhibit-test-install-{}.lock", nix::unistd::geteuid());
    let lock = File::create(env::temp_dir().join(name)).expect("a lock file");
    lock.lock().expect("locked");
    lock
}

/// The folder in which all packages of a list lie, obtained by the first who asks: `.config/NAME.txt` pins each.
///
/// # Panics
/// When they can't be had: the test that needs them has failed.
pub(crate) fn listed(name: &str) -> PathBuf {
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../.config/{name}.txt"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _alone = alone();
    let wanted = fs::read_to_string(&list).expect("the list of packages");
    let made_of = folder.join("requirements.txt");
    if fs::read_to_string(&made_of).is_ok_and(|made_of| made_of == wanted) {
        return folder;
    }
    let _ = fs::remove_dir_all(&folder);
    install(name, &list, &folder, &[]);
    fs::write(&made_of, wanted).expect("noted");
    folder
}

pub(crate) fn install(what: &str, list: &Path, folder: &Path, further: &[&str]) {
    let told = Command::new("python3")
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"])
        .args(["--only-binary=:all:"])
        .args(further)
        .arg("--target")
        .arg(folder)
        .arg("--requirement")
        .arg(list)
        .stdin(Stdio::null())
        .output()
        .expect("python3 with pip obtains what the tests need: install Debian's package `python3-pip`");
    assert!(told.status.success(), "{what} can't be obtained: {}", String::from_utf8_lossy(&told.stderr));
}
