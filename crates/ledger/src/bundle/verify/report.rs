//! What a verification says: what was proven, and what differs.

use std::fmt;
use std::io;

use serde::Serialize;

use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::keys::Rotation;
use crate::note::VerifierKey;

/// The most differences that are listed; more are counted.
const MAX_DIFFERENCES: usize = 1000;

/// What the caller trusts. Nothing inside a bundle is believed but what follows from these keys.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// Public keys of the log, from outside the bundle. One is enough; rotations are followed.
    pub keys: Vec<VerifierKey>,
    /// Rotations known from elsewhere, such as a later bundle: each proves itself. They let a key that came later
    /// verify a bundle that was sealed before it.
    pub rotations: Vec<Rotation>,
    /// Checkpoints that the caller holds from before, such as one that was published or noted down: the entries must lead
    /// to each that lies within them.
    pub checkpoints: Vec<SignedCheckpoint>,
}

/// Why a bundle could not be looked at. This is neither a pass nor a finding of differences.
#[derive(Debug, thiserror::Error)]
pub enum CannotLook {
    /// No key to verify with.
    #[error("no key to verify with: name the log's public key, as obtained from outside the bundle")]
    NoKey,
    /// The input cannot be read.
    #[error("the bundle cannot be read: {0}")]
    Read(#[from] io::Error),
    /// The input is no bundle at all.
    #[error("this is not a bundle: it does not begin with the header of a tar file")]
    NotABundle,
}

/// Where a difference is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "where")]
pub enum Place {
    /// The archive's own structure, at this byte.
    Archive {
        /// Offset in the bundle.
        offset: u64,
    },
    /// A file of the bundle.
    File {
        /// Its path.
        path: String,
    },
    /// An entry of the ledger.
    Entry {
        /// Its number in the ledger, from 0.
        seq: u64,
        /// The entry bundle that holds it.
        path: String,
    },
    /// A checkpoint that the caller holds.
    Held {
        /// The size that it states.
        size: u64,
    },
    /// A hash of the tree.
    Node {
        /// The tile that holds it.
        path: String,
        /// Which of the tile's hashes, from 0.
        position: u64,
    },
}

/// One thing that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// What belongs there.
    pub expected: String,
    /// What is there.
    pub found: String,
}

/// One thing that was proven from the pinned key alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "proven")]
pub enum Proven {
    /// The checkpoint is signed by a trusted key.
    Checkpoint {
        /// The log.
        origin: String,
        /// How many entries it covers.
        size: u64,
        /// The key that signed.
        key: String,
    },
    /// The manifest is signed by a trusted key.
    Manifest {
        /// The key that signed.
        key: String,
    },
    /// Every file is listed in the manifest and has its digest, and none is missing.
    Files {
        /// How many.
        count: u64,
        /// Their bytes in all.
        bytes: u64,
    },
    /// Every entry of this range is there, contiguous, canonical and well formed.
    Entries {
        /// The first.
        from: u64,
        /// The one after the last.
        until: u64,
    },
    /// The root over all entries, recomputed from those here and the hashes of those before, is the
    /// checkpoint's.
    Root {
        /// Entries under the root.
        size: u64,
    },
    /// The log at the previous close is the beginning of this one.
    Consistency {
        /// Entries at the previous close.
        size: u64,
    },
    /// The entries lead to a checkpoint that the caller holds.
    Held {
        /// Entries that it covers.
        size: u64,
    },
    /// Raw artifacts have the digests that name them, and every one that an entry cites is there.
    Artifacts {
        /// How many.
        count: u64,
    },
    /// The key that signed follows from the pinned one by this many rotations in all.
    Rotations {
        /// How many.
        count: u64,
    },
}

/// Something that a bundle cannot show, or that nobody looked at. It is neither proven nor a difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "not-shown")]
pub enum NotShown {
    /// What came later.
    Later {
        /// Entries that the checkpoint covers.
        size: u64,
    },
    /// The entries before the previous close: earlier bundles hold them, here are their hashes.
    Earlier {
        /// How many.
        count: u64,
    },
    /// Whether an archive still holds the objects that receipts speak of.
    Retention {
        /// How many receipts.
        receipts: u64,
    },
    /// The values that stand in the records as digests.
    Disclosed {
        /// How many.
        count: u64,
    },
    /// The bodies of kinds that this version does not know.
    UnknownKinds {
        /// How many entries.
        count: u64,
    },
    /// A checkpoint that the caller holds lies outside of the entries.
    Held {
        /// Entries that it covers.
        size: u64,
        /// The first size that these entries can show.
        from: u64,
        /// The last size that they can show.
        until: u64,
    },
}

