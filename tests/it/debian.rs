//! Programs of Debian's that the tests use: the machine's own, or else taken out of their package into the build folder.
//! Nothing is installed, so that any user may do it.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::packages::alone;

/// A program of Debian's.
pub(crate) struct Program {
    /// The package that brings it; it must need none but the C library.
    pub(crate) package: &'static str,
    /// Where in the package it lies.
    pub(crate) path: &'static str,
}

impl Program {
    /// Where it is, obtained by the first who asks.
    ///
    /// # Panics
    /// When it can't be had: the test that needs it has failed.
    pub(crate) fn find(&self) -> PathBuf {
        let name = Path::new(self.path).file_name().expect("a program's name");
        let path = env::var_os("PATH").unwrap_or_default();
        if let Some(own) = env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file()) {
            return own;
        }
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("debian-{}", self.package));
        let _alone = alone();
        if !folder.is_dir() {
            self.obtain(&folder);
        }
        folder.join(self.path)
    }

    fn obtain(&self, folder: &Path) {
        // Under another name until it is whole.
        let unfinished = folder.with_extension("unfinished");
        let _ = fs::remove_dir_all(&unfinished);
        fs::create_dir_all(&unfinished).expect("a folder");
        // apt checks Debian's signature; without lists of packages it finds nothing, and only root can get them.
        if !told("apt-get", &["download", self.package], &unfinished).0 {
            told("apt-get", &["update"], &unfinished);
            let (ok, said) = told("apt-get", &["download", self.package], &unfinished);
            assert!(ok, "Debian's package `{}` can't be obtained: install it, as root\n{said}", self.package);
        }
        let package = fs::read_dir(&unfinished)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path())
            .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
            .expect("what was obtained is a package");
        let (ok, said) = told("dpkg-deb", &["-x", package.to_str().expect("UTF-8"), "."], &unfinished);
        assert!(ok, "{} can't be taken out of its package: {said}", self.path);
        fs::remove_file(&package).expect("removed");
        fs::rename(&unfinished, folder).expect("it gets its name");
    }
}

fn told(program: &str, arguments: &[&str], folder: &Path) -> (bool, String) {
    let mut command = Command::new(program);
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").current_dir(folder).stdin(Stdio::null());
    let output = command.output().unwrap_or_else(|error| panic!("{program}: {error}"));
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Installs packages where root asks: those that can't be used from a folder. What is missing after that, the test says.
/// The caller holds the lock [`alone`].
pub(crate) fn install(packages: &[&str]) {
    let here = env::temp_dir();
    told("apt-get", &["update"], &here);
    let install = ["install", "-y", "--no-install-recommends", "-o", "Dpkg::Use-Pty=0"];
    told("apt-get", &[&install, packages].concat(), &here);
}
