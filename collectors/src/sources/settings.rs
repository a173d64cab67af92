//! What people write to say where credentials are: one item for each environment and source. Every
//! collector that reads credentials offers the same.

use super::aws::{ParameterStoreSettings, SecretsManagerSettings};
use super::command::CommandSettings;
use super::compose::Compose;
use super::dotenv::Dotenv;
use super::encrypted::EncryptedSettings;
use super::infisical::InfisicalSettings;
use super::kubernetes::{KubectlSettings, Kubernetes};
use super::process::ProcessSettings;
use super::systemd::SystemdSettings;
use super::vault::VaultSettings;
use super::wrangler::WranglerSettings;
use super::{Source, Surroundings};
use crate::SettingProblem;
use exhibit_evidence::EnvironmentId;
use serde::Deserialize;

/// A setting below a kind's own key, and what is wrong with it.
pub(super) type Problem = (&'static str, &'static str);

/// The settings of one kind of source.
pub(super) trait Kind {
    /// What is wrong with the combination of its settings.
    fn problem(&self) -> Option<Problem>;

    /// The source that they describe; touches nothing yet.
    fn open<'a>(&self, around: &Surroundings<'a>, environment: &str) -> Box<dyn Source + 'a>;
}

/// One source of credentials of one environment: exactly one of the kinds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialSource {
    /// Authored id of the environment.
    pub environment: EnvironmentId,
    /// Dotenv files, later ones winning.
    pub dotenv: Option<OneOrMore>,
    /// Compose files, later ones overriding.
    pub compose: Option<OneOrMore>,
    /// Variable files for the interpolation of compose files.
    pub env_file: Option<OneOrMore>,
    /// Manifests: files, and folders searched at any depth.
    pub kubernetes: Option<OneOrMore>,
    /// What a secret manager's own command prints.
    pub command: Option<CommandSettings>,
    /// A KV mount of Vault or OpenBao.
    pub vault: Option<VaultSettings>,
    /// AWS Secrets Manager.
    pub secrets_manager: Option<SecretsManagerSettings>,
    /// The Parameter Store of AWS Systems Manager.
    pub parameter_store: Option<ParameterStoreSettings>,
    /// A live Kubernetes cluster, by kubectl.
    pub kubectl: Option<KubectlSettings>,
    /// The environment of a running process.
    pub process: Option<ProcessSettings>,
    /// Files that age, gpg or sops encrypted.
    pub encrypted: Option<EncryptedSettings>,
    /// Units of systemd.
    pub systemd: Option<SystemdSettings>,
    /// Plain variables of Cloudflare Workers.
    pub wrangler: Option<WranglerSettings>,
    /// An environment of a project in Infisical.
    pub infisical: Option<InfisicalSettings>,
}

/// One path or a list of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum OneOrMore {
    /// One.
    One(String),
    /// A list.
    More(Vec<String>),
}

impl OneOrMore {
    /// As a list.
    #[must_use]
    pub fn list(&self) -> Vec<String> {
        match self {
            Self::One(path) => vec![path.clone()],
            Self::More(paths) => paths.clone(),
        }
    }
}

impl CredentialSource {
    fn paths(&self) -> [(&'static str, Option<&OneOrMore>); 3] {
        [("dotenv", self.dotenv.as_ref()), ("compose", self.compose.as_ref()), ("kubernetes", self.kubernetes.as_ref())]
    }

    fn kinds(&self) -> [(&'static str, Option<&dyn Kind>); 10] {
        [
            ("command", self.command.as_ref().map(|kind| kind as &dyn Kind)),
            ("vault", self.vault.as_ref().map(|kind| kind as &dyn Kind)),
            ("secrets_manager", self.secrets_manager.as_ref().map(|kind| kind as &dyn Kind)),
            ("parameter_store", self.parameter_store.as_ref().map(|kind| kind as &dyn Kind)),
            ("kubectl", self.kubectl.as_ref().map(|kind| kind as &dyn Kind)),
            ("process", self.process.as_ref().map(|kind| kind as &dyn Kind)),
            ("encrypted", self.encrypted.as_ref().map(|kind| kind as &dyn Kind)),
            ("systemd", self.systemd.as_ref().map(|kind| kind as &dyn Kind)),
            ("wrangler", self.wrangler.as_ref().map(|kind| kind as &dyn Kind)),
            ("infisical", self.infisical.as_ref().map(|kind| kind as &dyn Kind)),
        ]
    }

    /// What is wrong with the combination of its settings, if anything is. `key` leads to it.
    #[must_use]
    pub fn problem(&self, key: &str) -> Option<SettingProblem> {
        let (paths, kinds) = (self.paths(), self.kinds());
        let given = paths.iter().filter(|(_, kind)| kind.is_some()).count()
            + kinds.iter().filter(|(_, kind)| kind.is_some()).count();
        if given != 1 {
            let names: Vec<_> =
                paths.iter().map(|(name, _)| *name).chain(kinds.iter().map(|(name, _)| *name)).collect();
            return Some(SettingProblem::new(key, format!("expected exactly one of `{}`", names.join("`, `"))));
        }
        if paths.iter().filter_map(|(_, kind)| *kind).any(|paths| paths.list().is_empty()) {
            return Some(SettingProblem::new(key, "expected at least one path"));
        }
        if self.env_file.is_some() && self.compose.is_none() {
            return Some(SettingProblem::new(key, "`env_file` goes with `compose` only"));
        }
        let (name, kind) = kinds.iter().find_map(|(name, kind)| kind.map(|kind| (*name, kind)))?;
        let (setting, message) = kind.problem()?;
        let dot = if setting.is_empty() { "" } else { "." };
        Some(SettingProblem::new(&format!("{key}.{name}{dot}{setting}"), message))
    }

    /// The source that these settings describe; none if [`CredentialSource::problem`] refuses them.
    #[must_use]
    pub fn open<'a>(&self, around: &Surroundings<'a>) -> Option<Box<dyn Source + 'a>> {
        let environment = self.environment.to_string();
        let root = around.root.clone();
        if let Some(files) = &self.dotenv {
            return Some(Box::new(Dotenv { root, environment, files: files.list() }));
        }
        if let Some(files) = &self.compose {
            let files = files.list();
            let env_files = self.env_file.as_ref().map(OneOrMore::list).unwrap_or_default();
            return Some(Box::new(Compose { root, environment, files, env_files }));
        }
        if let Some(paths) = &self.kubernetes {
            return Some(Box::new(Kubernetes::files_at(root, environment, paths.list())));
        }
        self.kinds().into_iter().find_map(|(_, kind)| kind).map(|kind| kind.open(around, &environment))
    }
}

/// Reads a list of sources at `key`.
///
/// # Errors
/// Every setting that is not as expected. No message repeats a value.
pub fn read(value: &toml::Value, key: &str) -> Result<Vec<CredentialSource>, Vec<SettingProblem>> {
    let Some(items) = value.as_array() else {
        return Err(vec![SettingProblem::new(key, format!("expected `[[{key}]]` tables"))]);
    };
    let (mut read, mut problems) = (Vec::new(), Vec::new());
    for (at, item) in items.iter().enumerate() {
        let key = format!("{key}.{at}");
        match item.clone().try_into::<CredentialSource>() {
            Ok(item) => {
                problems.extend(item.problem(&key));
                read.push(item);
            }
            Err(error) => problems.push(SettingProblem::unread(&key, &error)),
        }
    }
    if problems.is_empty() { Ok(read) } else { Err(problems) }
}

#[cfg(test)]
#[path = "settings_tests.rs"]
pub(crate) mod tests;
