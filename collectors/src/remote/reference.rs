//! Secrets by reference: settings name where one is found, never the secret.

use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::RemoteError;
use crate::sources::{Root, files};

/// Where a secret is found: `env:NAME` or `file:PATH`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Reference {
    /// A variable of this process's environment.
    Env(String),
    /// A file that holds nothing else; an end of line behind it does not count.
    File(PathBuf),
}

impl TryFrom<String> for Reference {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let text = Zeroizing::new(text);
        let name = |name: &&str| {
            let mut letters = name.bytes();
            letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
                && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == b'_')
        };
        match text.split_once(':') {
            Some(("env", rest)) if name(&rest) => Ok(Self::Env(rest.to_owned())),
            Some(("file", rest)) if !rest.is_empty() => Ok(Self::File(PathBuf::from(rest))),
            _ => Err("expected where the secret is found: `env:NAME` or `file:PATH`"),
        }
    }
}

impl Reference {
    /// The secret itself. A relative path is looked for in `base`.
    ///
    /// # Errors
    /// When there is none, or an empty one; names the variable or the file.
    pub fn resolve(&self, base: &Path) -> Result<SecretString, RemoteError> {
        self.resolve_by(base, &|name| std::env::var(name).ok())
    }

    pub(super) fn resolve_by(
        &self,
        base: &Path,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<SecretString, RemoteError> {
        let (text, named) = match self {
            Self::Env(name) => (variable(name).map(Zeroizing::new), format!("the variable {name}")),
            Self::File(path) => (read(base, path), format!("the file {}", path.display())),
        };
        let text = text.ok_or_else(|| RemoteError::NoCredentials(format!("{named} is not there or can't be read")))?;
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            return Err(RemoteError::NoCredentials(format!("{named} is empty")));
        }
        Ok(SecretString::from(text))
    }
}

/// A small text file, whole.
pub(super) fn read(base: &Path, name: &Path) -> Option<Zeroizing<String>> {
    files::text(&Root::folder(base), name.to_str()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    #[test]
    fn a_secret_is_named_and_never_written_out() {
        let parse = |text: &str| Reference::try_from(text.to_owned());
        assert_eq!(parse("env:VAULT_TOKEN"), Ok(Reference::Env("VAULT_TOKEN".to_owned())));
        assert_eq!(parse("file:/run/token"), Ok(Reference::File("/run/token".into())));
        for wrong in ["hvs.canary4711", "env:", "env:A B", "env:1A", "file:", "cmd:pass show canary4711", ""] {
            assert!(!parse(wrong).expect_err("refused").contains("canary"));
        }
    }

    #[test]
    fn what_is_not_there_is_told_by_its_name() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("token"), "canary4711\n").expect("written");
        std::fs::write(folder.path().join("empty"), "\n").expect("written");
        let file = |name: &str| Reference::File(name.into()).resolve(folder.path());
        assert_eq!(file("token").expect("there").expose_secret(), "canary4711");
        assert!(!format!("{:?}", file("token")).contains("canary"));
        for (name, word) in [("none", "not there"), ("empty", "is empty")] {
            let error = file(name).expect_err("refused");
            assert_eq!(error.code(), "no-credentials");
            assert!(error.to_string().contains(word) && error.to_string().contains(name), "{error}");
        }
        let lookup = |name: &str| (name == "A").then(|| "canary4711".to_owned());
        let env = |name: &str| Reference::Env(name.to_owned()).resolve_by(folder.path(), &lookup);
        assert_eq!(env("A").expect("there").expose_secret(), "canary4711");
        assert!(env("B").expect_err("none").to_string().contains("the variable B"));
    }
}
