//! References to container images in the files that build and deploy: Dockerfiles, compose files, Kubernetes manifests with the
//! kustomizations above them, values of Helm charts, and files of CI systems.
//!
//! What is built or deployed by a tag is whatever stands behind that tag on the day; a digest is one image for ever. Each file
//! is read alone, as it lies in the folder or at the commit, but for the images that kustomizations give to manifests: what only
//! the one who builds or deploys sets is not known here, and is told so.

mod dockerfile;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod helm;
mod kustomize;
mod manifests;
mod pipelines;
mod reference;

use std::path::Path;

use exhibit_evidence::Digest;
use globset::GlobSet;
use serde::{Deserialize, Serialize};

use crate::packages::find::{self, FindError, Found, LINK, Listing};
pub(crate) use reference::{Parts, Pin, Reference};

/// Most references of one file, and most stages of a build.
const MOST: usize = 1_000;
/// Largest file that is read, in bytes: people write them.
const LARGEST: usize = 8 << 20;

/// What kind of file refers to images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Form {
    /// What builds an image.
    Dockerfile,
    /// What docker compose runs.
    Compose,
    /// What a cluster runs.
    Kubernetes,
    /// What gives the images of manifests other names, tags and digests.
    Kustomization,
    /// What a Helm chart takes for its values where nobody says otherwise.
    HelmValues,
    /// What GitHub, Gitea or Forgejo run for a change; an action's metadata too.
    Workflow,
    /// What GitLab runs for a change.
    Gitlab,
}

impl Form {
    /// The kind of file that one of this path may be, by its name. What is YAML may be a manifest: its text tells.
    pub(crate) fn of(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
        let builds = |word: &str| {
            let beside = name.strip_prefix(word).and_then(|rest| rest.strip_prefix('.'));
            name == word || beside.is_some_and(|rest| rest != "dockerignore") || name.ends_with(&format!(".{word}"))
        };
        if builds("dockerfile") || builds("containerfile") {
            return Some(Self::Dockerfile);
        }
        if kustomize::NAMES.contains(&name.as_str()) {
            return Some(Self::Kustomization);
        }
        let (stem, ending) = name.rsplit_once('.')?;
        match ending {
            "yaml" | "yml" if stem.starts_with("docker-compose") || stem.starts_with("compose") => Some(Self::Compose),
            "yaml" | "yml" => Some(pipelines::form_of(path).unwrap_or(Self::Kubernetes)),
            _ => None,
        }
    }

    /// The references in a file of this kind, by line; none where what could be a manifest is something else.
    ///
    /// # Errors
    /// In words, when it is not of this kind, or refers to more than any file does.
    pub(crate) fn read(self, path: &str, bytes: &[u8]) -> Result<Option<Vec<Reference>>, String> {
        let Ok(text) = std::str::from_utf8(bytes) else {
            return if self == Self::Kubernetes { Ok(None) } else { Err("expected text in UTF-8".to_owned()) };
        };
        if bytes.len() > LARGEST && (self != Self::Kubernetes || manifests::is_one(text)) {
            return Err(format!("expected at most {} MiB", LARGEST >> 20));
        }
        // A manifest is one wherever it lies.
        let form = if matches!(self, Self::Gitlab | Self::Workflow) && manifests::is_one(text) {
            Self::Kubernetes
        } else {
            self
        };
        let mut references = match form {
            Self::Dockerfile => dockerfile::read(text)?,
            Self::Compose => manifests::compose(path, text)?,
            Self::Kubernetes => match manifests::kubernetes(path, text)? {
                Some(references) => references,
                None => return Ok(None),
            },
            Self::Kustomization => kustomize::read(path, text)?,
            Self::HelmValues => helm::read(path, text)?,
            Self::Workflow => pipelines::workflow(path, text)?,
            Self::Gitlab => pipelines::gitlab(path, text)?,
        };
        if references.len() > MOST {
            return Err(format!("expected at most {MOST} references"));
        }
        references.sort_by_key(|one| one.line);
        Ok(Some(references))
    }
}

/// A file that refers to images, as it was read.
pub(crate) struct Read {
    /// Its path.
    pub(crate) path: String,
    /// What kind it is.
    pub(crate) form: Form,
    /// Its digest.
    pub(crate) digest: Digest,
    /// What it refers to, by line.
    pub(crate) references: Vec<Reference>,
}

/// Reads all files of one place, and gives to manifests what kustomizations make of their images; beside that, those that
/// can't be read, each with the reason.
pub(crate) fn read_all(files: &[Found<Form>]) -> (Vec<Read>, Vec<(String, String)>) {
    let (mut read, mut lost) = (Vec::new(), Vec::new());
    let charts = helm::charts(files);
    for Found { path, format, bytes } in files {
        let values = *format == Form::Kubernetes && helm::is_values(path, &charts);
        let form = if values { Form::HelmValues } else { *format };
        match form.read(path, bytes) {
            Ok(Some(references)) => {
                read.push(Read { path: path.clone(), form, digest: Digest::of(bytes), references });
            }
            Ok(None) => {}
            Err(why) => lost.push((path.clone(), why)),
        }
    }
    if let Err((path, why)) = kustomize::settle(files, &mut read) {
        lost.push((path, why));
    }
    (read, lost)
}

/// The files below a folder that may refer to images.
///
/// # Errors
/// When the folder can't be read, or holds too many.
pub(crate) fn in_folder(folder: &Path, exclude: &GlobSet) -> Result<Listing<Form>, FindError> {
    find::files_in_folder(folder, exclude, &Form::of).map(without_links)
}

/// The files of the tree that a reference of a git repository names, that may refer to images.
///
/// # Errors
/// When the repository or the reference can't be opened, or there are too many.
pub(crate) fn in_repository(path: &Path, reference: &str, exclude: &GlobSet) -> Result<Listing<Form>, FindError> {
    find::files_in_repository(path, reference, exclude, &Form::of).map(without_links)
}

/// Links that are named as any YAML is lead to what is nobody knows what; by their names they are no manifests.
fn without_links(mut listing: Listing<Form>) -> Listing<Form> {
    listing.unread.retain(|one| Form::of(&one.path) != Some(Form::Kubernetes) || !LINK.contains(&one.reason.as_str()));
    listing
}

#[cfg(test)]
mod tests;
