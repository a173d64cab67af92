//! Objects that are too large for one part: parts that are each an object with a lock of its own, and a list of them
//! under the object's own key. Servers drop the lock of multipart uploads; of these they drop nothing.

use exhibit_evidence::Digest;
use serde::{Deserialize, Serialize};

use crate::{ObjectKey, VaultError, Version};

/// What marks a list of parts. Nobody else's bytes may have it.
pub(super) const MEDIA_TYPE: &str = "application/vnd.exhibit.parts+json";

/// The folder that parts lie in. No part of a key begins with a dot, so none meets a caller's key.
pub(super) const FOLDER: &str = ".parts/";

/// The parts of an object, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    v: u32,
    key: String,
    pub(super) digest: Digest,
    pub(super) size: u64,
    pub(super) media_type: String,
    pub(super) parts: Vec<Part>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    version: String,
    pub(super) digest: Digest,
    pub(super) size: u64,
}

impl Part {
    pub(super) fn new(version: &Version, digest: Digest, size: u64) -> Self {
        Self { version: version.as_str().to_owned(), digest, size }
    }

    pub(super) fn version(&self) -> Version {
        Version::new(self.version.clone())
    }
}

impl Manifest {
    pub(super) fn new(key: &ObjectKey, digest: Digest, size: u64, media_type: &str, parts: Vec<Part>) -> Self {
        Self { v: 1, key: key.to_string(), digest, size, media_type: media_type.to_owned(), parts }
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, VaultError> {
        serde_json::to_vec(self).map_err(|error| self.unreadable(&error.to_string()))
    }

    /// Reads the list of this object's parts.
    pub(super) fn read(bytes: &[u8], key: &ObjectKey) -> Result<Self, VaultError> {
        let refuse = |problem: String| VaultError::RecordUnreadable { key: key.clone(), problem };
        let manifest: Self =
            serde_json::from_slice(bytes).map_err(|error| refuse(format!("the list of its parts: {error}")))?;
        let sizes = manifest.parts.iter().try_fold(0_u64, |sum, part| sum.checked_add(part.size));
        if manifest.v != 1 || manifest.key != key.as_str() || sizes != Some(manifest.size) || manifest.parts.is_empty()
        {
            return Err(refuse("the list of its parts speaks of another object".to_owned()));
        }
        Ok(manifest)
    }

    /// The name of part `index` within the vault.
    pub(super) fn name(key: &ObjectKey, whole: Digest, index: usize) -> String {
        format!("{FOLDER}{key}/{}/{index:06}", whole.hex())
    }

    fn unreadable(&self, problem: &str) -> VaultError {
        VaultError::BadOptions {
            key: ObjectKey::parse(&self.key).expect("it was made from a key"),
            problem: problem.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_speaks_of_its_object_alone() {
        let key = ObjectKey::parse("a/b").unwrap();
        let part = |size| Part::new(&Version::new("v1"), Digest::of(b"x"), size);
        let manifest = Manifest::new(&key, Digest::of(b"xy"), 2, "text/plain", vec![part(1), part(1)]);
        let bytes = manifest.to_bytes().unwrap();
        assert_eq!(Manifest::read(&bytes, &key).unwrap(), manifest);
        let refused = |bytes: &[u8], key: &str| {
            Manifest::read(bytes, &ObjectKey::parse(key).unwrap()).unwrap_err().code() == "archive.record-unreadable"
        };
        assert!(refused(&bytes, "a/c"));
        assert!(refused(b"{}", "a/b"));
        let short = Manifest { size: 3, ..manifest.clone() }.to_bytes().unwrap();
        assert!(refused(&short, "a/b"), "sizes that do not add up");
        let none = Manifest { size: 0, parts: vec![], ..manifest }.to_bytes().unwrap();
        assert!(refused(&none, "a/b"));
        assert!(ObjectKey::parse(&Manifest::name(&key, Digest::of(b"x"), 0)).is_err(), "no caller's key");
    }
}
