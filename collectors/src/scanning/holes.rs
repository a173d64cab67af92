//! Holes of sparse files: bytes that no one wrote, and that are zeros without being read.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;

use exhibit_detect::{Encoding, Examined, Nature};
use nix::errno::Errno;
use nix::unistd::{Whence, lseek};

/// A file that may have holes.
#[derive(Default)]
pub(super) struct Holes<'f>(Option<&'f File>);

impl<'f> Holes<'f> {
    /// Of a file that occupies less than its size. In UTF-16, zeros are another number of characters, so there none is told.
    pub(super) fn of(file: &'f File, size: u64, nature: Nature) -> Self {
        let narrow = matches!(nature.encoding, Encoding::Utf8 | Encoding::Eightbit);
        let sparse = narrow && file.metadata().is_ok_and(|metadata| metadata.blocks().saturating_mul(512) < size);
        Self(sparse.then_some(file))
    }

    /// What is examined of `part`, if all of `around`, which holds it, is a hole. Nothing is found in zeros.
    pub(super) fn examined(&self, around: std::ops::Range<u64>, part: u64) -> Option<Examined> {
        let from = i64::try_from(around.start).ok()?;
        // Where the next data begins. Other threads read at places of their own, so the position is nobody's.
        let data = match lseek(self.0?.as_fd(), from, Whence::SeekData) {
            Ok(at) => u64::try_from(at).ok()?,
            Err(Errno::ENXIO) => self.0?.metadata().ok()?.len(),
            Err(_) => return None,
        };
        (data >= around.end).then_some(Examined { bytes: part, newlines: 0, tail: part })
    }
}
