//! Files and folders, each examined once, several at a time; nothing is left out without being told.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::errno::Errno;
use rayon::Scope;

use super::ignored::{Ignores, Patterns};
use super::open::{kernel_files, regular, special};
use super::unpack::{self, unreadable};
use super::{Excluded, Limits, Reason, Sizes, Visitor};

/// How a folder is walked.
#[derive(Debug, Clone, Default)]
pub struct Walk {
    /// Whether git's ignore files are honoured. They name what is not to be committed, which is where secrets lie.
    pub git_ignore: bool,
    /// Whether symbolic links within folders are followed. The path that a walk begins at always is.
    pub follow: bool,
    /// What the caller excludes.
    pub patterns: Option<Patterns>,
    /// What packed files may unpack to.
    pub limits: Limits,
}

/// The folders from the walk's root to here, by device and number: a link to one of them is a loop.
#[derive(Debug)]
struct Trail {
    folder: (u64, u64),
    outer: Option<Arc<Trail>>,
}

impl Trail {
    fn holds(&self, folder: (u64, u64)) -> bool {
        let mut at = Some(self);
        while let Some(here) = at {
            if here.folder == folder {
                return true;
            }
            at = here.outer.as_deref();
        }
        false
    }
}

/// One folder of a walk.
struct Folder {
    path: PathBuf,
    /// As its documents are named; empty for the folder `.`.
    name: String,
    ignores: Ignores,
    trail: Arc<Trail>,
}

impl Walk {
    /// Examines `path`: a file, or everything below a folder, on the threads of the pool that this is called in.
    ///
    /// # Errors
    /// When `path` itself cannot be looked at.
    pub fn run(&self, path: &Path, visitor: &dyn Visitor) -> io::Result<()> {
        let metadata = fs::metadata(path)?;
        let name = name_of(path);
        if !metadata.is_dir() {
            self.file(path, &name, visitor);
            return Ok(());
        }
        let trail = Arc::new(Trail { folder: identity(&metadata), outer: None });
        let ignores = if self.git_ignore { Ignores::above(path) } else { Ignores::default() };
        // Ignore files are matched by absolute paths.
        let path = if self.git_ignore { path.canonicalize()? } else { path.to_owned() };
        fs::read_dir(&path)?;
        if let Some(kernel) = kernel_files(&path) {
            visitor.excluded(Excluded { path: name, reason: Reason::KernelFiles(kernel) });
            return Ok(());
        }
        let folder = Folder { path, name, ignores, trail };
        rayon::scope(|scope| self.folder(&folder, visitor, scope));
        Ok(())
    }

    fn folder<'s>(&'s self, folder: &Folder, visitor: &'s dyn Visitor, scope: &Scope<'s>) {
        let refused = |error: io::Error| {
            let reason = if error.kind() == io::ErrorKind::NotFound { Reason::Vanished } else { unreadable(&error) };
            visitor.excluded(Excluded { path: folder.name.clone(), reason });
        };
        if visitor.measuring().is_some_and(Sizes::is_enough) {
            return;
        }
        let entries = match fs::read_dir(&folder.path) {
            Ok(entries) => entries,
            Err(error) => return refused(error),
        };
        let ignores = if self.git_ignore { folder.ignores.within(&folder.path) } else { Ignores::default() };
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => return refused(error),
            };
            let name = join(&folder.name, &entry.file_name().to_string_lossy());
            if let Err(reason) = self.entry(&entry, &name, folder, &ignores, visitor, scope) {
                visitor.excluded(Excluded { path: name, reason });
            }
        }
    }

    fn entry<'s>(
        &'s self,
        entry: &fs::DirEntry,
        name: &str,
        folder: &Folder,
        ignores: &Ignores,
        visitor: &'s dyn Visitor,
        scope: &Scope<'s>,
    ) -> Result<(), Reason> {
        let path = entry.path();
        let mut kind = entry.file_type().map_err(|error| looked_at(&error))?;
        let is_link = kind.is_symlink();
        let mut metadata = None;
        if is_link {
            if !self.follow {
                return Err(Reason::Link);
            }
            let target = fs::metadata(&path).map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => Reason::Dangling,
                _ if error.raw_os_error() == Some(Errno::ELOOP as i32) => Reason::Loop,
                _ => unreadable(&error),
            })?;
            kind = target.file_type();
            metadata = Some(target);
        }
        if ignores.ignore(&path, kind.is_dir()) {
            return Err(Reason::GitIgnored);
        }
        if self.patterns.as_ref().is_some_and(|patterns| patterns.exclude(&path, kind.is_dir())) {
            return Err(Reason::ByPattern);
        }
        if let Some(kind) = special(kind) {
            return Err(Reason::Special(kind));
        }
        let name = name.to_owned();
        if !kind.is_dir() {
            scope.spawn(move |_| self.file(&path, &name, visitor));
            return Ok(());
        }
        if is_object_store(&path) {
            return Err(Reason::GitObjects);
        }
        let metadata = metadata.map_or_else(|| entry.metadata(), Ok).map_err(|error| looked_at(&error))?;
        let here = identity(&metadata);
        if is_link && folder.trail.holds(here) {
            return Err(Reason::Loop);
        }
        if here.0 != folder.trail.folder.0
            && let Some(kernel) = kernel_files(&path)
        {
            return Err(Reason::KernelFiles(kernel));
        }
        let trail = Arc::new(Trail { folder: here, outer: Some(Arc::clone(&folder.trail)) });
        let deeper = Folder { path, name, ignores: ignores.clone(), trail };
        scope.spawn(move |scope| self.folder(&deeper, visitor, scope));
        Ok(())
    }

    /// Examines one file under this name.
    pub(crate) fn file(&self, path: &Path, name: &str, visitor: &dyn Visitor) {
        if let Some(sizes) = visitor.measuring() {
            return sizes.add(path);
        }
        let told = |reason| visitor.excluded(Excluded { path: name.to_owned(), reason });
        match regular(path) {
            // Such files tell no size, and some of them wait for more.
            Ok((_, 0)) if let Some(kernel) = kernel_files(path) => told(Reason::KernelFiles(kernel)),
            Ok((file, size)) => {
                unpack::withstanding(visitor, name, || unpack::file(visitor, self.limits, name, &file, size));
            }
            Err(reason) => told(reason),
        }
    }
}

fn looked_at(error: &io::Error) -> Reason {
    if error.kind() == io::ErrorKind::NotFound { Reason::Vanished } else { unreadable(error) }
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// `.git/objects`, of a repository with a work tree or of a bare one.
fn is_object_store(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "objects")
        && path.parent().is_some_and(|git| git.join("HEAD").is_file() && git.join("refs").is_dir())
}

/// The path as documents are named by it: as it was given, without `./` before it.
fn name_of(path: &Path) -> String {
    let parts: PathBuf = path.components().filter(|part| !matches!(part, std::path::Component::CurDir)).collect();
    parts.to_string_lossy().into_owned()
}

fn join(folder: &str, name: &str) -> String {
    match folder {
        "" => name.to_owned(),
        folder if folder.ends_with('/') => format!("{folder}{name}"),
        folder => format!("{folder}/{name}"),
    }
}
