//! Whether an image has room where it goes to, before anything of it comes.

use std::path::Path;

use nix::sys::statvfs::statvfs;

use super::PullError;

/// Refuses an image of so many bytes if this folder's file system has room for fewer.
///
/// # Errors
/// When it has not, or what is free can't be found out.
pub(super) fn admit(bytes: u64, folder: &Path) -> Result<(), PullError> {
    match free(folder)? {
        Some(free) if bytes > free => Err(PullError::NoRoom { bytes, free }),
        _ => Ok(()),
    }
}

/// How many bytes this user may still write there; none where the file system has no size of its own.
fn free(folder: &Path) -> Result<Option<u64>, PullError> {
    let found = statvfs(folder).map_err(|error| PullError::folder(&error.into()))?;
    let sized = found.blocks() > 0;
    Ok(sized.then(|| found.blocks_available().saturating_mul(found.fragment_size())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_free_is_what_the_kernel_says() {
        let folder = tempfile::tempdir().expect("a folder");
        let free = free(folder.path()).expect("found out").expect("a file system with a size");
        assert_eq!(admit(free / 2, folder.path()), Ok(()));
        let bytes = free.saturating_mul(2);
        let Err(PullError::NoRoom { bytes: told, .. }) = admit(bytes, folder.path()) else { panic!("it has no room") };
        assert_eq!(told, bytes);
        assert!(matches!(admit(1, &folder.path().join("none")), Err(PullError::Folder(_))));
    }
}
