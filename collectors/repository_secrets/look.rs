//! Looks at one repository and at one bundle: reads every blob or file once, and holds what was read against the count.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::{fs, io};

use exhibit_detect::{Confidence, Engine, Options, Personal, RunKey, Search, Trace};
use exhibit_evidence::{
    Population,
    observation::{Problem, Subject},
};
use git2::Oid;
use rayon::prelude::*;

use super::facts::{BundleFacts, RepositoryFacts};
use super::gather::{self, Names};
use super::settings::{LFS_POINTER, SUBMODULE};
use super::{place, stored};
use crate::ci_secrets::repository::{self, RepositoryError};
use crate::known::Secrets;
use crate::reading::{Content, Excluded, History, HistoryError, Limits, Made, Reason, Visitor, Walk};
use crate::scanning::{Commit, InHistory, Scanned, Scanning};
use crate::sources::logs::{Left, exclusions, files::Files};

/// What a file that HEAD carries counts as.
pub(super) const TRACKED: &str = "tracked file";
/// What a blob counts as.
pub(super) const BLOB: &str = "blob of the object store";
/// What a bundle's file counts as.
pub(super) const FILE: &str = "file of a front-end bundle";
/// So many paths with the same content are told one by one.
const COPIES: usize = 100;

/// What is looked for.
pub(super) struct Looking<'s> {
    pub(super) engine: &'s Engine,
    pub(super) least: Confidence,
    pub(super) secrets: Option<&'s Secrets>,
    pub(super) key: [u8; 32],
}

impl<'s> Looking<'s> {
    fn scanning(&self) -> Scanning<'s> {
        let options = Options { least: self.least, encoded: true, personal: Personal::No, ..Options::default() };
        let mut search = Search::new(self.engine, options);
        if let Some(secrets) = self.secrets {
            search = search.knowing(&secrets.known);
        }
        Scanning::new(search, RunKey::new(self.key), false).folding()
    }

    fn names(&self) -> &'s [String] {
        self.secrets.map(|secrets| secrets.names.as_slice()).unwrap_or_default()
    }
}

/// What looking gave.
pub(super) struct Looked<F> {
    pub(super) facts: F,
    pub(super) population: Vec<Population>,
    pub(super) problems: Vec<Problem>,
}

/// Which blobs were examined to their end, and which not.
#[derive(Default)]
struct Seen {
    examined: HashSet<Oid>,
    left: HashMap<Oid, Left>,
}

/// Hands everything on, and keeps what was not examined for whoever counts.
struct Noting<'v> {
    inner: &'v dyn Visitor,
    left: Mutex<Option<Excluded>>,
}

impl<'v> Noting<'v> {
    fn new(inner: &'v dyn Visitor) -> Self {
        Self { inner, left: Mutex::default() }
    }

    fn left(self) -> Option<Left> {
        let left = self.left.into_inner().unwrap_or_else(PoisonError::into_inner)?;
        Some(Left::new(left.reason.code(), &left.path, left.reason.beside_code()))
    }
}

impl Visitor for Noting<'_> {
    fn stream(&self, path: &str, bytes: &mut dyn io::Read) -> io::Result<()> {
        self.inner.stream(path, bytes)
    }

    fn bytes(&self, path: &str, bytes: &[u8]) {
        self.inner.bytes(path, bytes);
    }

    fn made(&self, path: &str, bytes: &[u8], made: Made<'_>) -> Option<Trace> {
        self.inner.made(path, bytes, made)
    }

    fn file(&self, path: &str, file: &fs::File, size: u64) -> io::Result<()> {
        self.inner.file(path, file, size)
    }

    fn excluded(&self, excluded: Excluded) {
        if excluded.reason.is_failure() || excluded.reason == Reason::Vanished {
            // The first in order of names, whichever thread tells first.
            let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
            if left.as_ref().is_none_or(|known| excluded < *known) {
                *left = Some(excluded);
            }
        }
    }
}

/// Searches one blob.
fn examine(visitor: &dyn Visitor, id: Oid, path: &str, content: Content<'_>, seen: &Mutex<Seen>) {
    // Git LFS specification, version 1: the pointer's first line, and its largest size.
    let is_pointer = content.bytes().is_some_and(|bytes| {
        bytes.len() < 1024 && bytes.starts_with(b"version https://git-lfs.github.com/spec/")
    });
    let left = if is_pointer {
        Some(Left::new(LFS_POINTER, path, "a Git LFS pointer: the content is not in the repository"))
    } else {
        let noting = Noting::new(visitor);
        content.visit(path, Limits::default(), &noting);
        noting.left()
    };
    note(seen, id, left);
}

