//! Verifying a bundle offline, from the key that the caller pins.
//!
//! The archive is read once from front to end. Files that mean nothing here are hashed as they pass
//! by; notes, manifest and tiles are kept, each within its limit. Signatures are judged last, when
//! every rotation of the key has been seen.

mod entries;
mod judge;
mod report;

use std::collections::BTreeMap;
use std::io::Read;

pub use report::{CannotLook, Difference, Place, Proven, Trust, Verification};

use self::entries::Entries;
use self::report::Differences;
use super::archive::{Archive, FileHeader, Next};
use super::manifest::{FileDigest, Manifest};
use super::{CHECKPOINT, MANIFEST, MANIFEST_NOTE, PREVIOUS, ROTATIONS};
use crate::note::MAX_NOTE_BYTES;
use crate::tiles::{Content, MAX_ENTRIES_BYTES, MAX_HASHES_BYTES, TileId};

/// The most files that a bundle may have.
const MAX_FILES: usize = 1_000_000;

/// The largest manifest, in bytes.
const MAX_MANIFEST_BYTES: usize = 256 << 20;

/// The largest list of rotations, in bytes.
const MAX_ROTATIONS_BYTES: usize = 4 << 20;

/// Looks at a whole bundle and says what is proven and what differs.
///
/// # Errors
/// When there is no key to verify with, the input cannot be read, or it is no bundle at all. All
/// else that is wrong is a [`Difference`] in the result.
pub fn verify_bundle(reader: impl Read, trust: &Trust) -> Result<Verification, CannotLook> {
    if trust.keys.is_empty() {
        return Err(CannotLook::NoKey);
    }
    let mut seen = Seen::default();
    seen.read_all(Archive::new(reader))?;
    Ok(seen.judge(trust))
}

/// What was read from the archive.
#[derive(Default)]
struct Seen {
    files: BTreeMap<String, FileDigest>,
    /// The small files whose content matters.
    kept: BTreeMap<String, Vec<u8>>,
    manifest: Option<Manifest>,
    entries: Option<Entries>,
    /// Nothing after this point of the archive could be read.
    stopped: bool,
    out: Differences,
}

impl Seen {
    fn read_all(&mut self, mut archive: Archive<impl Read>) -> Result<(), CannotLook> {
        loop {
            match archive.next()? {
                Next::End => return Ok(()),
                Next::Broken(broken) if broken.offset == 0 => return Err(CannotLook::NotABundle),
                Next::Broken(broken) => {
                    let offset = broken.offset;
                    self.out.add(Place::Archive { offset }, broken.expected, broken.found);
                    self.stopped = true;
                    return Ok(());
                }
                Next::File(header) => self.read_file(&header, &mut archive)?,
            }
            if self.stopped {
                return Ok(());
            }
        }
    }

    fn read_file(&mut self, header: &FileHeader, archive: &mut Archive<impl Read>) -> Result<(), CannotLook> {
        let FileHeader { path, offset, .. } = header;
        if !header.exact {
            let expected = format!("the plain header of {path}");
            let place = Place::Archive { offset: *offset };
            self.out.add(place, expected, "one with other fields");
        }
        if let Some((last, _)) = self.files.last_key_value()
            && last >= path
        {
            let expected = format!("a path after {last}");
            self.out.file(path, expected, "a path out of order or twice");
        }
        let limit = limit(path);
        let body = archive.body(header.size, limit.unwrap_or(0))?;
        if !body.complete {
            let expected = format!("{} bytes", header.size);
            self.out.file(path, expected, format_args!("the end of the bundle after {}", body.digest.size));
            self.stopped = true;
        }
        if !body.padded {
            self.out.file(path, "zero bytes after it", "other bytes");
        }
        if self.files.len() >= MAX_FILES {
            let place = Place::Archive { offset: *offset };
            self.out.add(place, format_args!("at most {MAX_FILES} files"), "more");
            self.stopped = true;
        }
        // Of a path that comes twice, the first counts: the second is a difference already.
        if self.files.contains_key(path) {
            return Ok(());
        }
        self.files.insert(path.clone(), body.digest);
        match (limit, body.bytes) {
            (Some(_), Some(bytes)) => self.take(path, bytes),
            (Some(limit), None) if body.complete => {
                self.out.file(path, format_args!("at most {limit} bytes"), header.size);
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes the content of a file that means something here.
    fn take(&mut self, path: &str, bytes: Vec<u8>) {
        if path == MANIFEST {
            match Manifest::parse(&bytes) {
                Ok(manifest) => {
                    let (from, size) = (manifest.from_size, manifest.checkpoint.size);
                    self.entries = Some(Entries::new(&manifest.origin, from, size));
                    self.manifest = Some(manifest);
                }
                Err(e) => self.out.file(path, "a manifest", e),
            }
        }
        match (TileId::parse(path), &mut self.entries) {
            (Ok(tile), Some(entries)) if entries.holds(tile) => {
                entries.tile(tile, &bytes, &mut self.out);
            }
            (Ok(_), Some(_)) => {
                let expected = "no tile but those from the previous close to the checkpoint";
                self.out.file(path, expected, "another one");
            }
            // Without a manifest there is nothing to compare tiles with, and that is said once.
            (Ok(_), None) => {}
            (Err(_), _) => {
                self.kept.insert(path.to_owned(), bytes);
            }
        }
    }
}

/// How many bytes of a file are kept, for those that mean something here.
fn limit(path: &str) -> Option<usize> {
    match path {
        MANIFEST => Some(MAX_MANIFEST_BYTES),
        MANIFEST_NOTE | CHECKPOINT | PREVIOUS => Some(MAX_NOTE_BYTES),
        ROTATIONS => Some(MAX_ROTATIONS_BYTES),
        _ => match TileId::parse(path).ok()?.content {
            Content::Hashes(_) => Some(MAX_HASHES_BYTES),
            Content::Entries => Some(MAX_ENTRIES_BYTES),
        },
    }
}
