//! How images that jobs pull stand in their registries, without pulling them.

use std::path::Path;
use std::sync::Arc;

use serde::Deserialize as _;
use toml::Value;

use super::asking::Asking;
use super::{Name, PullError, Registry};
use crate::packages::lockfile::shown;
use crate::remote::{Patience, RealPace};

/// An image that a job's settings name in a registry.
#[derive(Clone, Debug)]
pub struct Named {
    reference: String,
    registry: Option<Registry>,
}

/// What became of the user and password that settings name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Login {
    /// They name none, and it was answered nevertheless.
    None,
    /// They were taken.
    Taken,
    /// They were not asked for: anybody may pull it.
    NotAskedFor,
}

/// How an image stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Host of the registry, and port where it has one.
    pub registry: String,
    /// The digest that the reference leads to by now.
    pub digest: String,
    /// Whether the reference names that digest itself.
    pub pinned: bool,
    /// Who asked.
    pub login: Login,
}

impl Named {
    /// The reference, as it is written.
    #[must_use]
    pub fn reference(&self) -> String {
        shown(&self.reference)
    }
}

/// The images that a job's settings name in registries; what is not in order is left to the check of the settings.
#[must_use]
pub fn all_in(source: &toml::Table) -> Vec<Named> {
    let list = |key: &str| source.get(key).and_then(Value::as_array).into_iter().flatten();
    let registries: Vec<Registry> =
        list("registries").filter_map(|one| Registry::deserialize(one.clone()).ok()).collect();
    let named = |target: &Value| {
        let reference = target.get("pull")?.as_str()?.to_owned();
        let host = Name::read(&reference).ok()?.host;
        Some(Named { reference, registry: registries.iter().find(|one| one.is_of(&host)).cloned() })
    };
    list("targets").filter_map(named).collect()
}

/// Asks a registry whether it lets us in, and what a reference leads to. Files that the settings name lie below `base`.
///
/// # Errors
/// When it does not answer, refuses, or has no such image.
pub fn standing(named: &Named, base: &Path) -> Result<Standing, PullError> {
    let name = Name::read(&named.reference).map_err(|why| PullError::Reference(why.to_owned()))?;
    let registry = named.registry.clone().unwrap_or_else(|| Registry::anonymous(&name.host));
    // Who waits for this is a person.
    let patience = Patience { tries: 1, ..Patience::default() };
    let asking = Asking::new(&name, &registry, base, Arc::new(RealPace::new()), patience)?;
    asking.greet()?;
    let digest = asking.led_to()?;
    let login = match (registry.login(), asking.signed_in()) {
        (None, _) => Login::None,
        (Some(_), true) => Login::Taken,
        (Some(_), false) => Login::NotAskedFor,
    };
    Ok(Standing { registry: name.host.clone(), digest, pinned: name.digest.is_some(), login })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_found_in_settings_with_how_their_registries_are_asked() {
        let source = toml::from_str(
            "targets = [{ id = 'a', pull = 'a.example/web:1' }, { id = 'b', image = 'b.tar' }, { id = 'c', pull = 'docker.io/nginx' },
             { id = 'd', pull = 'none' }]
             registries = [{ host = 'docker.io', username = 'ci', password = 'env:P' }, { host = 7 }]",
        );
        let found = all_in(&source.expect("TOML"));
        let found: Vec<(String, bool)> = found
            .iter()
            .map(|one| (one.reference(), one.registry.as_ref().is_some_and(|one| one.login().is_some())))
            .collect();
        assert_eq!(found, [("a.example/web:1".to_owned(), false), ("docker.io/nginx".to_owned(), true)]);
        assert!(all_in(&toml::Table::new()).is_empty());
    }
}
