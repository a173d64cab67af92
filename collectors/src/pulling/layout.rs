//! Writes an image as an OCI layout: each blob is held to its size and digest while it comes.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::PullError;
use super::asking::{Asking, Found, Part};
use super::manifest::{Descriptor, Platform};
use crate::packages::lockfile::shown;
use crate::remote::{RemoteError, Stream};

/// How often a blob is asked for that breaks off, in a row without much coming.
const TRIES: u32 = 3;
/// So many bytes are much.
const PROGRESS: u64 = 8 << 20;

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

/// One blob. One that breaks off goes on where it ended if the registry gives the rest, and is begun again if not.
fn whole(asking: &Asking<'_>, blob: &Descriptor, what: &dyn Fn() -> String, to: &Path) -> Result<(), PullError> {
    let mut coming = Coming::new(asking, blob, what, &to.join(hex(&blob.digest)))?;
    let mut tried = 1;
    loop {
        let before = coming.came;
        let Err(why) = coming.more() else { return Ok(()) };
        let broke = matches!(why, PullError::Short { .. });
        // Of two answers it may be pieced together wrongly where each of them is right.
        let pieced = coming.pieced && matches!(why, PullError::Digest { .. } | PullError::Long { .. });
        let again = broke || pieced || (coming.by_parts && matches!(why, PullError::Elsewhere { .. }));
        if coming.came.saturating_sub(before) >= PROGRESS {
            tried = 0;
        }
        if !again || tried >= TRIES {
            return Err(why);
        }
        if !broke {
            coming.by_parts = false;
            coming.forget()?;
        }
        tried += 1;
    }
}

/// A blob while it comes.
struct Coming<'c> {
    asking: &'c Asking<'c>,
    blob: &'c Descriptor,
    what: &'c dyn Fn() -> String,
    file: File,
    hash: Sha256,
    /// How many bytes of it are there.
    came: u64,
    /// Whether they are of several answers.
    pieced: bool,
    /// Whether the registry may be asked for the rest alone.
    by_parts: bool,
}

impl<'c> Coming<'c> {
    fn new(
        asking: &'c Asking<'c>,
        blob: &'c Descriptor,
        what: &'c dyn Fn() -> String,
        path: &Path,
    ) -> Result<Self, PullError> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(path);
        let file = file.map_err(|error| PullError::folder(&error))?;
        Ok(Self { asking, blob, what, file, hash: Sha256::new(), came: 0, pieced: false, by_parts: true })
    }

    /// Begins anew.
    fn forget(&mut self) -> Result<(), PullError> {
        (self.hash, self.came, self.pieced) = (Sha256::new(), 0, false);
        let emptied = self.file.rewind().and_then(|()| self.file.set_len(0));
        emptied.map_err(|error| PullError::folder(&error))
    }

    /// All that is missing, and whether it is then what it is named by.
    fn more(&mut self) -> Result<(), PullError> {
        if !self.by_parts {
            self.forget()?;
        }
        let part = self.asking.blob(self.what, &self.blob.digest, self.blob.size, self.came);
        let mut stream = match part.map_err(|error| self.long(error))? {
            Part::Rest(stream) => {
                self.pieced = true;
                stream
            }
            Part::Whole(stream) => {
                self.forget()?;
                stream
            }
            Part::Other => return Err(PullError::Elsewhere { what: (self.what)() }),
        };
        self.take(&mut stream)?;
        let digits: String = self.hash.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let found = format!("sha256:{digits}");
        if found == self.blob.digest {
            return Ok(());
        }
        Err(PullError::Digest { what: (self.what)(), named: self.blob.digest.clone(), found })
    }

    /// Reads an answer to its end.
    fn take(&mut self, stream: &mut Stream) -> Result<(), PullError> {
        let size = self.blob.size;
        let mut buffer = vec![0; 64 << 10];
        loop {
            let count = match stream.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) => match self.asking.broken(&error) {
                    PullError::Remote(RemoteError::BrokenOff { .. }) => break,
                    other => return Err(self.long(other)),
                },
            };
            if self.came + count as u64 > size {
                return Err(PullError::Long { what: (self.what)(), size });
            }
            self.file.write_all(&buffer[..count]).map_err(|error| PullError::folder(&error))?;
            self.hash.update(&buffer[..count]);
            self.came += count as u64;
        }
        match self.came < size {
            true => Err(PullError::Short { what: (self.what)(), came: self.came, size }),
            false => Ok(()),
        }
    }

    /// What is larger than may be read is longer than it should be.
    fn long(&self, error: PullError) -> PullError {
        match error {
            PullError::Remote(RemoteError::TooLarge { .. }) => {
                PullError::Long { what: (self.what)(), size: self.blob.size }
            }
            error => error,
        }
    }
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
