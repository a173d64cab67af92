//! Whether a bill is of what it is held against, by what it says of itself.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Bill;
use crate::packages::{Package, image::Image};

/// Whether a bill describes a target, by what it says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Identity {
    /// The target has nothing that a bill could name it by: it is a folder.
    Unnameable,
    /// The bill names neither digest nor commit.
    Unsaid,
    /// It was made of the target by whoever holds it against that.
    MadeOfIt,
    /// It names the target.
    Same {
        /// By what.
        by: String,
    },
    /// It names another one.
    Other {
        /// What it names.
        named: String,
        /// What the target is.
        target: String,
    },
    /// It names something that can't be held against the target.
    Incomparable {
        /// What it names.
        named: String,
    },
}

impl Bill {
    /// Whether it says that it describes this image, or else this commit.
    pub fn identity(&self, image: Option<&Image>, commit: Option<&str>) -> Identity {
        if let Some(image) = image {
            return self.of_image(image);
        }
        let Some(commit) = commit else { return Identity::Unnameable };
        let by = |commit: &str| format!("the commit {commit}");
        match self.described.commits.iter().next() {
            _ if self.described.commits.contains(commit) => Identity::Same { by: by(commit) },
            Some(named) => Identity::Other { named: by(named), target: by(commit) },
            None => Identity::Unsaid,
        }
    }

    fn of_image(&self, image: &Image) -> Identity {
        let described = &self.described;
        let file = image.file.map(|file| file.to_string());
        let own = [image.manifest.as_deref(), Some(image.config.as_str()), file.as_deref()];
        if let Some(same) = own.into_iter().flatten().find(|own| described.digests.contains(*own)) {
            return Identity::Same { by: format!("the digest {same}") };
        }
        let target = format!("the image {}", image.manifest.as_ref().unwrap_or(&image.config));
        if let Some(layer) = described.layers.iter().find(|layer| !image.layers.contains(layer)) {
            return Identity::Other { named: format!("the layer {layer}, which is none of this image's"), target };
        }
        match (described.digests.iter().next(), &image.manifest) {
            (Some(named), Some(_)) => Identity::Other { named: format!("the digest {named}"), target },
            // What `docker save` writes holds no manifest, whose digest most tools name an image by; some make one up.
            (Some(named), None) => Identity::Incomparable { named: format!("the digest {named}") },
            (None, _) if described.layers.is_empty() => Identity::Unsaid,
            (None, _) => Identity::Incomparable { named: "layers alone, which other images may have too".to_owned() },
        }
    }
}

/// Whether a package is among those that are listed. Some write no architecture, which leaves the same package.
pub(crate) fn holds(listed: &BTreeSet<Package>, package: &Package) -> bool {
    listed.contains(package) || listed.contains(&package.unqualified())
}

/// What is listed and not among `own`.
pub(crate) fn differing<'l>(listed: &'l BTreeSet<Package>, own: &BTreeSet<Package>) -> Vec<&'l Package> {
    let unqualified: BTreeSet<Package> = own.iter().map(Package::unqualified).collect();
    listed.iter().filter(|package| !own.contains(package) && !unqualified.contains(package)).collect()
}
