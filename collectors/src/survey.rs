//! A first look at a folder, before anything is configured: which git repository it belongs to, and what git ignores
//! there. It observes nothing that evidence could be made of.

use std::path::{Component, Path, PathBuf};

use git2::{ErrorCode, ObjectType, Repository};

/// The repository that a folder belongs to.
pub struct Checkout {
    repository: Repository,
    folder: PathBuf,
}

/// Why nothing is known of the repository that a folder seems to belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckoutError {
    /// git refuses a folder that another user owns.
    #[error("it belongs to another user, and git refuses such folders: run as that user, or add it to safe.directory")]
    ForeignOwner,
    /// It can't be opened.
    #[error("git's files there can't be read")]
    Unreadable,
}

impl Checkout {
    /// The repository around `folder`, if there is one with a working copy.
    ///
    /// # Errors
    /// When there is one, but git refuses it or it can't be read.
    pub fn around(folder: &Path) -> Result<Option<Self>, CheckoutError> {
        let repository = match Repository::discover(folder) {
            Ok(repository) => repository,
            Err(error) if error.code() == ErrorCode::NotFound => return Ok(None),
            Err(error) if error.code() == ErrorCode::Owner => return Err(CheckoutError::ForeignOwner),
            Err(_) => return Err(CheckoutError::Unreadable),
        };
        let folder = repository.workdir().map(Path::to_owned);
        Ok(folder.map(|folder| Self { repository, folder }))
    }

    /// The working copy's folder, absolute.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether the commit that is checked out holds a file at `path`, relative to the working copy's folder.
    #[must_use]
    pub fn holds(&self, path: &str) -> bool {
        let tree = self.repository.head().and_then(|head| head.peel_to_tree());
        tree.and_then(|tree| tree.get_path(Path::new(path))).is_ok_and(|entry| entry.kind() == Some(ObjectType::Blob))
    }

    /// Whether git ignores the absolute `path`; what git can't say is not ignored.
    #[must_use]
    pub fn ignores(&self, path: &Path) -> bool {
        let inside = path.strip_prefix(&self.folder).ok();
        inside
            // Of what lies elsewhere libgit2 says anything.
            .filter(|inside| inside.components().all(|part| matches!(part, Component::Normal(_))))
            .is_some_and(|inside| self.repository.is_path_ignored(inside).unwrap_or(false))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_folder_knows_its_repository_and_what_is_ignored() {
        let place = tempfile::tempdir().expect("a folder");
        let top = place.path().canonicalize().expect("it is there");
        Repository::init(&top).expect("a repository");
        fs::create_dir_all(top.join("a/target")).expect("folders");
        fs::write(top.join(".gitignore"), "target/\n.env\n").expect("written");
        fs::write(top.join(".env"), "").expect("written");
        let checkout = Checkout::around(&top.join("a")).expect("readable").expect("there is one");
        assert!(!checkout.holds(".gitignore"), "nothing is committed");
        let mut index = checkout.repository.index().expect("an index");
        index.add_path(Path::new(".gitignore")).expect("added");
        let tree = checkout.repository.find_tree(index.write_tree().expect("written")).expect("there");
        let author = git2::Signature::new("A", "a@example.com", &git2::Time::new(0, 0)).expect("an author");
        checkout.repository.commit(Some("HEAD"), &author, &author, "First", &tree, &[]).expect("a commit");
        assert!(checkout.holds(".gitignore") && !checkout.holds(".env") && !checkout.holds("a"));
        assert_eq!(checkout.folder().canonicalize().expect("it is there"), top);
        for (path, ignored) in [(".env", true), ("a", false), ("a/target", true), ("a/env", false), ("../x", false)] {
            assert_eq!(checkout.ignores(&top.join(path)), ignored, "{path}");
        }
    }
}
