//! Cases as folders: a checkout keeps neither the times nor the modes of files, and both are part of what is judged.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use exhibit_evidence::Timestamp;

/// The file that tells them.
pub(crate) const AGES: &str = "ages.txt";

/// Copies `input` into `scratch`; each line of `ages.txt` there is `<hours before the run> <mode> <file>`.
pub(crate) fn prepare(input: &Path, scratch: &Path, now: Timestamp) -> io::Result<PathBuf> {
    copy(input, scratch)?;
    let malformed = || io::Error::new(io::ErrorKind::InvalidData, format!("{AGES}: expected hours, a mode and a file"));
    let now = u64::try_from(now.micros()).map(Duration::from_micros).unwrap_or_default();
    for line in fs::read_to_string(input.join(AGES)).unwrap_or_default().lines() {
        let mut words = line.split_whitespace();
        let (Some(hours), Some(mode), Some(name)) = (words.next(), words.next(), words.next()) else {
            return Err(malformed());
        };
        let hours: u64 = hours.parse().map_err(|_| malformed())?;
        let mode = u32::from_str_radix(mode, 8).map_err(|_| malformed())?;
        let file = File::options().append(true).open(scratch.join(name))?;
        file.set_modified(UNIX_EPOCH + now.saturating_sub(Duration::from_secs(hours * 3600)))?;
        fs::set_permissions(scratch.join(name), Permissions::from_mode(mode))?;
    }
    Ok(scratch.to_owned())
}

/// Copies a folder with all that is in it, but the file that tells ages.
pub(crate) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else if entry.file_name() != AGES {
            fs::copy(entry.path(), &to)?;
        }
    }
    Ok(())
}
