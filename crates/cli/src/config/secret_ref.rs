//! Secrets by reference: `env:NAME` or `file:PATH`, resolved as late as possible.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use zeroize::Zeroizing;

/// Larger files are not secrets but mistakes.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// Where a secret is to be found. Holds no secret itself, so it may be printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SecretRef {
    /// An environment variable.
    Env(String),
    /// A file, by absolute path.
    File(PathBuf),
}

/// A secret with what was noticed on the way to it.
#[derive(Debug)]
pub(crate) struct Resolved {
    /// The value, without the line end that editors leave in files.
    pub(crate) value: SecretString,
    /// A fact worth telling, such as permissions that are too wide.
    pub(crate) warning: Option<String>,
}

/// Why a reference could not be followed. Never holds the value.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretError {
    /// The variable is not set.
    #[error("the environment variable {0} is not set")]
    Unset(String),
    /// The variable or file holds nothing.
    #[error("{0} holds an empty value")]
    Empty(SecretRef),
    /// The bytes are no text.
    #[error("{0} does not hold UTF-8 text")]
    NotText(SecretRef),
    /// The path does not name a plain file.
    #[error("{0} is not a plain file")]
    NotAFile(SecretRef),
    /// The file is far larger than any secret.
    #[error("{0} is larger than {MAX_FILE_BYTES} bytes, which no secret is")]
    TooLarge(SecretRef),
    /// The file could not be read.
    #[error("could not read {reference}: {source}")]
    Unreadable {
        /// What was followed.
        reference: SecretRef,
        /// Why not.
        source: std::io::Error,
    },
}

impl SecretRef {
    /// Reads `env:NAME` or `file:PATH`; relative paths start at `base`.
    ///
    /// # Errors
    /// Says what was expected, without the text that was given: that may be a secret.
    pub(crate) fn parse(text: &str, base: &Path) -> Result<Self, &'static str> {
        if let Some(name) = text.strip_prefix("env:") {
            if is_variable_name(name) {
                return Ok(Self::Env(name.to_owned()));
            }
            return Err("after `env:` expected a variable's name: letters, digits and `_`");
        }
        match text.strip_prefix("file:") {
            Some("") => Err("after `file:` expected a path"),
            Some(path) => Ok(Self::File(base.join(path))),
            None => Err("expected a reference: \"env:NAME\" or \"file:PATH\""),
        }
    }

    /// Fetches the secret from the process's environment or from the file.
    ///
    /// # Errors
    /// If there is none, it is empty, or it cannot be read; never shows the value.
    pub(crate) fn resolve(&self) -> Result<Resolved, SecretError> {
        self.resolve_with(|name| std::env::var_os(name))
    }

    /// [`SecretRef::resolve`] over an environment that the caller supplies.
    fn resolve_with(&self, variable: impl Fn(&str) -> Option<OsString>) -> Result<Resolved, SecretError> {
        match self {
            Self::Env(name) => {
                let value = variable(name).ok_or_else(|| SecretError::Unset(name.clone()))?;
                let bytes = Zeroizing::new(value.into_encoded_bytes());
                self.checked(&bytes, None)
            }
            Self::File(path) => {
                let (bytes, warning) = self.read(path)?;
                self.checked(&bytes, warning)
            }
        }
    }

    fn read(&self, path: &Path) -> Result<(Zeroizing<Vec<u8>>, Option<String>), SecretError> {
        let unreadable = |source| SecretError::Unreadable { reference: self.clone(), source };
        // Looked at before it is opened: opening a pipe would wait for ever.
        let meta = std::fs::metadata(path).map_err(unreadable)?;
        if !meta.is_file() {
            return Err(SecretError::NotAFile(self.clone()));
        }
        let file = File::open(path).map_err(unreadable)?;
        // Full capacity at once: growing would leave copies behind in freed memory.
        let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_FILE_BYTES as usize + 2));
        file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(SecretError::TooLarge(self.clone()));
        }
        Ok((bytes, wide_permissions(path, &meta)))
    }

    fn checked(&self, bytes: &[u8], warning: Option<String>) -> Result<Resolved, SecretError> {
        let text = std::str::from_utf8(bytes).map_err(|_| SecretError::NotText(self.clone()))?;
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.trim().is_empty() {
            return Err(SecretError::Empty(self.clone()));
        }
        Ok(Resolved { value: SecretString::from(text.to_owned()), warning })
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

fn is_variable_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(unix)]
fn wide_permissions(path: &Path, meta: &std::fs::Metadata) -> Option<String> {
    use std::os::unix::fs::PermissionsExt;
    let mode = meta.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then(|| {
        format!(
            "{} holds a secret and has mode {mode:04o}: others than its owner have rights on it; 0600 is expected",
            path.display()
        )
    })
}

