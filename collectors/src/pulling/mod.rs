//! Images out of registries, by the OCI Distribution specification 1.1: pulled by Exhibit itself into a folder of its own.
//!
//! What is counted and what a scanner reads are then the same bytes, and a scanner needs neither network nor password. Nothing
//! is believed that has a digest: manifests, configuration and layers are each held to theirs as they come. A registry is
//! asked for no more than to pull, gets its password only when it asks for one, and is followed to another host only for
//! a token (with the password) or for a blob (without). The requests are `crate::remote`'s, with all its limits.
//!
//! `name` reads references, `challenge` what a registry asks for, `manifest` its documents; all three are pure. `asking` asks,
//! `layout` writes what comes, if there is `room`; `standing` only looks.

mod asking;
mod challenge;
mod error;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod layout;
mod manifest;
mod name;
mod room;
mod settings;
mod standing;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use exhibit_evidence::Timestamp;
use serde::{Deserialize, Serialize};

pub use error::PullError;
pub use standing::{Login, Named, Standing, all_in, standing};

pub(crate) use settings::{Registry, problems, unread};

use crate::remote::{Pace, Patience, RealPace};
use crate::scratch::{For, Scratch};
use asking::Asking;
use manifest::Platform;
use name::Name;

/// An image that was pulled. Its folder is gone with it.
pub(crate) struct Pulled {
    /// Held so that the files stay.
    _folder: Scratch,
    layout: PathBuf,
    /// What evidence says of it.
    pub(crate) facts: PulledFacts,
}

impl Pulled {
    /// The OCI layout, which holds this image alone.
    pub(crate) fn layout(&self) -> &Path {
        &self.layout
    }
}

/// Where an image came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PulledFacts {
    /// The reference, as the settings write it.
    pub(crate) reference: String,
    /// The registry that was asked: host, and port where it has one.
    pub(crate) registry: String,
    /// What the reference led to: the digest of an image's manifest, or of an index of such.
    pub(crate) digest: String,
    /// Whether the reference names that digest itself; otherwise a tag led to it at that time.
    pub(crate) pinned: bool,
    /// Digest of the image's own manifest.
    pub(crate) manifest: String,
    /// Which platform was taken of an index; none where the reference led to one image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) platform: Option<String>,
    /// When the registry was asked.
    pub(crate) at: Timestamp,
    /// Bytes of configuration and layers.
    pub(crate) bytes: u64,
    /// Whether a password was used.
    pub(crate) signed_in: bool,
}

impl PulledFacts {
    /// What it is called: the reference, and what that led to where it does not say so.
    pub(crate) fn called(&self) -> String {
        match self.pinned {
            true => self.reference.clone(),
            false => format!("{} (then {})", self.reference, self.digest),
        }
    }
}

/// By which rights images were pulled, in words that follow others; nothing where none was.
pub(crate) fn rights<'p>(pulled: impl Iterator<Item = &'p PulledFacts>) -> String {
    let as_whom = |one: &PulledFacts| if one.signed_in { "the user that the settings name" } else { "anybody" };
    let each: BTreeSet<String> =
        pulled.map(|one| format!("; to pull images of {}, as {}", one.registry, as_whom(one))).collect();
    each.into_iter().collect()
}

/// Which image, and how it is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pull<'t> {
    /// The reference.
    reference: &'t str,
    /// The platform; without one, `linux/amd64` of an index, and any image that stands alone.
    platform: Option<&'t str>,
    /// How registries are asked; one that is not named is asked over TLS and without a password.
    registries: &'t [Registry],
    /// What time it is.
    at: Timestamp,
}

impl<'t> Pull<'t> {
    /// What a target names in a registry, if anything.
    pub(crate) fn of(
        reference: Option<&'t str>,
        platform: Option<&'t str>,
        registries: &'t [Registry],
        at: Timestamp,
    ) -> Option<Self> {
        reference.map(|reference| Self { reference, platform, registries, at })
    }

    /// Pulls it into a folder of its own. Files that the settings name lie below `base`.
    ///
    /// # Errors
    /// When it could not be had whole and as its digests say.
    pub(crate) fn pull(&self, base: &Path) -> Result<Pulled, PullError> {
        let patience = Patience { tries: 3, first_wait: Duration::from_millis(500), ..Patience::default() };
        self.pull_by(base, Manner { pace: Arc::new(RealPace::new()), patience, within: None })
    }

    fn pull_by(&self, base: &Path, manner: Manner) -> Result<Pulled, PullError> {
        let unread = |why: &str| PullError::Reference(why.to_owned());
        let name = Name::read(self.reference).map_err(unread)?;
        let platform = self.platform.map(Platform::read).transpose().map_err(unread)?;
        let anonymous = Registry::anonymous(&name.host);
        let registry = self.registries.iter().find(|one| one.is_of(&name.host)).unwrap_or(&anonymous);
        let folder = match &manner.within {
            Some(within) => Scratch::new_in(within, For::Image),
            None => Scratch::new(For::Image),
        };
        let (folder, layout) = folder
            .and_then(|folder| folder.folder("image").map(|layout| (folder, layout)))
            .map_err(|error| PullError::folder(&error))?;
        let asking = Asking::new(&name, registry, base, manner.pace, manner.patience)?;
        let image = asking.image(platform.as_ref())?;
        image.manifest.admit(registry.most())?;
        room::admit(image.manifest.bytes(), &layout)?;
        layout::write(&asking, &image, self.reference, &layout)?;
        let facts = PulledFacts {
            reference: crate::packages::lockfile::shown(self.reference),
            registry: name.host.clone(),
            pinned: name.digest.is_some(),
            at: self.at,
            bytes: image.manifest.bytes(),
            signed_in: asking.signed_in(),
            digest: image.led_to,
            manifest: image.digest,
            platform: image.platform,
        };
        Ok(Pulled { _folder: folder, layout, facts })
    }
}

/// How a registry is asked, where tests have it otherwise.
struct Manner {
    pace: Arc<dyn Pace>,
    patience: Patience,
    /// Where the folder is made; without it, where this machine has its temporary ones.
    within: Option<PathBuf>,
}
