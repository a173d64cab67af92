//! Git's history: every distinct blob that any reference keeps alive, once, on all threads.
//!
//! Commits are walked once, parents first, and each distinct tree is read once: a blob belongs to the first commit that
//! brought it in, under the first path. Blobs in packs are read as the packs are made; the others by libgit2, in the order
//! of their paths, newest first.

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use exhibit_detect::Trace;
use git2::{ObjectType, Odb, Oid, Repository, Sort};
use rayon::prelude::*;

use super::{Excluded, Limits, Made, Reason, Visitor, packs, read_bytes, read_made, read_stream};
use crate::ci_secrets::repository::{self, RepositoryError, TipKind};

/// Most (folder, tree) pairs that are followed before the repository is refused as a bomb.
const MOST_TREES: usize = 20_000_000;
/// Folders deeper than this are not followed: no check-out has them.
const DEEPEST: usize = 1_000;
/// Blobs that one task reads.
const BATCH: usize = 128;
/// Fewest commits that are walked apart from others.
const SHORTEST: usize = 64;

/// A commit of the history that was walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// Its id.
    pub id: Oid,
    /// When its author wrote it, in seconds since 1970.
    pub author_time: i64,
    /// The author's offset from UTC, in minutes.
    pub author_offset: i32,
}

/// How large blobs are read.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    /// Up to so many bytes they are read whole, several at a time.
    several: usize,
    /// Up to so many, one at a time, where git keeps a difference that has to be applied. Larger ones are read as streams
    /// where git keeps them as they are, and told where it does not.
    one: usize,
}

impl Default for Sizes {
    /// git itself writes no difference of what is larger than 512 MiB (`core.bigFileThreshold`).
    fn default() -> Self {
        Self { several: 32 << 20, one: 128 << 20 }
    }
}

/// What a blob holds.
pub enum Content<'b> {
    /// In memory.
    Bytes(&'b [u8]),
    /// In memory, and made from another blob; what looking at it leaves helps with those made from it.
    Made(&'b [u8], Made<'b>, &'b mut Option<Trace>),
    /// Too much for that: to be read once, from its beginning.
    Stream(&'b mut dyn Read),
}

impl std::fmt::Debug for Content<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Bytes(_) => "Bytes",
            Self::Made(..) => "Made",
            Self::Stream(_) => "Stream",
        })
    }
}

impl Content<'_> {
    /// The same for a shorter time.
    fn shorter(&mut self) -> Content<'_> {
        match self {
            Self::Bytes(bytes) => Content::Bytes(bytes),
            Self::Made(bytes, made, left) => Content::Made(bytes, *made, left),
            Self::Stream(stream) => Content::Stream(&mut **stream),
        }
    }

    /// The whole, where it is in memory.
    #[must_use]
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) | Self::Made(bytes, ..) => Some(bytes),
            Self::Stream(_) => None,
        }
    }

    /// Examines it under this name, packed or not.
    pub fn visit(self, path: &str, limits: Limits, visitor: &dyn Visitor) {
        match self {
            Self::Bytes(bytes) => read_bytes(path, bytes, limits, visitor),
            Self::Made(bytes, made, left) => *left = read_made(path, bytes, made, limits, visitor),
            Self::Stream(stream) => read_stream(path, stream, limits, visitor),
        }
    }
}

/// One blob, read.
#[derive(Debug)]
pub struct Blob<'b> {
    /// Its id.
    pub id: Oid,
    /// The path under which it came in, `/` between segments; bytes that are not UTF-8 are replaced.
    pub path: &'b str,
    /// The commit that brought it in, by its place in [`History::commits`].
    pub commit: usize,
    /// Whether HEAD carries it, under whatever path.
    pub at_head: bool,
    /// Its content.
    pub content: Content<'b>,
}

/// A repository's history, walked and not yet read.
pub struct History {
    folder: std::path::PathBuf,
    objects: std::path::PathBuf,
    /// The commits, parents before children.
    pub commits: Vec<Point>,
    blobs: Vec<Entry>,
    at_head: HashSet<Oid>,
    sizes: Sizes,
    /// What the walk could not see.
    pub excluded: Vec<Excluded>,
}

