//! How much there is to read, without opening any of it: for people who wait.

use std::fs;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::{Excluded, Visitor, Walk};

/// Sizes that are added up.
#[derive(Debug, Default)]
pub struct Sizes {
    bytes: AtomicU64,
    enough: AtomicBool,
}

impl Sizes {
    /// Bytes of all files so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Nobody needs to know any more: the walk ends soon.
    pub fn enough(&self) {
        self.enough.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_enough(&self) -> bool {
        self.enough.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, file: &Path) {
        // What cannot be asked is told by who reads it.
        let size = fs::metadata(file).map_or(0, |metadata| if metadata.is_file() { metadata.len() } else { 0 });
        self.bytes.fetch_add(size, Ordering::Relaxed);
    }
}

impl Walk {
    /// Adds up the sizes of the files that [`Walk::run`] would read.
    ///
    /// # Errors
    /// As [`Walk::run`].
    pub fn measure(&self, path: &Path, sizes: &Sizes) -> io::Result<()> {
        self.run(path, &Measuring(sizes))
    }
}

/// Sees no content.
struct Measuring<'s>(&'s Sizes);

impl Visitor for Measuring<'_> {
    fn stream(&self, _: &str, _: &mut dyn Read) -> io::Result<()> {
        Ok(())
    }

    fn bytes(&self, _: &str, _: &[u8]) {}

    fn file(&self, _: &str, _: &File, _: u64) -> io::Result<()> {
        Ok(())
    }

    fn excluded(&self, _: Excluded) {}

    fn measuring(&self) -> Option<&Sizes> {
        Some(self.0)
    }
}
