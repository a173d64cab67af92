//! Making a bundle.

use std::io::{self, Cursor, Read, Seek, Write};

use exhibit_evidence::{CanonicalError, Digest};

use super::archive::header;
use super::layout::{first_entry, is_path, nodes_before, tiles};
use super::manifest::{Manifest, ManifestCheckpoint, RootDigest, note_text};
use super::spool::Spool;
use super::{ARTIFACTS, BUNDLE_VERSION, CHECKPOINT, KEYS, MANIFEST, MANIFEST_NOTE, PREVIOUS, ROTATIONS, TILES};
use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::keys::write_rotations;
use crate::note::{Note, NoteError, SigningKey, VerifierKey};
use crate::tiles::{Content, TileError, TileId, write_entries, write_hashes};
use crate::tree::{Frontier, NodeId, NodeMap, NodeReader, ProofError, TILE_WIDTH, frontier_at, leaf_hash};

/// The first entry that cannot be in a bundle: from here on, the paths of entry bundles no longer
/// sort as their numbers do, and verification needs the entries in order.
const MAX_ENTRY: u64 = 1_000_000 * TILE_WIDTH;

/// What the manifest says of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// The period's id.
    pub period: String,
    /// The report's id.
    pub report: String,
    /// Name and version of the renderer.
    pub renderer: String,
}

