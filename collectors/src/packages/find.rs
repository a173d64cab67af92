//! Where lockfiles are: in a folder, or in a git repository at a named reference.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use chrono::DateTime;
use exhibit_evidence::Timestamp;
use git2::{ObjectType, Oid, Repository, TreeWalkMode, TreeWalkResult};
use globset::GlobSet;
use ignore::WalkBuilder;
use serde::{Deserialize, Serialize};

use super::bill::Bill;
use super::lockfile::{Format, LARGEST};

/// Folders that hold what package managers and builds put there: lockfiles in them are other projects' own.
pub const NOT_ENTERED: [&str; 7] = [".git", "node_modules", "vendor", "target", ".venv", "venv", "site-packages"];
/// Most lockfiles of one target.
const MOST: usize = 10_000;
/// Most bytes of all lockfiles of one target together: they are held until the scan is over.
const MOST_BYTES: usize = 512 * 1024 * 1024;

/// Why what is a link is not read.
pub(crate) const LINK: [&str; 2] = ["it is a link, or no regular file", "it is a symbolic link"];

/// A file that was found: a lockfile, or whatever else was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<K = Format> {
    /// Its path below the target, with `/`.
    pub path: String,
    /// What kind of file it is.
    pub format: K,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// What was found below a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing<K = Format> {
    /// The files, by path.
    pub files: Vec<Found<K>>,
    /// Those that could not be read, each with its reason.
    pub unread: Vec<Unread>,
    /// The commit, where the target is a git repository at a reference.
    pub commit: Option<String>,
    /// When that was made, by its committer's clock.
    pub committed_at: Option<Timestamp>,
    /// How many bytes the files have together.
    bytes: usize,
}

impl<K> Default for Listing<K> {
    fn default() -> Self {
        Self { files: Vec::new(), unread: Vec::new(), commit: None, committed_at: None, bytes: 0 }
    }
}

impl<K> Listing<K> {
    /// Adds what was read of a file, or why it could not be, within what one target may hold.
    fn add(&mut self, path: String, format: K, read: Result<Vec<u8>, String>) -> Result<(), FindError> {
        match read {
            Ok(bytes) => {
                self.bytes += bytes.len();
                self.files.push(Found { path, format, bytes });
            }
            Err(reason) => self.unread.push(Unread { path, reason }),
        }
        if self.files.len().max(self.unread.len()) > MOST {
            return Err(FindError::TooMany);
        }
        if self.bytes > MOST_BYTES { Err(FindError::TooLarge) } else { Ok(()) }
    }
}

/// A lockfile that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unread {
    /// Its path below the target.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// Why nothing could be found out about a target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FindError {
    /// The folder or file can't be looked at.
    #[error("the configured path can't be read: {0}")]
    Unreadable(String),
    /// There is no git repository, or git refuses it.
    #[error("no git repository can be opened at the configured path: {0}")]
    NotARepository(String),
    /// The reference names no commit.
    #[error("the reference `{reference}` names no commit: {why}")]
    NoCommit {
        /// The reference.
        reference: String,
        /// git's own words.
        why: String,
    },
    /// There are more than any project has.
    #[error("more than {MOST} such files: expected a project's folder")]
    TooMany,
    /// They are larger than those of any project.
    #[error("such files of more than {} MiB together: expected a project's folder", MOST_BYTES >> 20)]
    TooLarge,
}

/// Finds the lockfiles below a folder. Links are not followed; folders of [`NOT_ENTERED`] and what `exclude` matches are
/// not entered.
///
/// # Errors
/// When the folder can't be read, or holds too many.
pub fn in_folder(folder: &Path, exclude: &GlobSet) -> Result<Listing, FindError> {
    let mut listing = files_in_folder(folder, exclude, &discovered)?;
    settle(&mut listing, &mut |path| read_below(folder, path))?;
    Ok(listing)
}

