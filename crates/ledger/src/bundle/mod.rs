//! Report bundles: one deterministic tar file that proves itself to whoever holds the log's key.
//!
//! | path | what it is |
//! |---|---|
//! | `manifest.json` | canonical JSON: what the bundle is, and digest and size of every other file ([`Manifest`]) |
//! | `manifest.note` | a signed note by the log's key over the digest of `manifest.json` |
//! | `checkpoint` | the signed checkpoint that the report was rendered from |
//! | `checkpoint.previous` | the signed checkpoint at the previous close, where the entries begin |
//! | `keys`, `keys.rotations` | the log's public keys, for information; rotation statements, which prove themselves |
//! | `tile/…` | the log as C2SP tlog-tiles, pruned to what is recorded since the previous close |
//! | `artifacts/<sha256>` | raw artifacts, by digest |
//! | anything else | opaque here: `report.md`, `report.html`, `report.json`, `view.json`, `template/…` |
//!
//! Every entry from the previous close to the checkpoint is there, and the root is recomputed from
//! them and from the hashes of what came before: an entry left out cannot go unnoticed, as it could
//! with inclusion proofs alone. The tar has ustar headers with mode 0644 and nothing of the machine
//! it was made on, paths in ascending byte order, and ends with exactly two empty blocks.

mod archive;
mod files;
mod layout;
mod manifest;
mod spool;
mod verify;
mod write;

pub use files::{read_file, read_files};
pub use layout::{first_entry, nodes_before};
pub use manifest::{FileDigest, Manifest, ManifestCheckpoint, ManifestError, RootDigest};
pub use verify::{
    CannotLook, Crew, Difference, Finished, NotShown, Place, Proven, Trust, Verification, Work, verify_bundle,
    verify_bundle_with,
};
pub use write::{About, BundleError, BundleWriter};

/// The version of this layout, `v` in the manifest.
pub const BUNDLE_VERSION: u64 = 1;

const MANIFEST: &str = "manifest.json";
const MANIFEST_NOTE: &str = "manifest.note";
const CHECKPOINT: &str = "checkpoint";
const PREVIOUS: &str = "checkpoint.previous";
const KEYS: &str = "keys";
const ROTATIONS: &str = "keys.rotations";
const ARTIFACTS: &str = "artifacts/";
const TILES: &str = "tile/";

#[cfg(test)]
mod tests;
