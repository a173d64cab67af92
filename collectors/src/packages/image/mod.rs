//! Which image a file or folder holds: an OCI layout, or what `docker save` writes; by digests, so that evidence says it.
//!
//! Beside that, what the image holds: package databases and lockfiles in its layers, so that its packages can be counted
//! whatever a scanner says of them.

mod contents;
mod files;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
pub(crate) mod making;
#[cfg(test)]
mod tests;
mod watched;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use exhibit_evidence::{Digest, Timestamp};
use globset::GlobSet;
use serde::{Deserialize, Serialize};

pub use contents::{Contents, Distribution};
use files::Files;

/// An image, by the digests that name it everywhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// Digest of the manifest: what registries name it by. None in what `docker save` writes, which holds none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<String>,
    /// Digest of the configuration: what Docker calls the image's id.
    pub config: String,
    /// The layers' digests, lowest first: of the unpacked layers, as the configuration tells them.
    pub layers: Vec<String>,
    /// Operating system and architecture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// When it was built, by the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// The names that the file gives it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Digest of the file itself, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<Digest>,
}

/// Why it is not known which image it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// It can't be read.
    #[error("the image can't be read: {0}")]
    Unreadable(String),
    /// It is neither form.
    #[error("expected an OCI layout (with index.json) or what `docker save` writes (with manifest.json): {0}")]
    Form(String),
    /// It holds several.
    #[error("it holds {0} images: expected one, or name the one that is meant")]
    Several(usize),
    /// A layer can't be read.
    #[error("layer {number} of {all} can't be read: {why}")]
    Layer {
        /// Which one, from 1, the lowest first.
        number: usize,
        /// How many there are.
        all: usize,
        /// Why.
        why: String,
    },
    /// A part is not what its digest says.
    #[error("{what} has the digest {found}, and is named by {named}: the file was changed or is damaged")]
    Other {
        /// Which part.
        what: &'static str,
        /// What it is named by.
        named: String,
        /// What it has.
        found: String,
    },
}

#[derive(Deserialize)]
struct Index {
    #[serde(default)]
    manifests: Vec<Descriptor>,
}

