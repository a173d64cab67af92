//! How registries are asked, as a job's settings say it.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::manifest::Platform;
use super::name::{self, Name};
use crate::SettingProblem;
use crate::remote::Reference;

/// How many MiB an image may have, packed as it is in the registry.
const MOST_MIB: u64 = 4096;
/// Within how many minutes it has to come.
const MINUTES: u64 = 30;

/// One registry: `[[jobs.source.registries]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Registry {
    /// Host, and port where it has one, as references name it.
    pub(super) host: String,
    /// Who asks, by name and password; without them, anybody.
    username: Option<String>,
    /// Where the password, or a token in its place, is found.
    password: Option<Reference>,
    /// A file with the certificates of the authorities that the registry's own may come from, PEM; those that it leads to as well.
    pub(super) authorities: Option<PathBuf>,
    /// Whether it is asked by `http://`, and may lead to such.
    #[serde(default)]
    pub(super) plain_http: bool,
    /// How large an image may be, packed, in MiB.
    #[serde(default = "most_mib")]
    most_mib: u64,
    /// Within how many minutes an image has to come.
    #[serde(default = "minutes")]
    minutes: u64,
}

fn most_mib() -> u64 {
    MOST_MIB
}

fn minutes() -> u64 {
    MINUTES
}

impl Registry {
    /// One that nothing is said of.
    pub(super) fn anonymous(host: &str) -> Self {
        let (most_mib, minutes) = (MOST_MIB, MINUTES);
        let host = host.to_owned();
        Self { host, username: None, password: None, authorities: None, plain_http: false, most_mib, minutes }
    }

    /// Whether this is how the registry of this host is asked.
    pub(super) fn is_of(&self, host: &str) -> bool {
        name::registry(&self.host).is_some_and(|own| own == host)
    }

    /// Who asks, and where the password is found.
    pub(super) fn login(&self) -> Option<(&str, &Reference)> {
        self.username.as_deref().zip(self.password.as_ref())
    }

    /// How many bytes an image may have.
    pub(super) fn most(&self) -> u64 {
        self.most_mib.saturating_mul(1 << 20)
    }

    /// How long it may take.
    pub(super) fn within(&self) -> Duration {
        Duration::from_secs(self.minutes.saturating_mul(60))
    }
}

/// What is wrong with a list of registries, if anything.
pub(crate) fn problems(registries: &[Registry]) -> Vec<SettingProblem> {
    let mut problems = Vec::new();
    for (index, one) in registries.iter().enumerate() {
        let mut wrong = |key: &str, message: &str| {
            problems.push(SettingProblem::new(&format!("source.registries.{index}.{key}"), message));
        };
        match name::registry(&one.host) {
            None => wrong("host", "expected a host as references name it, with a port where it has one"),
            Some(host) if registries[..index].iter().any(|other| other.is_of(&host)) => {
                wrong("host", "another entry has the same host");
            }
            Some(_) => {}
        }
        if one.username.is_some() != one.password.is_some() {
            wrong("username", "expected a username with a password, or neither");
        }
        if one.username.as_ref().is_some_and(|name| name.is_empty() || name.contains(':')) {
            wrong("username", "expected a name without a colon");
        }
        if !(1..=1 << 20).contains(&one.most_mib) {
            wrong("most_mib", "expected 1 to 1048576");
        }
        if !(1..=24 * 60).contains(&one.minutes) {
            wrong("minutes", "expected 1 to 1440");
        }
    }
    problems
}

/// What can't be read of the reference and the platform of a target, if anything: the key, and what was expected.
pub(crate) fn unread(pull: Option<&str>, platform: Option<&str>) -> Option<(&'static str, &'static str)> {
    let pull = pull.and_then(|written| Name::read(written).err()).map(|why| ("pull", why));
    pull.or_else(|| Platform::read(platform?).err().map(|why| ("platform", why)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        #[derive(Deserialize)]
        struct List {
            r: Vec<Registry>,
        }
        let list: List = toml::from_str(text).expect("TOML");
        problems(&list.r).into_iter().map(|one| format!("{}: {}", one.key.join("."), one.message)).collect()
    }

    #[test]
    fn settings_of_registries_are_looked_through() {
        assert_eq!(told("r = [{ host = 'registry.example:5000', username = 'ci', password = 'env:P' }]"), [""; 0]);
        for (text, said) in [
            ("r = [{ host = 'https://registry.example' }]", "registries.0.host: expected a host"),
            ("r = [{ host = 'a.example' }, { host = 'a.example' }]", "registries.1.host: another"),
            ("r = [{ host = 'docker.io' }, { host = 'registry-1.docker.io' }]", "registries.1.host: another"),
            ("r = [{ host = 'a.example', username = 'ci' }]", "username with a password"),
            ("r = [{ host = 'a.example', password = 'env:P' }]", "username with a password"),
            ("r = [{ host = 'a.example', username = 'a:b', password = 'env:P' }]", "without a colon"),
            ("r = [{ host = 'a.example', most_mib = 0 }]", "most_mib: expected 1"),
            ("r = [{ host = 'a.example', minutes = 0 }]", "minutes: expected 1"),
        ] {
            assert!(matches!(told(text).as_slice(), [one] if one.contains(said)), "{text}: {:?}", told(text));
        }
    }

    #[test]
    fn a_target_names_an_image_and_may_name_its_platform() {
        assert_eq!(unread(None, None), None);
        assert_eq!(unread(Some("a.example/web:1"), Some("linux/arm64")), None);
        assert_eq!(unread(Some("a.example/web:1"), Some("linux")).map(|one| one.0), Some("platform"));
        assert_eq!(unread(Some("web:1"), None).map(|one| one.0), Some("pull"));
    }
}
