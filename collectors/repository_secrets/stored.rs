//! What a repository holds by git's own count: libgit2's listing of the object store, and its index of HEAD's tree. The
//! reader goes another way: it walks commits and trees by itself, and reads packs as they are made.

use std::collections::{HashMap, HashSet};

use git2::{ErrorCode, Index, ObjectType, Oid, Repository};

use crate::ci_secrets::repository::RepositoryError;

/// More files than this in one check-out make no repository.
const MOST_FILES: u64 = 2_000_000;
/// What an entry of a tree is that stands for another repository's commit.
const GITLINK: u32 = 0o160_000;

/// How the blobs were counted, in words for evidence.
pub(super) const BLOBS_BY: &str = "libgit2's listing of the object store, by the kind that each object's header names";
/// How the tracked files were counted.
pub(super) const TRACKED_BY: &str = "libgit2's index of the tree that HEAD names";

/// The blobs of the object store, and how many objects would not tell what they are.
pub(super) fn blobs(repository: &Repository) -> Result<(HashSet<Oid>, u64), RepositoryError> {
    let reading = |error: git2::Error| RepositoryError::reading("the object store, for the count", &error);
    let odb = repository.odb().map_err(reading)?;
    let mut ids = Vec::new();
    odb.foreach(|id| {
        ids.push(*id);
        true
    })
    .map_err(reading)?;
    let mut unreadable = HashSet::new();
    let mut blobs = HashSet::new();
    for id in ids {
        match odb.read_header(id) {
            Ok((_, ObjectType::Blob)) => {
                blobs.insert(id);
            }
            Ok(_) => {}
            // It was there a moment ago: git has tidied up.
            Err(error) if error.code() == ErrorCode::NotFound => {}
            Err(_) => {
                unreadable.insert(id);
            }
        }
    }
    Ok((blobs, unreadable.len() as u64))
}

/// What HEAD carries.
#[derive(Debug, Default)]
pub(super) struct Tracked {
    /// The commit that HEAD names.
    pub(super) head: Option<Oid>,
    /// Files and symbolic links: path and content.
    pub(super) files: Vec<(String, Oid)>,
    /// Paths of submodules.
    pub(super) submodules: Vec<String>,
}

/// Lists what HEAD carries; nothing where HEAD names no commit.
pub(super) fn tracked(repository: &Repository) -> Result<Tracked, RepositoryError> {
    let head = match repository.head() {
        Ok(head) => head,
        Err(error) if matches!(error.code(), ErrorCode::UnbornBranch | ErrorCode::NotFound) => {
            return Ok(Tracked::default());
        }
        Err(error) => return Err(RepositoryError::reading("HEAD", &error)),
    };
    let reading = |error: git2::Error| RepositoryError::reading("the tree that HEAD names", &error);
    let commit = head.peel_to_commit().map_err(reading)?;
    let tree = commit.tree().map_err(reading)?;
    let mut counted = HashMap::new();
    if count(repository, tree.id(), &mut counted, 0)? > MOST_FILES {
        return Err(RepositoryError::TooManyPlaces { limit: usize::try_from(MOST_FILES).unwrap_or(usize::MAX) });
    }
    let mut index = Index::new().map_err(reading)?;
    index.read_tree(&tree).map_err(reading)?;
    let mut tracked = Tracked { head: Some(commit.id()), ..Tracked::default() };
    for entry in index.iter() {
        let path = String::from_utf8_lossy(&entry.path).into_owned();
        if entry.mode == GITLINK {
            tracked.submodules.push(path);
        } else {
            tracked.files.push((path, entry.id));
        }
    }
    Ok(tracked)
}

/// Files below a tree, each distinct tree counted once: nested copies of one folder multiply paths without end.
fn count(
    repository: &Repository,
    tree: Oid,
    known: &mut HashMap<Oid, u64>,
    depth: usize,
) -> Result<u64, RepositoryError> {
    if let Some(count) = known.get(&tree) {
        return Ok(*count);
    }
    if depth > 1_000 {
        return Ok(MOST_FILES + 1);
    }
    let found = repository.find_tree(tree).map_err(|error| RepositoryError::looking_up(tree, "HEAD", &error))?;
    let mut sum = 0_u64;
    for entry in &found {
        let below = match entry.kind() {
            Some(ObjectType::Tree) => count(repository, entry.id(), known, depth + 1)?,
            _ => 1,
        };
        sum = sum.saturating_add(below);
    }
    known.insert(tree, sum);
    Ok(sum)
}
