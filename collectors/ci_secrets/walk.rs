//! The history of every CI file: which version of which path was carried by which commits.
//!
//! Commits are walked once and give only their root trees. Each distinct tree is then read once, level by level,
//! and what is known about its carriers is handed down to its entries. No diffs, no blob is touched here.

use super::recognise::{Recognised, Recogniser, System};
use super::repository::{RepositoryError, Tip, TipKind};
use super::understand::sink::path_in_evidence;
use git2::{ObjectType, Odb, Oid, Repository, Sort};
use std::collections::HashMap;
use std::rc::Rc;

/// Most (folder, tree) pairs that are followed before the repository is refused as a bomb.
const MOST_PLACES: usize = 20_000_000;
/// Most names of branches that are kept for one version.
const MOST_NAMES: usize = 4;

/// A commit as a point in history.
#[derive(Clone, Debug)]
pub struct Point {
    /// The commit's id.
    pub id: Oid,
    /// The committer's time, in seconds since 1970.
    pub time: i64,
}

/// Which commits carry a version, without listing them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carriers {
    /// Index of the first commit, in an order in which parents come before children.
    pub first: u32,
    /// Index of the last commit, in the same order.
    pub last: u32,
    /// How many commits carry it.
    pub count: u64,
    /// Whether `HEAD` carries it.
    pub at_head: bool,
    /// Whether the tip of a branch, local or remote-tracking, carries it.
    pub at_branch: bool,
    /// Whether a tag carries it.
    pub at_tag: bool,
    /// Some branches whose tips carry it, as indexes into the tips; at most four.
    pub branches: Vec<u32>,
}

impl Carriers {
    fn of_one(commit: u32) -> Self {
        Self {
            first: commit,
            last: commit,
            count: 1,
            at_head: false,
            at_branch: false,
            at_tag: false,
            branches: Vec::new(),
        }
    }

    /// Adds the carriers of the same thing reached from elsewhere.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.count += other.count;
        self.at_head |= other.at_head;
        self.at_branch |= other.at_branch;
        self.at_tag |= other.at_tag;
        for &branch in &other.branches {
            if self.branches.len() < MOST_NAMES && !self.branches.contains(&branch) {
                self.branches.push(branch);
            }
        }
    }

    /// Whether a check-out that CI may run today carries it: HEAD or the tip of a branch.
    pub fn is_live(&self) -> bool {
        self.at_head || self.at_branch
    }
}

/// How an entry stands in its tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// A regular file, executable or not.
    File,
    /// A symbolic link: the blob holds its target.
    Link,
}

/// One version of one file that is, or by its content may be, CI configuration.
#[derive(Clone, Debug)]
pub struct Version {
    /// Path relative to the repository's root, `/` between segments; bytes that are not UTF-8 are replaced.
    pub path: Rc<str>,
    /// The blob.
    pub blob: Oid,
    /// How it stands in its tree.
    pub mode: Mode,
    /// The system that its path names; nothing if only its content can tell.
    pub system: Option<&'static System>,
    /// Who carries it.
    pub carriers: Carriers,
}

/// All that a walk learns.
#[derive(Debug, Default)]
pub struct History {
    /// All commits, parents before children; a tag on a bare tree stands here too.
    pub commits: Vec<Point>,
    /// Every version, in the order of path, then blob.
    pub versions: Vec<Version>,
    /// How many distinct trees were read.
    pub trees: u64,
    /// How many distinct places of submodules were passed by.
    pub submodules: u64,
}

/// Walks everything that `tips` keep alive.
pub fn walk(repository: &Repository, tips: &[Tip], recogniser: &Recogniser) -> Result<History, RepositoryError> {
    let (commits, roots) = roots(repository, tips)?;
    let odb = repository.odb().map_err(|error| RepositoryError::reading("the object store", &error))?;
    let mut walker = Walker {
        odb,
        recogniser,
        paths: vec![Folder { path: Rc::from(""), broad: recogniser.directory_is_broad("") }],
        path_ids: HashMap::new(),
        names: Names::default(),
        listings: HashMap::new(),
        kinds: HashMap::new(),
        found: HashMap::new(),
        submodules: 0,
    };
    let mut level: HashMap<(u32, Oid), Carriers> =
        roots.into_iter().map(|(tree, carriers)| ((0, tree), carriers)).collect();
    let mut places = 0;
    while !level.is_empty() {
        places += level.len();
        if places > MOST_PLACES {
            return Err(RepositoryError::TooManyPlaces { limit: MOST_PLACES });
        }
        level = walker.descend(level)?;
    }
    Ok(walker.finish(commits))
}

