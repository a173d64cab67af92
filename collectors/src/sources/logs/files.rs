//! Log files: named, by pattern or by folder, with what rotation made of them.
//!
//! A file is known by device and number from when it was listed, and read to the end that it had then. Rotation in the
//! middle of a run therefore loses nothing: what got another name is found again by the next listing.

use std::collections::HashSet;
use std::fs::{self, File, FileType, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use exhibit_evidence::Digest;
use globset::{GlobBuilder, GlobMatcher};
use nix::fcntl::OFlag;
use sha2::{Digest as _, Sha256};

use super::packed::{Bounded, Counting, Handing, Passing, each_chunk, left_of};
use super::{Counted, Left, Listing, LogError, LogSource, Passed, Piece, Sink, place};
use crate::reading::{self, Limits, special};

/// Deeper folders are not looked into.
const DEEPEST: usize = 64;
/// More files and folders than these are no log any more.
const MOST: usize = 1_000_000;
/// How the journal's own files begin: they are read by `journalctl`.
const JOURNAL: &[u8] = b"LPKSHHRH";

/// Log files.
#[derive(Debug, Clone)]
pub struct Files {
    /// The folder that relative patterns start from.
    pub base: PathBuf,
    /// Files, folders and patterns, as configured: `*` within a name, `**` over folders.
    pub patterns: Vec<String>,
    /// Whether what rotation made of a named file belongs to it: `app.log.1`, `app.log-20261120.gz`.
    pub rotated: bool,
}

impl LogSource for Files {
    fn kind(&self) -> &'static str {
        "files"
    }

    fn label(&self) -> String {
        let rotated = if self.rotated { ", with what rotation made of them" } else { "" };
        format!("{}{rotated}", self.patterns.join(", "))
    }

    fn counted_by(&self) -> &'static str {
        "files and their sizes as the file system lists them; lines by a pass of its own that looks at nothing but their ends"
    }

    fn piece_unit(&self) -> Option<&'static str> {
        Some("log file")
    }

    fn list(&self) -> Result<Listing, LogError> {
        let Listed { files, left } = self.listed()?;
        let pieces = files.into_iter().map(|file| Box::new(file) as Box<dyn Piece>).collect();
        Ok(Listing { pieces, left })
    }
}

impl Files {
    /// Every file that is meant, in a fixed order, and what is there and can't be read.
    ///
    /// # Errors
    /// When there is no such file or folder, or more than anybody would name.
    pub(crate) fn listed(&self) -> Result<Listed, LogError> {
        let mut lister = Lister { listing: Listed::default(), seen: HashSet::new(), looked_at: 0 };
        for pattern in &self.patterns {
            lister.pattern(&self.base, pattern, self.rotated)?;
        }
        Ok(lister.listing)
    }
}

/// Files as they were listed.
#[derive(Default)]
pub(crate) struct Listed {
    pub(crate) files: Vec<FilePiece>,
    pub(crate) left: Vec<Left>,
}

struct Lister {
    listing: Listed,
    /// By device and number: one that several patterns or links lead to is one.
    seen: HashSet<(u64, u64)>,
    looked_at: usize,
}

/// Which files below a folder are meant.
enum Wanted {
    All,
    /// This name, and with rotation whatever has its place.
    Named(String, bool),
    Pattern(GlobMatcher, bool),
}

impl Wanted {
    fn wants(&self, path: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(name, rotated) => path == name || *rotated && place::of_file(path) == place::of_file(name),
            Self::Pattern(glob, rotated) => {
                glob.is_match(path) || *rotated && glob.is_match(place::of_file(path).as_str())
            }
        }
    }

    fn goes_deeper(&self) -> bool {
        !matches!(self, Self::Named(..))
    }
}

