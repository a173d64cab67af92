//! Kustomizations: `images:` gives the images of the manifests below another name, tag or digest.
//!
//! What a cluster runs of a manifest is what the kustomizations above it make of its images: a digest there pins what the
//! manifest names by tag, and a tag there unpins what it names by digest. Where several make different things of it, the one
//! that leaves it unpinned is told. Source: the Kustomize reference, "images", "resources", "components".

use std::collections::{BTreeMap, BTreeSet};

use super::reference::{Pin, Reference, is_digest};
use super::{Form, Read};
use crate::packages::find::Found;
use crate::packages::lockfile::shown;
use crate::sources::yaml::{Node, documents};

/// The names that a kustomization has in its folder.
pub(super) const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "kustomization"];
/// How often kustomizations and manifests may be met, and how deep they may include each other.
const MOST_MET: usize = 100_000;
const DEEPEST: usize = 32;

/// One kustomization, as far as images go.
struct Kustomization {
    path: String,
    /// Files and folders, as they are written.
    resources: Vec<String>,
    /// Folders whose images are given to the resources here too.
    components: Vec<String>,
    images: Vec<Override>,
}

/// What becomes of the images of one name.
struct Override {
    name: String,
    new_name: Option<String>,
    new_tag: Option<String>,
    digest: Option<String>,
    line: u64,
}

/// What a kustomization says of images by itself.
pub(super) fn read(path: &str, text: &str) -> Result<Vec<Reference>, String> {
    Ok(parse(path, text)?.images.iter().map(Override::alone).collect())
}

fn parse(path: &str, text: &str) -> Result<Kustomization, String> {
    let documents = documents(0, path, text).map_err(|error| error.to_string())?;
    let mut read =
        Kustomization { path: path.to_owned(), resources: Vec::new(), components: Vec::new(), images: Vec::new() };
    for document in &documents {
        let texts = |key: &str| -> Vec<String> {
            let items = document.get(key).map(Node::items).unwrap_or_default();
            items.iter().filter_map(|item| item.text().map(str::to_owned)).collect()
        };
        read.resources.extend(texts("resources"));
        // What resources that are folders were called before.
        read.resources.extend(texts("bases"));
        read.components.extend(texts("components"));
        let images = document.get("images").map(Node::items).unwrap_or_default();
        read.images.extend(images.iter().filter_map(Override::of));
    }
    Ok(read)
}

impl Override {
    fn of(node: &Node) -> Option<Self> {
        let text = |key: &str| node.text_at(&[key]).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let name = text("name")?;
        // A suffix makes a tag of its own of what was there.
        let new_tag = text("newTag").or_else(|| text("tagSuffix"));
        let line = u64::from(node.line);
        Some(Self { name, new_name: text("newName"), new_tag, digest: text("digest"), line })
    }

    /// For manifests that are not here: whose tag stays is theirs to say.
    fn alone(&self) -> Reference {
        let name = self.new_name.as_ref().unwrap_or(&self.name);
        if self.new_tag.is_none() && self.digest.is_none() {
            return Reference::open(name, Pin::Unresolved, self.line);
        }
        let mut alone = Reference::read(name, self.line);
        self.give(&mut alone);
        alone
    }

    /// What it makes of a reference of its name.
    fn give(&self, reference: &mut Reference) {
        if let Some(name) = &self.new_name {
            reference.image = shown(name);
        }
        if self.new_tag.is_none() && self.digest.is_none() {
            return;
        }
        reference.tag = self.new_tag.as_deref().map(shown);
        let pinned = self.digest.as_deref().is_some_and(is_digest);
        reference.pin = if pinned { Pin::Digest } else { Pin::Tag };
    }
}

/// Everything that lies in one place.
struct Tree {
    /// By folder.
    kustomizations: BTreeMap<String, Kustomization>,
    manifests: BTreeSet<String>,
}

/// One way from a kustomization that no other includes down to a manifest: its overrides, each by folder and number.
type Way = Vec<(String, usize)>;

/// All ways to each manifest.
#[derive(Default)]
struct Ways {
    to: BTreeMap<String, Vec<Way>>,
    met: usize,
}