fn note(seen: &Mutex<Seen>, id: Oid, left: Option<Left>) {
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    match left {
        Some(left) => {
            seen.left.insert(id, left);
        }
        None => {
            seen.examined.insert(id);
        }
    }
}

/// Looks at a repository.
pub(super) fn repository(
    path: &Path,
    subject: &Subject,
    looking: &Looking<'_>,
) -> Result<Looked<RepositoryFacts>, RepositoryError> {
    let mut problems = Vec::new();
    let mut problem = |code: &str, message: String| {
        problems.push(Problem { subject: Some(subject.clone()), code: code.to_owned(), message });
    };
    let cut_off = match repository::open(path) {
        Ok(_) => None,
        // What is there is searched all the same: what it holds is found, only that nothing is missing can't be said.
        Err(why @ (RepositoryError::Shallow | RepositoryError::Partial { .. })) => Some(why),
        Err(why) => return Err(why),
    };
    if let Some(why) = &cut_off {
        problem(why.code(), why.to_string());
    }
    let handle = repository::reopen(path)?;
    let tracked = stored::tracked(&handle)?;
    let history = match History::walk(path, None) {
        Ok(history) => Some(history),
        Err(HistoryError::Empty) => None,
        Err(HistoryError::Repository(why)) => return Err(why),
        Err(HistoryError::NoSuchRevision(what)) => {
            let detail = "no such revision".to_owned();
            return Err(RepositoryError::Unreadable { what, detail });
        }
    };
    let (listed, unreadable) = stored::blobs(&handle)?;
    if unreadable > 0 {
        problem("object-unreadable", format!("{unreadable} objects of the object store can't be read"));
    }
    // The walk tells first what was told above.
    for excluded in history.iter().flat_map(|history| &history.excluded).skip(usize::from(cut_off.is_some())) {
        problem("missing-object", excluded.reason.to_string());
    }

    let mut names = Names { secrets: looking.names(), ..Names::default() };
    let mut of_head: HashMap<Oid, &str> = HashMap::new();
    for (path, id) in &tracked.files {
        match of_head.get(id) {
            Some(first) => {
                let copies = names.copies.entry(first).or_default();
                if copies.len() < COPIES {
                    copies.push(path);
                }
            }
            None => {
                of_head.insert(*id, path);
            }
        }
    }
    let (head, past) = (looking.scanning(), looking.scanning());
    let seen = Mutex::new(Seen::default());
    let mut unreferenced = 0;
    if let Some(history) = &history {
        let commits = Commit::all(history);
        history.read(
            &|blob| {
                let at = InHistory { commit: std::sync::Arc::clone(&commits[blob.commit]), at_head: blob.at_head };
                let (scanning, path) = match of_head.get(&blob.id) {
                    Some(path) => (&head, *path),
                    None => (&past, blob.path),
                };
                examine(&scanning.in_history(at), blob.id, path, blob.content, &seen);
            },
            &|id, excluded| {
                let left = Left::new(excluded.reason.code(), &excluded.path, excluded.reason.beside_code());
                note(&seen, id, Some(left));
            },
        );
        let walked: HashSet<Oid> = history.ids().collect();
        let mut others: Vec<Oid> = listed.iter().filter(|id| !walked.contains(id)).copied().collect();
        others.sort_unstable();
        unreferenced = others.len() as u64;
        history.read_objects(
            &others,
            &|id, content| examine(&past.outside_history(), id, &format!("object {id}"), content, &seen),
            &|id, reason| {
                let left = Left::new(reason.code(), place::UNREFERENCED, reason.beside_code());
                note(&seen, id, Some(left));
            },
        );
    }
    let seen = seen.into_inner().unwrap_or_else(PoisonError::into_inner);
    let of_files = tracked_population(subject, &tracked, &seen);
    let (head, past) = (head.finish(), past.finish());
    problems.extend([&head, &past].into_iter().filter_map(|scanned| untold(scanned, subject)));
    let facts = RepositoryFacts {
        subject: subject.clone(),
        head: tracked.head.map(|id| id.to_string()),
        commits: history.as_ref().map_or(0, |history| history.commits.len() as u64),
        tracked: of_files.examined,
        blobs: seen.examined.len() as u64,
        unreferenced,
        groups: gather::repository(&head.findings, &past.findings, &names),
    };
    let population = vec![of_files, blob_population(subject, &listed, seen)];
    Ok(Looked { facts, population, problems })
}

