//! Opening a git repository honestly: what libgit2 cannot see in full is an error that says why, never a short list.

use super::understand::sink::path_in_evidence;
use git2::{ErrorClass, ErrorCode, ObjectType, Oid, Repository};
use std::path::Path;

/// Why a repository's history could not be looked at in full. No text here holds a path of this machine or file content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RepositoryError {
    /// Nothing that git would open lies there.
    #[error("no git repository at the configured path (neither a bare repository nor a folder with a .git)")]
    NotARepository,
    /// git refuses a folder that another user owns.
    #[error(
        "the repository belongs to {owner}, and git refuses folders of other users: run as that user, or add the folder to safe.directory of the user that runs this"
    )]
    ForeignOwner {
        /// The owner, as `user id N`.
        owner: String,
    },
    /// A shallow clone: commits beyond its boundary are not there.
    #[error(
        "shallow clone: its history is cut off, so nothing can be said about older versions; fetch with --unshallow"
    )]
    Shallow,
    /// References are kept in the reftable format.
    #[error(
        "references are stored as reftable, which libgit2 cannot read; convert with git refs migrate --ref-format=files"
    )]
    Reftable,
    /// Objects are named by SHA-256.
    #[error("objects are named by SHA-256, which libgit2 cannot read")]
    Sha256,
    /// A partial clone: some objects stayed at the remote.
    #[error(
        "partial clone ({how}): some objects stayed at the remote, so some versions cannot be read; make a full clone"
    )]
    Partial {
        /// What says so: the setting or file by name.
        how: String,
    },
    /// Something names an object that is not there.
    #[error("object {object} is missing, needed by {needed_by}: the repository is damaged or incomplete")]
    Missing {
        /// The object's id.
        object: String,
        /// What needs it.
        needed_by: String,
    },
    /// git reported another failure.
    #[error("cannot read {what}: {detail}")]
    Unreadable {
        /// What was being read.
        what: String,
        /// git's own class and code.
        detail: String,
    },
    /// More places than any real repository has: identical trees nested to multiply paths.
    #[error("more than {limit} distinct folders in history: refused, as an archive bomb would be")]
    TooManyPlaces {
        /// The limit, in folders.
        limit: usize,
    },
}

impl RepositoryError {
    /// A steady code for evidence.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotARepository => "not-a-repository",
            Self::ForeignOwner { .. } => "foreign-owner",
            Self::Shallow => "shallow-clone",
            Self::Reftable => "reftable",
            Self::Sha256 => "sha256-objects",
            Self::Partial { .. } => "partial-clone",
            Self::Missing { .. } => "missing-object",
            Self::Unreadable { .. } => "unreadable",
            Self::TooManyPlaces { .. } => "too-many-places",
        }
    }

    /// An error about reading `what`, without libgit2's own text, which may hold paths.
    pub(crate) fn reading(what: impl Into<String>, error: &git2::Error) -> Self {
        Self::Unreadable { what: what.into(), detail: format!("libgit2 {:?}/{:?}", error.class(), error.code()) }
    }

    /// An error about looking up `object`, which `needed_by` names.
    pub(crate) fn looking_up(object: Oid, needed_by: impl Into<String>, error: &git2::Error) -> Self {
        let needed_by = needed_by.into();
        if error.code() == ErrorCode::NotFound {
            Self::Missing { object: object.to_string(), needed_by }
        } else {
            Self::reading(format!("object {object}, needed by {needed_by}"), error)
        }
    }
}

/// Opens the repository at `path` (a working copy's folder, its `.git`, or a bare clone) and refuses
/// every kind of repository whose history it would not show in full.
pub fn open(path: &Path) -> Result<Repository, RepositoryError> {
    let repository = Repository::open(path).map_err(|error| refusal(path, &error))?;
    if repository.is_shallow() {
        return Err(RepositoryError::Shallow);
    }
    refuse_partial(&repository)?;
    Ok(repository)
}

