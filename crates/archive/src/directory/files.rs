//! Files that are written once, and the one writer.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use exhibit_evidence::{Digest, Digesting};

use crate::{ObjectKey, VaultError};

const RECORDS: &str = ".meta";
const INCOMING: &str = ".incoming";
const LOCK: &str = ".lock";
/// The record of an object that is being put: within the folder of what comes in.
const NOTE: &str = ".record";

/// Everybody may read, nobody may write.
const READ_ONLY: u32 = 0o444;

/// A name, looked up.
pub(super) enum Looked {
    /// Nothing has this name.
    Nothing,
    /// A folder has it: other keys go on from here.
    Folder,
    /// A protected file.
    Kept(Kept),
}

/// A protected file, opened to be read.
pub(super) struct Kept {
    file: File,
    path: PathBuf,
}

impl Kept {
    /// The digest of its bytes, and their number. They are not kept in memory.
    pub(super) fn digest(mut self) -> Result<(Digest, u64), VaultError> {
        let mut digesting = Digesting::default();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match self.file.read(&mut buffer) {
                Ok(0) => return Ok(digesting.finish()),
                Ok(read) => digesting.take(&buffer[..read]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(failed("read", &self.path)(error)),
            }
        }
    }

    /// Its bytes.
    pub(super) fn bytes(mut self) -> Result<Vec<u8>, VaultError> {
        let mut bytes = Vec::new();
        self.file.read_to_end(&mut bytes).map_err(failed("read", &self.path))?;
        Ok(bytes)
    }
}

/// A file that is being written, before it has its name. Whoever writes it holds a lock on it, so that nobody else takes
/// it for a leftover.
#[derive(Debug)]
pub(super) struct Incoming {
    file: File,
    path: PathBuf,
}

/// The directory and the steps that change it.
#[derive(Debug)]
pub(super) struct Files {
    root: PathBuf,
    /// How many more steps happen before the process "dies", in tests.
    #[cfg(test)]
    pub(super) steps_left: std::sync::atomic::AtomicUsize,
}

impl Files {
    pub(super) fn open(root: &Path) -> Result<Self, VaultError> {
        fs::create_dir_all(root).map_err(failed("create", root))?;
        let root = fs::canonicalize(root).map_err(failed("resolve", root))?;
        let files = Self {
            root,
            #[cfg(test)]
            steps_left: usize::MAX.into(),
        };
        for folder in [RECORDS, INCOMING] {
            Self::folder(&files.root.join(folder))?;
        }
        Ok(files)
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn object(&self, key: &ObjectKey) -> PathBuf {
        self.root.join(key.as_str())
    }

    /// No part of a key begins with a dot, so records never meet another key's folder.
    pub(super) fn record(&self, key: &ObjectKey, number: u32) -> PathBuf {
        self.root.join(RECORDS).join(key.as_str()).join(format!(".{number}.json"))
    }

    /// How many files lie where an object's records do.
    pub(super) fn records(&self, key: &ObjectKey) -> Result<usize, VaultError> {
        let folder = self.root.join(RECORDS).join(key.as_str());
        let names = match fs::read_dir(&folder) {
            Ok(names) => names,
            Err(error) if is_absent(&error) => return Ok(0),
            Err(error) => return Err(failed("list", &folder)(error)),
        };
        let mut count = 0;
        for entry in names {
            let name = entry.map_err(failed("list", &folder))?.file_name();
            count += usize::from(name.as_encoded_bytes().starts_with(b"."));
        }
        Ok(count)
    }

    /// Waits for the other writer, in this process or another. The lock ends with
    /// the file handle, so a killed writer leaves none behind.
    pub(super) fn lock(&self) -> Result<File, VaultError> {
        let file = self.lock_file()?;
        file.lock().map_err(failed("lock", &self.root.join(LOCK)))?;
        Ok(file)
    }

    /// The lock, unless another writer is at work.
    pub(super) fn try_lock(&self) -> Result<Option<File>, VaultError> {
        let file = self.lock_file()?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(failed("lock", &self.root.join(LOCK))(error)),
        }
    }

    fn lock_file(&self) -> Result<File, VaultError> {
        let path = self.root.join(LOCK);
        let mut options = OpenOptions::new();
        options.create(true).write(true).truncate(false).open(&path).map_err(failed("open", &path))
    }

