//! Folders for work that is soon over: in the temporary folder, open to their owner alone, and gone with who made them, even where
//! that one was killed.
//!
//! In each lies a file that its maker holds locked. The kernel gives the lock back when a process ends, in whatever way:
//! a folder whose lock can be taken is nobody's, and who makes the next one takes it away.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use tempfile::TempDir;

/// What such folders are for: the middle of their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum For {
    /// An image that was pulled.
    Image,
    /// Lockfiles that are laid out for a scanner.
    Lockfiles,
    /// A scanner's home.
    Scanner,
    /// What a self-test looks at.
    SelfTest,
    /// A vault that a backup is tried in.
    Vault,
}

impl For {
    const ALL: [Self; 5] = [Self::Image, Self::Lockfiles, Self::Scanner, Self::SelfTest, Self::Vault];

    fn prefix(self) -> &'static str {
        match self {
            Self::Image => "exhibit-image-",
            Self::Lockfiles => "exhibit-lockfiles-",
            Self::Scanner => "exhibit-scanner-",
            Self::SelfTest => "exhibit-self-test-",
            Self::Vault => "exhibit-vault-",
        }
    }
}

/// The file whose lock says that somebody works here.
const MARK: &str = "in-use-while-locked";
/// How often another folder is made where somebody took one away before it was locked.
const TRIES: u32 = 16;

/// A folder of its own; gone when dropped.
#[derive(Debug)]
pub(crate) struct Scratch {
    folder: TempDir,
    /// The mark, locked. Given back after the folder is gone.
    _held: File,
}

impl Scratch {
    /// Makes one where this machine has its temporary folders, and takes away what is nobody's there.
    ///
    /// # Errors
    /// When there can be none.
    pub(crate) fn new(what: For) -> io::Result<Self> {
        Self::new_in(&std::env::temp_dir(), what)
    }

    /// Makes one in this folder, and takes away what is nobody's in it.
    ///
    /// # Errors
    /// When there can be none.
    pub(crate) fn new_in(within: &Path, what: For) -> io::Result<Self> {
        tidy(within);
        for _ in 0..TRIES {
            let mut builder = tempfile::Builder::new();
            builder.prefix(what.prefix()).permissions(Permissions::from_mode(0o700));
            let folder = builder.tempdir_in(within)?;
            if let Some(held) = marked(folder.path())? {
                return Ok(Self { folder, _held: held });
            }
        }
        Err(io::Error::from(io::ErrorKind::ResourceBusy))
    }

    /// Where it is. The mark lies in it: what is made here gets a name of its own.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Makes a folder in it.
    ///
    /// # Errors
    /// When it can't be made.
    pub(crate) fn folder(&self, name: &str) -> io::Result<PathBuf> {
        let path = self.path().join(name);
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What ends half-way is not unmarked: the next one goes on. What is left then is the folder's own to remove.
        let _ = emptied(self.path());
    }
}

/// Marks a folder that was just made; none where somebody tidied it away meanwhile.
fn marked(folder: &Path) -> io::Result<Option<File>> {
    let path = folder.join(MARK);
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    let file = match made {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        made => made?,
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        // Where files can't be locked, nobody's lock can be taken either: what is left there stays.
        Err(TryLockError::Error(_)) => return Ok(Some(file)),
    }
    let still = fs::symlink_metadata(&path).is_ok_and(|found| file.metadata().is_ok_and(|own| same(&own, &found)));
    Ok(still.then_some(file))
}

fn same(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Takes away what processes of this user left that are gone. What can't be looked at or taken away stays where it is.
fn tidy(within: &Path) {
    for entry in fs::read_dir(within).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if name.to_str().is_some_and(|name| For::ALL.iter().any(|what| name.starts_with(what.prefix()))) {
            let _ = take_away(&entry.path());
        }
    }
}

/// Takes one folder away if it is this user's and nobody works in it.
fn take_away(path: &Path) -> io::Result<()> {
    let no_links = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
    let folder = OpenOptions::new().read(true).custom_flags(no_links | OFlag::O_DIRECTORY.bits()).open(path)?;
    let own = |found: &fs::Metadata| found.uid() == nix::unistd::geteuid().as_raw();
    if !own(&folder.metadata()?) {
        return Ok(());
    }
    // From here on by what was opened, wherever its name may lead by now.
    let opened = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd()));
    let mark = match OpenOptions::new().read(true).write(true).custom_flags(no_links).open(opened.join(MARK)) {
        // Without a mark it is ours only if it is empty: one that was killed before it could mark it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return fs::remove_dir(path),
        mark => mark?,
    };
    let found = mark.metadata()?;
    if !own(&found) || !found.is_file() || mark.try_lock().is_err() {
        return Ok(());
    }
    emptied(&opened)?;
    fs::remove_file(opened.join(MARK))?;
    fs::remove_dir(path)
}

