//! A program that gives back what memory it no longer needs: a service, and what performs a job or takes in a result.
//!
//! glibc keeps freed memory for each of many threads, and raises its thresholds after each large piece, so that one busy
//! hour of archiving would stay with a service for weeks. It reads its settings once, at the start, from the environment;
//! so the program begins again with them, in the same process.

use std::{env, io, os::unix::process::CommandExt as _, process::Command};

/// See mallopt(3): few arenas, and pieces from 128 KiB on are the kernel's again when they are freed. What one thread of a
/// performance gives back is the next one's only where they share an arena.
const SETTINGS: [(&str, &str); 2] = [("MALLOC_TRIM_THRESHOLD_", "131072"), ("MALLOC_MMAP_THRESHOLD_", "131072")];
/// The setting for how many arenas there are at most.
const ARENAS: &str = "MALLOC_ARENA_MAX";

/// Begins again with the settings, unless there are any: ours, or what whoever started it chose.
///
/// # Errors
/// When the program can't be started once more; then it may go on as it is.
pub(crate) fn begin_again(arenas: &str) -> io::Result<()> {
    let all = SETTINGS.into_iter().chain([(ARENAS, arenas)]);
    if !cfg!(target_env = "gnu") || all.clone().any(|(name, _)| env::var_os(name).is_some()) {
        return Ok(());
    }
    let mut arguments = env::args_os();
    let name = arguments.next().unwrap_or_default();
    Err(Command::new(env::current_exe()?).arg0(name).args(arguments).envs(all).exec())
}