/// Gives the images of manifests what the kustomizations above them make of them.
///
/// # Errors
/// The file and why, where they include each other more often than any do.
pub(super) fn settle(files: &[Found<Form>], read: &mut [Read]) -> Result<(), (String, String)> {
    let mut tree = Tree { kustomizations: BTreeMap::new(), manifests: BTreeSet::new() };
    for file in files.iter().filter(|file| file.format == Form::Kustomization) {
        // What can't be read is told where it is read alone.
        if let Some(one) = std::str::from_utf8(&file.bytes).ok().and_then(|text| parse(&file.path, text).ok()) {
            tree.kustomizations.entry(folder_of(&file.path).to_owned()).or_insert(one);
        }
    }
    tree.manifests = read.iter().filter(|one| one.form == Form::Kubernetes).map(|one| one.path.clone()).collect();
    let mut ways = Ways::default();
    let included = tree.included();
    for folder in tree.kustomizations.keys().filter(|folder| !included.contains(folder.as_str())) {
        tree.descend(folder, 0, &mut Vec::new(), &mut ways)?;
    }
    let mut used: BTreeSet<(String, usize)> = BTreeSet::new();
    for file in read.iter_mut() {
        let Some(ways) = ways.to.get(&file.path) else { continue };
        for reference in &mut file.references {
            let made = ways.iter().map(|way| tree.made(reference, way, &mut used)).min_by_key(|made| made.pin.rank());
            if let Some(made) = made {
                *reference = made;
            }
        }
    }
    // What was given to a manifest stands there; what is left is for manifests that are not here.
    for file in read.iter_mut().filter(|file| file.form == Form::Kustomization) {
        let folder = folder_of(&file.path);
        let Some(one) = tree.kustomizations.get(folder).filter(|one| one.path == file.path) else { continue };
        let left = one.images.iter().enumerate().filter(|(index, _)| !used.contains(&(folder.to_owned(), *index)));
        file.references = left.map(|(_, one)| one.alone()).collect();
    }
    Ok(())
}

impl Tree {
    /// Folders that another kustomization includes.
    fn included(&self) -> BTreeSet<String> {
        let all = self.kustomizations.iter();
        all.flat_map(|(folder, one)| {
            let below = one.resources.iter().chain(&one.components);
            below.filter_map(|path| joined(folder, path)).filter(|path| self.kustomizations.contains_key(path))
        })
        .collect()
    }

    /// Follows a kustomization down to its manifests. `above` holds the overrides of those above, the lowest last.
    fn descend(&self, folder: &str, depth: usize, above: &mut Way, ways: &mut Ways) -> Result<(), (String, String)> {
        let Some(one) = self.kustomizations.get(folder) else { return Ok(()) };
        if depth > DEEPEST {
            return Err((one.path.clone(), format!("kustomizations include each other more than {DEEPEST} deep")));
        }
        let before = above.len();
        // Its own count after those of its components, so they stand above them.
        let mut own = self.overrides(folder, depth);
        own.reverse();
        above.extend(own);
        for path in one.resources.iter().chain(&one.components) {
            ways.met += 1;
            if ways.met > MOST_MET {
                return Err((
                    one.path.clone(),
                    format!("kustomizations include each other more than {MOST_MET} times"),
                ));
            }
            let Some(path) = joined(folder, path) else { continue };
            if self.manifests.contains(&path) {
                ways.to.entry(path).or_default().push(above.iter().rev().cloned().collect());
            } else {
                self.descend(&path, depth + 1, above, ways)?;
            }
        }
        above.truncate(before);
        Ok(())
    }

    /// The overrides that a folder gives to what lies below it, in the order in which they count.
    fn overrides(&self, folder: &str, depth: usize) -> Vec<(String, usize)> {
        let Some(one) = self.kustomizations.get(folder).filter(|_| depth <= DEEPEST) else { return Vec::new() };
        let components = one.components.iter().filter_map(|path| joined(folder, path));
        let mut all: Vec<_> = components.flat_map(|path| self.overrides(&path, depth + 1)).collect();
        all.extend((0..one.images.len()).map(|index| (folder.to_owned(), index)));
        all
    }

    /// What one way makes of a reference.
    fn made(&self, written: &Reference, way: &Way, used: &mut BTreeSet<(String, usize)>) -> Reference {
        let mut made = written.clone();
        for (folder, index) in way {
            let Some(one) = self.kustomizations.get(folder) else { continue };
            let given = &one.images[*index];
            if matches!(made.pin, Pin::Digest | Pin::Tag) && made.image == given.name {
                used.insert((folder.clone(), *index));
                given.give(&mut made);
                made.by = Some(one.path.clone());
            }
        }
        made
    }
}

/// The folder of a path, empty at the top.
pub(super) fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// What a path in a folder's file leads to; none where it leads out, or is somewhere on a network.
fn joined(folder: &str, path: &str) -> Option<String> {
    if path.contains("://") || path.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
