//! HashiCorp Vault and OpenBao: the secrets of a KV mount, version 1 or 2.
//!
//! - `session` logs in and asks; what a token got by logging in is revoked at the end;
//! - `policies` says who may read a secret, where that is asked for;
//! - `read` lists by LIST, level by level, and reads each secret.
//!
//! What the token may list and not read is told as not seen. Only a source that can't be listed is an error.

mod policies;
mod read;
mod session;

use super::service::MOST_AT_ONCE;
use super::settings::{Kind, Problem};
use super::{Listing, Reading, Root, Source, SourceError, Surroundings};
use crate::remote::Reference;
use serde::Deserialize;

/// The table `vault` of a source of credentials.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VaultSettings {
    /// Where it is: `https://HOST:8200`.
    pub address: String,
    /// Where the KV engine is mounted.
    #[serde(default = "secret")]
    pub mount: String,
    /// The engine's version: 1 or 2.
    #[serde(default = "two")]
    pub kv: u8,
    /// The folder below the mount; everything in it is read, at any depth. The whole mount without it.
    #[serde(default)]
    pub path: String,
    /// The namespace.
    pub namespace: Option<String>,
    /// Where the token is found.
    pub token: Option<Reference>,
    /// In place of a token.
    pub approle: Option<AppRole>,
    /// A file with the certificates of the authorities that its own may come from; without it, those that this machine
    /// trusts.
    pub authorities: Option<String>,
    /// Whether `http://` may be used beyond this machine.
    #[serde(default)]
    pub plain_http: bool,
    /// How many requests go out at once, 1 to 64.
    #[serde(default = "eight")]
    pub at_once: usize,
    /// Whether to tell by which policies each secret may be read. The token then needs to list and read `sys/policies/acl`;
    /// one that may not is refused.
    #[serde(default)]
    pub readers: bool,
}

/// Logging in as a role.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppRole {
    /// The role's id, or where it is found.
    pub role_id: String,
    /// Where the secret id is found; roles may need none.
    pub secret_id: Option<Reference>,
    /// Where the method is mounted.
    #[serde(default = "approle")]
    pub mount: String,
}

fn secret() -> String {
    "secret".to_owned()
}

fn approle() -> String {
    "approle".to_owned()
}

fn two() -> u8 {
    2
}

fn eight() -> usize {
    8
}

impl Kind for VaultSettings {
    fn problem(&self) -> Option<Problem> {
        if self.token.is_some() == self.approle.is_some() {
            return Some(("token", "expected either `token` or `approle`"));
        }
        if !matches!(self.kv, 1 | 2) {
            return Some(("kv", "expected 1 or 2"));
        }
        if segments(&self.mount).next().is_none() {
            return Some(("mount", "expected where the KV engine is mounted"));
        }
        if segments(&self.mount).chain(segments(&self.path)).any(|part| matches!(part, "." | "..")) {
            return Some(("path", "expected names with `/` between them"));
        }
        if !(1..=MOST_AT_ONCE).contains(&self.at_once) {
            return Some(("at_once", "expected 1 to 64"));
        }
        None
    }

    fn open<'a>(&self, around: &Surroundings<'a>, environment: &str) -> Box<dyn Source + 'a> {
        let (root, environment) = (around.root.clone(), environment.to_owned());
        Box::new(Vault { root, environment, settings: self.clone() })
    }
}

/// The parts of a path.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|part| !part.is_empty())
}

/// The secrets of a KV mount, or of a folder in it.
#[derive(Clone, Debug)]
pub struct Vault {
    root: Root,
    environment: String,
    settings: VaultSettings,
}

impl Vault {
    /// The mount and the folder in it, as they stand in messages.
    fn place(&self) -> String {
        let parts: Vec<&str> = segments(&self.settings.mount).chain(segments(&self.settings.path)).collect();
        parts.join("/")
    }
}

impl Source for Vault {
    fn kind(&self) -> &'static str {
        "vault"
    }

    fn environment(&self) -> &str {
        &self.environment
    }

    fn label(&self) -> String {
        let namespace = self.settings.namespace.as_ref().map(|name| format!(" of {name}")).unwrap_or_default();
        format!("vault {}{namespace}, KV version {}", self.place(), self.settings.kv)
    }

    fn counted_by(&self) -> &'static str {
        "the vault's own list of secrets (LIST, at every level); a secret counts once, however many fields it has"
    }

    fn rights(&self) -> &'static str {
        "list and read in the vault, by a token or a role of its own"
    }

    fn listing(&self) -> Result<Listing, SourceError> {
        read::names(self)
    }

    fn read(&self) -> Result<Reading, SourceError> {
        read::all(self)
    }
}

#[cfg(test)]
mod tests;
