//! Errors, told to people: what, why, and what to do.

use std::fmt;

use clap::builder::styling::{AnsiColor, Style};

use super::printable;
use crate::config::{ConfigError, FILE_NAME};

const ERROR: Style = AnsiColor::Red.on_default().bold();
const CAUSE: Style = AnsiColor::Yellow.on_default();
const HINT: Style = AnsiColor::Cyan.on_default();

/// An error as it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// What could not be done.
    pub(crate) title: String,
    /// Why, from the near reason to the far one.
    pub(crate) causes: Vec<String>,
    /// What to do.
    pub(crate) hint: Option<String>,
    /// Snippets of a configuration file, before everything else; may hold colour.
    body: Option<String>,
}

impl Problem {
    /// Tells an error with its chain of causes, and the hint of the part that has one.
    pub(crate) fn of(error: &anyhow::Error) -> Self {
        let mut hint = None;
        let mut body = None;
        let mut told: Vec<String> = Vec::new();
        for part in error.chain() {
            if let Some(hinted) = part.downcast_ref::<Hinted>() {
                hint.get_or_insert_with(|| hinted.hint.clone());
                continue;
            }
            let mut text = part.to_string();
            if let Some(config) = part.downcast_ref::<ConfigError>() {
                hint = hint.or_else(|| config_hint(config));
                if let ConfigError::Invalid(invalid) = config {
                    body = Some(invalid.render(true));
                    text = mistakes(invalid.problems().len());
                }
            }
            // Many errors repeat their source in their own words.
            if !told.last().is_some_and(|before| before.contains(&text)) {
                told.push(text);
            }
        }
        let mut told = told.into_iter();
        Self { title: told.next().unwrap_or_default(), causes: told.collect(), hint, body }
    }

    /// Says it on standard error; what cannot be said there cannot be said anywhere.
    pub(crate) fn print(&self) {
        use std::io::Write;
        let mut stderr = anstream::stderr().lock();
        let _ = writeln!(stderr, "{self}");
    }

    /// The text without colour, for a log.
    pub(crate) fn plain(&self) -> String {
        use std::io::Write;
        let mut bytes = anstream::AutoStream::never(Vec::new());
        // Writing to memory does not fail.
        let _ = write!(bytes, "{self}");
        String::from_utf8_lossy(&bytes.into_inner()).into_owned()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(body) = &self.body {
            write!(f, "{body}\n\n")?;
        }
        write!(f, "{ERROR}error:{ERROR:#} {}", indented(&self.title))?;
        for cause in &self.causes {
            write!(f, "\n{CAUSE}cause:{CAUSE:#} {}", indented(cause))?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n{HINT}hint:{HINT:#} {}", indented(hint))?;
        }
        Ok(())
    }
}

fn indented(text: &str) -> String {
    printable(text.trim_end()).replace('\n', "\n  ")
}

fn mistakes(count: usize) -> String {
    match count {
        1 => "the configuration has a mistake".to_owned(),
        _ => format!("the configuration has {count} mistakes"),
    }
}

fn config_hint(error: &ConfigError) -> Option<String> {
    let ConfigError::Absent(path) = error else {
        return None;
    };
    Some(if path.as_os_str() == FILE_NAME {
        "`--config FILE` names another, `--dir DIR` a demo's folder; `exhibit demo` needs none".to_owned()
    } else {
        "`--config FILE` names the file, `--dir DIR` the folder of a demo".to_owned()
    })
}

/// An error with advice.
#[derive(Debug)]
struct Hinted {
    hint: String,
    source: anyhow::Error,
}

impl fmt::Display for Hinted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

impl std::error::Error for Hinted {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(self.source.as_ref())
    }
}

/// Adds advice to an error, wherever it is known: `read(path).hint("…")?`.
pub(crate) trait Hint<T> {
    /// The same result, with advice for people.
    ///
    /// # Errors
    /// The same error.
    fn hint(self, hint: impl Into<String>) -> anyhow::Result<T>;
}

impl<T, E: Into<anyhow::Error>> Hint<T> for Result<T, E> {
    fn hint(self, hint: impl Into<String>) -> anyhow::Result<T> {
        self.map_err(|error| anyhow::Error::new(Hinted { hint: hint.into(), source: error.into() }))
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("could not open x: {source}")]
    struct Repeating {
        source: std::io::Error,
    }

    fn failing() -> Result<(), Repeating> {
        Err(Repeating { source: std::io::Error::other("the disk is on fire\u{1b}[0m") })
    }

    #[test]
    fn what_why_and_what_to_do() {
        let error =
            failing().hint("call somebody").context("could not start").hint("try again\nlater").expect_err("fails");
        let expected = "\
error: could not start
cause: could not open x: the disk is on fire\\u{1b}[0m
hint: try again
  later";
        assert_eq!(Problem::of(&error).plain(), expected);
    }

    #[test]
    fn the_near_hint_is_kept_if_there_is_no_other() {
        let error = failing().hint("call somebody").context("no").expect_err("fails");
        assert_eq!(Problem::of(&error).hint.as_deref(), Some("call somebody"));
        assert_eq!(error.to_string(), "no");
    }

    #[test]
    fn a_missing_configuration_says_how_to_name_one() {
        let error = anyhow::Error::new(ConfigError::Absent(FILE_NAME.into()));
        let problem = Problem::of(&error);
        assert_eq!(problem.title, "there is no configuration file exhibit.toml");
        assert!(problem.hint.expect("a hint").contains("--config"));
        assert!(problem.causes.is_empty());
    }

    #[test]
    fn colour_is_only_for_those_who_see_it() {
        let problem = Problem::of(&failing().hint("x").expect_err("fails"));
        assert!(problem.to_string().contains('\u{1b}'));
        assert!(!problem.plain().contains('\u{1b}'));
    }
}
