//! Packages of Python's installer that the tests use, each pinned by its checksum and kept in the build folder.

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A package, and for which Python it is to be had where that is not the machine's own.
pub(crate) struct Package {
    /// Name and version, such as `axe-playwright-python==0.1.8`.
    pub(crate) requirement: &'static str,
    /// SHA-256 of the wheel.
    pub(crate) sha256: &'static str,
    /// Which wheel, for one that is built for some platforms only.
    pub(crate) platform: &'static [&'static str],
}

/// Held while something is installed: processes of the same user take turns. The lock ends with the value.
pub(crate) fn alone() -> File {
    let name = format!("exhibit-test-install-{}.lock", nix::unistd::geteuid());
    let lock = File::create(env::temp_dir().join(name)).expect("a lock file");
    lock.lock().expect("locked");
    lock
}

impl Package {
    /// The folder in which the package lies, obtained by the first who asks.
    ///
    /// # Panics
    /// When it can't be had: the test that needs it has failed.
    pub(crate) fn folder(&self) -> PathBuf {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(self.requirement.replace("==", "-"));
        let _alone = alone();
        if folder.is_dir() {
            return folder;
        }
        // Under another name until it is whole.
        let unfinished = folder.with_extension("unfinished");
        let _ = fs::remove_dir_all(&unfinished);
        let wanted = tempfile::NamedTempFile::new().expect("a temporary file");
        fs::write(wanted.path(), format!("{} --hash=sha256:{}\n", self.requirement, self.sha256)).expect("written");
        install(self.requirement, wanted.path(), &unfinished, &[&["--no-compile"], self.platform].concat());
        fs::rename(&unfinished, &folder).expect("it gets its name");
        folder
    }
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

fn install(what: &str, list: &Path, folder: &Path, further: &[&str]) {
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
