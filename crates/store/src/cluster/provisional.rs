//! Folders that have no name of their own yet, because what they hold is not whole.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::error::ClusterError;

/// A path for such a folder that nobody else writes to, after those that dead processes left were thrown away.
///
/// It has our process id in it: a program that a dead process started may still be filling the folder it was given,
/// and must never fill ours. Callers hold a lock, so that what is thrown away is not in use.
pub(super) fn fresh(parent: &Path, name: &str) -> Result<PathBuf, ClusterError> {
    let ours = parent.join(format!("{name}-{}", std::process::id()));
    for entry in fs::read_dir(parent).map_err(ClusterError::io("list", parent))? {
        let path = entry.map_err(ClusterError::io("list", parent))?.path();
        let left = path.file_name().and_then(|found| found.to_str()).is_some_and(|found| found.starts_with(name));
        if !left {
            continue;
        }
        match remove(&path) {
            // Its writer may still be at it, and the next start has another chance.
            Err(error) if path != ours => tracing::debug!(%error, "could not tidy up yet"),
            result => result?,
        }
    }
    Ok(ours)
}

/// Removes a folder with all it holds; it may be absent.
pub(super) fn remove(folder: &Path) -> Result<(), ClusterError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(ClusterError::io("remove", folder)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_dead_processes_left_is_thrown_away_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let ours = fresh(root.path(), "unfinished").unwrap();
        for name in ["unfinished-1/base/1", "unfinished-2", "17.10/bin"] {
            fs::create_dir_all(root.path().join(name)).unwrap();
        }
        fs::create_dir(&ours).unwrap();
        assert_eq!(fresh(root.path(), "unfinished").unwrap(), ours);
        let left: Vec<_> = fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["17.10"]);
    }
}
