//! One reference to an image, as a file writes it.

use serde::{Deserialize, Serialize};

use crate::packages::lockfile::shown;

/// A reference to an image.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reference {
    /// The image's name with its registry, without tag and digest, printable; what is not resolved stands as it is written.
    pub(crate) image: String,
    /// The tag, printable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tag: Option<String>,
    /// By what it names the image.
    pub(crate) pin: Pin,
    /// The line, from 1.
    pub(crate) line: u64,
    /// The kustomization that makes this of what the file names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) by: Option<String>,
}

/// By what a reference names its image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Pin {
    /// By its digest: one image for ever.
    Digest,
    /// By a tag, or by nothing, which means `latest`.
    Tag,
    /// By a variable that nothing in the file sets.
    Unresolved,
    /// By what a template engine fills in.
    Templated,
}

impl Pin {
    /// Which counts where several say something: the lowest, so that a digest is told where nothing else says otherwise.
    pub(super) fn rank(self) -> u8 {
        match self {
            Self::Tag => 0,
            Self::Unresolved | Self::Templated => 1,
            Self::Digest => 2,
        }
    }
}

/// The parts of `registry:5000/path/name:tag@sha256:…` between its marks, whatever they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parts<'w> {
    /// The registry, and the image's name in it.
    pub(crate) name: &'w str,
    /// The tag.
    pub(crate) tag: Option<&'w str>,
    /// The digest, with its algorithm.
    pub(crate) digest: Option<&'w str>,
}

impl<'w> Parts<'w> {
    /// Takes a reference apart.
    pub(crate) fn of(written: &'w str) -> Self {
        let (name, digest) = written.split_once('@').map_or((written, None), |(name, digest)| (name, Some(digest)));
        // A colon before the last slash belongs to the registry's port.
        let path = name.rfind('/').map_or(0, |at| at + 1);
        match name[path..].rfind(':') {
            Some(at) => Self { name: &name[..path + at], tag: Some(&name[path + at + 1..]), digest },
            None => Self { name, tag: None, digest },
        }
    }
}

impl Reference {
    /// Reads `registry:5000/path/name:tag@sha256:…`.
    pub(super) fn read(written: &str, line: u64) -> Self {
        let Parts { name, tag, digest } = Parts::of(written);
        let pin = if digest.is_some_and(is_digest) { Pin::Digest } else { Pin::Tag };
        Self { image: shown(name), tag: tag.map(shown), pin, line, by: None }
    }

    /// One that is not resolved; its digest may stand there all the same.
    pub(super) fn open(written: &str, pin: Pin, line: u64) -> Self {
        match written.rsplit_once('@') {
            Some((name, digest)) if is_digest(digest) => {
                Self { image: shown(name), tag: None, pin: Pin::Digest, line, by: None }
            }
            _ => Self { image: shown(written), tag: None, pin, line, by: None },
        }
    }
}

/// `sha256:` and 64 hexadecimal digits, or `sha512:` and 128 (OCI image specification, "Descriptors").
pub(super) fn is_digest(text: &str) -> bool {
    let digits =
        |text: &str, count| text.len() == count && text.bytes().all(|one| matches!(one, b'0'..=b'9' | b'a'..=b'f'));
    match text.split_once(':') {
        Some(("sha256", rest)) => digits(rest, 64),
        Some(("sha512", rest)) => digits(rest, 128),
        _ => false,
    }
}