impl Lister {
    fn pattern(&mut self, base: &Path, pattern: &str, rotated: bool) -> Result<(), LogError> {
        let tail = pattern.split('/').position(|part| part.contains(['*', '?', '[', '{']));
        let (folder, wanted) = match tail {
            Some(at) => {
                let parts: Vec<&str> = pattern.split('/').collect();
                let glob = GlobBuilder::new(&parts[at..].join("/")).literal_separator(true).build();
                let glob = glob.map_err(|_| LogError::new("no-pattern", format!("{pattern}: no pattern of files")))?;
                (parts[..at].join("/"), Wanted::Pattern(glob.compile_matcher(), rotated))
            }
            None => {
                let path = pattern.trim_end_matches('/');
                match fs::metadata(base.join(path)) {
                    Ok(found) if found.is_dir() => (if path == "." { "" } else { path }.to_owned(), Wanted::All),
                    // The file itself may just have been rotated away: then its older ones are still there.
                    _ => {
                        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
                        let folder = if folder.is_empty() && path.starts_with('/') { "/" } else { folder };
                        (folder.to_owned(), Wanted::Named(name.to_owned(), rotated))
                    }
                }
            }
        };
        let folder = if folder.is_empty() && pattern.starts_with('/') { "/".to_owned() } else { folder };
        let before = self.listing.files.len() + self.listing.left.len();
        let root = base.join(&folder);
        fs::read_dir(&root).map_err(|error| {
            let shown = if folder.is_empty() { "." } else { &folder };
            LogError::new("no-such-log", format!("{shown}: {}", in_words(&error)))
        })?;
        self.folder(&root, &folder, "", &wanted, 0)?;
        let found = self.listing.files.len() + self.listing.left.len() > before;
        if let (Wanted::Named(..), false) = (&wanted, found)
            && !fs::symlink_metadata(base.join(pattern)).is_ok_and(|there| self.seen.contains(&identity(&there)))
        {
            return Err(LogError::new("no-such-log", format!("{pattern}: no such file or folder")));
        }
        Ok(())
    }

    /// `within` is the folder's path below the root of its pattern.
    fn folder(
        &mut self,
        path: &Path,
        configured: &str,
        within: &str,
        wanted: &Wanted,
        depth: usize,
    ) -> Result<(), LogError> {
        let shown = |within: &str| join(configured, within);
        let entries = fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let mut entries = match entries {
            Ok(entries) => entries,
            Err(error) if depth > 0 && error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => {
                self.leave("unreadable", &shown(within), format!("the folder can't be read: {}", in_words(&error)));
                return Ok(());
            }
        };
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            self.looked_at += 1;
            if self.looked_at > MOST {
                let message = format!("more than {MOST} files and folders lie there; name fewer");
                return Err(LogError::new("too-many-files", message));
            }
            let within = join(within, &entry.file_name().to_string_lossy());
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                if !wanted.goes_deeper() {
                    continue;
                }
                if depth == DEEPEST {
                    self.leave("unreadable", &shown(&within), format!("deeper than {DEEPEST} folders"));
                    continue;
                }
                self.folder(&entry.path(), configured, &within, wanted, depth + 1)?;
            } else if wanted.wants(&within) {
                self.file(&entry.path(), &shown(&within), kind);
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, name: &str, kind: FileType) {
        if let Some(kind) = special(kind) {
            return self.leave("special-file", name, format!("{kind}, never opened"));
        }
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if kind.is_symlink() && error.kind() == ErrorKind::NotFound => {
                return self.leave("dangling-link", name, "symbolic link that leads nowhere");
            }
            // It was gone before it was listed.
            Err(error) if error.kind() == ErrorKind::NotFound => return,
            Err(error) => return self.leave("unreadable", name, in_words(&error)),
        };
        if metadata.is_dir() {
            return self.leave("linked-folder", name, "symbolic link to a folder, not followed");
        }
        if let Some(kind) = special(metadata.file_type()) {
            return self.leave("special-file", name, format!("{kind}, never opened"));
        }
        if self.seen.insert(identity(&metadata)) {
            let piece = FilePiece {
                path: path.to_owned(),
                name: name.to_owned(),
                identity: identity(&metadata),
                size: metadata.len(),
            };
            self.listing.files.push(piece);
        }
    }

    fn leave(&mut self, code: &'static str, name: &str, reason: impl Into<String>) {
        self.listing.left.push(Left::new(code, name, reason));
    }
}

fn join(folder: &str, name: &str) -> String {
    match folder {
        "" => name.to_owned(),
        folder if folder.ends_with('/') => format!("{folder}{name}"),
        folder if name.is_empty() => folder.to_owned(),
        folder => format!("{folder}/{name}"),
    }
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// The kind of an error: the operating system's own text may name other paths.
fn in_words(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "no such file or folder".to_owned(),
        kind => kind.to_string(),
    }
}

/// A file, as long as it was when it was listed.
pub(crate) struct FilePiece {
    pub(crate) path: PathBuf,
    pub(crate) name: String,
    identity: (u64, u64),
    size: u64,
}

