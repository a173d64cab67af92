//! The manifest and the note that signs it.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use exhibit_evidence::{CanonicalError, parse_canonical, to_canonical};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::{Digest as _, Sha256};

use super::BUNDLE_VERSION;
use crate::tree::Hash;

/// What stands in a bundle's `manifest.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of the bundle's layout.
    pub v: u64,
    /// The log.
    pub origin: String,
    /// The period's id.
    pub period: String,
    /// The report's id.
    pub report: String,
    /// The ledger's size at the previous close: from here on, every entry is in the bundle.
    pub from_size: u64,
    /// What the report was rendered from.
    pub checkpoint: ManifestCheckpoint,
    /// Name and version of the renderer.
    pub renderer: String,
    /// Every file of the bundle but the manifest and its note, by path.
    pub files: BTreeMap<String, FileDigest>,
}

/// Size and root of the checkpoint in the bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestCheckpoint {
    /// The ledger's size.
    pub size: u64,
    /// The root, in base64 as in the checkpoint itself.
    pub root: RootDigest,
}

/// A root hash that is written in base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RootDigest(pub Hash);

/// Digest and size of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileDigest {
    /// SHA-256 of its bytes; 64 lower-case hexadecimal digits in the manifest.
    #[serde(with = "lower_hex")]
    pub sha256: Hash,
    /// Its size in bytes.
    pub size: u64,
}

/// Why bytes are not a manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not canonical JSON.
    #[error("not canonical JSON: {0}")]
    NotCanonical(#[from] CanonicalError),
    /// Canonical JSON of another shape.
    #[error("not a manifest: {0}")]
    Shape(#[from] serde_json::Error),
    /// A layout that this program does not know.
    #[error("bundle version {0}; this program knows version {BUNDLE_VERSION}")]
    Version(u64),
    /// The entries would begin after they end.
    #[error("from_size {from_size} is larger than the checkpoint's size {size}")]
    SizesReversed {
        /// Where the entries begin.
        from_size: u64,
        /// Where they end.
        size: u64,
    },
}

impl Manifest {
    /// Its canonical bytes.
    ///
    /// # Errors
    /// When a size is beyond 2⁵³ − 1.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CanonicalError> {
        to_canonical(self)
    }

    /// Reads a manifest; only its canonical bytes are one.
    ///
    /// # Errors
    /// When they are not.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        let manifest: Self = serde_json::from_value(parse_canonical(bytes)?)?;
        if manifest.v != BUNDLE_VERSION {
            return Err(ManifestError::Version(manifest.v));
        }
        let (from_size, size) = (manifest.from_size, manifest.checkpoint.size);
        if from_size > size {
            return Err(ManifestError::SizesReversed { from_size, size });
        }
        Ok(manifest)
    }
}

/// The text that `manifest.note` signs. Its first line can be no log's origin in a checkpoint's
/// place, because the second is no size.
pub(super) fn note_text(origin: &str, manifest: &[u8]) -> String {
    let digest = BASE64.encode(Sha256::digest(manifest));
    format!("{origin}/bundle-manifest\n{digest}\n")
}

impl FileDigest {
    /// Of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self { sha256: Sha256::digest(bytes).into(), size: bytes.len() as u64 }
    }
}

impl Serialize for RootDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(self.0))
    }
}

impl<'de> Deserialize<'de> for RootDigest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        crate::checkpoint::parse_hash(&text)
            .map(Self)
            .ok_or_else(|| D::Error::custom("32 bytes in base64 were expected"))
    }
}

mod lower_hex {
    use super::{Deserialize as _, Deserializer, Hash, Serializer};
    use serde::de::Error as _;

    pub(super) fn serialize<S: Serializer>(hash: &Hash, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(hash))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Hash, D::Error> {
        let text = String::deserialize(deserializer)?;
        super::super::archive::parse_hex(&text)
            .ok_or_else(|| D::Error::custom("64 lower-case hexadecimal digits were expected"))
    }
}