type Roots = HashMap<Oid, Carriers>;

/// All commits, parents first, and who carries each distinct root tree.
fn roots(repository: &Repository, tips: &[Tip]) -> Result<(Vec<Point>, Roots), RepositoryError> {
    let walking = |error: git2::Error| RepositoryError::reading("the commit graph", &error);
    let mut revwalk = repository.revwalk().map_err(walking)?;
    revwalk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME | Sort::REVERSE).map_err(walking)?;
    for tip in tips.iter().filter(|tip| !tip.is_tree) {
        revwalk
            .push(tip.target)
            .map_err(|error| RepositoryError::looking_up(tip.target, path_in_evidence(&tip.name), &error))?;
    }
    let mut commits = Vec::new();
    let mut roots = Roots::new();
    let mut tree_of = HashMap::new();
    for id in revwalk {
        let id = id.map_err(|error| match error.code() {
            git2::ErrorCode::NotFound => {
                RepositoryError::Missing { object: "of a commit".to_owned(), needed_by: "the commit graph".to_owned() }
            }
            _ => walking(error),
        })?;
        let commit =
            repository.find_commit(id).map_err(|error| RepositoryError::looking_up(id, "the commit graph", &error))?;
        let index = index(commits.len());
        commits.push(Point { id, time: commit.time().seconds() });
        tree_of.insert(id, commit.tree_id());
        add(&mut roots, commit.tree_id(), Carriers::of_one(index));
    }
    for (number, tip) in tips.iter().enumerate() {
        let tree = if tip.is_tree {
            let here = index(commits.len());
            commits.push(Point { id: tip.target, time: 0 });
            add(&mut roots, tip.target, Carriers::of_one(here));
            tip.target
        } else {
            tree_of[&tip.target]
        };
        if let Some(carriers) = roots.get_mut(&tree) {
            carriers.at_head |= tip.kind == TipKind::Head;
            carriers.at_tag |= tip.kind == TipKind::Tag;
            if matches!(tip.kind, TipKind::Branch | TipKind::Remote) {
                carriers.at_branch = true;
                if carriers.branches.len() < MOST_NAMES {
                    carriers.branches.push(index(number));
                }
            }
        }
    }
    Ok((commits, roots))
}

fn index(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn add<K: std::hash::Hash + Eq>(to: &mut HashMap<K, Carriers>, key: K, carriers: Carriers) {
    match to.entry(key) {
        std::collections::hash_map::Entry::Occupied(mut there) => there.get_mut().merge(&carriers),
        std::collections::hash_map::Entry::Vacant(empty) => {
            empty.insert(carriers);
        }
    }
}

struct Folder {
    path: Rc<str>,
    /// Every file of this folder matters, whatever its name.
    broad: bool,
}

/// The names of tree entries, each kept once, with the answer to whether a file of that name may matter.
#[derive(Default)]
struct Names {
    ids: HashMap<Vec<u8>, u32>,
    texts: Vec<(Rc<str>, bool)>,
}

impl Names {
    fn id(&mut self, name: &[u8], recogniser: &Recogniser) -> u32 {
        if let Some(&id) = self.ids.get(name) {
            return id;
        }
        let id = index(self.texts.len());
        let text = String::from_utf8_lossy(name);
        self.texts.push((Rc::from(text.as_ref()), recogniser.name_may_matter(&text)));
        self.ids.insert(name.to_vec(), id);
        id
    }
}

/// What matters of one tree, free of where the tree stands.
struct Listing {
    folders: Vec<(u32, Oid)>,
    files: Vec<(u32, Oid, Mode)>,
    submodules: u64,
}

struct Walker<'r> {
    odb: Odb<'r>,
    recogniser: &'r Recogniser,
    paths: Vec<Folder>,
    path_ids: HashMap<(u32, u32), u32>,
    names: Names,
    listings: HashMap<(Oid, bool), Rc<Listing>>,
    kinds: HashMap<(u32, u32), Option<Recognised>>,
    found: HashMap<(u32, u32, Oid, Mode), Carriers>,
    submodules: u64,
}

