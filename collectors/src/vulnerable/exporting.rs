//! A commit's lockfiles as files, for scanners that can't read git's objects: the lockfiles alone, so that what the scanner
//! sees is what was counted.

use std::fs;
use std::io;
use std::path::Path;

use super::counting::Lock;

/// Writes the lockfiles below `folder`, at their paths.
pub(crate) fn write(locks: &[Lock], folder: &Path) -> io::Result<()> {
    for lock in locks {
        // Git's trees hold no `..`, but whoever wrote them by hand may have put one there.
        let safe = lock.path.split('/').all(|part| !matches!(part, "" | "." | ".."));
        if !safe {
            return Err(io::Error::other("a path that leads out of its folder"));
        }
        let path = folder.join(&lock.path);
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(path, &lock.bytes)?;
    }
    Ok(())
}