impl std::fmt::Debug for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("History").field("commits", &self.commits.len()).field("blobs", &self.blobs.len()).finish()
    }
}

struct Entry {
    path: Box<str>,
    blob: Oid,
    commit: u32,
}

/// Why a history cannot be walked at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// The repository is refused.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// The revision that the caller named is none.
    #[error("no commit is named {0} in this repository")]
    NoSuchRevision(String),
    /// There is no commit at all.
    #[error("the repository has no commit")]
    Empty,
}

impl History {
    /// Walks what every reference, stash and work tree keeps alive; or, with `since`, what HEAD has and that revision
    /// has not.
    ///
    /// # Errors
    /// When the repository cannot be read as git would read it, is empty, or does not know the revision.
    pub fn walk(folder: &Path, since: Option<&str>) -> Result<Self, HistoryError> {
        let mut excluded = Vec::new();
        let name = folder.to_string_lossy();
        let repository = match repository::open(folder) {
            Ok(repository) => repository,
            Err(why @ (RepositoryError::Shallow | RepositoryError::Partial { .. })) => {
                let reason = Reason::NotInClone(why.to_string());
                excluded.push(Excluded { path: name.into_owned(), reason });
                repository::reopen(folder)?
            }
            Err(error) => return Err(error.into()),
        };
        let mut tips: Vec<Oid> = Vec::new();
        let mut bare_trees = Vec::new();
        let mut head = None;
        for tip in repository::tips(&repository)?.0 {
            if tip.is_tree {
                bare_trees.push(tip.target);
                continue;
            }
            if tip.kind == TipKind::Head && head.is_none() {
                head = Some(tip.target);
            }
            if since.is_none() || head == Some(tip.target) {
                tips.push(tip.target);
            }
        }
        if tips.is_empty() {
            return Err(HistoryError::Empty);
        }
        let hidden = since.map(|revision| commit_of(&repository, revision)).transpose()?;
        let odb = repository.odb().map_err(|error| RepositoryError::reading("the object store", &error))?;
        let mut walker = Walker::new(&odb);

        let mut at_head = HashSet::new();
        if let Some(head) = head {
            let tree = tree_of(&repository, head)?;
            walker.root(tree, 0)?;
            at_head = std::mem::take(&mut walker.blobs);
            walker.trees.clear();
            walker.found.clear();
        }
        if let Some(hidden) = hidden {
            // What the revision itself carries came in before.
            let tree = tree_of(&repository, hidden)?;
            walker.root(tree, 0)?;
            walker.found.clear();
        }
        let commits = walker.commits(folder, &repository, &tips, hidden)?;
        if since.is_none() {
            for tree in bare_trees {
                walker.root(tree, u32::try_from(commits.len() - 1).unwrap_or(u32::MAX))?;
            }
        }
        if !walker.missing.is_empty() {
            let what = format!("{} folders of its history", walker.missing.len());
            excluded.push(Excluded { path: folder.to_string_lossy().into_owned(), reason: Reason::NotInClone(what) });
        }
        let mut blobs = walker.found;
        // Of one path the newest first: that is what git stores whole, and older versions as differences to it.
        blobs.par_sort_by(|a, b| a.path.cmp(&b.path).then(b.commit.cmp(&a.commit)).then(a.blob.cmp(&b.blob)));
        let objects = repository.commondir().join("objects");
        Ok(Self { folder: folder.to_owned(), objects, commits, blobs, at_head, sizes: Sizes::default(), excluded })
    }

