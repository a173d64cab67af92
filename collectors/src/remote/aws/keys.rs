//! Keys to AWS: by reference, from a profile, or from where AWS's own tools look first.

use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::super::reference;
use super::super::{Reference, RemoteError};

/// Where keys are found. Without any of it: `AWS_ACCESS_KEY_ID` and its fellows in the environment, else the profile that
/// `AWS_PROFILE` names, else `default`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeySource {
    /// Where the access key's id is found.
    pub access_key_id: Option<Reference>,
    /// Where the secret access key is found.
    pub secret_access_key: Option<Reference>,
    /// Where the session token of temporary keys is found.
    pub session_token: Option<Reference>,
    /// The profile of AWS's shared credentials file.
    pub profile: Option<String>,
}

/// Keys, in memory that is wiped.
#[derive(Clone)]
pub struct AwsKeys {
    pub(super) id: SecretString,
    pub(super) secret: SecretString,
    pub(super) token: Option<SecretString>,
}

impl fmt::Debug for AwsKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AwsKeys([redacted])")
    }
}

impl KeySource {
    /// What is wrong with these settings, if anything.
    #[must_use]
    pub fn problem(&self) -> Option<&'static str> {
        let keys = [&self.access_key_id, &self.secret_access_key];
        if self.profile.is_some() && (keys.iter().any(|key| key.is_some()) || self.session_token.is_some()) {
            return Some("expected a profile or keys, not both");
        }
        if keys.iter().filter(|key| key.is_some()).count() == 1 || (self.session_token.is_some() && keys[0].is_none()) {
            return Some("expected access_key_id and secret_access_key together");
        }
        None
    }

    /// The keys as they are now. Relative paths start from `base`.
    ///
    /// # Errors
    /// When there are none; says where they were looked for.
    pub fn load(&self, base: &Path) -> Result<AwsKeys, RemoteError> {
        self.load_by(base, &|name| std::env::var(name).ok())
    }

    fn load_by(&self, base: &Path, variable: &dyn Fn(&str) -> Option<String>) -> Result<AwsKeys, RemoteError> {
        if let Some(problem) = self.problem() {
            return Err(RemoteError::Settings(format!("keys to AWS: {problem}")));
        }
        let resolve = |reference: &Reference| reference.resolve_by(base, variable);
        if let (Some(id), Some(secret)) = (&self.access_key_id, &self.secret_access_key) {
            let token = self.session_token.as_ref().map(resolve).transpose()?;
            return Ok(AwsKeys { id: resolve(id)?, secret: resolve(secret)?, token });
        }
        let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(SecretString::from);
        if let (None, Some(id), Some(secret)) = (&self.profile, set("AWS_ACCESS_KEY_ID"), set("AWS_SECRET_ACCESS_KEY"))
        {
            return Ok(AwsKeys { id, secret, token: set("AWS_SESSION_TOKEN") });
        }
        let profile = self.profile.clone().or_else(|| variable("AWS_PROFILE")).unwrap_or_else(|| "default".to_owned());
        let file = variable("AWS_SHARED_CREDENTIALS_FILE")
            .map(PathBuf::from)
            .or_else(|| variable("HOME").map(|home| Path::new(&home).join(".aws/credentials")));
        let missing = |why: &str| {
            RemoteError::NoCredentials(format!(
                "{why} (looked for in the environment and in AWS's shared credentials file; roles of machines, containers \
                 and single sign-on are not asked here: export their keys into the environment)"
            ))
        };
        let file = file.ok_or_else(|| missing("no variable names a home"))?;
        let text =
            reference::read(base, &file).ok_or_else(|| missing("no keys, and the credentials file can't be read"))?;
        let value = |key: &str| of_profile(&text, &profile, key);
        match (value("aws_access_key_id"), value("aws_secret_access_key")) {
            (Some(id), Some(secret)) => Ok(AwsKeys { id, secret, token: value("aws_session_token") }),
            _ => Err(missing("the profile has no keys")),
        }
    }
}

