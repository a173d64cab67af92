//! Checkpoints: a signed word on the ledger's size and root, kept in Postgres, beside the data directory, and archived.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use exhibit_archive::{ObjectKey, PutOptions, retention};
use exhibit_ledger::{
    checkpoint::{Checkpoint, SignedCheckpoint},
    keys::{KeyHistory, KeyUseError},
};
use exhibit_store::{StoreError, StoredCheckpoint};

use crate::{Random, StepError, World, keys};

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

    /// The files that were written here, the smallest checkpoint first.
    ///
    /// # Errors
    /// When the folder can't be read.
    pub fn files(&self) -> Result<Vec<PathBuf>, StepError> {
        let listed = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            listed => listed.and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect()),
        };
        let mut files: Vec<PathBuf> = listed.map_err(file_error(&self.folder))?;
        files.retain(|path| path.extension().is_some_and(|end| end == "note"));
        files.sort();
        Ok(files)
    }

    /// Every checkpoint that was written here, by size, as signed notes.
    ///
    /// # Errors
    /// When the folder or a file in it can't be read.
    pub fn all(&self) -> Result<Vec<String>, StepError> {
        self.files()?.iter().map(|path| fs::read_to_string(path).map_err(file_error(path))).collect()
    }

    /// The file for a checkpoint of this size, whether it is there or not.
    pub fn file(&self, size: u64) -> PathBuf {
        self.folder.join(file_name(size))
    }

    /// Every checkpoint that was written here and covers at most so many entries, as signed notes.
    ///
    /// # Errors
    /// When the folder or a file in it can't be read.
    pub fn up_to(&self, size: u64) -> Result<Vec<String>, StepError> {
        let last = self.file(size);
        let files = self.files()?.into_iter().filter(|path| *path <= last);
        files.map(|path| fs::read_to_string(&path).map_err(file_error(&path))).collect()
    }

    /// Writes one, under a random mark.
    pub(crate) fn keep(&self, size: u64, note: &[u8], random: &dyn Random) -> Result<(), StepError> {
        let mut mark = [0; 8];
        random.fill(&mut mark);
        self.write(size, note, u64::from_be_bytes(mark))
    }

    /// Writes one: complete, or not at all. `mark` tells the drafts of two writers apart.
    fn write(&self, size: u64, note: &[u8], mark: u64) -> Result<(), StepError> {
        fs::create_dir_all(&self.folder).map_err(file_error(&self.folder))?;
        let path = self.file(size);
        match fs::read(&path) {
            // Signatures are deterministic, so the same word has the same bytes.
            Ok(kept) if kept == note => return Ok(()),
            Ok(_) => {
                let why = "another checkpoint of this size is kept there".to_owned();
                return Err(StepError::Forked { place: path.display().to_string(), size, why });
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return Err(file_error(&path)(source)),
        }
        let draft = self.folder.join(format!("{}.{mark:016x}.draft", file_name(size)));
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

/// The archive's folder of checkpoints.
pub const ARCHIVED: &str = "checkpoints/";

/// The media type of a checkpoint in the archive.
pub(crate) const MEDIA_TYPE: &str = "text/plain; charset=utf-8";

/// Where the checkpoint of this size lies in the archive.
pub(crate) fn checkpoint_key(size: u64) -> String {
    format!("{ARCHIVED}{}", file_name(size))
}

fn file_name(size: u64) -> String {
    format!("{size:016}.note")
}

fn file_error(path: &Path) -> impl FnOnce(std::io::Error) -> StepError + '_ {
    move |source| StepError::File { path: path.display().to_string(), source }
}

/// Holds the ledger against the last checkpoint that was kept beside the data directory.
///
/// A database that was rewound, restored from an old copy or exchanged must not be worked with: signing what it says
/// would make a second history beside the one that was signed.
///
/// # Errors
/// [`StepError::Forked`] when the ledger is not a continuation of it; when it can't be read.
pub async fn hold_to_outside(world: &World) -> Result<(), StepError> {
    let (line, _) = keys::line(world).await?;
    hold_to(world, &line).await
}

/// The same, for who knows the line of keys.
pub(crate) async fn hold_to(world: &World, line: &KeyHistory) -> Result<(), StepError> {
    let Some(path) = world.outside.files()?.pop() else { return Ok(()) };
    let place = path.display().to_string();
    let note = fs::read(&path).map_err(file_error(&path))?;
    let signed = SignedCheckpoint::parse(&note)
        .map_err(KeyUseError::from)
        .and_then(|signed| line.verify(&signed).cloned())
        .map_err(|error| StepError::Unbound { place: place.clone(), why: error.to_string() })?;
    let size = world.store.head().await?.size();
    let forked = |why: String| Err(StepError::Forked { place: place.clone(), size: signed.size, why });
    if size < signed.size {
        return forked(format!("the ledger has {size} entries"));
    }
    if world.store.root(signed.size).await? != signed.root {
        return forked("the ledger's root at that size is another".to_owned());
    }
    Ok(())
}

/// A checkpoint that the database keeps, if it is ours and speaks of this root.
pub(crate) fn own(
    line: &KeyHistory,
    stored: &StoredCheckpoint,
    root: exhibit_ledger::tree::Hash,
) -> Result<(), StepError> {
    let place = format!("the database's checkpoint of size {}", stored.size);
    let signed = SignedCheckpoint::parse(stored.note.as_bytes())
        .map_err(KeyUseError::from)
        .and_then(|signed| line.verify(&signed).cloned())
        .map_err(|error| StepError::Unbound { place: place.clone(), why: error.to_string() })?;
    if (signed.size, signed.root) == (stored.size, root) {
        return Ok(());
    }
    let why = "the ledger's root at that size is another".to_owned();
    Err(StepError::Forked { place, size: signed.size, why })
}

/// The checkpoint of exactly this size: the one that is kept, or a new one over the same tree; kept in all three places.
///
/// # Errors
/// When the ledger is not as it was signed, can't be read, or a place can't be written.
pub(crate) async fn checkpoint_at(world: &World, size: u64) -> Result<SignedCheckpoint, StepError> {
    let (line, _) = keys::line(world).await?;
    hold_to(world, &line).await?;
    let root = world.store.root(size).await?;
    let stored = match world.store.checkpoint(size).await {
        Ok(stored) => stored,
        Err(StoreError::NotFound { .. }) => {
            let checkpoint = Checkpoint { origin: world.origin().to_owned(), size, root };
            let note = String::from_utf8_lossy(&checkpoint.sign(&[&world.signer])?.to_bytes()).into_owned();
            let stored = StoredCheckpoint { size, root, note, signed_at: world.now() };
            world.store.save_checkpoint(&stored).await?;
            stored
        }
        Err(error) => return Err(error.into()),
    };
    own(&line, &stored, root)?;
    keep(world, &stored).await?;
    Ok(SignedCheckpoint::parse(stored.note.as_bytes())?)
}

/// Signs a checkpoint of the ledger as it is, unless there is one of this size already, and sees to it that it is kept
/// in all three places.
///
/// # Errors
/// When the ledger is not as it was signed, can't be read, or a place can't be written.
pub async fn checkpoint(world: &World) -> Result<SignedCheckpoint, StepError> {
    checkpoint_at(world, world.store.head().await?.size()).await
}

/// The checkpoints that the archive keeps: the key and the bytes of each. One that can't be had is told as a difference.
///
/// # Errors
/// When the archive can't be looked at.
pub async fn archived_checkpoints(world: &World) -> Result<Vec<ArchivedCheckpoint>, StepError> {
    let mut kept = Vec::new();
    for listed in world.vault.list(ARCHIVED).await? {
        let key = listed.key.to_string();
        let note = match &listed.version {
            None => Err("the archive has no record of it".to_owned()),
            Some(version) => match world.vault.get(&listed.key, version).await {
                Ok(note) => Ok(note),
                Err(error) if error.is_difference() => Err(error.to_string()),
                Err(error) => return Err(error.into()),
            },
        };
        kept.push(ArchivedCheckpoint { key, note });
    }
    Ok(kept)
}

/// A checkpoint in the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchivedCheckpoint {
    /// Its key.
    pub key: String,
    /// The signed note's bytes, or what is wrong with the object.
    pub note: Result<Vec<u8>, String>,
}