    /// Reads a file anew, after making sure that it is one and that nobody may write to it.
    pub(super) fn look(&self, path: &Path, key: &ObjectKey) -> Result<Looked, VaultError> {
        let meta = match fs::symlink_metadata(path) {
            Ok(meta) => meta,
            Err(error) if is_absent(&error) => return Ok(Looked::Nothing),
            Err(error) => return Err(failed("look at", path)(error)),
        };
        if meta.is_dir() {
            return Ok(Looked::Folder);
        }
        let unprotected = |found: String| VaultError::Unprotected { key: key.clone(), found };
        if !meta.is_file() {
            return Err(unprotected(format!("{} is not an ordinary file", path.display())));
        }
        let mode = meta.permissions().mode() & 0o777;
        if mode & 0o222 != 0 {
            return Err(unprotected(format!("{} has mode {mode:04o} where {READ_ONLY:04o} was set", path.display())));
        }
        let file = File::open(path).map_err(failed("read", path))?;
        Ok(Looked::Kept(Kept { file, path: path.to_owned() }))
    }

    /// Puts a whole, durable, read-only file under a name that nothing has yet.
    /// The caller holds the lock.
    pub(super) fn write_once(&self, path: &Path, bytes: &[u8], key: &ObjectKey) -> Result<(), VaultError> {
        let mut incoming = self.incoming()?;
        self.write(&mut incoming, bytes)?;
        self.seal(&mut incoming)?;
        self.name(&incoming, path, key)
    }

    /// A new file beside, which is this writer's alone.
    pub(super) fn incoming(&self) -> Result<Incoming, VaultError> {
        let folder = self.root.join(INCOMING);
        let mut number = 0_u32;
        loop {
            let path = folder.join(format!("part-{number}"));
            number += 1;
            let file = match File::create_new(&path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                created => created.map_err(failed("create", &path))?,
            };
            file.lock().map_err(failed("lock", &path))?;
            // Before it was locked, somebody may have cleared it away.
            if file.metadata().map_err(failed("look at", &path))?.nlink() > 0 {
                self.step(&path)?;
                return Ok(Incoming { file, path });
            }
        }
    }

    /// Writes the next bytes.
    pub(super) fn write(&self, incoming: &mut Incoming, bytes: &[u8]) -> Result<(), VaultError> {
        let Incoming { file, path } = incoming;
        let (first, second) = bytes.split_at(bytes.len() / 2);
        for half in [first, second] {
            file.write_all(half).map_err(failed("write", path))?;
            self.step(path)?;
        }
        Ok(())
    }

    /// Takes away the right to write, and makes it durable.
    pub(super) fn seal(&self, incoming: &mut Incoming) -> Result<(), VaultError> {
        let Incoming { file, path } = incoming;
        file.set_permissions(PermissionsExt::from_mode(READ_ONLY)).map_err(failed("protect", path))?;
        self.step(path)?;
        file.sync_all().map_err(failed("make durable", path))?;
        self.step(path)
    }

    /// Gives it its name, which nothing has yet. The caller holds the lock.
    pub(super) fn name(&self, incoming: &Incoming, path: &Path, key: &ObjectKey) -> Result<(), VaultError> {
        let parent = path.parent().unwrap_or(&self.root);
        self.folders(parent, key)?;
        // link(2), not rename(2): it fails where the name exists.
        fs::hard_link(&incoming.path, path).map_err(failed("link", path))?;
        self.step(path)?;
        self.make_names_durable(path)?;
        self.step(path)?;
        self.discard(incoming)?;
        self.clear_incoming()?;
        self.step(path)
    }

    /// Removes the name beside.
    pub(super) fn discard(&self, incoming: &Incoming) -> Result<(), VaultError> {
        fs::remove_file(&incoming.path).map_err(failed("remove", &incoming.path))
    }

    /// Makes a file's name outlast a power cut, and the names of all folders on
    /// the way to it: an earlier writer may have been killed before it did.
    pub(super) fn make_names_durable(&self, path: &Path) -> Result<(), VaultError> {
        for folder in path.ancestors().skip(1) {
            sync_folder(folder)?;
            if folder == self.root {
                break;
            }
        }
        Ok(())
    }