fn tracked_population(subject: &Subject, tracked: &stored::Tracked, seen: &Seen) -> Population {
    let mut left: Vec<Left> = tracked
        .submodules
        .iter()
        .map(|path| Left::new(SUBMODULE, path, "a submodule: its content is in another repository"))
        .collect();
    let mut examined = 0;
    for (path, id) in &tracked.files {
        match seen.left.get(id) {
            Some(known) => left.push(Left { name: path.clone(), ..known.clone() }),
            None => examined += u64::from(seen.examined.contains(id)),
        }
    }
    left.sort();
    Population {
        subject: subject.clone(),
        unit: TRACKED.to_owned(),
        exist: Some((tracked.files.len() + tracked.submodules.len()) as u64),
        counted_by: stored::TRACKED_BY.to_owned(),
        examined,
        excluded: exclusions(&left),
    }
}

fn blob_population(subject: &Subject, listed: &HashSet<Oid>, seen: Seen) -> Population {
    // What commits name and the clone lacks exists all the same.
    let missing = seen.left.keys().filter(|id| !listed.contains(id)).count();
    let mut left: Vec<Left> = seen.left.into_values().collect();
    left.sort();
    Population {
        subject: subject.clone(),
        unit: BLOB.to_owned(),
        exist: Some((listed.len() + missing) as u64),
        counted_by: stored::BLOBS_BY.to_owned(),
        examined: seen.examined.len() as u64,
        excluded: exclusions(&left),
    }
}

/// Looks at a bundle.
pub(super) fn bundle(base: &Path, files: &[String], subject: &Subject, looking: &Looking<'_>) -> Looked<BundleFacts> {
    let mut facts = BundleFacts { subject: subject.clone(), files: 0, bytes: 0, groups: Vec::new() };
    let source = Files { base: base.to_owned(), patterns: files.to_vec(), rotated: false };
    let mut population = Population {
        subject: subject.clone(),
        unit: FILE.to_owned(),
        exist: None,
        counted_by: "files as the file system lists them".to_owned(),
        examined: 0,
        excluded: Vec::new(),
    };
    let listed = match source.listed() {
        Ok(listed) => listed,
        Err(error) => {
            let code = if error.code == "no-such-log" { "no-such-bundle" } else { error.code };
            let problem = Problem { subject: Some(subject.clone()), code: code.to_owned(), message: error.message };
            return Looked { facts, population: vec![population], problems: vec![problem] };
        }
    };
    let scanning = looking.scanning();
    let walk = Walk::default();
    let read = |file: &crate::sources::logs::files::FilePiece| {
        let visitor = scanning.outside_history();
        let noting = Noting::new(&visitor);
        walk.file(&file.path, &file.name, &noting);
        noting.left().map(|left| Left { name: file.name.clone(), ..left })
    };
    let read: Vec<Option<Left>> = listed.files.par_iter().map(read).collect();
    let scanned = scanning.finish();
    let mut failed: BTreeMap<String, Left> = read.into_iter().flatten().map(|left| (left.name.clone(), left)).collect();
    // What became of a file while it was searched.
    for excluded in scanned.excluded.iter().filter(|one| one.reason.is_failure() && !is_more(&one.reason)) {
        let left = Left::new(excluded.reason.code(), &excluded.path, excluded.reason.beside_code());
        failed.entry(excluded.path.clone()).or_insert(left);
    }
    population.exist = Some((listed.files.len() + listed.left.len()) as u64);
    population.examined = (listed.files.len() - failed.len()) as u64;
    let mut left = listed.left;
    left.extend(failed.into_values());
    left.sort();
    population.excluded = exclusions(&left);
    facts.files = population.examined;
    facts.bytes = scanned.bytes;
    facts.groups = gather::bundle(&scanned.findings, &Names { secrets: looking.names(), ..Names::default() });
    let problems = untold(&scanned, subject).into_iter().collect();
    Looked { facts, population: vec![population], problems }
}

fn is_more(reason: &Reason) -> bool {
    matches!(reason, Reason::FoundMore(_) | Reason::More { .. })
}

/// That more was found than is kept, if it was.
fn untold(scanned: &Scanned<'_>, subject: &Subject) -> Option<Problem> {
    let more = scanned.excluded.iter().find(|excluded| is_more(&excluded.reason))?;
    Some(Problem {
        subject: Some(subject.clone()),
        code: "too-many-findings".to_owned(),
        message: format!("{}: {}", subject.id, more.reason),
    })
}