pub(crate) async fn keep(world: &World, stored: &StoredCheckpoint) -> Result<(), StepError> {
    world.outside.keep(stored.size, stored.note.as_bytes(), &*world.random)?;
    let key = ObjectKey::parse(&checkpoint_key(stored.size)).map_err(|error| StepError::Ledger(error.to_string()))?;
    let options = PutOptions {
        put_at: stored.signed_at,
        retain_until: retention::retain_until(stored.signed_at, world.plan.retention.longest()),
        media_type: MEDIA_TYPE.to_owned(),
    };
    world.vault.put_once(&key, stored.note.as_bytes(), &options).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_stays() {
        let folder = std::env::temp_dir().join(format!("exhibit-outside-{}", std::process::id()));
        let outside = OutsideCheckpoints::new(&folder);
        assert_eq!(outside.files().expect("no folder is no file"), Vec::<PathBuf>::new());
        outside.write(12, b"one", 1).expect("written");
        outside.write(3, b"three", 1).expect("written");
        outside.write(12, b"one", 2).expect("the same again is no error");
        assert!(matches!(outside.write(12, b"other", 3), Err(StepError::Forked { size: 12, .. })));
        fs::write(folder.join("0000000000000099.note.00.draft"), b"half").expect("a writer died here");
        assert_eq!(outside.all().expect("read"), ["three", "one"]);
        fs::remove_dir_all(&folder).expect("removed");
    }
}
