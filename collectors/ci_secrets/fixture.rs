//! Git repositories described as data, and built the same way each time: for cases, for the self-test, for tests.
//!
//! A description is a list of commits; each says which files it writes and removes. Author, committer and times are
//! fixed, so that commit ids are the same on every machine.

use git2::{Index, IndexEntry, IndexTime, Oid, Repository, RepositoryInitOptions, Signature, Time};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// The first commit's time where it is not given, in seconds since 1970; each further commit is an hour later.
const FIRST_TIME: i64 = 1_750_000_000;

/// A repository, described.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// Whether it has no working copy.
    #[serde(default)]
    pub bare: bool,
    /// Whether it pretends to be a shallow clone that ends at its last commit.
    #[serde(default)]
    pub shallow: bool,
    /// Whether it pretends to be a partial clone.
    #[serde(default)]
    pub partial: bool,
    /// Whether HEAD names its commit instead of a branch.
    #[serde(default)]
    pub detached: bool,
    /// The commits, in the order in which they are made.
    #[serde(default, rename = "commit")]
    pub commits: Vec<CommitDescription>,
}

/// One commit, described.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommitDescription {
    /// The branch that it is made on; `main` if not given. A new branch starts at `from`.
    #[serde(default)]
    pub branch: Option<String>,
    /// For the first commit of a branch: the branch that it starts from; none for a history of its own.
    #[serde(default)]
    pub from: Option<String>,
    /// A branch that it merges.
    #[serde(default)]
    pub merge: Option<String>,
    /// Its time in seconds since 1970.
    #[serde(default)]
    pub time: Option<i64>,
    /// An annotated tag put on it.
    #[serde(default)]
    pub tag: Option<String>,
    /// Files that it writes, by path.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// Files that it removes.
    #[serde(default)]
    pub remove: Vec<String>,
    /// Symbolic links that it makes: path and target.
    #[serde(default)]
    pub links: BTreeMap<String, String>,
    /// Submodules that it adds: path and the other repository's commit.
    #[serde(default)]
    pub submodules: BTreeMap<String, String>,
    /// Branches that are deleted after it.
    #[serde(default)]
    pub delete_branches: Vec<String>,
}

/// Builds the described repository in `folder`, which must not exist or be empty.
///
/// # Errors
/// When libgit2 refuses; the message says what.
pub fn build(description: &Description, folder: &Path) -> io::Result<()> {
    build_with_git(description, folder)
        .map_err(|error| io::Error::other(format!("building a repository: {}", error.message())))
}

/// Reads a description and builds it.
///
/// # Errors
/// When the text is no description, or libgit2 refuses.
pub fn build_from_toml(text: &str, folder: &Path) -> io::Result<()> {
    let description: Description =
        toml::from_str(text).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
    build(&description, folder)
}

/// Builds every `*.toml` of `input` as a repository of that name in `scratch`.
///
/// # Errors
/// When a description can't be read or built.
pub fn build_all(input: &Path, scratch: &Path) -> io::Result<()> {
    let Ok(entries) = std::fs::read_dir(input) else {
        return Ok(());
    };
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml")
            && let Some(name) = path.file_stem()
        {
            build_from_toml(&std::fs::read_to_string(&path)?, &scratch.join(name))?;
        }
    }
    Ok(())
}

type Files = BTreeMap<String, (Oid, u32)>;

fn build_with_git(description: &Description, folder: &Path) -> Result<(), git2::Error> {
    let mut options = RepositoryInitOptions::new();
    options.bare(description.bare).initial_head("main").external_template(false).mkpath(true);
    let repository = Repository::init_opts(folder, &options)?;
    let mut branches: BTreeMap<String, (Oid, Files)> = BTreeMap::new();
    let mut last = None;
    for (index, commit) in description.commits.iter().enumerate() {
        let time = commit.time.unwrap_or(FIRST_TIME + 3600 * i64::try_from(index).unwrap_or(0));
        let branch = commit.branch.as_deref().unwrap_or("main");
        let base = branches.get(branch).or_else(|| commit.from.as_ref().and_then(|from| branches.get(from))).cloned();
        let (parent, mut files) = base.map_or((None, Files::new()), |(id, files)| (Some(id), files));
        let merged = commit.merge.as_ref().and_then(|merge| branches.get(merge)).cloned();
        if let Some((_, other)) = &merged {
            files.extend(other.clone());
        }
        for path in &commit.remove {
            files.remove(path);
        }
        for (path, content) in &commit.files {
            files.insert(path.clone(), (repository.blob(content.as_bytes())?, 0o100_644));
        }
        for (path, target) in &commit.links {
            files.insert(path.clone(), (repository.blob(target.as_bytes())?, 0o120_000));
        }
        for (path, other) in &commit.submodules {
            files.insert(path.clone(), (Oid::from_str(other)?, 0o160_000));
        }
        let tree = repository.find_tree(write_tree(&repository, &files)?)?;
        let parents = parent
            .into_iter()
            .chain(merged.map(|(id, _)| id))
            .map(|id| repository.find_commit(id))
            .collect::<Result<Vec<_>, _>>()?;
        let parents: Vec<&git2::Commit<'_>> = parents.iter().collect();
        let who = Signature::new("Case", "case@example.org", &Time::new(time, 0))?;
        let id = repository.commit(
            Some(&format!("refs/heads/{branch}")),
            &who,
            &who,
            "A step of the case",
            &tree,
            &parents,
        )?;
        if let Some(tag) = &commit.tag {
            repository.tag(tag, repository.find_commit(id)?.as_object(), &who, "A tag of the case", false)?;
        }
        branches.insert(branch.to_owned(), (id, files));
        for gone in &commit.delete_branches {
            repository.find_reference(&format!("refs/heads/{gone}"))?.delete()?;
        }
        last = Some(id);
    }
    finish(description, &repository, last)
}

fn finish(description: &Description, repository: &Repository, last: Option<Oid>) -> Result<(), git2::Error> {
    if let Some(last) = last {
        if description.detached {
            repository.set_head_detached(last)?;
        }
        if description.shallow {
            std::fs::write(repository.path().join("shallow"), format!("{last}\n"))
                .map_err(|error| git2::Error::from_str(&error.to_string()))?;
        }
    }
    if description.partial {
        let mut config = repository.config()?;
        config.set_bool("remote.origin.promisor", true)?;
        config.set_str("remote.origin.partialclonefilter", "blob:none")?;
    }
    Ok(())
}

fn write_tree(repository: &Repository, files: &Files) -> Result<Oid, git2::Error> {
    let mut index = Index::new()?;
    for (path, (id, mode)) in files {
        index.add(&IndexEntry {
            ctime: IndexTime::new(0, 0),
            mtime: IndexTime::new(0, 0),
            dev: 0,
            ino: 0,
            mode: *mode,
            uid: 0,
            gid: 0,
            file_size: 0,
            id: *id,
            flags: 0,
            flags_extended: 0,
            path: path.as_bytes().to_vec(),
        })?;
    }
    index.write_tree_to(repository)
}