impl Piece for FilePiece {
    fn identity(&self) -> String {
        format!("{}:{}", self.identity.0, self.identity.1)
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn count(&mut self) -> Result<Option<Counted>, Left> {
        let counting = Counting::default();
        let passed = self.pass(&counting)?;
        let lines = counting.total();
        debug_assert_eq!(passed.bytes, self.size);
        Ok(Some(Counted { lines: Some(lines), bytes: Some(self.size) }))
    }

    fn listed(&self) -> Option<(u64, &str)> {
        // A file system states no version.
        Some((self.size, ""))
    }

    fn digest(&mut self) -> Result<Option<String>, Left> {
        let file = self.open()?;
        let mut hash = Sha256::new();
        let hashed = each_chunk(&mut file.take(self.size), &mut |chunk| hash.update(chunk));
        hashed.map_err(|error| Left::new("unreadable", &self.name, in_words(&error)))?;
        Ok(Some(Digest(hash.finalize().into()).hex()))
    }

    fn read(&mut self, sink: &mut dyn Sink) -> Result<Passed, Left> {
        self.pass(&Handing::new(sink))
    }
}

impl FilePiece {
    fn open(&self) -> Result<File, Left> {
        let refused = |error: io::Error| match error.kind() {
            ErrorKind::NotFound => Left::new(Left::MOVED, &self.name, "it was no longer there"),
            _ => Left::new("unreadable", &self.name, in_words(&error)),
        };
        // What was a file a moment ago may be a pipe now: opening that must not wait for its other end.
        let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        let file = OpenOptions::new().read(true).custom_flags(flags.bits()).open(&self.path).map_err(refused)?;
        let metadata = file.metadata().map_err(refused)?;
        if identity(&metadata) != self.identity {
            return Err(Left::new(Left::MOVED, &self.name, "another file has its name now"));
        }
        Ok(file)
    }