/// Removes all in a folder but its mark. Links are removed, and never followed.
fn emptied(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name() == MARK {
            continue;
        }
        if entry.file_type()?.is_dir() { fs::remove_dir_all(entry.path())? } else { fs::remove_file(entry.path())? }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// What a process leaves that is killed: the folder with its mark, and nobody who holds it.
    fn left_behind(within: &Path, what: For) -> PathBuf {
        let scratch = Scratch::new_in(within, what).expect("a folder");
        fs::create_dir_all(scratch.path().join("deep/deeper")).expect("made");
        fs::write(scratch.path().join("deep/deeper/blob"), "bytes").expect("written");
        let left = within.join(format!("{}killed", what.prefix()));
        fs::rename(scratch.path(), &left).expect("renamed");
        left
    }

    #[test]
    fn it_is_its_owners_alone_and_goes_with_who_made_it() {
        let within = tempfile::tempdir().expect("a folder");
        let scratch = Scratch::new_in(within.path(), For::Image).expect("a folder");
        let inner = scratch.folder("image").expect("made");
        fs::write(inner.join("blob"), "bytes").expect("written");
        for path in [scratch.path(), &inner] {
            assert_eq!(fs::metadata(path).expect("there").mode() & 0o777, 0o700, "{}", path.display());
        }
        drop(scratch);
        assert_eq!(names(within.path()), [""; 0]);
    }

    #[test]
    fn what_nobody_holds_is_taken_away_by_the_next_and_what_somebody_holds_is_not() {
        let within = tempfile::tempdir().expect("a folder");
        let held = Scratch::new_in(within.path(), For::Image).expect("a folder");
        fs::write(held.path().join("blob"), "bytes").expect("written");
        for what in For::ALL {
            left_behind(within.path(), what);
        }
        // One that was killed before it marked its folder, and one that was killed while it took another away.
        fs::create_dir(within.path().join("exhibit-scanner-unmarked")).expect("made");
        let half = left_behind(within.path(), For::Vault);
        fs::remove_dir_all(half.join("deep")).expect("removed");
        let next = Scratch::new_in(within.path(), For::Scanner).expect("a folder");
        let mut expected = [held.path(), next.path()].map(|path| path.file_name().expect("a name").to_owned());
        expected.sort();
        assert_eq!(names(within.path()), expected.map(|name| name.to_string_lossy().into_owned()));
        assert_eq!(names(held.path()), ["blob", MARK]);
    }

    #[test]
    fn what_is_not_surely_ours_stays_and_nothing_is_followed() {
        let within = tempfile::tempdir().expect("a folder");
        let elsewhere = tempfile::tempdir().expect("a folder");
        fs::write(elsewhere.path().join("kept"), "kept").expect("written");
        fs::write(elsewhere.path().join(MARK), "").expect("written");
        let at = |name: &str| within.path().join(name);
        // A link to a folder that looks like one, a folder whose mark is a link, one with contents and no mark, a file, and a name
        // that only begins likewise.
        symlink(elsewhere.path(), at("exhibit-image-link")).expect("made");
        fs::create_dir(at("exhibit-image-linked-mark")).expect("made");
        symlink(elsewhere.path().join(MARK), at("exhibit-image-linked-mark").join(MARK)).expect("made");
        fs::create_dir(at("exhibit-image-backups")).expect("made");
        fs::write(at("exhibit-image-backups/kept"), "kept").expect("written");
        fs::write(at("exhibit-image-file"), "kept").expect("written");
        fs::create_dir(at("exhibit-images")).expect("made");
        // A mark that a reader would wait for.
        fs::create_dir(at("exhibit-image-pipe")).expect("made");
        nix::unistd::mkfifo(&at("exhibit-image-pipe").join(MARK), nix::sys::stat::Mode::S_IRWXU).expect("made");
        let before = names(within.path());
        drop(Scratch::new_in(within.path(), For::Image).expect("a folder"));
        assert_eq!(names(within.path()), before);
        assert_eq!(names(elsewhere.path()), [MARK, "kept"]);

        // What is left holds a link out of it: the link goes, what it leads to stays.
        let left = left_behind(within.path(), For::Image);
        symlink(elsewhere.path(), left.join("deep/out")).expect("made");
        symlink(elsewhere.path(), left.join("out")).expect("made");
        drop(Scratch::new_in(within.path(), For::Image).expect("a folder"));
        assert_eq!(names(within.path()), before);
        assert_eq!(names(elsewhere.path()), [MARK, "kept"]);
    }

    #[test]
    fn what_is_another_users_stays() {
        if !nix::unistd::geteuid().is_root() {
            // Nobody else can give a folder away.
            return;
        }
        let within = tempfile::tempdir().expect("a folder");
        let left = left_behind(within.path(), For::Image);
        let give = |path: &Path| std::os::unix::fs::chown(path, Some(65_534), None).expect("given");
        give(&left);
        drop(Scratch::new_in(within.path(), For::Image).expect("a folder"));
        assert!(left.join("deep/deeper/blob").exists());
        // A folder of ours with another's mark is not ours to judge either.
        std::os::unix::fs::chown(&left, Some(0), None).expect("taken back");
        give(&left.join(MARK));
        drop(Scratch::new_in(within.path(), For::Image).expect("a folder"));
        assert!(left.join("deep/deeper/blob").exists());
    }

    #[test]
    fn many_who_make_and_tidy_at_once_never_lose_what_they_work_in() {
        let within = tempfile::tempdir().expect("a folder");
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for round in 0..40 {
                        let scratch = Scratch::new_in(within.path(), For::Scanner).expect("a folder");
                        fs::write(scratch.path().join("work"), format!("{round}")).expect("still there");
                        std::thread::yield_now();
                        assert_eq!(fs::read_to_string(scratch.path().join("work")).expect("kept"), round.to_string());
                    }
                });
            }
        });
        assert_eq!(names(within.path()), [""; 0]);
    }
}
