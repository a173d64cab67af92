//! Writes an image as an OCI layout: each blob is held to its size and digest while it comes.

use std::fs::{self, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::Path;

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::PullError;
use super::asking::{Asking, Found};
use super::manifest::{Descriptor, Platform};
use crate::packages::lockfile::shown;
use crate::remote::RemoteError;

/// How often a blob is begun that breaks off.
const TRIES: u32 = 3;

/// Writes all of an image into a folder.
pub(super) fn write(asking: &Asking<'_>, image: &Found, reference: &str, folder: &Path) -> Result<(), PullError> {
    let blobs = folder.join("blobs/sha256");
    fs::create_dir_all(&blobs).map_err(|error| PullError::folder(&error))?;
    let put = |path: &Path, bytes: &[u8]| fs::write(path, bytes).map_err(|error| PullError::folder(&error));
    put(&blobs.join(hex(&image.digest)), &image.bytes)?;
    let manifest = &image.manifest;
    let all = manifest.layers.len();
    for blob in manifest.blobs() {
        let number = manifest.layers.iter().position(|layer| layer.digest == blob.digest);
        let what = || match number {
            Some(at) if blob.digest != manifest.config.digest => format!("layer {} of {all}", at + 1),
            _ => "the configuration".to_owned(),
        };
        whole(asking, blob, &what, &blobs)?;
        if let (true, Some(wanted)) = (blob.digest == manifest.config.digest, &image.required) {
            is_for(wanted, &blobs.join(hex(&blob.digest)))?;
        }
    }
    let index = json!({
        "schemaVersion": 2,
        "manifests": [{
            "mediaType": manifest.media_type,
            "digest": image.digest,
            "size": image.bytes.len(),
            "annotations": { "io.containerd.image.name": reference },
        }],
    });
    put(&folder.join("index.json"), index.to_string().as_bytes())?;
    put(&folder.join("oci-layout"), br#"{"imageLayoutVersion":"1.0.0"}"#)
}

fn hex(digest: &str) -> &str {
    digest.strip_prefix("sha256:").unwrap_or(digest)
}

/// One blob; one that breaks off is begun again.
fn whole(asking: &Asking<'_>, blob: &Descriptor, what: &dyn Fn() -> String, to: &Path) -> Result<(), PullError> {
    let mut tried = 1;
    loop {
        let passing = match once(asking, blob, what, to) {
            Err(error @ (PullError::Short { .. } | PullError::Remote(RemoteError::BrokenOff { .. }))) => error,
            other => return other,
        };
        if tried >= TRIES {
            return Err(passing);
        }
        tried += 1;
    }
}

fn once(asking: &Asking<'_>, blob: &Descriptor, what: &dyn Fn() -> String, to: &Path) -> Result<(), PullError> {
    let folder = |error: std::io::Error| PullError::folder(&error);
    let long = |error| match error {
        PullError::Remote(RemoteError::TooLarge { .. }) => PullError::Long { what: what(), size: blob.size },
        error => error,
    };
    let mut stream = asking.blob(what, &blob.digest, blob.size).map_err(long)?;
    let path = to.join(hex(&blob.digest));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&path).map_err(folder)?;
    let (mut hash, mut came) = (Sha256::new(), 0);
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) => {
                let broken = long(asking.broken(&error));
                let short = matches!(broken, PullError::Remote(RemoteError::BrokenOff { .. }));
                return Err(if short { PullError::Short { what: what(), came, size: blob.size } } else { broken });
            }
        };
        came += count as u64;
        if came > blob.size {
            return Err(PullError::Long { what: what(), size: blob.size });
        }
        hash.update(&buffer[..count]);
        file.write_all(&buffer[..count]).map_err(folder)?;
    }
    if came < blob.size {
        return Err(PullError::Short { what: what(), came, size: blob.size });
    }
    let digits: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let found = format!("sha256:{digits}");
    if found == blob.digest {
        return Ok(());
    }
    Err(PullError::Digest { what: what(), named: blob.digest.clone(), found })
}

/// Refuses an image whose configuration names another platform.
fn is_for(wanted: &Platform, config: &Path) -> Result<(), PullError> {
    let bytes = fs::read(config).map_err(|error| PullError::folder(&error))?;
    let wrong = |_| PullError::Document("an image whose configuration can't be read".to_owned());
    let own: Platform = serde_json::from_slice(&bytes).map_err(wrong)?;
    if wanted.is_met_by(&own) {
        return Ok(());
    }
    Err(PullError::OtherPlatform { wanted: wanted.to_string(), found: shown(&own.to_string()) })
}
