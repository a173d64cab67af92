//! Opening files without waiting for anything: only regular files are opened, and looked at again once they are open.

use std::fs::{File, FileType, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;

use nix::fcntl::OFlag;

use super::Reason;
use super::unpack::unreadable;

/// Opens a regular file; answers its size too.
pub(crate) fn regular(path: &Path) -> Result<(File, u64), Reason> {
    let refused = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Reason::Vanished,
        _ => unreadable(&error),
    };
    // What was a file a moment ago may be a pipe now: opening that must not wait for its other end.
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path).map_err(refused)?;
    let metadata = file.metadata().map_err(refused)?;
    match special(metadata.file_type()) {
        Some(kind) => Err(Reason::Special(kind)),
        None => Ok((file, metadata.len())),
    }
}

/// What kind of thing this is, if it is neither a regular file nor a folder nor a link.
pub(crate) fn special(kind: FileType) -> Option<&'static str> {
    if kind.is_fifo() {
        Some("named pipe")
    } else if kind.is_socket() {
        Some("socket")
    } else if kind.is_char_device() || kind.is_block_device() {
        Some("device")
    } else {
        None
    }
}

/// The name of the file system at `folder`, if it is one that a kernel makes up.
pub(super) fn kernel_files(folder: &Path) -> Option<&'static str> {
    // Numbers from Linux's include/uapi/linux/magic.h.
    const MADE_UP: [(i64, &str); 8] = [
        (0x9fa0, "proc"),
        (0x6265_6572, "sysfs"),
        (0x0027_e0eb, "cgroup"),
        (0x6367_7270, "cgroup2"),
        (0x6462_6720, "debugfs"),
        (0x7472_6163, "tracefs"),
        (0x1cd1, "devpts"),
        (0xcafe_4a11, "bpf"),
    ];
    let told = nix::sys::statfs::statfs(folder).ok()?.filesystem_type().0;
    MADE_UP.iter().find(|(magic, _)| *magic == told).map(|(_, name)| *name)
}
