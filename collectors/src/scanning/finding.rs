//! What was found, without the values.

use std::sync::Arc;

use exhibit_detect::{Confidence, Fingerprint, Rule};
use zeroize::Zeroizing;

use crate::reading::{History, Point};

/// One thing found at one place. Its value is held only if the caller asked to reveal values.
pub struct Finding<'e> {
    /// What found it.
    pub rule: &'e Rule,
    /// How sure it is.
    pub confidence: Confidence,
    /// The document's name.
    pub path: Arc<str>,
    /// From 1.
    pub line: u64,
    /// From 1, in bytes; of UTF-16, in bytes of its text in UTF-8.
    pub column: u64,
    /// From 1, in characters (Unicode code points; a byte that is no UTF-8 counts as one); nothing where more than 1,024
    /// bytes of the line stand before it.
    pub character: Option<u64>,
    /// The value's masked shape.
    pub masked: String,
    /// Equal for equal values within one scan.
    pub fingerprint: Fingerprint,
    /// Where it stands in git's history; nothing outside it.
    pub commit: Option<Arc<Commit>>,
    /// The last commit that brought in a version of its document that holds it; nothing outside history.
    pub last: Option<Arc<Commit>>,
    /// How many distinct versions of its document hold it; 1 outside history.
    pub versions: u64,
    /// Of a known value, its number among those that were looked for.
    pub known: Option<usize>,
    /// How often the version of the document that holds it most often holds it, where equal ones are folded; else 1.
    pub hits: u64,
    /// Whether HEAD still carries it; nothing outside git's history.
    pub at_head: Option<bool>,
    /// The reason for which a remark in its line allows it.
    pub allowed: Option<String>,
    /// The same value found by the same rule in the same document before this, so many times.
    pub(super) repeat: u32,
    /// The value, if values are to be revealed to a person at a terminal.
    pub value: Option<Zeroizing<Vec<u8>>>,
}

/// A commit, as findings name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its place in an order in which parents come first.
    pub position: usize,
    /// Its id, in 40 hexadecimal digits.
    pub id: String,
    /// When its author wrote it, in seconds since 1970, by the author's clock.
    pub author_time: i64,
    /// The author's offset from UTC, in minutes.
    pub author_offset: i32,
}

impl Finding<'_> {
    /// Adds the same value in a later version of the document.
    pub(super) fn join(&mut self, later: Self) {
        let position = |commit: &Option<Arc<Commit>>| commit.as_ref().map(|commit| commit.position);
        if position(&later.last) > position(&self.last) {
            self.last = later.last;
        }
        self.at_head = self.at_head.max(later.at_head);
        self.versions += later.versions;
        self.hits = self.hits.max(later.hits);
    }
}

impl Commit {
    /// All commits of a history, by their place in it.
    #[must_use]
    pub fn all(history: &History) -> Vec<Arc<Self>> {
        let commit = |(position, point): (usize, &Point)| {
            let (author_time, author_offset) = (point.author_time, point.author_offset);
            Arc::new(Self { position, id: point.id.to_string(), author_time, author_offset })
        };
        history.commits.iter().enumerate().map(commit).collect()
    }
}

impl std::fmt::Debug for Finding<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Finding")
            .field("rule", &self.rule.id)
            .field("path", &self.path)
            .field("line", &self.line)
            .field("column", &self.column)
            .field("masked", &self.masked)
            .finish_non_exhaustive()
    }
}
