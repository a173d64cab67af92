//! Checks a bundle, or everything in an archive, offline: nothing is believed but the keys that the caller names.
//!
//! The math is [`exhibit_ledger`]'s; here are the files. `exhibit verify` uses this library too, so that both programs say
//! the same, and adds one thing of its own: rendering a report again.

mod archive;
mod crew;
mod objects;
mod sealed;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use exhibit_evidence::letters::steers;
use exhibit_ledger::bundle::{CannotLook, Manifest, Trust, Verification, verify_bundle_with};
use exhibit_ledger::checkpoint::{CheckpointError, SignedCheckpoint};
use exhibit_ledger::keys::{Rotation, RotationError, parse_rotations};
use exhibit_ledger::note::{KeyError, VerifierKey};
use serde::Serialize;

use crate::crew::Threads;

/// Bytes read at once where a file is hashed or searched.
const BUFFER: usize = 1 << 20;
/// Bytes read at once of a bundle's headers: its files are read past this buffer.
const HEADERS: usize = 16 << 10;

/// What came of a verification, in words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Whether nothing differs.
    pub verified: bool,
    /// What was proven.
    pub proven: Vec<String>,
    /// What was not looked at, or can't be shown: neither proven nor different.
    pub not_done: Vec<String>,
    /// What differs, each with its place.
    pub differences: Vec<String>,
}

/// Why nothing could be looked at. This is neither a pass nor a difference.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A file or folder can't be read.
    #[error("{path}: {source}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A bundle can't be looked at.
    #[error("{path}: {source}")]
    Bundle {
        /// Which.
        path: PathBuf,
        /// Why.
        source: CannotLook,
    },
    /// What is said to be a key is none.
    #[error("{0}: no verifier key in the form name+hash+base64: {1}")]
    Key(String, KeyError),
    /// A file of keys without one.
    #[error("{0}: it holds no key")]
    NoKey(String),
    /// What is said to be a checkpoint is none.
    #[error("{path}: no signed checkpoint: {source}")]
    Checkpoint {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: CheckpointError,
    },
    /// What is said to be a list of rotations is none.
    #[error("{path}: no list of key rotations: {source}")]
    Rotations {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: RotationError,
    },
    /// A folder in which there is nothing to verify.
    #[error("{0}: no bundle in it: it must be laid out as an archive's keys are, with `reports/` or `segments/`")]
    Empty(PathBuf),
}

/// Verifies a bundle, or a folder that is laid out as an archive's keys are.
///
/// # Errors
/// When nothing could be looked at: see [`Failure`].
pub fn verify(path: &Path, trust: &Trust) -> Result<Outcome, Failure> {
    if fs::metadata(path).map_err(cannot_read(path))?.is_dir() {
        return archive::verify(path, trust);
    }
    let mut file = File::open(path).map_err(cannot_read(path))?;
    verify_file(path, &mut file, trust).map(|(outcome, _)| outcome)
}

/// Verifies a bundle; gives its manifest too, where that is proven.
///
/// # Errors
/// When it could not be looked at: see [`Failure`].
pub fn verify_file(path: &Path, file: &mut File, trust: &Trust) -> Result<(Outcome, Option<Manifest>), Failure> {
    let verification = look(path, file, trust)?;
    let mut outcome = Outcome::default();
    outcome.add("", &verification);
    if verification.manifest.as_ref().is_some_and(Manifest::is_segment) {
        outcome
            .not_done
            .push("a segment of the ledger holds no report, and its raw artifacts lie beside it".to_owned());
    }
    Ok((outcome.settled(), verification.manifest))
}

fn look(path: &Path, file: &mut File, trust: &Trust) -> Result<Verification, Failure> {
    let cannot = |source| Failure::Bundle { path: path.to_owned(), source };
    let reader = io::BufReader::with_capacity(HEADERS, file);
    thread::scope(|scope| verify_bundle_with(reader, trust, &mut Threads::start(scope))).map_err(cannot)
}

impl Outcome {
    /// Takes over what a bundle's verification says, each line behind the bundle's name.
    fn add(&mut self, name: &str, verification: &Verification) {
        let told = |text: &dyn std::fmt::Display| {
            if name.is_empty() { printable(&text.to_string()) } else { printable(&format!("{name}: {text}")) }
        };
        self.proven.extend(verification.proven.iter().map(|proven| told(proven)));
        self.not_done.extend(verification.not_shown.iter().map(|open| told(open)));
        self.differences.extend(verification.differences.iter().map(|difference| told(difference)));
        if verification.omitted > 0 {
            self.differences.push(told(&format_args!("{} more differences", verification.omitted)));
        }
    }

    /// The outcome once everything was added.
    fn settled(mut self) -> Self {
        self.verified = self.differences.is_empty();
        self
    }
}

/// A text from a file, fit for a terminal: control characters and those that turn the direction of text are escaped.
fn printable(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        if steers(c) {
            out.extend(c.escape_default())
        } else {
            out.push(c)
        }
        out
    })
}

/// Keys, from a text that is one or from a file with one a line.
///
/// # Errors
/// [`Failure::Read`], [`Failure::Key`], [`Failure::NoKey`].
pub fn read_keys(key_or_file: &str) -> Result<Vec<VerifierKey>, Failure> {
    let path = Path::new(key_or_file);
    if !path.exists() && key_or_file.contains('+') {
        let key = VerifierKey::parse(key_or_file).map_err(|error| Failure::Key(key_or_file.to_owned(), error))?;
        return Ok(vec![key]);
    }
    let text = fs::read_to_string(path).map_err(cannot_read(path))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let keys = lines.map(VerifierKey::parse).collect::<Result<Vec<_>, _>>();
    let keys = keys.map_err(|error| Failure::Key(key_or_file.to_owned(), error))?;
    if keys.is_empty() { Err(Failure::NoKey(key_or_file.to_owned())) } else { Ok(keys) }
}

/// A checkpoint that the caller holds.
///
/// # Errors
/// [`Failure::Read`], [`Failure::Checkpoint`].
pub fn read_checkpoint(path: &Path) -> Result<SignedCheckpoint, Failure> {
    let bytes = fs::read(path).map_err(cannot_read(path))?;
    SignedCheckpoint::parse(&bytes).map_err(|source| Failure::Checkpoint { path: path.to_owned(), source })
}

/// Rotations of the signing key, as a bundle's `keys.rotations` has them.
///
/// # Errors
/// [`Failure::Read`], [`Failure::Rotations`].
pub fn read_rotations(path: &Path) -> Result<Vec<Rotation>, Failure> {
    let bytes = fs::read(path).map_err(cannot_read(path))?;
    parse_rotations(&bytes).map_err(|source| Failure::Rotations { path: path.to_owned(), source })
}

fn cannot_read(path: &Path) -> impl FnOnce(io::Error) -> Failure {
    let path = path.to_owned();
    move |source| Failure::Read { path, source }
}
