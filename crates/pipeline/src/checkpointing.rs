//! Checkpoints: a signed word on the ledger's size and root, kept in Postgres, beside the data directory, and archived.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use exhibit_archive::{ObjectKey, PutOptions, retention};
use exhibit_ledger::checkpoint::{Checkpoint, SignedCheckpoint};
use exhibit_store::StoredCheckpoint;

use crate::{StepError, World};

/// The folder where checkpoints lie outside Postgres, one file each.
///
/// Whoever rewrites the database without the signing key can't rewrite what these files cover unseen.
#[derive(Clone, Debug)]
pub struct OutsideCheckpoints {
    folder: PathBuf,
}

impl OutsideCheckpoints {
    /// The folder, which is made where it is missing.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Where they lie.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Every checkpoint that was written here, by size, as signed notes.
    ///
    /// # Errors
    /// When the folder or a file in it can't be read.
    pub fn all(&self) -> Result<Vec<String>, StepError> {
        if !self.folder.exists() {
            return Ok(Vec::new());
        }
        let mut files: Vec<PathBuf> = fs::read_dir(&self.folder)
            .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
            .map_err(file_error(&self.folder))?;
        files.retain(|path| path.extension().is_some_and(|end| end == "note"));
        files.sort();
        files.iter().map(|path| fs::read_to_string(path).map_err(file_error(path))).collect()
    }

    /// Writes one: complete, or not at all.
    fn write(&self, size: u64, note: &[u8]) -> Result<(), StepError> {
        fs::create_dir_all(&self.folder).map_err(file_error(&self.folder))?;
        let path = self.folder.join(file_name(size));
        if path.exists() {
            return Ok(());
        }
        let draft = self.folder.join(format!("{}.draft", file_name(size)));
        let written = fs::File::create(&draft).and_then(|mut file| {
            file.write_all(note)?;
            file.sync_all()
        });
        written.map_err(file_error(&draft))?;
        fs::rename(&draft, &path).map_err(file_error(&path))?;
        let folder = fs::File::open(&self.folder).and_then(|folder| folder.sync_all());
        folder.map_err(file_error(&self.folder))
    }
}

fn file_name(size: u64) -> String {
    format!("{size:016}.note")
}

fn file_error(path: &Path) -> impl FnOnce(std::io::Error) -> StepError + '_ {
    move |source| StepError::File { path: path.display().to_string(), source }
}

/// Signs a checkpoint of the ledger as it is, unless there is one of this size already, and sees to it that it is kept
/// in all three places.
///
/// # Errors
/// When the ledger can't be read, or a place can't be written.
pub async fn checkpoint(world: &World) -> Result<SignedCheckpoint, StepError> {
    let head = world.store.head().await?;
    let latest = world.store.latest_checkpoint().await?;
    let stored = match latest {
        Some(latest) if latest.size == head.size() => latest,
        _ => {
            let signed = Checkpoint::of(world.origin(), &head.frontier).sign(&[&world.signer])?;
            let stored = StoredCheckpoint {
                size: head.size(),
                root: head.root(),
                note: String::from_utf8_lossy(&signed.to_bytes()).into_owned(),
                signed_at: world.now(),
            };
            world.store.save_checkpoint(&stored).await?;
            stored
        }
    };
    keep(world, &stored).await?;
    Ok(SignedCheckpoint::parse(stored.note.as_bytes())?)
}

async fn keep(world: &World, stored: &StoredCheckpoint) -> Result<(), StepError> {
    world.outside.write(stored.size, stored.note.as_bytes())?;
    let key = ObjectKey::parse(&format!("checkpoints/{}", file_name(stored.size)))
        .map_err(|error| StepError::Ledger(error.to_string()))?;
    let options = PutOptions {
        put_at: stored.signed_at,
        retain_until: retention::retain_until(stored.signed_at, world.plan.retention_years),
        media_type: "text/plain; charset=utf-8".to_owned(),
    };
    world.vault.put_once(&key, stored.note.as_bytes(), &options).await?;
    Ok(())
}
