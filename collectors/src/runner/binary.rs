//! Which program it really is: its path and digest.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use exhibit_evidence::{Digest, digest::Digesting};

use super::RunnerError;
use crate::process::PATH;

/// A program that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binary {
    /// What it is called in messages.
    pub name: String,
    /// Where it lies: it is started by this path, because some programs go by their name.
    pub path: PathBuf,
    /// The same with all symbolic links resolved.
    pub resolved: PathBuf,
    /// SHA-256 of the file.
    pub digest: Digest,
}

impl Binary {
    /// Finds `program`: a name in the folders in which programs usually are, or a path relative to `base`.
    ///
    /// # Errors
    /// When there is none, or it can't be read.
    pub fn find(program: &str, base: &Path) -> Result<Self, RunnerError> {
        let wrong = |why: String| RunnerError::NoProgram { program: program.to_owned(), why };
        let path = if program.contains('/') {
            let path = base.join(program);
            executable(&path).then_some(path).ok_or_else(|| wrong("no such program".to_owned()))?
        } else {
            usual(program).ok_or_else(|| wrong(format!("no such program in {PATH}")))?
        };
        let unreadable = |error: std::io::Error| wrong(error.kind().to_string());
        let path = std::path::absolute(&path).map_err(unreadable)?;
        let resolved = fs::canonicalize(&path).map_err(unreadable)?;
        let digest = digest(&resolved).map_err(unreadable)?;
        Ok(Self { name: program.to_owned(), path, resolved, digest })
    }

    /// Whether [`Self::find`] finds a program by this name alone.
    #[must_use]
    pub fn is_usual(name: &str) -> bool {
        usual(name).is_some()
    }
}

/// A program of this name in the folders in which programs usually are.
fn usual(program: &str) -> Option<PathBuf> {
    PATH.split(':').map(|folder| Path::new(folder).join(program)).find(|path| executable(path))
}

fn executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

fn digest(path: &Path) -> std::io::Result<Digest> {
    let mut file = File::open(path)?;
    let mut digest = Digesting::default();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(digest.finish().0),
            count => digest.take(&buffer[..count]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_runs_by_its_name_and_is_told_by_what_it_leads_to() {
        let folder = tempfile::tempdir().expect("a folder");
        std::os::unix::fs::symlink("/bin/sh", folder.path().join("scanner")).expect("linked");
        let found = Binary::find("./scanner", folder.path()).expect("it is there");
        assert!(found.path.ends_with("scanner") && found.path.is_absolute(), "{found:?}");
        let sh = Binary::find("sh", folder.path()).expect("every machine has one");
        assert_eq!((&found.resolved, found.digest), (&sh.resolved, sh.digest));
        fs::write(folder.path().join("text"), "no program").expect("written");
        for none in ["./text", "./absent", "no-such-program", "./"] {
            assert_eq!(Binary::find(none, folder.path()).expect_err("none").code(), "scanner-not-started", "{none}");
        }
    }
}