/// Another handle on a repository that `open` has already accepted; each thread needs its own.
pub(crate) fn reopen(path: &Path) -> Result<Repository, RepositoryError> {
    Repository::open(path).map_err(|error| refusal(path, &error))
}

fn refusal(path: &Path, error: &git2::Error) -> RepositoryError {
    // libgit2 has one code for "I do not know this extension"; which one, only its message tells.
    let message = error.message().to_ascii_lowercase();
    if error.code() == ErrorCode::Owner {
        RepositoryError::ForeignOwner { owner: owner_of(path) }
    } else if message.contains("refstorage") || message.contains("reftable") {
        RepositoryError::Reftable
    } else if message.contains("partialclone") {
        RepositoryError::Partial { how: "extensions.partialClone".to_owned() }
    } else if message.contains("sha256") || message.contains("object format") || message.contains("objectformat") {
        RepositoryError::Sha256
    } else if error.code() == ErrorCode::NotFound && error.class() != ErrorClass::Config {
        RepositoryError::NotARepository
    } else {
        RepositoryError::reading("the repository's own settings", error)
    }
}

fn owner_of(path: &Path) -> String {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if let Ok(metadata) = std::fs::metadata(path) {
            return format!("user id {}", metadata.uid());
        }
    }
    let _ = path;
    "another user".to_owned()
}

fn refuse_partial(repository: &Repository) -> Result<(), RepositoryError> {
    let reading = |error: git2::Error| RepositoryError::reading("the repository's configuration", &error);
    let config = repository.config().and_then(|mut config| config.snapshot()).map_err(reading)?;
    let mut entries = config.entries(None).map_err(reading)?;
    while let Some(entry) = entries.next() {
        let entry = entry.map_err(reading)?;
        let name = String::from_utf8_lossy(entry.name_bytes()).to_ascii_lowercase();
        let says_promisor =
            name.starts_with("remote.") && (name.ends_with(".promisor") || name.ends_with(".partialclonefilter"));
        if says_promisor && !matches!(entry.value_bytes(), b"false" | b"0" | b"no" | b"off") {
            return Err(RepositoryError::Partial { how: "a promisor remote in its configuration".to_owned() });
        }
        if name == "extensions.partialclone" {
            return Err(RepositoryError::Partial { how: "extensions.partialClone".to_owned() });
        }
    }
    let packs = repository.commondir().join("objects/pack");
    let promisor_pack = std::fs::read_dir(packs)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .any(|entry| entry.path().extension().is_some_and(|extension| extension == "promisor"));
    if promisor_pack {
        return Err(RepositoryError::Partial { how: "a promisor pack".to_owned() });
    }
    Ok(())
}

/// What kind of name keeps a commit alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TipKind {
    /// `HEAD`, of the repository or of one of its work trees, on a branch or detached.
    Head,
    /// A local branch.
    Branch,
    /// A remote-tracking branch.
    Remote,
    /// A tag, annotated or not.
    Tag,
    /// A stash entry.
    Stash,
    /// Notes, pull-request heads and everything else under `refs/`.
    Other,
}

/// One name and the commit or tree it keeps alive.
#[derive(Clone, Debug)]
pub struct Tip {
    /// The reference's name, such as `refs/heads/main`.
    pub name: String,
    /// What kind of name it is.
    pub kind: TipKind,
    /// The commit (or, for a rare tag, the tree) after all tags are peeled off.
    pub target: Oid,
    /// Whether the target is a bare tree instead of a commit.
    pub is_tree: bool,
}