/// Finds the files below a folder that are of a kind by their path, as [`in_folder`] does.
///
/// # Errors
/// When the folder can't be read, or holds too many.
pub fn files_in_folder<K>(
    folder: &Path,
    exclude: &GlobSet,
    kind: &dyn Fn(&str) -> Option<K>,
) -> Result<Listing<K>, FindError> {
    std::fs::read_dir(folder).map_err(|error| FindError::Unreadable(error.kind().to_string()))?;
    let mut listing = Listing::default();
    let root = folder.to_owned();
    let excluded = exclude.clone();
    let walk = WalkBuilder::new(folder)
        .standard_filters(false)
        .follow_links(false)
        .sort_by_file_name(Ord::cmp)
        .filter_entry(move |entry| {
            let below = entry.path().strip_prefix(&root).unwrap_or(entry.path());
            let name = entry.file_name().to_string_lossy();
            let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
            entry.depth() == 0 || !((is_folder && NOT_ENTERED.contains(&&*name)) || excluded.is_match(below))
        })
        .build();
    for entry in walk {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let why =
                    error.io_error().map_or_else(|| "can't be walked".to_owned(), |error| error.kind().to_string());
                listing.unread.push(Unread { path: "a folder".to_owned(), reason: why });
                continue;
            }
        };
        let below = entry.path().strip_prefix(folder).unwrap_or(entry.path()).to_string_lossy().into_owned();
        let Some(format) = kind(&below) else { continue };
        if entry.file_type().is_some_and(|kind| kind.is_dir()) {
            continue;
        }
        listing.add(below, format, read(entry.path()))?;
    }
    Ok(listing)
}

/// Whether [`in_folder`] finds any lockfile below a folder, or one that it can't read.
#[must_use]
pub fn is_any_in(folder: &Path) -> bool {
    match in_folder(folder, &GlobSet::empty()) {
        Ok(listing) => !listing.files.is_empty() || !listing.unread.is_empty(),
        Err(error) => matches!(error, FindError::TooMany),
    }
}

/// One lockfile, by its name; `path` is how it is called below the target.
///
/// # Errors
/// When it can't be read, or is no lockfile by its name.
pub fn one(file: &Path) -> Result<Listing, FindError> {
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let format = Format::of(&name)
        .or_else(|| name.ends_with(".json").then_some(Format::CycloneDx))
        .or_else(|| name.ends_with(".txt").then_some(Format::Requirements))
        .ok_or_else(|| {
            FindError::Unreadable(
                "expected a lockfile or a bill of materials (CycloneDX or SPDX JSON), by its name".to_owned(),
            )
        })?;
    let bytes = read(file).map_err(FindError::Unreadable)?;
    // `bom.json`, and whatever else somebody calls it, is what it says.
    let format = if format == Format::CycloneDx && Bill::says_spdx(&bytes) { Format::Spdx } else { format };
    let mut listing = Listing::default();
    listing.add(name, format, Ok(bytes))?;
    let beside = file.parent().map(Path::to_owned).unwrap_or_default();
    settle(&mut listing, &mut |path| read_below(&beside, path))?;
    Ok(listing)
}

/// Finds the lockfiles of the tree that a reference of a git repository names.
///
/// # Errors
/// When the repository or the reference can't be opened, or there are too many.
pub fn in_repository(path: &Path, reference: &str, exclude: &GlobSet) -> Result<Listing, FindError> {
    let mut listing = files_in_repository(path, reference, exclude, &discovered)?;
    let repository = open(path)?;
    // By the commit that was found: a reference may have moved since.
    let at = listing.commit.clone().unwrap_or_default();
    let tree = commit(&repository, &at)?.tree().map_err(|error| no_commit(&at, &error))?;
    settle(&mut listing, &mut |path| {
        let entry = tree.get_path(Path::new(path)).map_err(|_| "it is not there".to_owned())?;
        blob(&repository, entry.id(), entry.filemode())
    })?;
    Ok(listing)
}

fn open(path: &Path) -> Result<Repository, FindError> {
    Repository::open(path).map_err(|error| FindError::NotARepository(words(&error)))
}

fn no_commit(reference: &str, error: &git2::Error) -> FindError {
    FindError::NoCommit { reference: reference.to_owned(), why: words(error) }
}

fn commit<'r>(repository: &'r Repository, reference: &str) -> Result<git2::Commit<'r>, FindError> {
    let commit = repository.revparse_single(reference).and_then(|object| object.peel_to_commit());
    commit.map_err(|error| no_commit(reference, &error))
}

