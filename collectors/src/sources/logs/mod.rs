//! Where logs are read from: one trait, one file a source.
//!
//! A source lists what there is as pieces. Each piece is counted by one code path and read by another, so that whoever
//! uses both can show that no line was skipped. Nothing of a log is written anywhere, and no message repeats any of it.
//!
//! To add a source: one file with a type that implements [`LogSource`], and a line in the settings of `log_redaction`. One that is
//! asked over a network asks by [`crate::remote`].

use crate::remote::RemoteError;

pub mod cloudwatch;
pub mod command;
pub mod counting;
pub mod files;
pub mod journal;
pub mod loki;
mod packed;
pub mod paged;
pub mod place;
pub mod s3;

use std::collections::BTreeMap;

use exhibit_evidence::observation::Exclusion;

/// Something that holds a log.
pub trait LogSource: Sync {
    /// The kind of source, as it stands in evidence: `files`, `command`, `journal`.
    fn kind(&self) -> &'static str;

    /// What is read, in words for provenance, as configured.
    fn label(&self) -> String;

    /// How the source's own count is taken, in words for evidence.
    fn counted_by(&self) -> &'static str;

    /// What one line of it is called in evidence, in the singular: `log line`, `journal entry`.
    fn unit(&self) -> &'static str {
        "log line"
    }

    /// What a piece of it is called in evidence, in the singular, where the source lists many: `log file`, `object`.
    fn piece_unit(&self) -> Option<&'static str> {
        None
    }

    /// Whether a sample of it is drawn from pieces, by what the listing says of them, and not from lines: where reading all of
    /// it is what a sample should spare.
    fn draws_pieces(&self) -> bool {
        false
    }

    /// Everything there is now, in a fixed order. May be asked again, for what moved meanwhile.
    ///
    /// # Errors
    /// When the source can't be looked at.
    fn list(&self) -> Result<Listing, LogError>;
}

/// What a source holds.
#[derive(Default)]
pub struct Listing {
    /// What can be read.
    pub pieces: Vec<Box<dyn Piece>>,
    /// What is there and is not read.
    pub left: Vec<Left>,
}

/// A part of a log that is read from its beginning to its end: a file, what a command prints, a journal.
pub trait Piece: Send {
    /// Tells it from all others, whatever it is called by now.
    fn identity(&self) -> String;

    /// Its name, relative to what was configured.
    fn name(&self) -> &str;

    /// The source's own count of it; none where only reading it tells.
    ///
    /// # Errors
    /// Why it could not be counted.
    fn count(&mut self) -> Result<Option<Counted>, Left>;

    /// SHA-256 of its bytes as they are kept, in hexadecimal; none where it can't be read twice. Samples are drawn by it.
    ///
    /// # Errors
    /// Why it could not be read.
    fn digest(&mut self) -> Result<Option<String>, Left> {
        Ok(None)
    }

    /// Its size in bytes and its version, empty where there are none, as the listing states them; none where it states no size. By
    /// these a sample of pieces is drawn, none of which has been read.
    fn listed(&self) -> Option<(u64, &str)> {
        None
    }

    /// Reads it into `sink`, and answers how much passed by, counted at the rim.
    ///
    /// # Errors
    /// Why it could not be read to its end; `sink` may have seen a part of it.
    fn read(&mut self, sink: &mut dyn Sink) -> Result<Passed, Left>;
}

/// A count of a piece.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// Lines, of a journal entries; a last one without an end counts. None where only reading it tells.
    pub lines: Option<u64>,
    /// Bytes as they are kept; none where the source knows none.
    pub bytes: Option<u64>,
}

/// What passed by while a piece was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Passed {
    /// Lines or entries, as counted at the rim.
    pub lines: u64,
    /// Bytes as they are kept.
    pub bytes: u64,
    /// Bytes that came behind the end that it had when it was listed; they were not read.
    pub grown: u64,
    /// Lines or entries among them that were not looked at: the first of each reason, and how many.
    pub skipped: Vec<(Left, u64)>,
}

impl Passed {
    /// One more that was not looked at.
    pub(crate) fn skip(&mut self, left: Left) {
        match self.skipped.iter_mut().find(|(known, _)| known.code == left.code) {
            Some((_, count)) => *count += 1,
            None => self.skipped.push((left, 1)),
        }
    }
}

/// Who looks at a log.
pub trait Sink: Send {
    /// A document begins: its name, and the place that findings in it are told by.
    fn begin(&mut self, name: &str, place: &str);

    /// An entry of a document begins, at another place than the document. Lines are counted by entries from then on.
    fn entry(&mut self, place: &str);

    /// The next bytes of the document.
    fn feed(&mut self, bytes: &[u8]);

    /// The document has ended.
    fn end(&mut self);
}

/// Something of a log that was not read, or not to its end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Left {
    /// A steady code, by which a policy can accept it.
    pub code: &'static str,
    /// What.
    pub name: String,
    /// Why, in words.
    pub reason: String,
}

impl Left {
    /// The code of what is no longer where it was listed: it may have got another name.
    pub const MOVED: &'static str = "moved";

    /// Something that was left out.
    pub fn new(code: &'static str, name: &str, reason: impl Into<String>) -> Self {
        Self { code, name: name.to_owned(), reason: reason.into() }
    }
}

/// Examples of what was left out, for each reason.
const EXAMPLES: usize = 5;

/// What was left out, one item for each code.
pub(crate) fn exclusions(left: &[Left]) -> Vec<Exclusion> {
    let mut by_code: BTreeMap<&str, Exclusion> = BTreeMap::new();
    for one in left {
        let exclusion = by_code.entry(one.code).or_insert_with(|| Exclusion {
            code: one.code.to_owned(),
            reason: one.reason.clone(),
            count: 0,
            examples: Vec::new(),
        });
        exclusion.count += 1;
        if exclusion.examples.len() < EXAMPLES {
            exclusion.examples.push(one.name.clone());
        }
    }
    by_code.into_values().collect()
}

/// Every code that [`Left`] may have.
pub const LEFT: &[&str] = &[
    "vanished",
    "shrank",
    "unreadable",
    "damaged",
    "encrypted",
    "unsupported",
    "unpacks-too-large",
    "nested-too-deep",
    "dangling-link",
    "linked-folder",
    "special-file",
    "kernel-files",
    "journal-file",
    "entry-too-large",
    "entry-not-understood",
    "archived-object",
    "unnamable-object",
];

/// Why a source can't be looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct LogError {
    /// A steady code.
    pub code: &'static str,
    /// What could not be done, and why.
    pub message: String,
}

impl From<RemoteError> for LogError {
    fn from(error: RemoteError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl LogError {
    /// An error of this code.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

#[cfg(test)]
pub(crate) mod recorded {
    use super::Sink;

    /// Writes down what it is told.
    #[derive(Default)]
    pub(crate) struct Recorded {
        pub(crate) documents: Vec<(String, String, Vec<u8>)>,
        pub(crate) entries: Vec<String>,
        pub(crate) ended: usize,
    }

    impl Sink for Recorded {
        fn begin(&mut self, name: &str, place: &str) {
            self.documents.push((name.to_owned(), place.to_owned(), Vec::new()));
        }

        fn entry(&mut self, place: &str) {
            self.entries.push(place.to_owned());
        }

        fn feed(&mut self, bytes: &[u8]) {
            self.documents.last_mut().expect("a document began").2.extend_from_slice(bytes);
        }

        fn end(&mut self) {
            self.ended += 1;
        }
    }
}
