//! Why an image could not be had from a registry, in words that hold no secret and nothing that a server wrote.

use std::io;

use crate::remote::RemoteError;

/// Why there is no image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PullError {
    /// The reference or the platform is none.
    #[error("the reference can't be read: {0}")]
    Reference(String),
    /// The registry, or where it leads, gave no answer that can be used.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The registry does not have it.
    #[error("{registry} has no {what} (404): it is not there, or not shown to who asks")]
    NotThere {
        /// The registry.
        registry: String,
        /// What it does not have.
        what: String,
    },
    /// What answers there is no registry.
    #[error("{registry} has no `/v2/` (404): what answers there is no registry")]
    NoRegistry {
        /// Who was asked.
        registry: String,
    },
    /// The registry does not let it be pulled.
    #[error("{registry} refuses {what} ({status}): {how}")]
    Refused {
        /// Who refuses.
        registry: String,
        /// What was asked for.
        what: String,
        /// The HTTP status.
        status: u16,
        /// As whom it was asked.
        how: &'static str,
    },
    /// The registry asks for something that can't be given.
    #[error("{registry} asks for something before it answers that can't be given: {why}")]
    Challenge {
        /// The registry.
        registry: String,
        /// What.
        why: String,
    },
    /// It leads elsewhere, and is not followed.
    #[error("{what} at {registry} leads elsewhere and is not followed: {why}")]
    Redirect {
        /// What was asked for.
        what: &'static str,
        /// The registry.
        registry: String,
        /// Why not.
        why: &'static str,
    },
    /// What came is no manifest that can be read.
    #[error("where the image's manifest should be came {0}")]
    Document(String),
    /// It is something else than an image.
    #[error("it is no image: what lies there is of the type `{0}`")]
    Artifact(String),
    /// A layer is one that registries do not hand out.
    #[error("layer {number} of {all} is one that its maker lets no registry hand out (a foreign layer)")]
    Foreign {
        /// Which, from 1.
        number: usize,
        /// Of how many.
        all: usize,
    },
    /// There is no image for the platform.
    #[error("there is no image for {wanted}: there are {}", if .there.is_empty() { "none that name a platform" } else { .there })]
    NoPlatform {
        /// The platform.
        wanted: String,
        /// What there is instead.
        there: String,
    },
    /// There are several.
    #[error("there are several images for {wanted}, {there}: name the variant, or the digest in the reference")]
    SeveralPlatforms {
        /// The platform.
        wanted: String,
        /// Which.
        there: String,
    },
    /// The one image there is is for another platform.
    #[error("the image is for {found}, and {wanted} is wanted")]
    OtherPlatform {
        /// What is wanted.
        wanted: String,
        /// What it is for, as its configuration says.
        found: String,
    },
    /// Something is not what its digest says.
    #[error("{what} has the digest {found}, and is named by {named}: it was changed on the way or in the registry")]
    Digest {
        /// What.
        what: String,
        /// What it is named by.
        named: String,
        /// What it has.
        found: String,
    },
    /// Something is named by a digest of another kind than the one that is computed here.
    #[error(
        "{what} is named by a digest of {kind}, which is not supported: expected `sha256:` and 64 hexadecimal digits"
    )]
    DigestKind {
        /// What.
        what: &'static str,
        /// The algorithm.
        kind: &'static str,
    },
    /// Something has another size than the manifest says.
    #[error("{what} ended after {came} of {size} bytes, several times")]
    Short {
        /// What.
        what: String,
        /// How many bytes came.
        came: u64,
        /// How many it has.
        size: u64,
    },
    /// A registry gives another part of something than it was asked for.
    #[error("{what} did not come whole: the registry gave a part of it that was not asked for")]
    Elsewhere {
        /// What.
        what: String,
    },
    /// Something is longer than the manifest says.
    #[error("{what} has more than the {size} bytes that the manifest says")]
    Long {
        /// What.
        what: String,
        /// How many it should have.
        size: u64,
    },
    /// It is larger than the settings allow.
    #[error(
        "the image has {bytes} bytes, and at most {most} are pulled: `most_mib` of the registry in the job's settings"
    )]
    TooLarge {
        /// By the manifest.
        bytes: u64,
        /// The limit.
        most: u64,
    },
    /// There is no room for it.
    #[error(
        "the image has {bytes} bytes, and the folder for temporary files has room for {free}: make room, or name another by `TMPDIR`"
    )]
    NoRoom {
        /// By the manifest.
        bytes: u64,
        /// What is free.
        free: u64,
    },
    /// It took too long.
    #[error("the image did not come within {0} minutes: `minutes` of the registry in the job's settings")]
    TooLong(u64),
    /// The folder it goes to can't be written.
    #[error("the folder for the image can't be written: {0}")]
    Folder(String),
}

impl PullError {
    /// Something about the folder.
    pub(super) fn folder(error: &io::Error) -> Self {
        Self::Folder(error.kind().to_string())
    }
}