#[derive(Clone, Deserialize)]
struct Descriptor {
    digest: String,
    #[serde(rename = "mediaType", default)]
    media: Option<String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Manifest {
    config: Descriptor,
    #[serde(default)]
    layers: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Saved {
    #[serde(rename = "Config")]
    config: String,
    #[serde(rename = "RepoTags", default)]
    names: Option<Vec<String>>,
    #[serde(rename = "Layers", default)]
    layers: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Configuration {
    #[serde(default)]
    os: Option<String>,
    #[serde(default)]
    architecture: Option<String>,
    #[serde(default)]
    created: Option<String>,
    rootfs: Root,
}

#[derive(Deserialize)]
struct Root {
    diff_ids: Vec<String>,
}

/// An image that was found, and where its layers lie.
pub struct Opened {
    /// Which one it is.
    pub image: Image,
    files: Files,
    layers: Vec<Part>,
}

/// A layer, as the manifest names it.
struct Part {
    /// What it is called in the file or folder.
    name: String,
    /// Digest of what lies there, where the manifest tells one.
    digest: Option<String>,
}

impl Opened {
    /// Reads all layers, holds each to its digests, and gives what tells which packages are installed. Lockfiles that `exclude`
    /// matches are left out.
    ///
    /// # Errors
    /// When a layer is missing, can't be read, is not what its digests say, or is larger than any image's.
    pub fn contents(&self, exclude: &GlobSet) -> Result<Contents, ImageError> {
        contents::contents(self, exclude, crate::reading::Limits::default())
    }
}

/// Says which image lies at a path: a folder with an OCI layout, or an archive of either form. `name` chooses one of
/// several by its name or manifest's digest.
///
/// # Errors
/// When it can't be read, is no image, holds several, or is not what its digests say.
pub fn open(path: &Path, name: Option<&str>) -> Result<Opened, ImageError> {
    let files = Files::open(path)?;
    let (image, layers) = identified(&files, name)?;
    Ok(Opened { image, files, layers })
}

fn unreadable(error: &io::Error) -> ImageError {
    ImageError::Unreadable(match error.kind() {
        // Of our own readers, which quote nothing.
        io::ErrorKind::InvalidData => error.to_string(),
        kind => kind.to_string(),
    })
}

fn form(why: String) -> ImageError {
    ImageError::Form(why)
}

fn identified(files: &Files, name: Option<&str>) -> Result<(Image, Vec<Part>), ImageError> {
    if let Some(index) = files.document("index.json")? {
        return layout(files, &index, name);
    }
    let Some(saved) = files.document("manifest.json")? else { return Err(form("it holds neither".to_owned())) };
    let mut saved: Vec<Saved> = parsed(&saved, "manifest.json")?;
    if let Some(name) = name {
        saved.retain(|one| one.names.iter().flatten().any(|own| own == name));
    }
    let [one] = saved.as_slice() else { return Err(ImageError::Several(saved.len())) };
    let bytes = files.document(&one.config)?.ok_or_else(|| form("its configuration is missing".to_owned()))?;
    let config = Digest::of(&bytes).to_string();
    if let Some(named) = digest_in(&one.config) {
        same("the configuration", &named, &config)?;
    }
    let layers = one.layers.iter().flatten();
    let layers = layers.map(|name| Part { name: name.clone(), digest: blob_digest(name) }).collect();
    let image = image(&bytes, config, None, one.names.clone().unwrap_or_default(), files.digest())?;
    Ok((image, layers))
}

/// The digest that a file is named by: `HEX.json`, or `blobs/sha256/HEX`.
fn digest_in(name: &str) -> Option<String> {
    let stem = name.rsplit('/').next().unwrap_or_default().trim_end_matches(".json");
    is_hex(stem).then(|| format!("sha256:{stem}"))
}

/// Only blobs are named by the digest of what lies there; what `docker save` wrote before is named by other numbers.
fn blob_digest(name: &str) -> Option<String> {
    name.strip_prefix("blobs/sha256/").filter(|hex| is_hex(hex)).map(|hex| format!("sha256:{hex}"))
}

fn is_hex(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn layout(files: &Files, index: &[u8], name: Option<&str>) -> Result<(Image, Vec<Part>), ImageError> {
    let mut wanted = entries(index, "index.json", name)?;
    // An index may lead to another one, of the platforms of one image.
    for _ in 0..4 {
        let [one] = wanted.as_slice() else { return Err(ImageError::Several(wanted.len())) };
        let one = one.clone();
        let bytes = blob(files, "the manifest", &one.digest)?;
        let is_index =
            one.media.as_deref().is_some_and(|media| media.contains("index") || media.contains("manifest.list"));
        if is_index {
            wanted = entries(&bytes, "an index", None)?;
            continue;
        }
        let manifest: Manifest = parsed(&bytes, "its manifest")?;
        let config = blob(files, "the configuration", &manifest.config.digest)?;
        let names = ["io.containerd.image.name", "org.opencontainers.image.ref.name"];
        let names = names.iter().filter_map(|key| one.annotations.get(*key).cloned()).collect();
        let mut layers = Vec::new();
        for layer in manifest.layers {
            layers.push(Part { name: blob_name("a layer", &layer.digest)?, digest: Some(layer.digest) });
        }
        let image = image(&config, manifest.config.digest, Some(one.digest), names, files.digest())?;
        return Ok((image, layers));
    }
    Err(form("its indexes lead to one another".to_owned()))
}

/// The images of an index, without what only attests something about them.
fn entries(index: &[u8], what: &str, name: Option<&str>) -> Result<Vec<Descriptor>, ImageError> {
    let index: Index = parsed(index, what)?;
    let attests = |one: &Descriptor| one.annotations.contains_key("vnd.docker.reference.type");
    let meant = |one: &Descriptor| {
        name.is_none_or(|name| one.digest == name || one.annotations.values().any(|own| own == name))
    };
    Ok(index.manifests.into_iter().filter(|one| !attests(one) && meant(one)).collect())
}

fn blob_name(what: &str, digest: &str) -> Result<String, ImageError> {
    let hex = digest.strip_prefix("sha256:").filter(|hex| is_hex(hex));
    hex.map(|hex| format!("blobs/sha256/{hex}")).ok_or_else(|| form(format!("{what} is named by no SHA-256 digest")))
}

fn blob(files: &Files, what: &'static str, digest: &str) -> Result<Vec<u8>, ImageError> {
    let bytes = files.document(&blob_name(what, digest)?)?.ok_or_else(|| form(format!("{what} is missing")))?;
    same(what, digest, &Digest::of(&bytes).to_string())?;
    Ok(bytes)
}

fn same(what: &'static str, named: &str, found: &str) -> Result<(), ImageError> {
    if named == found {
        return Ok(());
    }
    Err(ImageError::Other { what, named: super::lockfile::shown(named), found: found.to_owned() })
}

fn image(
    config: &[u8],
    digest: String,
    manifest: Option<String>,
    names: Vec<String>,
    file: Option<Digest>,
) -> Result<Image, ImageError> {
    let read: Configuration = parsed(config, "its configuration")?;
    let platform = read.os.zip(read.architecture).map(|(os, architecture)| format!("{os}/{architecture}"));
    let shown = |list: Vec<String>| list.iter().map(|one| super::lockfile::shown(one)).collect();
    Ok(Image {
        manifest,
        config: digest,
        layers: shown(read.rootfs.diff_ids),
        platform: platform.map(|platform| super::lockfile::shown(&platform)),
        created: read.created.as_deref().and_then(super::instant),
        names: shown(names),
        file,
    })
}

fn parsed<'b, T: Deserialize<'b>>(bytes: &'b [u8], what: &str) -> Result<T, ImageError> {
    serde_json::from_slice(bytes)
        .map_err(|error| ImageError::Form(format!("{what} is not in order at line {}", error.line())))
}