    /// How many distinct blobs there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.blobs.len()
    }

    /// Whether nothing came in.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.blobs.is_empty()
    }

    /// The ids of all these blobs.
    pub fn ids(&self) -> impl Iterator<Item = Oid> + '_ {
        self.blobs.iter().map(|entry| entry.blob)
    }

    /// Reads every blob, on the threads of the pool that this is called in, and tells those that cannot be read.
    pub fn read(&self, examine: &(dyn Fn(Blob<'_>) + Sync), excluded: &(dyn Fn(Oid, Excluded) + Sync)) {
        let entries: HashMap<Oid, &Entry> = self.blobs.iter().map(|entry| (entry.blob, entry)).collect();
        let order: Vec<Oid> = self.ids().collect();
        self.read_objects(
            &order,
            &|id, mut content| {
                if let Some(entry) = entries.get(&id) {
                    examine(self.blob(entry, content.shorter()));
                }
            },
            &|id, reason| {
                let path = entries.get(&id).map(|entry| entry.path.to_string()).unwrap_or_default();
                excluded(id, Excluded { path, reason });
            },
        );
    }

    /// Reads these blobs, whether any commit carries them or not, and tells those that cannot be read.
    pub fn read_objects(
        &self,
        ids: &[Oid],
        examine: &(dyn Fn(Oid, Content<'_>) + Sync),
        excluded: &(dyn Fn(Oid, Reason) + Sync),
    ) {
        let wanted: HashSet<Oid> = ids.iter().copied().collect();
        let read = packs::read(&self.objects, &wanted, self.sizes.several, &|id, bytes, made| {
            let mut left = None;
            examine(id, Content::Made(bytes, made, &mut left));
            left
        });
        // So that of what must be held whole there is never more than one.
        let alone = Mutex::new(());
        let rest: Vec<Oid> = ids.iter().filter(|id| !read.contains(id)).copied().collect();
        rest.par_chunks(BATCH).for_each_init(
            || repository::reopen(&self.folder),
            |repository, batch| {
                let odb = repository.as_ref().ok().and_then(|repository| repository.odb().ok());
                for id in batch {
                    let read = match odb.as_ref() {
                        Some(odb) => self.read_one(odb, *id, &alone, examine),
                        None => Err(Reason::Damaged(format!("blob {id} cannot be read"))),
                    };
                    if let Err(reason) = read {
                        excluded(*id, reason);
                    }
                }
            },
        );
    }

    /// Reads one blob by libgit2, or as a stream if it is too large for that.
    fn read_one(
        &self,
        odb: &Odb<'_>,
        id: Oid,
        alone: &Mutex<()>,
        examine: &(dyn Fn(Oid, Content<'_>) + Sync),
    ) -> Result<(), Reason> {
        let failed = |error: git2::Error| match error.code() {
            git2::ErrorCode::NotFound => Reason::NotInClone(format!("blob {id}")),
            _ => Reason::Damaged(format!("blob {id} cannot be read")),
        };
        let (size, _) = odb.read_header(id).map_err(failed)?;
        if size <= self.sizes.several {
            let object = odb.read(id).map_err(failed)?;
            examine(id, Content::Bytes(object.data()));
            return Ok(());
        }
        if let Some(mut stream) = packs::stream(&self.objects, id) {
            examine(id, Content::Stream(&mut stream));
            return Ok(());
        }
        // libgit2 streams loose objects alone.
        if let Ok((stream, size, _)) = odb.reader(id) {
            let mut stream = packs::Exactly { inner: stream, left: size as u64 };
            examine(id, Content::Stream(&mut stream));
            return Ok(());
        }
        if size > self.sizes.one {
            let limit = format!("{} MiB, kept as a difference", self.sizes.one >> 20);
            return Err(Reason::TooLarge { limit, at: format!("blob {id}") });
        }
        let _alone = alone.lock().unwrap_or_else(PoisonError::into_inner);
        let object = odb.read(id).map_err(failed)?;
        examine(id, Content::Bytes(object.data()));
        Ok(())
    }

    fn blob<'b>(&self, entry: &'b Entry, content: Content<'b>) -> Blob<'b> {
        let at_head = self.at_head.contains(&entry.blob);
        Blob { id: entry.blob, path: &entry.path, commit: entry.commit as usize, at_head, content }
    }
}

fn commit_of(repository: &Repository, revision: &str) -> Result<Oid, HistoryError> {
    let named = repository.revparse_single(revision).and_then(|object| object.peel_to_commit());
    named.map(|commit| commit.id()).map_err(|_| HistoryError::NoSuchRevision(revision.to_owned()))
}

fn tree_of(repository: &Repository, commit: Oid) -> Result<Oid, RepositoryError> {
    let commit = repository.find_commit(commit);
    commit.map(|commit| commit.tree_id()).map_err(|error| RepositoryError::reading("a commit", &error))
}

struct Walker<'r> {
    odb: &'r Odb<'r>,
    trees: HashSet<Oid>,
    blobs: HashSet<Oid>,
    found: Vec<Entry>,
    missing: HashSet<Oid>,
}

impl<'r> Walker<'r> {
    fn new(odb: &'r Odb<'r>) -> Self {
        Self { odb, trees: HashSet::new(), blobs: HashSet::new(), found: Vec::new(), missing: HashSet::new() }
    }

    /// Walks the commits, parents first. Stretches of them are walked on all threads, and what an earlier one has brought
    /// in is dropped from a later one: the same comes out as from one walk.
    fn commits(
        &mut self,
        folder: &Path,
        repository: &Repository,
        tips: &[Oid],
        hidden: Option<Oid>,
    ) -> Result<Vec<Point>, HistoryError> {
        let walking = |error: git2::Error| RepositoryError::reading("the commit graph", &error);
        let mut revwalk = repository.revwalk().map_err(walking)?;
        revwalk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME | Sort::REVERSE).map_err(walking)?;
        for tip in tips {
            revwalk.push(*tip).map_err(walking)?;
        }
        if let Some(hidden) = hidden {
            revwalk.hide(hidden).map_err(walking)?;
        }
        let ids = revwalk.collect::<Result<Vec<Oid>, _>>().map_err(walking)?;
        let stretch = ids.len().div_ceil(rayon::current_num_threads()).max(SHORTEST);
        let seen = (&self.trees, &self.blobs);
        let walked: Vec<_> = ids
            .par_chunks(stretch)
            .enumerate()
            .map(|(at, ids)| Stretch::walk(folder, ids, at * stretch, seen))
            .collect();
        let mut commits = Vec::with_capacity(ids.len());
        for stretch in walked {
            let stretch = stretch?;
            commits.extend(stretch.commits);
            self.trees.extend(stretch.trees);
            self.missing.extend(stretch.missing);
            self.found.extend(stretch.found.into_iter().filter(|entry| self.blobs.insert(entry.blob)));
            if self.trees.len() > MOST_TREES {
                return Err(RepositoryError::TooManyPlaces { limit: MOST_TREES }.into());
            }
        }
        Ok(commits)
    }

    /// Follows everything below a commit's tree that was not seen before.
    fn root(&mut self, tree: Oid, commit: u32) -> Result<(), RepositoryError> {
        let mut folders = vec![(String::new(), tree, 0)];
        while let Some((path, tree, depth)) = folders.pop() {
            if depth > DEEPEST || !self.trees.insert(tree) {
                continue;
            }
            if self.trees.len() > MOST_TREES {
                return Err(RepositoryError::TooManyPlaces { limit: MOST_TREES });
            }
            let object = match self.odb.read(tree) {
                Ok(object) => object,
                Err(error) if error.code() == git2::ErrorCode::NotFound => {
                    self.missing.insert(tree);
                    continue;
                }
                Err(error) => return Err(RepositoryError::reading(format!("tree {tree}"), &error)),
            };
            let damaged = || RepositoryError::Unreadable {
                what: format!("tree {tree}"),
                detail: "it is not a well-formed tree".to_owned(),
            };
            if object.kind() != ObjectType::Tree {
                return Err(damaged());
            }
            for entry in Entries(object.data()) {
                let (mode, name, id) = entry.ok_or_else(damaged)?;
                match mode {
                    b"40000" | b"040000" => folders.push((join(&path, name), id, depth + 1)),
                    // A submodule's commit is in another repository.
                    b"160000" => {}
                    _ if self.blobs.insert(id) => {
                        self.found.push(Entry { path: join(&path, name).into_boxed_str(), blob: id, commit });
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

/// What a stretch of the commits brought in, beside what was seen before all of them.
struct Stretch {
    commits: Vec<Point>,
    trees: HashSet<Oid>,
    found: Vec<Entry>,
    missing: HashSet<Oid>,
}

impl Stretch {
    /// Walks these commits, the first of which is number `first`.
    fn walk(
        folder: &Path,
        ids: &[Oid],
        first: usize,
        (trees, blobs): (&HashSet<Oid>, &HashSet<Oid>),
    ) -> Result<Self, HistoryError> {
        let repository = repository::reopen(folder)?;
        let odb = repository.odb().map_err(|error| RepositoryError::reading("the object store", &error))?;
        let mut walker = Walker::new(&odb);
        (walker.trees, walker.blobs) = (trees.clone(), blobs.clone());
        let mut commits = Vec::with_capacity(ids.len());
        for (number, id) in (first..).zip(ids) {
            let commit = repository
                .find_commit(*id)
                .map_err(|error| RepositoryError::looking_up(*id, "the commit graph", &error))?;
            let author = commit.author().when();
            commits.push(Point { id: *id, author_time: author.seconds(), author_offset: author.offset_minutes() });
            walker.root(commit.tree_id(), u32::try_from(number).unwrap_or(u32::MAX))?;
        }
        Ok(Self { commits, trees: walker.trees, found: walker.found, missing: walker.missing })
    }
}

fn join(folder: &str, name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    if folder.is_empty() { name.into_owned() } else { format!("{folder}/{name}") }
}

/// The entries of a tree object: `mode SP name NUL id` each (git's gitformat documentation); `None` where it is broken.
struct Entries<'b>(&'b [u8]);

impl<'b> Iterator for Entries<'b> {
    type Item = Option<(&'b [u8], &'b [u8], Oid)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let entry = entry(self.0);
        self.0 = entry.map_or(&[], |(_, rest)| rest);
        Some(entry.map(|(entry, _)| entry))
    }
}

type TreeEntry<'b> = (&'b [u8], &'b [u8], Oid);

fn entry(bytes: &[u8]) -> Option<(TreeEntry<'_>, &[u8])> {
    let space = bytes.iter().take(8).position(|byte| *byte == b' ')?;
    let rest = &bytes[space + 1..];
    let end = memchr::memchr(0, rest)?;
    let id = Oid::from_bytes(rest.get(end + 1..end + 21)?).ok()?;
    Some(((&bytes[..space], &rest[..end], id), &rest[end + 21..]))
}

#[cfg(test)]
mod tests {
    use git2::{PackBuilder, Signature, Time};

    use super::*;

    const SMALL: Sizes = Sizes { several: 100_000, one: 300_000 };

    /// Text that does not compress well, different for each seed.
    fn text(length: usize, seed: u64) -> Vec<u8> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ \n"[(state >> 58) as usize]
        };
        (0..length).map(|_| next()).collect()
    }

    /// A repository with one version of `a` for each of these contents; with `pack`, all in one pack.
    fn repository(contents: &[Vec<u8>], pack: bool) -> tempfile::TempDir {
        let place = tempfile::tempdir().expect("a folder");
        let repository = Repository::init(place.path()).expect("a repository");
        let who = Signature::new("Case", "case@example.org", &Time::new(1_750_000_000, 0)).expect("a name");
        let mut last: Option<Oid> = None;
        for content in contents {
            let mut builder = repository.treebuilder(None).expect("a tree");
            builder.insert("a", repository.blob(content).expect("a blob"), 0o100_644).expect("inserted");
            let tree = repository.find_tree(builder.write().expect("written")).expect("it is there");
            let parents: Vec<_> = last.iter().map(|id| repository.find_commit(*id).expect("it is there")).collect();
            let parents: Vec<_> = parents.iter().collect();
            last = Some(repository.commit(Some("HEAD"), &who, &who, "a step", &tree, &parents).expect("committed"));
        }
        if pack {
            let objects = place.path().join(".git/objects");
            let mut builder: PackBuilder<'_> = repository.packbuilder().expect("a pack");
            let mut walk = repository.revwalk().expect("a walk");
            walk.push_head().expect("pushed");
            builder.insert_walk(&mut walk).expect("inserted");
            builder.write(&objects.join("pack"), 0).expect("written");
            for folder in std::fs::read_dir(&objects).expect("a folder").flatten() {
                if folder.file_name().len() == 2 {
                    std::fs::remove_dir_all(folder.path()).expect("removed");
                }
            }
        }
        place
    }

    /// Every blob as it was read, with how it came; and what was not read.
    fn read(place: &Path, sizes: Sizes) -> (Vec<(&'static str, Vec<u8>)>, Vec<Reason>) {
        let history = History { sizes, ..History::walk(place, None).expect("walked") };
        let (read, left) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
        history.read(
            &|blob| {
                let how = match blob.content {
                    Content::Bytes(bytes) | Content::Made(bytes, ..) => ("bytes", bytes.to_vec()),
                    Content::Stream(stream) => {
                        let mut bytes = Vec::new();
                        stream.read_to_end(&mut bytes).expect("read to its end");
                        ("stream", bytes)
                    }
                };
                read.lock().expect("no panic").push(how);
            },
            &|_, excluded| left.lock().expect("no panic").push(excluded.reason),
        );
        let mut read = read.into_inner().expect("no panic");
        read.sort_by_key(|(_, bytes)| bytes.len());
        (read, left.into_inner().expect("no panic"))
    }

    /// Contents that come, go and come again, so that stretches meet what earlier ones brought in.
    #[test]
    fn the_same_comes_out_on_any_number_of_threads() {
        let contents: Vec<_> = (0..4 * SHORTEST as u64 + 9).map(|at| text(40, at * at % 101)).collect();
        let place = repository(&contents, false);
        let walked = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            let history = pool.install(|| History::walk(place.path(), None)).expect("walked");
            let blobs: Vec<_> = history.blobs.iter().map(|one| (one.path.clone(), one.blob, one.commit)).collect();
            (history.commits, blobs)
        };
        let one = walked(1);
        assert_eq!((one.0.len(), one.1.len()), (contents.len(), 51));
        for threads in [2, 3, 8] {
            assert_eq!(walked(threads), one, "{threads}");
        }
    }

    #[test]
    fn large_blobs_come_as_streams_loose_or_packed() {
        let contents = [text(1_000, 1), text(500_000, 2)];
        for pack in [false, true] {
            let place = repository(&contents, pack);
            let (read, left) = read(place.path(), SMALL);
            assert_eq!(left, []);
            assert_eq!(read.iter().map(|(how, _)| *how).collect::<Vec<_>>(), ["bytes", "stream"], "{pack}");
            assert!(read[0].1 == contents[0] && read[1].1 == contents[1]);
        }
    }

    #[test]
    fn a_large_difference_is_held_alone_up_to_a_limit_and_then_told() {
        for (length, held) in [(200_000, true), (500_000, false)] {
            let mut later = text(length, 3);
            let earlier = later.clone();
            later.truncate(length - 10);
            let place = repository(&[earlier, later], true);
            let (read, left) = read(place.path(), SMALL);
            let how: Vec<&str> = read.iter().map(|(how, _)| *how).collect();
            if held {
                assert_eq!((how, left), (vec!["bytes", "stream"], vec![]));
            } else {
                assert_eq!(how, ["stream"]);
                assert!(matches!(left.as_slice(), [Reason::TooLarge { .. }]), "{left:?}");
            }
        }
    }

    #[test]
    fn a_stream_that_ends_early_is_an_error() {
        let place = repository(&[text(500_000, 4)], true);
        let pack = std::fs::read_dir(place.path().join(".git/objects/pack")).expect("a folder").flatten();
        let pack = pack.map(|entry| entry.path()).find(|path| path.extension().is_some_and(|end| end == "pack"));
        let pack = pack.expect("a pack");
        let history = History { sizes: SMALL, ..History::walk(place.path(), None).expect("walked") };
        let mut bytes = std::fs::read(&pack).expect("read");
        let middle = bytes.len() / 2;
        bytes[middle..middle + 64].fill(0);
        std::fs::remove_file(&pack).expect("removed");
        std::fs::write(&pack, bytes).expect("written");
        let failed = Mutex::new(0);
        let told = |_| *failed.lock().expect("no panic") += 1;
        history.read(
            &|blob| {
                if let Content::Stream(stream) = blob.content
                    && std::io::copy(stream, &mut std::io::sink()).is_err()
                {
                    told(());
                }
            },
            &|_, _| told(()),
        );
        assert_eq!(*failed.lock().expect("no panic"), 1);
    }
}
