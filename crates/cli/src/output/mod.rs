//! Everything the program says: data on standard output, words on standard error.
//!
//! Nothing else in this crate prints. What comes from outside (paths, ids, messages of other programs) is
//! shown with its control characters escaped, so that evidence cannot write to an auditor's terminal.

pub(crate) mod amount;
mod export;
mod out;
mod problem;
mod table;
mod voice;

pub(crate) use export::{Export, ExportFormat};
pub(crate) use out::{Format, Out};
pub(crate) use problem::{Hint, Problem};
pub(crate) use table::Table;
pub(crate) use voice::{Step, Words};

use std::process::ExitCode;

use exhibit_evidence::letters::steers;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, and nothing is wrong: 0.
    Clean,
    /// Something was examined and is not as it should be: 1.
    Differences,
    /// Bad usage, or something could not be found out: 2.
    CouldNotLook,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Clean => 0,
            Exit::Differences => 1,
            Exit::CouldNotLook => 2,
        })
    }
}

/// The text with control characters escaped, line ends kept.
pub(crate) fn printable(text: &str) -> String {
    let dangerous = |c: char| c != '\n' && steers(c);
    if !text.contains(dangerous) {
        return text.to_owned();
    }
    text.chars().map(|c| if dangerous(c) { c.escape_unicode().to_string() } else { c.to_string() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_escaped() {
        for (text, expected) in [
            ("plain, ümläut\nline", "plain, ümläut\nline"),
            ("a\u{1b}[2Jb", "a\\u{1b}[2Jb"),
            ("a\rb\u{7}", "a\\u{d}b\\u{7}"),
            ("a\u{9b}31m", "a\\u{9b}31m"),
            ("a\u{202e}b", "a\\u{202e}b"),
        ] {
            assert_eq!(printable(text), expected);
        }
    }
}