/// Every tip of the repository, and how many references name something that has no path (a bare blob).
pub fn tips(repository: &Repository) -> Result<(Vec<Tip>, u64), RepositoryError> {
    let mut tips = Vec::new();
    let mut without_path = 0;
    match repository.head() {
        Ok(head) => without_path += add(repository, &mut tips, "HEAD".to_owned(), TipKind::Head, &head)?,
        Err(error) if matches!(error.code(), ErrorCode::UnbornBranch | ErrorCode::NotFound) => {}
        Err(error) => return Err(RepositoryError::reading("HEAD", &error)),
    }
    let references = repository.references().map_err(|error| RepositoryError::reading("the references", &error))?;
    for reference in references {
        let reference = reference.map_err(|error| RepositoryError::reading("a reference", &error))?;
        let name = String::from_utf8_lossy(reference.name_bytes()).into_owned();
        without_path += add(repository, &mut tips, name.clone(), kind_of(&name), &reference)?;
    }
    add_older_stashes(repository, &mut tips)?;
    add_other_work_trees(repository, &mut tips)?;
    Ok((tips, without_path))
}

fn kind_of(name: &str) -> TipKind {
    let under = |prefix| name.starts_with(prefix);
    if under("refs/heads/") {
        TipKind::Branch
    } else if under("refs/remotes/") {
        TipKind::Remote
    } else if under("refs/tags/") {
        TipKind::Tag
    } else if name == "refs/stash" {
        TipKind::Stash
    } else {
        TipKind::Other
    }
}

/// Adds what a reference keeps alive; answers how many objects without a path it named (0 or 1).
fn add(
    repository: &Repository,
    tips: &mut Vec<Tip>,
    name: String,
    kind: TipKind,
    reference: &git2::Reference<'_>,
) -> Result<u64, RepositoryError> {
    let resolved = match reference.resolve() {
        Ok(resolved) => resolved,
        // A symbolic reference to a branch that does not exist (a remote's HEAD after a rename) keeps nothing alive.
        Err(error) if error.code() == ErrorCode::NotFound => return Ok(0),
        Err(error) => return Err(RepositoryError::reading(path_in_evidence(&name), &error)),
    };
    let Some(target) = resolved.target() else {
        return Ok(0);
    };
    add_object(repository, tips, name, kind, target)
}

fn add_object(
    repository: &Repository,
    tips: &mut Vec<Tip>,
    name: String,
    kind: TipKind,
    target: Oid,
) -> Result<u64, RepositoryError> {
    let lookup = |error: git2::Error| RepositoryError::looking_up(target, path_in_evidence(&name), &error);
    let object = repository.find_object(target, None).map_err(lookup)?;
    let peeled =
        if object.kind() == Some(ObjectType::Tag) { object.peel(ObjectType::Any).map_err(lookup)? } else { object };
    match peeled.kind() {
        Some(ObjectType::Commit) => tips.push(Tip { name, kind, target: peeled.id(), is_tree: false }),
        Some(ObjectType::Tree) => tips.push(Tip { name, kind, target: peeled.id(), is_tree: true }),
        _ => return Ok(1),
    }
    Ok(0)
}

/// `refs/stash` names the newest entry only; the older ones live in its reflog.
fn add_older_stashes(repository: &Repository, tips: &mut Vec<Tip>) -> Result<(), RepositoryError> {
    let Ok(reflog) = repository.reflog("refs/stash") else {
        return Ok(());
    };
    for (index, entry) in reflog.iter().enumerate() {
        add_object(repository, tips, format!("stash@{{{index}}}"), TipKind::Stash, entry.id_new())?;
    }
    Ok(())
}

/// A linked work tree has a HEAD of its own, which may be detached and then keeps its commit alive alone.
fn add_other_work_trees(repository: &Repository, tips: &mut Vec<Tip>) -> Result<(), RepositoryError> {
    let folders = std::fs::read_dir(repository.commondir().join("worktrees"));
    for folder in folders.into_iter().flatten().filter_map(Result::ok) {
        let Ok(head) = std::fs::read_to_string(folder.path().join("HEAD")) else {
            continue;
        };
        if let Ok(target) = Oid::from_str(head.trim()) {
            add_object(repository, tips, "HEAD of a linked work tree".to_owned(), TipKind::Head, target)?;
        }
    }
    Ok(())
}
