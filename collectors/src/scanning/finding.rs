//! What was found, without the values.

use std::sync::Arc;

use exhibit_detect::{Confidence, Fingerprint, Rule};
use zeroize::Zeroizing;

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
