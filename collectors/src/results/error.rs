//! Why a scanner's output could not be read. No message repeats text of the output unless it was made visible and cut.

use std::io;

use super::{Format, text};

/// Why a file of a scanner could not be read, with its name.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {why}")]
pub struct ReadError {
    /// What was read, as the caller named it.
    pub name: String,
    /// Why it could not be.
    pub why: Why,
}

/// Why a scanner's output could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Why {
    /// The bytes could not be had.
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
    /// There is nothing but white space.
    #[error("it is empty: expected {}", wanted(*expected))]
    Empty {
        /// What was asked for, if anything in particular.
        expected: Option<Format>,
    },
    /// It ends in the middle.
    #[error("it ends in the middle, after {bytes} bytes{}: the output was cut off", at(path))]
    Truncated {
        /// How many bytes there are.
        bytes: u64,
        /// Where it ended, as keys and indices.
        path: String,
    },
    /// It is no JSON.
    #[error("{found} is no JSON, at line {line}, byte {byte}{}: expected {}", at(path), wanted(*expected))]
    NotJson {
        /// What was asked for, if anything in particular.
        expected: Option<Format>,
        /// What stands there instead.
        found: String,
        /// The line, from 1.
        line: u64,
        /// The offset in the file, from 0.
        byte: u64,
        /// Where, as keys and indices.
        path: String,
    },
    /// It is JSON of another shape.
    #[error("{message}, at line {line}, byte {byte}{}, in what {} prints", at(path), expected.prints())]
    Shape {
        /// What was asked for.
        expected: Format,
        /// What was expected and what was found.
        message: String,
        /// The line, from 1.
        line: u64,
        /// The offset in the file, from 0.
        byte: u64,
        /// Where, as keys and indices.
        path: String,
    },
    /// It is the output of another tool, or of this one asked for something else.
    #[error("it is what {} prints: expected what {} prints", found.prints(), expected.prints())]
    OtherTool {
        /// What was asked for.
        expected: Format,
        /// What it looks like.
        found: Format,
    },
    /// Nobody knows what it is.
    #[error(
        "it is the output of no scanner that is known here; name its format, or look whether it is the scanner's error"
    )]
    Unknown,
    /// A schema that this reader does not know.
    #[error("its `{key}` is {found}, and {known} can be read of what {} prints: this reader must learn it first", format.prints())]
    Schema {
        /// Whose output.
        format: Format,
        /// The key that tells the version.
        key: &'static str,
        /// What it says.
        found: String,
        /// Which versions are known.
        known: &'static str,
    },
    /// A key is missing without which nothing may be concluded.
    #[error("it has no `{key}`, which {} always prints{}", format.prints(), at(path))]
    Missing {
        /// Whose output.
        format: Format,
        /// The key.
        key: &'static str,
        /// Within what, as keys and indices.
        path: String,
    },
    /// The scanner says itself that it failed.
    #[error("{} says that it failed: {message}", format.prints())]
    Failed {
        /// Whose output.
        format: Format,
        /// Its words.
        message: String,
    },
    /// Something is spoken of before it is named: the file is read once more. Never leaves [`super::read`].
    #[error("it names things after it speaks of them")]
    Again,
    /// More than is read.
    #[error("it has more than {limit} {what}, at line {line}, byte {byte}{}", at(path))]
    Limit {
        /// Of what.
        what: &'static str,
        /// How many are read.
        limit: u64,
        /// The line, from 1.
        line: u64,
        /// The offset in the file, from 0.
        byte: u64,
        /// Where, as keys and indices.
        path: String,
    },
}

impl Why {
    /// Whether nothing says whose output it should be: nobody named it, and it does not look like any that is known.
    pub fn is_about_nothing_known(&self) -> bool {
        matches!(
            self,
            Self::Io(_) | Self::Unknown | Self::Empty { expected: None } | Self::NotJson { expected: None, .. }
        )
    }

    /// Puts a step before the path.
    pub(super) fn within(mut self, step: &dyn Fn() -> String) -> Self {
        if let Self::Truncated { path, .. }
        | Self::NotJson { path, .. }
        | Self::Shape { path, .. }
        | Self::Missing { path, .. }
        | Self::Limit { path, .. } = &mut self
            && path.chars().count() < text::NAME
        {
            let dot = if path.is_empty() || path.starts_with('[') { "" } else { "." };
            *path = format!("{}{dot}{path}", step());
        }
        self
    }
}

fn wanted(format: Option<Format>) -> String {
    format
        .map_or_else(|| "what a scanner prints as JSON".to_owned(), |format| format!("what {} prints", format.prints()))
}

fn at(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!(", at `{path}`") }
}