impl Walker<'_> {
    /// Hands the carriers of all trees at one depth down to their entries; answers the trees one level deeper.
    fn descend(
        &mut self,
        level: HashMap<(u32, Oid), Carriers>,
    ) -> Result<HashMap<(u32, Oid), Carriers>, RepositoryError> {
        let mut deeper = HashMap::new();
        for ((path, tree), carriers) in level {
            let listing = self.listing(tree, path)?;
            self.submodules += listing.submodules;
            for &(name, blob, mode) in &listing.files {
                if self.kind(path, name).is_some() {
                    add(&mut self.found, (path, name, blob, mode), carriers.clone());
                }
            }
            for &(name, folder) in &listing.folders {
                let child = self.child(path, name);
                add(&mut deeper, (child, folder), carriers.clone());
            }
        }
        Ok(deeper)
    }

    fn child(&mut self, parent: u32, name: u32) -> u32 {
        if let Some(&id) = self.path_ids.get(&(parent, name)) {
            return id;
        }
        let path = join(&self.paths[parent as usize].path, &self.names.texts[name as usize].0);
        let id = index(self.paths.len());
        let broad = self.recogniser.directory_is_broad(&path);
        self.paths.push(Folder { path: Rc::from(path), broad });
        self.path_ids.insert((parent, name), id);
        id
    }

    fn kind(&mut self, path: u32, name: u32) -> Option<Recognised> {
        if let Some(kind) = self.kinds.get(&(path, name)) {
            return *kind;
        }
        let kind = self.recogniser.path(&join(&self.paths[path as usize].path, &self.names.texts[name as usize].0));
        self.kinds.insert((path, name), kind);
        kind
    }

    fn listing(&mut self, tree: Oid, path: u32) -> Result<Rc<Listing>, RepositoryError> {
        let Folder { broad, path: folder } = &self.paths[path as usize];
        let key = (tree, *broad);
        if let Some(listing) = self.listings.get(&key) {
            return Ok(Rc::clone(listing));
        }
        let object = self.odb.read(tree).map_err(|error| {
            RepositoryError::looking_up(tree, format!("folder '{}'", path_in_evidence(folder)), &error)
        })?;
        if object.kind() != ObjectType::Tree {
            return Err(damaged(tree));
        }
        let listing =
            Rc::new(parse(object.data(), *broad, &mut self.names, self.recogniser).ok_or_else(|| damaged(tree))?);
        self.listings.insert(key, Rc::clone(&listing));
        Ok(listing)
    }

    fn finish(self, commits: Vec<Point>) -> History {
        let mut versions: Vec<Version> = Vec::with_capacity(self.found.len());
        let mut texts: HashMap<(u32, u32), Rc<str>> = HashMap::new();
        for ((folder, name, blob, mode), carriers) in self.found {
            let path = Rc::clone(texts.entry((folder, name)).or_insert_with(|| {
                Rc::from(join(&self.paths[folder as usize].path, &self.names.texts[name as usize].0))
            }));
            let system = match self.kinds.get(&(folder, name)) {
                Some(Some(Recognised::Ci(system))) => Some(*system),
                _ => None,
            };
            versions.push(Version { path, blob, mode, system, carriers });
        }
        versions.sort_by(|a, b| (&a.path, a.carriers.first, a.blob).cmp(&(&b.path, b.carriers.first, b.blob)));
        let trees = self.listings.keys().map(|(tree, _)| tree).collect::<std::collections::HashSet<_>>().len() as u64;
        History { commits, versions, trees, submodules: self.submodules }
    }
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

fn damaged(tree: Oid) -> RepositoryError {
    RepositoryError::Unreadable { what: format!("tree {tree}"), detail: "it is not a well-formed tree".to_owned() }
}

/// Reads a tree object: `mode SP name NUL id` for each entry (gitformat: Documentation/technical of git).
fn parse(mut bytes: &[u8], broad: bool, names: &mut Names, recogniser: &Recogniser) -> Option<Listing> {
    let mut listing = Listing { folders: Vec::new(), files: Vec::new(), submodules: 0 };
    while !bytes.is_empty() {
        let space = bytes.iter().take(8).position(|&byte| byte == b' ')?;
        let (mode, rest) = (&bytes[..space], &bytes[space + 1..]);
        let end = rest.iter().position(|&byte| byte == 0)?;
        let name = &rest[..end];
        let id = rest.get(end + 1..end + 21)?;
        bytes = &rest[end + 21..];
        let id = || Oid::from_bytes(id).ok();
        match mode {
            b"40000" | b"040000" => listing.folders.push((names.id(name, recogniser), id()?)),
            b"160000" => listing.submodules += 1,
            _ => {
                let name = names.id(name, recogniser);
                if broad || names.texts[name as usize].1 {
                    let mode = if mode == b"120000" { Mode::Link } else { Mode::File };
                    listing.files.push((name, id()?, mode));
                }
            }
        }
    }
    Some(listing)
}