impl AwsKeys {
    pub(super) fn credentials(&self) -> aws_credential_types::Credentials {
        let token = self.token.as_ref().map(|token| token.expose_secret().to_owned());
        aws_credential_types::Credentials::new(
            self.id.expose_secret(),
            self.secret.expose_secret(),
            token,
            None,
            "exhibit",
        )
    }
}

/// A value of a profile in AWS's form of INI.
fn of_profile(text: &str, profile: &str, key: &str) -> Option<SecretString> {
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            inside = section.trim() == profile;
        } else if inside
            && let Some((name, value)) = line.split_once('=')
            && name.trim() == key
            && !value.trim().is_empty()
        {
            return Some(SecretString::from(value.trim()));
        }
    }
    None
}

/// Opened to `fuzz/`.
#[cfg(feature = "fuzzing")]
pub(super) mod fuzzing {
    use super::*;

    /// Any text as AWS's shared credentials file: what is found stands in it, trimmed, and no error repeats it.
    ///
    /// # Panics
    /// When that does not hold.
    pub fn aws_keys(text: &str) {
        for profile in ["default", "audit", ""] {
            for key in ["aws_access_key_id", "aws_session_token"] {
                let Some(found) = of_profile(text, profile, key) else { continue };
                let found = found.expose_secret();
                assert!(!found.is_empty() && found.trim() == found && !found.contains('\n') && text.contains(found));
                assert!(text.contains(key) && text.contains(profile));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(settings: &str, folder: &Path, variables: &[(&str, &str)]) -> Result<String, RemoteError> {
        let source: KeySource = toml::from_str(settings).expect("settings");
        let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, v)| (*v).to_owned());
        source.load_by(folder, &variable).map(|keys| {
            assert!(!format!("{keys:?}").contains("canary"));
            let token = keys.token.as_ref().map_or("-", |token| token.expose_secret());
            format!("{} {} {token}", keys.id.expose_secret(), keys.secret.expose_secret())
        })
    }

    #[test]
    fn keys_come_from_where_they_are_said_to_be() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = "[default]\naws_access_key_id=d-id\naws_secret_access_key = canary-d\n\n[audit]\n# x\n\
                    aws_access_key_id = a-id\naws_secret_access_key = canary-a\naws_session_token = canary-t\n[none]\n";
        std::fs::write(folder.path().join("credentials"), file).expect("written");
        let file = ("AWS_SHARED_CREDENTIALS_FILE", "credentials");
        let keys = [("AWS_ACCESS_KEY_ID", "e-id"), ("AWS_SECRET_ACCESS_KEY", "canary-e")];
        let given = |settings: &str, variables: &[(&str, &str)]| load(settings, folder.path(), variables);
        assert_eq!(given("", &[file]).expect("keys"), "d-id canary-d -");
        assert_eq!(given("", &[file, keys[0], keys[1]]).expect("keys"), "e-id canary-e -");
        assert_eq!(given("", &[file, ("AWS_PROFILE", "audit")]).expect("keys"), "a-id canary-a canary-t");
        assert_eq!(given("profile = 'audit'", &[file, keys[0], keys[1]]).expect("keys"), "a-id canary-a canary-t");
        let named = "access_key_id = 'env:MY_ID'\nsecret_access_key = 'env:MY_SECRET'";
        assert_eq!(given(named, &[("MY_ID", "m-id"), ("MY_SECRET", "canary-m")]).expect("keys"), "m-id canary-m -");
        for (settings, code) in [
            (named, "no-credentials"),
            ("profile = 'none'", "no-credentials"),
            ("profile = 'absent'", "no-credentials"),
            ("profile = 'audit'\naccess_key_id = 'env:A'", "remote-settings"),
            ("access_key_id = 'env:A'", "remote-settings"),
        ] {
            let error = given(settings, &[file]).expect_err("refused");
            assert!(error.code() == code && !error.to_string().contains("canary"), "{error}");
        }
        assert_eq!(given("", &[]).expect_err("none").code(), "no-credentials");
    }
}