    /// Removes half-written files, unless somebody is writing them: those are locked. Never writes to them: one that was
    /// linked already is the object itself under a second name. What is noted of a put stays.
    pub(super) fn clear_incoming(&self) -> Result<(), VaultError> {
        let folder = self.root.join(INCOMING);
        for entry in fs::read_dir(&folder).map_err(failed("list", &folder))? {
            let path = entry.map_err(failed("list", &folder))?.path();
            if path.file_name().is_none_or(|name| name == NOTE) {
                continue;
            }
            let file = match File::open(&path) {
                Err(error) if is_absent(&error) => continue,
                opened => opened.map_err(failed("open", &path))?,
            };
            if file.try_lock().is_err() {
                continue;
            }
            match fs::remove_file(&path) {
                Err(error) if !is_absent(&error) => return Err(failed("remove", &path)(error)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Notes the record of an object that is about to be put, so that whoever comes after a killed
    /// writer can complete it. The caller holds the lock.
    pub(super) fn note(&self, record: &[u8]) -> Result<(), VaultError> {
        let path = self.root.join(INCOMING).join(NOTE);
        let io = |action, result: io::Result<()>| result.map_err(failed(action, &path));
        let mut file = File::create(&path).map_err(failed("create", &path))?;
        self.step(&path)?;
        io("write", file.write_all(record))?;
        self.step(&path)?;
        io("make durable", file.sync_all())?;
        self.step(&path)
    }

    /// What is noted of a put that did not come to its end.
    pub(super) fn noted(&self) -> Result<Option<Vec<u8>>, VaultError> {
        let path = self.root.join(INCOMING).join(NOTE);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(failed("read", &path)(error)),
        }
    }

    /// Forgets what was noted: the put came to its end, or never began.
    pub(super) fn forget_note(&self) -> Result<(), VaultError> {
        let path = self.root.join(INCOMING).join(NOTE);
        match fs::remove_file(&path) {
            Err(error) if !is_absent(&error) => Err(failed("remove", &path)(error)),
            _ => self.step(&path),
        }
    }

    /// Makes the folders down to `path`; something else in the way is another key's object.
    fn folders(&self, path: &Path, key: &ObjectKey) -> Result<(), VaultError> {
        let mut folder = self.root.clone();
        for part in path.strip_prefix(&self.root).unwrap_or(path).components() {
            folder.push(part);
            match fs::symlink_metadata(&folder) {
                Ok(meta) if meta.is_dir() => {}
                Ok(_) => {
                    let problem = format!("{} is not a folder", folder.display());
                    return Err(VaultError::KeyConflict { key: key.clone(), problem });
                }
                Err(error) if is_absent(&error) => {
                    Self::folder(&folder)?;
                    self.step(&folder)?;
                }
                Err(error) => return Err(failed("look at", &folder)(error)),
            }
        }
        Ok(())
    }

    fn folder(path: &Path) -> Result<(), VaultError> {
        match fs::create_dir(path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(failed("create", path)(error)),
            _ => Ok(()),
        }
    }

    /// Every key that has an object or records, and whether it has an object.
    pub(super) fn keys(&self) -> Result<BTreeMap<ObjectKey, bool>, VaultError> {
        let mut keys = BTreeMap::new();
        let records = self.root.join(RECORDS);
        walk(&records, &mut |path| {
            // A record's folder is its object's key.
            if let Some(key) = path.parent().and_then(|folder| key_of(folder, &records)) {
                keys.entry(key).or_insert(false);
            }
        })?;
        walk(&self.root, &mut |path| {
            if let Some(key) = key_of(path, &self.root) {
                keys.insert(key, true);
            }
        })?;
        Ok(keys)
    }

    /// Where a test may let the process die.
    #[cfg(test)]
    fn step(&self, path: &Path) -> Result<(), VaultError> {
        use std::sync::atomic::Ordering::SeqCst;
        self.steps_left
            .fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1))
            .map(drop)
            .map_err(|_| failed("go on after", path)(io::Error::other("killed here")))
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "tests stop here")]
    fn step(&self, _: &Path) -> Result<(), VaultError> {
        Ok(())
    }
}

fn key_of(path: &Path, root: &Path) -> Option<ObjectKey> {
    ObjectKey::parse(path.strip_prefix(root).ok()?.to_str()?).ok()
}

/// Calls `visit` for everything below that is not a folder; follows no links.
fn walk(folder: &Path, visit: &mut dyn FnMut(&Path)) -> Result<(), VaultError> {
    for entry in fs::read_dir(folder).map_err(failed("list", folder))? {
        let entry = entry.map_err(failed("list", folder))?;
        let path = entry.path();
        if entry.file_type().map_err(failed("look at", &path))?.is_dir() {
            if !entry.file_name().as_encoded_bytes().starts_with(b".") {
                walk(&path, visit)?;
            }
        } else {
            visit(&path);
        }
    }
    Ok(())
}

fn sync_folder(path: &Path) -> Result<(), VaultError> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(failed("make durable", path))
}

/// Nothing has this name, or an object is where one of its folders would be.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> VaultError + use<> {
    let path = path.display().to_string();
    move |source| VaultError::Io { action, path, source }
}
