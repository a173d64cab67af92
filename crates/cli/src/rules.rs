//! Rule files of the users' own: read, checked, and put beside the built-in rules.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use exhibit_detect::{Engine, Rule, RuleFileError, RuleProblem, validate_own};

/// Larger files are no rule files.
const LARGEST: u64 = 4 * 1024 * 1024;

/// Why own rules can't be used. Every message names the file; none repeats an example.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OwnRulesError {
    /// A file can't be read.
    #[error("{}: could not be read as a rule file: {source}", .file.display())]
    Unreadable {
        /// Which file or folder.
        file: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file is far larger than any rule file.
    #[error("{}: larger than {LARGEST} bytes, which no rule file is", .0.display())]
    TooLarge(PathBuf),
    /// No file matches a pattern.
    #[error("{}: no file of this name; expected at least one rule file", .0.display())]
    NoFile(PathBuf),
    /// A file is not of the form of a rule file.
    #[error(transparent)]
    Form(#[from] RuleFileError),
    /// The rules are not sound.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Unsound(Vec<RuleProblem>),
}

impl OwnRulesError {
    /// Whether it is about what lies there and not about what it says.
    pub(crate) fn is_blind(&self) -> bool {
        matches!(self, Self::Unreadable { .. })
    }
}

/// The engine over the built-in rules and those of these files; a file's name may hold `*`.
///
/// # Errors
/// When a file is not there, can't be read, or holds rules that are not sound, alone or beside all others.
pub(crate) fn engine(patterns: &[PathBuf], base: &Path) -> Result<Arc<Engine>, OwnRulesError> {
    if patterns.is_empty() {
        return Ok(Engine::shared());
    }
    let mut own = Vec::new();
    for file in files(patterns, base)? {
        let shown = shown(&file, base);
        let text = text(&file, &shown)?;
        own.extend(Rule::from_toml(&text, &shown.display().to_string())?);
    }
    validate_own(own).map(Arc::new).map_err(|mut problems| {
        problems.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
        OwnRulesError::Unsound(problems)
    })
}

/// A file as the configuration names it, so that messages read the same on every machine.
fn shown(file: &Path, base: &Path) -> PathBuf {
    file.strip_prefix(base).unwrap_or(file).to_owned()
}

/// Every file that is meant, each once, in the order of the patterns and then of their names.
fn files(patterns: &[PathBuf], base: &Path) -> Result<Vec<PathBuf>, OwnRulesError> {
    let mut all: Vec<PathBuf> = Vec::new();
    for pattern in patterns {
        let name = pattern.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut found = if name.contains('*') { in_folder(pattern, &name, base)? } else { vec![pattern.clone()] };
        found.sort();
        for file in found {
            if !all.contains(&file) {
                all.push(file);
            }
        }
    }
    Ok(all)
}

fn in_folder(pattern: &Path, name: &str, base: &Path) -> Result<Vec<PathBuf>, OwnRulesError> {
    let folder = match pattern.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let unreadable = |source| OwnRulesError::Unreadable { file: shown(folder, base), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let is_file = fs::metadata(entry.path()).is_ok_and(|meta| meta.is_file());
        if is_file && matches(name, &entry.file_name().to_string_lossy()) {
            found.push(pattern.with_file_name(entry.file_name()));
        }
    }
    if found.is_empty() { Err(OwnRulesError::NoFile(shown(pattern, base))) } else { Ok(found) }
}

/// Whether a name is as the pattern says, in which `*` stands for anything.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((begin, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(name) = name.strip_prefix(begin) else { return false };
    name.char_indices().map(|(at, _)| at).chain([name.len()]).any(|at| matches(rest, &name[at..]))
}

fn text(file: &Path, shown: &Path) -> Result<String, OwnRulesError> {
    let unreadable = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound => OwnRulesError::NoFile(shown.to_owned()),
        _ => OwnRulesError::Unreadable { file: shown.to_owned(), source },
    };
    let meta = fs::metadata(file).map_err(unreadable)?;
    if !meta.is_file() {
        // A named pipe would make the reader wait.
        return Err(OwnRulesError::Unreadable {
            file: shown.to_owned(),
            source: std::io::Error::other("not a plain file"),
        });
    }
    let mut text = String::new();
    fs::File::open(file).and_then(|open| open.take(LARGEST + 1).read_to_string(&mut text)).map_err(unreadable)?;
    if text.len() as u64 > LARGEST { Err(OwnRulesError::TooLarge(shown.to_owned())) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, name, expected) in [
            ("*.toml", "acme.toml", true),
            ("*.toml", ".toml", true),
            ("a*b*.toml", "a-b-c.toml", true),
            ("a*b*.toml", "ab.tom", false),
            ("acme.toml", "acme.toml", true),
            ("*", "ä", true),
            ("x*", "ax", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
