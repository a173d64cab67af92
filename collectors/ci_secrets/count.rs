//! The source's own count of the population, by another way than the one that examines: the walk reads trees and
//! hands carriers down; this asks libgit2's reference glob for the tips and its diff machinery for what each commit
//! changed against its first parent. A version that any commit carries first came in by such a change, so the
//! distinct (path, blob) pairs of all changes are exactly the versions in history.

use super::recognise::{Recognised, Recogniser};
use super::repository::{RepositoryError, Tip};
use git2::{Delta, DiffOptions, FileMode, Oid, Repository, Sort};
use std::collections::{HashMap, HashSet};

/// How the count was made, in words for evidence.
pub const METHOD: &str = "distinct (path, blob) pairs among the differences of every commit of every reference against its first parent, by libgit2's diff";

/// How many file versions the history holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Versions of files whose path names a CI system.
    pub by_path: u64,
    /// Versions of YAML files whose content has to tell.
    pub perhaps_by_content: u64,
    /// Commits walked.
    pub commits: u64,
}

/// Counts the file versions of the whole history. `extra` are tips that no reference glob knows
/// (older stash entries, detached heads of linked work trees, tags on bare trees).
pub fn count(repository: &Repository, extra: &[Tip], recogniser: &Recogniser) -> Result<Count, RepositoryError> {
    let walking = |error: git2::Error| RepositoryError::reading("the commit graph, for the count", &error);
    let mut revwalk = repository.revwalk().map_err(walking)?;
    revwalk.set_sorting(Sort::NONE).map_err(walking)?;
    revwalk.push_glob("*").map_err(walking)?;
    for tip in extra {
        if !tip.is_tree {
            revwalk.push(tip.target).map_err(walking)?;
        }
    }
    let mut tally = Tally { recogniser, kinds: HashMap::new(), seen: HashSet::new() };
    let mut commits = 0;
    for id in revwalk {
        let id = id.map_err(walking)?;
        let commit = repository.find_commit(id).map_err(walking)?;
        commits += 1;
        let new = commit.tree().map_err(walking)?;
        let old = match commit.parent(0) {
            Ok(parent) => Some(parent.tree().map_err(walking)?),
            Err(_) if commit.parent_count() == 0 => None,
            Err(error) => return Err(walking(error)),
        };
        if old.as_ref().is_none_or(|old| old.id() != new.id()) {
            tally.add(repository, old.as_ref(), &new).map_err(walking)?;
        }
    }
    for tip in extra.iter().filter(|tip| tip.is_tree) {
        let tree = repository.find_tree(tip.target).map_err(walking)?;
        tally.add(repository, None, &tree).map_err(walking)?;
    }
    let by_path =
        tally.seen.iter().filter(|(path, _)| matches!(tally.kinds[path], Some(Recognised::Ci(_)))).count() as u64;
    Ok(Count { by_path, perhaps_by_content: tally.seen.len() as u64 - by_path, commits })
}

struct Tally<'r> {
    recogniser: &'r Recogniser,
    kinds: HashMap<Vec<u8>, Option<Recognised>>,
    seen: HashSet<(Vec<u8>, Oid)>,
}

impl Tally<'_> {
    fn add(
        &mut self,
        repository: &Repository,
        old: Option<&git2::Tree<'_>>,
        new: &git2::Tree<'_>,
    ) -> Result<(), git2::Error> {
        let mut options = DiffOptions::new();
        options.skip_binary_check(true).ignore_submodules(true);
        let diff = repository.diff_tree_to_tree(old, Some(new), Some(&mut options))?;
        for delta in diff.deltas() {
            let file = delta.new_file();
            if delta.status() == Delta::Deleted || matches!(file.mode(), FileMode::Commit | FileMode::Tree) {
                continue;
            }
            let Some(path) = file.path_bytes() else {
                continue;
            };
            let kind = match self.kinds.get(path) {
                Some(kind) => *kind,
                None => {
                    let kind = self.recogniser.path(&String::from_utf8_lossy(path));
                    self.kinds.insert(path.to_vec(), kind);
                    kind
                }
            };
            if kind.is_some() {
                self.seen.insert((path.to_vec(), file.id()));
            }
        }
        Ok(())
    }
}