/// Why a bundle cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// A path that cannot stand in a bundle, or is given to one of its own files.
    #[error("{0:?} cannot be the path of a report's file in a bundle")]
    Path(String),
    /// The same path twice with different bytes.
    #[error("{0} is in the bundle already, with other bytes")]
    Twice(String),
    /// The previous close must be of the same log, and where the entries begin.
    #[error("the previous checkpoint is {found}, but the bundle's entries begin at {expected}")]
    Previous {
        /// Origin and size expected.
        expected: String,
        /// Origin and size given.
        found: String,
    },
    /// More or fewer records than the checkpoint covers.
    #[error("the bundle has records up to {found}, but the checkpoint covers {expected}")]
    Records {
        /// The checkpoint's size.
        expected: u64,
        /// Where the records end.
        found: u64,
    },
    /// The records do not give the checkpoint's root.
    #[error("the records and nodes given do not lead to the root of the {0}")]
    Root(&'static str),
    /// A node of what lies before the first entry was not given.
    #[error(transparent)]
    Node(#[from] ProofError),
    /// A record is too long.
    #[error(transparent)]
    Tile(#[from] TileError),
    /// The manifest cannot be signed.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The manifest has no canonical form.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// Entries beyond what the order of an archive can hold.
    #[error("entry {0} is beyond what a bundle of this version can hold")]
    TooManyEntries(u64),
    /// A file is too large for the archive.
    #[error("{path} has {size} bytes, too many for the archive")]
    TooLarge {
        /// The file.
        path: String,
        /// Its size.
        size: u64,
    },
    /// The bytes cannot be written.
    #[error("cannot write the bundle: {0}")]
    Io(#[from] io::Error),
}

/// Gathers a bundle and writes it at the end, when all digests are known. It refuses to write one
/// that its own verification would not accept.
///
/// Contents wait in a spool that the caller may bring: memory for small bundles, a temporary file
/// for large ones. Besides, it holds one entry bundle, and about half a byte an entry.
#[derive(Debug)]
pub struct BundleWriter<S = Cursor<Vec<u8>>> {
    about: About,
    from_size: u64,
    checkpoint: SignedCheckpoint,
    previous: Option<Checkpoint>,
    files: Spool<S>,
    frontier: Frontier,
    /// Nodes of level 1 and above.
    nodes: NodeMap,
    /// The records of the entry bundle in the making.
    records: Vec<Vec<u8>>,
}

impl BundleWriter {
    /// Begins a bundle over the entries since `previous` (since the beginning without one), up to
    /// `checkpoint`. Of `before` it needs the nodes that [`nodes_before`] names for the size of
    /// `previous`.
    ///
    /// # Errors
    /// When `previous` is of another log or later than `checkpoint`, or a node is missing.
    pub fn new(
        about: About,
        checkpoint: SignedCheckpoint,
        previous: Option<&SignedCheckpoint>,
        before: &(impl NodeReader + ?Sized),
    ) -> Result<Self, BundleError> {
        let spool = Cursor::new(Vec::new());
        Self::with_spool(about, checkpoint, previous, before, spool)
    }
}

impl<S: Read + Write + Seek> BundleWriter<S> {
    /// As [`BundleWriter::new`], with contents in a spool of the caller's, such as a temporary
    /// file. It must be empty, and is of no use afterwards.
    ///
    /// # Errors
    /// Also when the spool fails.
    pub fn with_spool(
        about: About,
        checkpoint: SignedCheckpoint,
        previous: Option<&SignedCheckpoint>,
        before: &(impl NodeReader + ?Sized),
        spool: S,
    ) -> Result<Self, BundleError> {
        let stated = checkpoint.unverified().clone();
        let start = previous.map(|p| p.unverified().clone());
        let from_size = start.as_ref().map_or(0, |p| p.size);
        if let Some(p) = start.as_ref().filter(|p| p.origin != stated.origin || p.size > stated.size) {
            return Err(BundleError::Previous {
                expected: format!("{} at most {}", stated.origin, stated.size),
                found: format!("{} {}", p.origin, p.size),
            });
        }
        let mut nodes = NodeMap::new();
        for range in nodes_before(from_size) {
            for index in range.start..range.start + range.count {
                let level = range.level;
                let hash = before.node(level, index).ok_or(ProofError::MissingNode { level, index })?;
                nodes.insert(NodeId { level, index }, hash);
            }
        }
        let frontier = frontier_at(first_entry(from_size), &nodes)?;
        let mut files = Spool::new(spool);
        files.put(CHECKPOINT, &checkpoint.to_bytes())?;
        if let Some(previous) = previous {
            files.put(PREVIOUS, &previous.to_bytes())?;
        }
        Ok(Self { about, from_size, checkpoint, previous: start, files, frontier, nodes, records: Vec::new() })
    }

    /// The entry whose record comes next: at first [`first_entry`] of the previous size.
    #[must_use]
    pub fn next_entry(&self) -> u64 {
        self.frontier.size()
    }

    /// Adds the next entry's record.
    ///
    /// # Errors
    /// When it is beyond the first 256,000,000, or the records up to the previous close do not lead to
    /// its root.
    pub fn push_record(&mut self, record: impl Into<Vec<u8>>) -> Result<(), BundleError> {
        let record = record.into();
        if self.records.len() as u64 == TILE_WIDTH {
            self.flush_records()?;
        }
        self.check_previous()?;
        let hash = leaf_hash(&record);
        let index = self.frontier.size();
        if index >= MAX_ENTRY {
            return Err(BundleError::TooManyEntries(index));
        }
        self.nodes.extend(self.frontier.append(hash));
        self.records.push(record);
        Ok(())
    }

    fn check_previous(&self) -> Result<(), BundleError> {
        match &self.previous {
            Some(p) if p.size == self.frontier.size() && p.root != self.frontier.root() => {
                Err(BundleError::Root("previous checkpoint"))
            }
            _ => Ok(()),
        }
    }

    /// Writes the entry bundle in the making, and the hash tile of its leaves.
    fn flush_records(&mut self) -> Result<(), BundleError> {
        if self.records.is_empty() {
            return Ok(());
        }
        let size = self.frontier.size();
        let index = (size - 1) / TILE_WIDTH;
        let leaves: Vec<_> = self.records.iter().map(|r| leaf_hash(r)).collect();
        let contents = [(Content::Entries, write_entries(&self.records)?), (Content::Hashes(0), write_hashes(&leaves))];
        for (content, bytes) in contents {
            let tile = TileId::at_size(content, index, size).expect("it holds the last record");
            self.files.put(&tile.to_string(), &bytes)?;
        }
        self.records.clear();
        Ok(())
    }

    /// Adds a file of the report, such as `report.md` or `template/report.md`. The same bytes again
    /// change nothing.
    ///
    /// # Errors
    /// When the path belongs to the bundle itself, is malformed, or holds other bytes already.
    pub fn file(&mut self, path: &str, bytes: impl AsRef<[u8]>) -> Result<(), BundleError> {
        let own = [MANIFEST, MANIFEST_NOTE, CHECKPOINT, PREVIOUS, KEYS, ROTATIONS];
        let reserved = own.contains(&path) || [ARTIFACTS, TILES].iter().any(|p| path.starts_with(p));
        if reserved || !is_path(path) || header(path, 0).is_none() {
            return Err(BundleError::Path(path.to_owned()));
        }
        self.files.put(path, bytes.as_ref())
    }

    /// Adds a raw artifact under its digest, which is returned.
    ///
    /// # Errors
    /// When it cannot be read, or the spool fails.
    pub fn artifact(&mut self, bytes: impl Read) -> Result<Digest, BundleError> {
        let stored = self.files.store(bytes)?;
        let digest = Digest(stored.digest.sha256);
        self.files.name(&format!("{ARTIFACTS}{}", digest.hex()), stored)?;
        Ok(digest)
    }

    /// Adds the log's public keys, for information, and its rotation statements
    /// ([`crate::keys::Rotation`]), which let verification start from any key of the log. Called
    /// once.
    ///
    /// # Errors
    /// When called again with others.
    pub fn keys<'k>(
        &mut self,
        keys: impl IntoIterator<Item = &'k VerifierKey>,
        rotations: &[Note],
    ) -> Result<(), BundleError> {
        let lines: String = keys.into_iter().map(|key| format!("{key}\n")).collect();
        self.files.put(KEYS, lines.as_bytes())?;
        if rotations.is_empty() {
            return Ok(());
        }
        self.files.put(ROTATIONS, &write_rotations(rotations)?)
    }

    /// Signs the manifest and writes the whole bundle. Same content and key: same bytes.
    ///
    /// # Errors
    /// When the records do not lead to the checkpoint's root, or the output fails.
    pub fn finish(mut self, key: &SigningKey, mut out: impl Write) -> Result<Manifest, BundleError> {
        self.flush_records()?;
        self.check_previous()?;
        let stated = self.checkpoint.unverified().clone();
        if self.frontier.size() != stated.size {
            return Err(BundleError::Records { expected: stated.size, found: self.frontier.size() });
        }
        if self.frontier.root() != stated.root {
            return Err(BundleError::Root("checkpoint"));
        }
        self.add_hash_tiles()?;

        let manifest = Manifest {
            v: BUNDLE_VERSION,
            origin: stated.origin,
            period: self.about.period,
            report: self.about.report,
            from_size: self.from_size,
            checkpoint: ManifestCheckpoint { size: stated.size, root: RootDigest(stated.root) },
            renderer: self.about.renderer,
            files: self.files.digests().collect(),
        };
        let bytes = manifest.to_bytes()?;
        let note = Note::sign(note_text(&manifest.origin, &bytes), &[key])?;
        self.files.put(MANIFEST, &bytes)?;
        self.files.put(MANIFEST_NOTE, &note.to_bytes())?;
        self.files.write_archive(&mut out)?;
        Ok(manifest)
    }

    /// The hash tiles above the leaves.
    fn add_hash_tiles(&mut self) -> Result<(), BundleError> {
        for tile in tiles(self.from_size, self.frontier.size()) {
            let Content::Hashes(level @ 1..) = tile.content else {
                continue;
            };
            let hashes = (tile.first()..tile.first() + u64::from(tile.width))
                .map(|index| {
                    let missing = ProofError::MissingNode { level, index };
                    self.nodes.node(level, index).ok_or(missing)
                })
                .collect::<Result<Vec<_>, _>>()?;
            self.files.put(&tile.to_string(), &write_hashes(&hashes))?;
        }
        Ok(())
    }
}