#[cfg(not(unix))]
fn wide_permissions(_: &Path, _: &std::fs::Metadata) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use secrecy::ExposeSecret;

    use super::*;

    const CANARY: &str = "canary-value-4711";

    fn variable(name: &str) -> Option<OsString> {
        match name {
            "SET" => Some(CANARY.into()),
            "EMPTY" => Some("".into()),
            _ => None,
        }
    }

    #[test]
    fn references_have_two_shapes() {
        let base = Path::new("/etc/exhibit");
        for (text, expected) in [
            ("env:A_1", Some(SecretRef::Env("A_1".into()))),
            ("file:k", Some(SecretRef::File("/etc/exhibit/k".into()))),
            ("file:/run/k", Some(SecretRef::File("/run/k".into()))),
            ("env:", None),
            ("env:1A", None),
            ("env:A B", None),
            ("file:", None),
            ("canary-value-4711", None),
        ] {
            assert_eq!(SecretRef::parse(text, base).ok(), expected, "{text}");
        }
    }

    #[test]
    fn a_refused_literal_is_not_echoed() {
        let error = SecretRef::parse(CANARY, Path::new("/")).expect_err("a literal");
        assert!(!error.contains(CANARY));
    }

    #[test]
    fn variables_are_looked_up_late() {
        let found = SecretRef::Env("SET".into()).resolve_with(variable);
        assert_eq!(found.expect("set").value.expose_secret(), CANARY);
        for (name, expected) in
            [("EMPTY", "env:EMPTY holds an empty value"), ("NONE", "the environment variable NONE is not set")]
        {
            let error = SecretRef::Env(name.into()).resolve_with(variable);
            assert_eq!(error.expect_err(name).to_string(), expected);
        }
    }

    #[test]
    fn a_file_open_to_others_is_told() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("key");
        std::fs::write(&path, format!("{CANARY}\r\n")).expect("written");
        for (mode, warns) in [(0o600, false), (0o400, false), (0o640, true), (0o604, true)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("mode");
            let found = SecretRef::File(path.clone()).resolve().expect("readable");
            assert_eq!(found.value.expose_secret(), CANARY);
            assert_eq!(found.warning.is_some(), warns, "{mode:o}");
            assert!(!format!("{found:?}").contains(CANARY), "debug output redacts");
        }
    }

    #[test]
    fn what_is_no_secret_file_is_an_error_without_its_bytes() {
        let dir = tempfile::tempdir().expect("a folder");
        let write = |name: &str, bytes: &[u8]| {
            let path = dir.path().join(name);
            std::fs::write(&path, bytes).expect("written");
            path
        };
        let mut binary = CANARY.as_bytes().to_vec();
        binary.push(0xff);
        let mut large = CANARY.as_bytes().to_vec();
        large.resize(MAX_FILE_BYTES as usize + 1, b'x');
        for (path, expected) in [
            (write("empty", b"\n"), "empty"),
            (write("binary", &binary), "UTF-8"),
            (write("large", &large), "larger than"),
            (dir.path().to_path_buf(), "plain file"),
            (dir.path().join("absent"), "could not read"),
        ] {
            let error = SecretRef::File(path).resolve().expect_err(expected);
            assert!(error.to_string().contains(expected), "{error}");
            assert!(!format!("{error} {error:?}").contains(CANARY));
        }
    }
}
