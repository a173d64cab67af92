//! One package of Python's installer, pinned by its checksum and kept in the build folder.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::packages::{alone, install};

/// A package, and for which Python it is to be had where that is not the machine's own.
pub(crate) struct Package {
    /// Name and version, such as `axe-playwright-python==0.1.8`.
    pub(crate) requirement: &'static str,
    /// SHA-256 of the wheel.
    pub(crate) sha256: &'static str,
    /// Which wheel, for one that is built for some platforms only.
    pub(crate) platform: &'static [&'static str],
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
