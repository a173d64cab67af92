//! `exhibit scan`: what to search, and how to tell it.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// `exhibit scan`
#[derive(Debug, Args)]
pub(crate) struct ScanArgs {
    /// Files and folders to search; - for standard input
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// Search the history of the git repository at PATH, every blob once, and not the files of its work tree
    #[arg(long)]
    pub(crate) git: bool,
    /// Of the history, what HEAD has and this revision has not
    #[arg(long, value_name = "REV", requires = "git")]
    pub(crate) since: Option<String>,
    /// Also search for personal data: mail addresses, phone, card and account numbers
    #[arg(long)]
    pub(crate) personal_data: bool,
    /// Also find by the rules of this file, in the form of Exhibit's own; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: Vec<PathBuf>,
    /// Also search text that is written in base64, hex, URL-encoding or JSON escapes, one level deep
    #[arg(long)]
    pub(crate) encoded: bool,
    /// Nothing less sure than this is told
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t = Sureness::Medium)]
    pub(crate) confidence: Sureness,
    /// Leave out what git's ignore files name; they name what is not committed, which is where secrets lie
    #[arg(long, conflicts_with = "git")]
    pub(crate) gitignore: bool,
    /// Follow symbolic links within folders
    #[arg(long, conflicts_with = "git")]
    pub(crate) follow: bool,
    /// Leave out what matches, in the notation of .gitignore; may be given several times
    #[arg(long, value_name = "PATTERN", conflicts_with = "git")]
    pub(crate) exclude: Vec<String>,
    /// Tell only what this baseline does not know
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// Write what is found as a baseline; it holds no value
    #[arg(long, value_name = "FILE", conflicts_with = "baseline")]
    pub(crate) write_baseline: Option<PathBuf>,
    /// Show values in the clear; refused unless standard output is a terminal
    #[arg(long)]
    pub(crate) reveal: bool,
    /// How many threads work [default: as many as there are processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// How what was found is printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = ScanFormat::Table)]
    pub(crate) format: ScanFormat,
}

/// How findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScanFormat {
    /// For people
    Table,
    /// For programs
    Json,
    /// For code scanning services: SARIF 2.1.0
    Sarif,
}

/// How sure a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sureness {
    /// A word or password that anybody guesses, or a guess from a name
    Low,
    /// The shape in the right context
    Medium,
    /// A shape that nothing else has
    High,
    /// Proven by the value's own checksum
    Certain,
}
