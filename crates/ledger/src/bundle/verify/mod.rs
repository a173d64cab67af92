//! Verifying a bundle offline, from the key that the caller pins.
//!
//! The archive is read once from front to end. Files that mean nothing here are hashed as they pass
//! by; notes, manifest and tiles are kept, each within its limit. Entry bundles, of which nearly all of it consists, are
//! looked at beside each other where the caller brings a [`Crew`]. Signatures are judged last, when every rotation of the key has been seen.

mod crew;
mod entries;
mod examine;
mod judge;
mod report;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

pub use crew::{Crew, Finished, Work};
pub use report::{CannotLook, Difference, NotShown, Place, Proven, Trust, Verification};

use self::crew::{Alone, Line};
use self::entries::Entries;
use self::examine::{Examined, examine};
use self::report::Differences;
use super::archive::{Archive, Body, FileHeader, Next, Raw};
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
    verify_bundle_with(reader, trust, &mut Alone::default())
}

/// As [`verify_bundle`], with a crew that looks at entry bundles.
///
/// # Errors
/// As [`verify_bundle`].
pub fn verify_bundle_with(reader: impl Read, trust: &Trust, crew: &mut dyn Crew) -> Result<Verification, CannotLook> {
    if trust.keys.is_empty() {
        return Err(CannotLook::NoKey);
    }
    let wanted = trust.checkpoints.iter().map(|held| held.unverified().size).collect();
    let mut seen = Seen { wanted, ..Seen::default() };
    seen.read_all(Archive::new(reader), Line::new(crew))?;
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
    /// Sizes whose roots are asked for.
    wanted: BTreeSet<u64>,
    /// Nothing after this point of the archive could be read.
    stopped: bool,
    out: Differences,
}

impl Seen {
    fn read_all(&mut self, mut archive: Archive<impl Read>, mut line: Line<'_>) -> Result<(), CannotLook> {
        while !self.stopped {
            match archive.next()? {
                Next::End => break,
                Next::Broken(broken) if broken.offset == 0 => return Err(CannotLook::NotABundle),
                Next::Broken(broken) => {
                    self.finish(&mut line);
                    let offset = broken.offset;
                    self.out.add(Place::Archive { offset }, broken.expected, broken.found);
                    self.stopped = true;
                }
                Next::File(header) => match self.entry_bundle(&header) {
                    Some(tile) => {
                        let raw = archive.raw(usize::try_from(header.size).unwrap_or(usize::MAX), line.buffer())?;
                        self.give(&mut line, &header, tile, raw);
                    }
                    None => {
                        self.finish(&mut line);
                        let limit = limit(&header.path);
                        let body = archive.body(header.size, limit.unwrap_or(0))?;
                        self.read_file(&header, limit, body);
                    }
                },
            }
        }
        self.finish(&mut line);
        Ok(())
    }

    /// Which entry bundle a file is, where nothing about its place in the archive is wrong.
    fn entry_bundle(&self, header: &FileHeader) -> Option<TileId> {
        let tile = TileId::parse(&header.path).ok().filter(|tile| tile.content == Content::Entries)?;
        let in_place = self.entries.as_ref().is_some_and(|entries| entries.holds(tile))
            && self.files.last_key_value().is_none_or(|(last, _)| *last < header.path)
            && self.files.len() < MAX_FILES;
        (in_place && header.exact && header.size <= MAX_ENTRIES_BYTES as u64).then_some(tile)
    }

    /// Gives an entry bundle to the crew; or reads it here and now, where bytes of it are missing.
    fn give(&mut self, line: &mut Line<'_>, header: &FileHeader, tile: TileId, raw: Raw) {
        let origin = self.manifest.as_ref().map(|manifest| manifest.origin.clone());
        let (Some(origin), true) = (origin, raw.complete && raw.padded) else {
            self.finish(line);
            return self.read_file(header, limit(&header.path), raw.into());
        };
        // Its digest follows, before anything is made of it.
        self.files.insert(header.path.clone(), FileDigest { sha256: [0; 32], size: 0 });
        line.give(&origin, tile, raw.bytes, |examined| self.take_entries(examined));
    }

    /// Waits until every entry bundle was looked at.
    fn finish(&mut self, line: &mut Line<'_>) {
        line.finish(|examined| self.take_entries(examined));
    }

    fn take_entries(&mut self, examined: Examined) {
        self.files.insert(examined.tile.to_string(), examined.digest);
        if let Some(entries) = &mut self.entries {
            entries.take(examined, &mut self.out);
        }
    }

    fn read_file(&mut self, header: &FileHeader, limit: Option<usize>, body: Body) {
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
            return;
        }
        self.files.insert(path.clone(), body.digest);
        match (limit, body.bytes) {
            (Some(_), Some(bytes)) => self.take(path, bytes),
            (Some(limit), None) if body.complete => {
                self.out.file(path, format_args!("at most {limit} bytes"), header.size);
            }
            _ => {}
        }
    }

    /// Takes the content of a file that means something here.
    fn take(&mut self, path: &str, bytes: Vec<u8>) {
        if path == MANIFEST {
            match Manifest::parse(&bytes) {
                Ok(manifest) => {
                    let (from, size) = (manifest.from_size, manifest.checkpoint.size);
                    let wanted = std::mem::take(&mut self.wanted);
                    self.entries = Some(Entries::new(&manifest.origin, from, size, wanted));
                    self.manifest = Some(manifest);
                }
                Err(e) => self.out.file(path, "a manifest", e),
            }
        }
        match (TileId::parse(path), &mut self.entries) {
            (Ok(tile), Some(entries)) if entries.holds(tile) => match tile.content {
                Content::Hashes(level) => entries.hashes(tile, level, &bytes, &mut self.out),
                Content::Entries => entries.take(examine(entries.origin(), tile, &bytes), &mut self.out),
            },
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