/// The result of looking at a bundle.
#[derive(Debug, Clone, Serialize)]
pub struct Verification {
    /// What was proven. A check that found a difference is not listed.
    pub proven: Vec<Proven>,
    /// What is not shown, though somebody might think so.
    pub not_shown: Vec<NotShown>,
    /// What differs: when this is empty, everything was proven.
    pub differences: Vec<Difference>,
    /// How many more differences there are than are listed.
    pub omitted: u64,
    /// The checkpoint, once proven.
    #[serde(skip)]
    pub checkpoint: Option<Checkpoint>,
    /// The manifest, once proven.
    pub manifest: Option<crate::bundle::Manifest>,
}

impl Verification {
    /// Whether there is no difference.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.differences.is_empty()
    }
}

/// Collects differences without growing beyond bounds.
#[derive(Debug, Default)]
pub(super) struct Differences {
    pub(super) list: Vec<Difference>,
    pub(super) omitted: u64,
}

impl Differences {
    pub(super) fn add(&mut self, place: Place, expected: impl fmt::Display, found: impl fmt::Display) {
        if self.list.len() >= MAX_DIFFERENCES {
            self.omitted += 1;
            return;
        }
        self.list.push(Difference {
            place,
            expected: printable(&expected.to_string()),
            found: printable(&found.to_string()),
        });
    }

    pub(super) fn file(&mut self, path: impl fmt::Display, expected: impl fmt::Display, found: impl fmt::Display) {
        let path = printable(&path.to_string());
        self.add(Place::File { path }, expected, found);
    }

    /// How many so far, to see whether a check added any.
    pub(super) fn count(&self) -> u64 {
        self.list.len() as u64 + self.omitted
    }
}

/// A text from a bundle, fit for a terminal: control characters escaped, long ones cut.
fn printable(text: &str) -> String {
    const LONGEST: usize = 300;
    let mut out: String = text
        .chars()
        .take(LONGEST)
        .flat_map(|c| {
            let escape = c.is_control().then(|| c.escape_default());
            let plain = escape.is_none().then_some(c);
            escape.into_iter().flatten().chain(plain)
        })
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        out.push('…');
    }
    out
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Archive { offset } => write!(f, "archive, byte {offset}"),
            Self::File { path } => f.write_str(path),
            Self::Entry { seq, path } => write!(f, "entry {seq} ({path})"),
            Self::Held { size } => write!(f, "the checkpoint of {size} entries that you hold"),
            Self::Node { path, position } => write!(f, "{path}, hash {position}"),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, expected, found } = self;
        write!(f, "{place}: expected {expected}, found {found}")
    }
}

impl fmt::Display for Proven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checkpoint { origin, size, key } => {
                write!(f, "the checkpoint of {origin} at {size} entries is signed by {key}")
            }
            Self::Manifest { key } => write!(f, "the manifest is signed by {key}"),
            Self::Files { count, bytes } => {
                write!(f, "all {count} files ({bytes} bytes) are those the manifest lists")
            }
            Self::Entries { from, until } => write!(
                f,
                "all {} entries from {from} up to {until} are present, in order and well formed",
                until - from
            ),
            Self::Root { size } => {
                write!(f, "the root recomputed over {size} entries is the checkpoint's")
            }
            Self::Consistency { size } => {
                write!(f, "the ledger of {size} entries at the previous close is its beginning")
            }
            Self::Held { size } => {
                write!(f, "its entries lead to the checkpoint of {size} entries that you hold")
            }
            Self::Artifacts { count } => {
                write!(f, "all raw artifacts that the entries cite are there, {count} files with their digests")
            }
            Self::Rotations { count } => {
                write!(f, "{count} rotations of the signing key lead back to the pinned key")
            }
        }
    }
}

impl fmt::Display for NotShown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Later { size } => write!(f, "nothing is said of what was recorded after the first {size} entries"),
            Self::Earlier { count } => write!(
                f,
                "the {count} entries before the previous close are bound by their hashes, but not here: \
                 earlier bundles hold them"
            ),
            Self::Retention { receipts } => write!(
                f,
                "no archive was asked whether it still holds what the {receipts} receipts among the entries speak of, \
                 and until when"
            ),
            Self::Disclosed { count } => {
                write!(f, "the {count} values that stand in the entries as salted digests are not in a bundle")
            }
            Self::UnknownKinds { count } => write!(
                f,
                "{count} entries are of kinds that this program does not know: envelope and hashes hold, their bodies \
                 were not read"
            ),
            Self::Held { size, from, until } => write!(
                f,
                "the checkpoint of {size} entries that you hold was not compared: these entries show sizes {from} to {until}"
            ),
        }
    }
}