/// Finds the files of a tree that are of a kind by their path, as [`in_repository`] does.
///
/// # Errors
/// When the repository or the reference can't be opened, or there are too many.
pub fn files_in_repository<K>(
    path: &Path,
    reference: &str,
    exclude: &GlobSet,
    kind: &dyn Fn(&str) -> Option<K>,
) -> Result<Listing<K>, FindError> {
    let repository = open(path)?;
    let commit = commit(&repository, reference)?;
    let no_commit = |error: &git2::Error| no_commit(reference, error);
    let tree = commit.tree().map_err(|error| no_commit(&error))?;
    let mut named: Vec<(String, K, Oid, i32)> = Vec::new();
    let mut submodules = Vec::new();
    let walked = tree.walk(TreeWalkMode::PreOrder, |folder, entry| {
        let name = String::from_utf8_lossy(entry.name_bytes()).into_owned();
        let path = format!("{folder}{name}");
        let is_folder = entry.kind() == Some(ObjectType::Tree);
        if (is_folder && NOT_ENTERED.contains(&&*name)) || exclude.is_match(&path) {
            return TreeWalkResult::Skip;
        }
        if entry.kind() == Some(ObjectType::Commit) {
            submodules.push(path);
            return TreeWalkResult::Ok;
        }
        if let (Some(format), false) = (kind(&path), is_folder) {
            named.push((path, format, entry.id(), entry.filemode()));
        }
        if named.len().max(submodules.len()) > MOST { TreeWalkResult::Abort } else { TreeWalkResult::Ok }
    });
    if named.len().max(submodules.len()) > MOST {
        return Err(FindError::TooMany);
    }
    walked.map_err(|error| no_commit(&error))?;
    let committed_at = DateTime::from_timestamp(commit.time().seconds(), 0);
    let committed_at = committed_at.and_then(|at| super::instant(&at.to_rfc3339()));
    let mut listing = Listing { commit: Some(commit.id().to_string()), committed_at, ..Listing::default() };
    // What lies in them is of another repository, and was not looked for.
    let reason = || "it is a submodule".to_owned();
    listing.unread.extend(submodules.into_iter().map(|path| Unread { path, reason: reason() }));
    for (path, format, id, mode) in named {
        listing.add(path, format, blob(&repository, id, mode))?;
    }
    Ok(listing)
}

pub(super) fn discovered(path: &str) -> Option<Format> {
    Format::of(path).filter(|format| !format.is_bill())
}

fn words(error: &git2::Error) -> String {
    format!("{:?}", error.code())
}

fn blob(repository: &Repository, id: Oid, mode: i32) -> Result<Vec<u8>, String> {
    match mode {
        0o120_000 => return Err(LINK[1].to_owned()),
        0o160_000 => return Err("it is a submodule".to_owned()),
        _ => {}
    }
    let blob = repository.find_blob(id).map_err(|error| words(&error))?;
    if blob.size() > LARGEST {
        return Err(format!("it is larger than {} MiB", LARGEST >> 20));
    }
    Ok(blob.content().to_vec())
}

/// Reads a regular file, up to the largest that is read at all; opening it never waits.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    let told = |error: &io::Error| error.kind().to_string();
    let seen = path.symlink_metadata().map_err(|error| told(&error))?;
    if !seen.is_file() {
        return Err(LINK[0].to_owned());
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| told(&error))?;
    file.take(LARGEST as u64 + 1).read_to_end(&mut bytes).map_err(|error| told(&error))?;
    if bytes.len() > LARGEST {
        return Err(format!("it is larger than {} MiB", LARGEST >> 20));
    }
    Ok(bytes)
}

/// Reads a regular file below a folder that another file names: no part of its path may be a link, which could lead anywhere.
fn read_below(folder: &Path, path: &str) -> Result<Vec<u8>, String> {
    let mut place = folder.to_owned();
    let mut parts = path.split('/').peekable();
    while let Some(part) = parts.next() {
        place.push(part);
        let is_link = place.symlink_metadata().is_ok_and(|seen| seen.is_symlink());
        if is_link && parts.peek().is_some() {
            return Err("it lies in a folder that is a link".to_owned());
        }
    }
    read(&place)
}

/// Takes in what requirements refer to, and of two files of one Go module the one that says what is built.
pub(super) fn settle(
    listing: &mut Listing,
    get: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
) -> Result<(), FindError> {
    let mut known: BTreeSet<String> = listing.files.iter().map(|file| file.path.clone()).collect();
    let mut at = 0;
    while let Some(file) = listing.files.get(at) {
        at += 1;
        if file.format != Format::Requirements {
            continue;
        }
        let refers = file.format.read(&file.path, &file.bytes).map(|locked| locked.refers).unwrap_or_default();
        let from = file.path.clone();
        for named in refers {
            let Some(path) = below(&from, &named) else {
                let reason = format!("{from} takes it in, and it lies outside of the target");
                listing.add(super::lockfile::shown(&named), Format::Requirements, Err(reason))?;
                continue;
            };
            if !known.insert(path.clone()) {
                continue;
            }
            let read = get(&path).map_err(|why| format!("{from} takes it in: {why}"));
            listing.add(path, Format::Requirements, read)?;
        }
    }
    go(listing);
    listing.files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(())
}

