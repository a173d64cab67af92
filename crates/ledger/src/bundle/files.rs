//! The files of a bundle, for who wants to use what [`super::verify_bundle`] found clean.

use std::io::Read;

use super::archive::{Archive, Next};
use super::verify::CannotLook;

/// Reads a bundle from front to end, and hands out each file whose path is wanted. Paths come in ascending order of
/// their bytes. Nothing is verified here, and an archive that breaks off just ends: verify it first.
///
/// # Errors
/// When the input cannot be read.
pub fn read_files(
    reader: impl Read,
    mut wanted: impl FnMut(&str) -> bool,
    mut take: impl FnMut(&str, Vec<u8>),
) -> Result<(), CannotLook> {
    let mut archive = Archive::new(reader);
    while let Next::File(header) = archive.next()? {
        let keep = if wanted(&header.path) { usize::MAX } else { 0 };
        if let Some(bytes) = archive.body(header.size, keep)?.bytes.filter(|_| keep > 0) {
            take(&header.path, bytes);
        }
    }
    Ok(())
}