    fn pass(&self, passing: &dyn Passing) -> Result<Passed, Left> {
        let file = self.open()?;
        let mut bounded = Bounded::new((&file).take(self.size));
        let mut head = Vec::new();
        let unreadable = |error: &io::Error| Left::new("unreadable", &self.name, in_words(error));
        let journal = JOURNAL.len() as u64;
        Read::by_ref(&mut bounded).take(journal).read_to_end(&mut head).map_err(|error| unreadable(&error))?;
        if head == JOURNAL {
            return Err(Left::new(
                "journal-file",
                &self.name,
                "a file of the systemd journal: its own source reads it",
            ));
        }
        let mut whole = head.as_slice().chain(&mut bounded);
        reading::read_stream(&self.name, &mut whole, Limits::default(), passing);
        // A decoder may stop before what stands behind its data.
        io::copy(&mut whole, &mut io::sink()).map_err(|error| unreadable(&error))?;
        let length = file.metadata().map_err(|error| unreadable(&error))?.len();
        if bounded.passed < self.size {
            let reason = format!("it became shorter while it was read: {} of {} bytes", bounded.passed, self.size);
            return Err(Left::new("shrank", &self.name, reason));
        }
        match passing.left() {
            Some(excluded) => Err(left_of(&excluded)),
            None => Ok(Passed {
                lines: 0,
                bytes: bounded.passed,
                grown: length.saturating_sub(self.size),
                ..Passed::default()
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::logs::recorded::Recorded;
    use std::io::Write as _;
    use std::os::unix::fs::symlink;

    fn files(base: &Path, patterns: &[&str]) -> Files {
        let patterns = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
        Files { base: base.to_owned(), patterns, rotated: true }
    }

    fn names(base: &Path, patterns: &[&str]) -> Result<Vec<String>, LogError> {
        let listing = files(base, patterns).list()?;
        let left = listing.left.iter().map(|left| format!("{}: {}", left.name, left.code));
        Ok(listing.pieces.iter().map(|piece| piece.name().to_owned()).chain(left).collect())
    }

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(folder.path().join("logs/deep")).expect("folders");
        for (name, text) in [
            ("logs/app.log", "one\ntwo\n"),
            ("logs/app.log.1", "zero\n"),
            ("logs/other.log", "x"),
            ("logs/deep/app.log-20261120", "y\n"),
            ("logs/readme.txt", "z\n"),
        ] {
            fs::write(folder.path().join(name), text).expect("written");
        }
        let packed = File::create(folder.path().join("logs/app.log.2.gz")).expect("created");
        let mut packer = flate2::write::GzEncoder::new(packed, flate2::Compression::fast());
        packer.write_all(b"a\nb\nc").expect("written");
        packer.finish().expect("finished");
        folder
    }

    #[test]
    fn what_is_named_is_listed_with_its_rotations() {
        let folder = folder();
        let base = folder.path();
        let app = ["logs/app.log", "logs/app.log.1", "logs/app.log.2.gz"];
        assert_eq!(names(base, &["logs/app.log"]).expect("listed"), app);
        assert_eq!(names(base, &["logs/a*.log"]).expect("listed"), app);
        assert_eq!(names(base, &["logs/**/app.log"]).expect("listed").len(), 4);
        assert_eq!(names(base, &["logs"]).expect("listed").len(), 6);
        assert_eq!(names(base, &["logs", "logs/app.log"]).expect("listed").len(), 6, "each file once");
        assert!(names(base, &["logs/none*.log"]).expect("listed").is_empty());
        for missing in ["none", "logs/none.log", "none/*.log"] {
            assert_eq!(names(base, &[missing]).expect_err("missing").code, "no-such-log", "{missing}");
        }
        let absolute = base.join("logs/app.log");
        let absolute = absolute.to_str().expect("UTF-8");
        assert_eq!(names(Path::new("/nowhere"), &[absolute]).expect("listed").len(), 3);
        let alone = Files { rotated: false, ..files(base, &["logs/app.log"]) };
        assert_eq!(alone.list().expect("listed").pieces.len(), 1);
    }

    #[test]
    fn what_could_make_a_reader_wait_is_never_opened() {
        let folder = folder();
        let base = folder.path();
        nix::unistd::mkfifo(&base.join("logs/pipe.log"), nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        symlink("..", base.join("logs/loop")).expect("a link");
        symlink("gone", base.join("logs/dangling.log")).expect("a link");
        symlink("app.log", base.join("logs/current.log")).expect("a link");
        let listed = names(base, &["logs"]).expect("listed");
        for told in ["logs/pipe.log: special-file", "logs/loop: linked-folder", "logs/dangling.log: dangling-link"] {
            assert!(listed.iter().any(|one| one == told), "{told} in {listed:?}");
        }
        assert_eq!(listed.len(), 9, "a link to a listed file is that file: {listed:?}");
    }

    #[test]
    fn both_passes_see_the_same() {
        let folder = folder();
        let mut lines = 0;
        for mut piece in files(folder.path(), &["logs"]).list().expect("listed").pieces {
            let counted = piece.count().expect("counted").expect("told");
            let mut sink = Recorded::default();
            let passed = piece.read(&mut sink).expect("read");
            assert_eq!(counted.bytes, Some(passed.bytes));
            assert_eq!((sink.documents.len(), sink.ended), (1, 1));
            lines += counted.lines.expect("files count their lines");
        }
        assert_eq!(lines, 2 + 1 + 1 + 1 + 1 + 3);
    }

    #[test]
    fn a_file_that_changes_while_it_is_read_is_told() {
        let folder = folder();
        let path = folder.path().join("logs/app.log");
        let listed = || files(folder.path(), &["logs/app.log"]).list().expect("listed").pieces.remove(0);
        let mut grows = listed();
        OpenOptions::new().append(true).open(&path).expect("open").write_all(b"three\n").expect("written");
        let mut sink = Recorded::default();
        assert_eq!(grows.read(&mut sink).expect("read").grown, 6);
        assert_eq!(sink.documents[0].2, b"one\ntwo\n");
        let mut shrinks = listed();
        File::create(&path).expect("emptied");
        assert_eq!(shrinks.read(&mut Recorded::default()).expect_err("shorter").code, "shrank");
        let mut moves = listed();
        fs::rename(&path, folder.path().join("logs/app.log.0")).expect("renamed");
        assert_eq!(moves.count().expect_err("gone").code, Left::MOVED);
        fs::write(&path, "new\n").expect("written");
        assert_eq!(moves.count().expect_err("another one").code, Left::MOVED);
        let again = files(folder.path(), &["logs/app.log"]).list().expect("listed");
        assert!(again.pieces.iter().any(|piece| piece.identity() == moves.identity()), "found under its new name");
    }

    #[test]
    fn what_cannot_be_unpacked_is_left_with_its_reason() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("a.gz"), b"\x1f\x8b\x08\0garbage").expect("written");
        fs::write(folder.path().join("b.journal"), b"LPKSHHRH\0\0\0").expect("written");
        fs::write(folder.path().join("c.7z"), b"7z\xbc\xaf\x27\x1cxxxx").expect("written");
        let codes: Vec<_> = files(folder.path(), &["."])
            .list()
            .expect("listed")
            .pieces
            .iter_mut()
            .map(|piece| {
                assert_eq!(
                    piece.count().expect_err("left").code,
                    piece.read(&mut Recorded::default()).expect_err("left").code
                );
                piece.count().expect_err("left").code
            })
            .collect();
        assert_eq!(codes, ["damaged", "journal-file", "unsupported"]);
    }
}