/// A path that another file names, below the same root; none where it leads out of it.
fn below(from: &str, named: &str) -> Option<String> {
    if named.contains("://") || named.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in named.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Where both `go.mod` and `go.sum` are there, the first counts if it lists all that is built, and else the second.
fn go(listing: &mut Listing) {
    let beside = |path: &str, name: &str| {
        path.rsplit_once('/').map_or(name.to_owned(), |(folder, _)| format!("{folder}/{name}"))
    };
    let mut drop: BTreeSet<String> = BTreeSet::new();
    for file in listing.files.iter().filter(|file| file.format == Format::GoMod) {
        let sums = beside(&file.path, "go.sum");
        if file.format.read(&file.path, &file.bytes).is_ok() {
            drop.insert(sums);
        } else if listing.files.iter().any(|other| other.path == sums) {
            drop.insert(file.path.clone());
        }
    }
    listing.files.retain(|file| !drop.contains(&file.path));
}

#[cfg(test)]
mod tests {
    use std::fs;

    use globset::{Glob, GlobSetBuilder};

    use super::*;

    const LOCK: &str = "version = 4\n";

    fn none() -> GlobSet {
        GlobSet::empty()
    }

    fn paths(listing: &Listing) -> Vec<&str> {
        listing.files.iter().map(|file| file.path.as_str()).collect()
    }

    fn write(root: &Path, files: &[(&str, &str)]) {
        for (path, text) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
            fs::write(path, text).expect("written");
        }
    }

    #[test]
    fn what_is_taken_in_is_read_through_no_link() {
        let place = tempfile::tempdir().expect("a folder");
        write(place.path(), &[("target/requirements.txt", "-r linked/base.txt\n-r own/file.txt\n")]);
        write(place.path(), &[("outside/base.txt", "hunter==2\n"), ("target/own/file.txt", "b==1\n")]);
        let root = place.path().join("target");
        std::os::unix::fs::symlink("../outside", root.join("linked")).expect("a link");
        for listing in [in_folder(&root, &none()), one(&root.join("requirements.txt"))] {
            let listing = listing.expect("readable");
            assert_eq!(paths(&listing), ["own/file.txt", "requirements.txt"]);
            let unread: Vec<_> = listing.unread.iter().map(|one| (one.path.as_str(), one.reason.as_str())).collect();
            let reason = "requirements.txt takes it in: it lies in a folder that is a link";
            assert_eq!(unread, [("linked/base.txt", reason)]);
        }
    }

    #[test]
    fn what_one_target_may_hold_is_bounded() {
        let mut listing = Listing { bytes: MOST_BYTES - 2, ..Listing::default() };
        let mut add = |read| listing.add("Cargo.lock".to_owned(), Format::Cargo, read);
        assert_eq!(add(Ok(vec![0; 2])), Ok(()));
        assert_eq!(add(Ok(vec![0])), Err(FindError::TooLarge));

        // Each of these takes in so many that are not there.
        let place = tempfile::tempdir().expect("a folder");
        let many = |folder: &str, count: usize| (0..count).map(|at| format!("-r {folder}/{at}\n")).collect::<String>();
        let few = many("a", super::super::lockfile::MOST_REFERRED);
        for folder in 0..=MOST / super::super::lockfile::MOST_REFERRED {
            write(place.path(), &[(&format!("{folder}/requirements.txt"), &few)]);
        }
        assert_eq!(in_folder(place.path(), &none()), Err(FindError::TooMany));
        let more = many("a", super::super::lockfile::MOST_REFERRED + 1);
        let error = Format::Requirements.read("requirements.txt", more.as_bytes()).expect_err("too many");
        assert_eq!(error.to_string(), "requirements.txt:1001: expected at most 1000 files taken in");
    }

    #[test]
    fn a_folders_lockfiles_are_found_and_nothing_is_left_out_in_silence() {
        let place = tempfile::tempdir().expect("a folder");
        let root = place.path();
        write(
            root,
            &[
                ("Cargo.lock", LOCK),
                ("web/package-lock.json", "{}"),
                ("web/node_modules/a/package-lock.json", "{}"),
                ("examples/Cargo.lock", LOCK),
                ("api/requirements.txt", "-r base/all.txt\n-r ../../out.txt\n-r gone.txt\na==1\n"),
                ("api/base/all.txt", "b==1\n"),
                ("go/go.mod", "module x\ngo 1.21\n"),
                ("go/go.sum", ""),
                ("old/go.mod", "module x\ngo 1.12\nrequire a.b/c v1.0.0\n"),
                ("old/go.sum", "a.b/c v1.0.0 h1:x=\n"),
                ("sbom/bom.json", "{}"),
            ],
        );
        std::os::unix::fs::symlink(root.join("Cargo.lock"), root.join("web/yarn.lock")).expect("a link");
        let exclude = GlobSetBuilder::new().add(Glob::new("examples").expect("a pattern")).build().expect("a set");
        let listing = in_folder(root, &exclude).expect("readable");
        let expected = [
            "Cargo.lock",
            "api/base/all.txt",
            "api/requirements.txt",
            "go/go.mod",
            "old/go.sum",
            "web/package-lock.json",
        ];
        assert_eq!(paths(&listing), expected);
        let unread: Vec<(&str, &str)> =
            listing.unread.iter().map(|one| (one.path.as_str(), one.reason.as_str())).collect();
        assert_eq!(
            unread,
            [
                ("web/yarn.lock", "it is a link, or no regular file"),
                ("../../out.txt", "api/requirements.txt takes it in, and it lies outside of the target"),
                ("api/gone.txt", "api/requirements.txt takes it in: entity not found"),
            ]
        );
        assert!(matches!(in_folder(&root.join("nowhere"), &none()), Err(FindError::Unreadable(_))));
        assert!(
            is_any_in(&root.join("examples")) && !is_any_in(&root.join("sbom")) && !is_any_in(&root.join("nowhere"))
        );
        assert_eq!(paths(&one(&root.join("sbom/bom.json")).expect("named")), ["bom.json"]);
        assert!(one(&root.join("nothing.lock")).is_err());
    }

    #[test]
    fn a_repositorys_lockfiles_are_those_of_the_commit_that_is_named() {
        let place = tempfile::tempdir().expect("a folder");
        let repository = Repository::init(place.path()).expect("a repository");
        let commit = |files: &[(&str, &str)], on: &str| {
            write(place.path(), files);
            let mut index = repository.index().expect("an index");
            index.add_all(["*"], git2::IndexAddOption::FORCE, None).expect("added");
            let tree = repository.find_tree(index.write_tree().expect("written")).expect("a tree");
            let time = git2::Time::new(1_700_000_000, 0);
            let who = git2::Signature::new("a", "a@example.com", &time).expect("a name");
            let parent = repository.find_reference(on).ok().and_then(|one| one.peel_to_commit().ok());
            let parents: Vec<&git2::Commit<'_>> = parent.iter().collect();
            repository.commit(Some(on), &who, &who, "m", &tree, &parents).expect("a commit").to_string()
        };
        let first = commit(&[("Cargo.lock", LOCK), ("vendor/x/Cargo.lock", LOCK)], "refs/heads/release");
        let second = commit(&[("Cargo.lock", "version = 3\n"), ("b/uv.lock", "version = 1\n")], "refs/heads/release");
        repository.reference("refs/tags/v1", first.parse().expect("an id"), false, "").expect("a tag");
        fs::write(place.path().join("Cargo.lock"), "not committed").expect("written");
        let now = in_repository(place.path(), "release", &none()).expect("readable");
        assert_eq!((paths(&now), now.commit.as_deref()), (vec!["Cargo.lock", "b/uv.lock"], Some(second.as_str())));
        assert_eq!(now.files[0].bytes, b"version = 3\n");
        let then = in_repository(place.path(), "v1", &none()).expect("readable");
        assert_eq!((paths(&then), then.commit.as_deref()), (vec!["Cargo.lock"], Some(first.as_str())));
        assert!(matches!(in_repository(place.path(), "nothing", &none()), Err(FindError::NoCommit { .. })));
        let elsewhere = tempfile::tempdir().expect("a folder");
        assert!(matches!(in_repository(elsewhere.path(), "HEAD", &none()), Err(FindError::NotARepository(_))));
    }
}
