//! Git's history: every distinct blob that any reference keeps alive, once, on all threads.
//!
//! Commits are walked once, parents first, and each distinct tree is read once: a blob belongs to the first commit that
//! brought it in, under the first path. Blobs in packs are read as the packs are made; the others by libgit2, in the order
//! of their paths, newest first.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use git2::{ObjectType, Odb, Oid, Repository, Sort};
use rayon::prelude::*;

use super::{Excluded, Reason, packs};
use crate::ci_secrets::repository::{self, RepositoryError, TipKind};

/// Most (folder, tree) pairs that are followed before the repository is refused as a bomb.
const MOST_TREES: usize = 20_000_000;
/// Folders deeper than this are not followed: no check-out has them.
const DEEPEST: usize = 1_000;
/// Blobs that one task reads.
const BATCH: usize = 128;

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
    pub bytes: &'b [u8],
}

/// A repository's history, walked and not yet read.
pub struct History {
    folder: std::path::PathBuf,
    objects: std::path::PathBuf,
    /// The commits, parents before children.
    pub commits: Vec<Point>,
    blobs: Vec<Entry>,
    at_head: HashSet<Oid>,
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
        let mut walker =
            Walker { odb: &odb, trees: HashSet::new(), blobs: HashSet::new(), found: Vec::new(), missing: 0 };

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
        let commits = walker.commits(&repository, &tips, hidden)?;
        if since.is_none() {
            for tree in bare_trees {
                walker.root(tree, u32::try_from(commits.len() - 1).unwrap_or(u32::MAX))?;
            }
        }
        if walker.missing > 0 {
            let what = format!("{} folders of its history", walker.missing);
            excluded.push(Excluded { path: folder.to_string_lossy().into_owned(), reason: Reason::NotInClone(what) });
        }
        let mut blobs = walker.found;
        // Of one path the newest first: that is what git stores whole, and older versions as differences to it.
        blobs.par_sort_by(|a, b| a.path.cmp(&b.path).then(b.commit.cmp(&a.commit)).then(a.blob.cmp(&b.blob)));
        let objects = repository.commondir().join("objects");
        Ok(Self { folder: folder.to_owned(), objects, commits, blobs, at_head, excluded })
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
    pub fn read(&self, examine: &(dyn Fn(&Blob<'_>) + Sync), excluded: &(dyn Fn(Oid, Excluded) + Sync)) {
        let entries: HashMap<Oid, &Entry> = self.blobs.iter().map(|entry| (entry.blob, entry)).collect();
        let order: Vec<Oid> = self.ids().collect();
        self.read_objects(
            &order,
            &|id, bytes| {
                if let Some(entry) = entries.get(&id) {
                    examine(&self.blob(entry, bytes));
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
        examine: &(dyn Fn(Oid, &[u8]) + Sync),
        excluded: &(dyn Fn(Oid, Reason) + Sync),
    ) {
        let wanted: HashSet<Oid> = ids.iter().copied().collect();
        let read = packs::read(&self.objects, &wanted, examine);
        let rest: Vec<Oid> = ids.iter().filter(|id| !read.contains(id)).copied().collect();
        rest.par_chunks(BATCH).for_each_init(
            || repository::reopen(&self.folder),
            |repository, batch| {
                let odb = repository.as_ref().ok().and_then(|repository| repository.odb().ok());
                for id in batch {
                    match odb.as_ref().map(|odb| odb.read(*id)) {
                        Some(Ok(object)) => examine(*id, object.data()),
                        Some(Err(error)) if error.code() == git2::ErrorCode::NotFound => {
                            excluded(*id, Reason::NotInClone(format!("blob {id}")));
                        }
                        _ => excluded(*id, Reason::Damaged(format!("blob {id} cannot be read"))),
                    }
                }
            },
        );
    }

    fn blob<'b>(&self, entry: &'b Entry, bytes: &'b [u8]) -> Blob<'b> {
        let at_head = self.at_head.contains(&entry.blob);
        Blob { id: entry.blob, path: &entry.path, commit: entry.commit as usize, at_head, bytes }
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
    missing: u64,
}

impl Walker<'_> {
    fn commits(
        &mut self,
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
        let mut commits = Vec::new();
        for id in revwalk {
            let id = id.map_err(walking)?;
            let commit = repository
                .find_commit(id)
                .map_err(|error| RepositoryError::looking_up(id, "the commit graph", &error))?;
            let author = commit.author().when();
            commits.push(Point { id, author_time: author.seconds(), author_offset: author.offset_minutes() });
            self.root(commit.tree_id(), u32::try_from(commits.len() - 1).unwrap_or(u32::MAX))?;
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
                    self.missing += 1;
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
