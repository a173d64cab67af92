//! A service that gives back what memory it no longer needs.
//!
//! glibc keeps freed memory for each of many threads, and raises its thresholds after each large piece, so that one busy
//! hour of archiving would stay with a service for weeks. It reads its settings once, at the start, from the environment;
//! so the program begins again with them, in the same process.

use std::{env, io, os::unix::process::CommandExt as _, process::Command};

/// See mallopt(3): few arenas, and pieces from 128 KiB on are the kernel's again when they are freed.
const SETTINGS: [(&str, &str); 3] =
    [("MALLOC_ARENA_MAX", "2"), ("MALLOC_TRIM_THRESHOLD_", "131072"), ("MALLOC_MMAP_THRESHOLD_", "131072")];

/// Begins again with the settings, unless there are any: ours, or what whoever started it chose.
///
/// # Errors
/// When the program can't be started once more; then it may go on as it is.
pub(crate) fn begin_again() -> io::Result<()> {
    if !cfg!(target_env = "gnu") || SETTINGS.iter().any(|(name, _)| env::var_os(name).is_some()) {
        return Ok(());
    }
    let mut arguments = env::args_os();
    let name = arguments.next().unwrap_or_default();
    Err(Command::new(env::current_exe()?).arg0(name).args(arguments).envs(SETTINGS).exec())
}
