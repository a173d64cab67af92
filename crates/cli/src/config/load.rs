//! From the file's text to a [`Config`], or to everything that is wrong with it.

use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::diagnostic::{Diagnostic, Invalid};
use super::hidden::{self, Literal, Reason};
use super::model::Config;
use super::reader::Reader;
use super::schema;
use super::settings::Collectors;
use super::shown::Shown;

/// The name that is looked for where none is given.
pub(crate) const FILE_NAME: &str = "exhibit.toml";

/// Larger files are no configuration.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// There is no such file.
    #[error("there is no configuration file {}", .0.display())]
    Absent(PathBuf),
    /// The file could not be read.
    #[error("could not read the configuration file {}: {source}", .file.display())]
    Unreadable {
        /// Which file.
        file: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file is far larger than any configuration.
    #[error("{} is larger than {MAX_BYTES} bytes, which no configuration is", .0.display())]
    TooLarge(PathBuf),
    /// The file says something that cannot be meant.
    #[error("{0}")]
    Invalid(Box<Invalid>),
}

/// Reads and checks the configuration file `path`, a path as the user gave it.
///
/// # Errors
/// The file is absent, unreadable or invalid; an invalid one is told with every mistake at once.
pub(crate) fn load(path: &Path, collectors: &dyn Collectors) -> Result<Config, ConfigError> {
    let unreadable = |source: std::io::Error| ConfigError::Unreadable { file: path.to_path_buf(), source };
    let meta = std::fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => ConfigError::Absent(path.to_path_buf()),
        _ => unreadable(error),
    })?;
    if meta.len() > MAX_BYTES {
        return Err(ConfigError::TooLarge(path.to_path_buf()));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let absolute = std::path::absolute(path).map_err(unreadable)?;
    parse(&text, path, &absolute, collectors).map_err(|invalid| ConfigError::Invalid(Box::new(invalid)))
}

/// Checks a configuration's text. `shown` is how messages call the file; `file` is where it is, absolute.
///
/// # Errors
/// Everything that is wrong with it.
pub(crate) fn parse(text: &str, shown: &Path, file: &Path, collectors: &dyn Collectors) -> Result<Config, Invalid> {
    let (root, syntax) = DeTable::parse_recoverable(text);
    if !syntax.is_empty() {
        let masked = Shown::new(text, hidden::in_broken_text(text));
        let problems = syntax.iter().map(|error| syntax_problem(error, text));
        return Err(Invalid::new(shown, masked, problems.collect()));
    }
    let literals = hidden::literals(root.get_ref());
    let mut spans = hidden::comments(text, &root);
    spans.extend(literals.iter().map(|literal| literal.span.clone()));

    let mut reader = Reader::of(text, shown);
    for literal in &literals {
        reader.refuse(literal_problem(literal));
    }
    let config = schema::read(&root, file, collectors, &mut reader);
    let (problems, unknown) = reader.into_parts();
    spans.extend(unknown);
    match config {
        Some(config) if problems.is_empty() => Ok(config),
        _ => Err(Invalid::new(shown, Shown::new(text, spans), problems)),
    }
}

/// A mistake against TOML itself. The parser's words hold none of the file's text.
fn syntax_problem(error: &toml::de::Error, text: &str) -> Diagnostic {
    let span = error.span().unwrap_or(text.len()..text.len());
    Diagnostic::new("config.syntax", span, "this is not TOML").label(error.message()).maybe_hint(
        error
            .message()
            .contains("duplicate")
            .then(|| "a key may be given once; `[[jobs]]` adds another job".to_owned()),
    )
}

fn literal_problem(literal: &Literal) -> Diagnostic {
    let (title, label) = match literal.reason {
        Reason::ReferenceExpected => (
            format!("`{}` is not a reference to a secret", literal.key),
            "expected \"env:NAME\" or \"file:PATH\"; what is here is not shown",
        ),
        Reason::SensitiveKey => (
            format!("`{}` holds a secret itself", literal.key),
            "the key's name says that this is a secret; it is not shown",
        ),
        Reason::SecretShape => {
            (format!("`{}` holds a secret itself", literal.key), "this has the shape of a secret; it is not shown")
        }
    };
    Diagnostic::new("config.literal-secret", literal.span.clone(), title).label(label).hint(
        "put the value into an environment variable or a file of mode 0600 and refer to it \
             as \"env:NAME\" or \"file:PATH\"; if this file was ever shared, change the secret",
    )
}
