//! What one kind of secret looks like.

use serde::Deserialize;

use crate::check::Check;
use crate::matches::Confidence;

/// How bad it is when a value of this kind is in the wrong hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Little can be done with it, or only by somebody who is already inside.
    Low,
    /// Limited use: one service, one narrow scope.
    Medium,
    /// Reads or changes data of one service.
    High,
    /// Whole accounts, whole infrastructures, or money.
    Critical,
}

impl Severity {
    /// The lower-case word used in rule files and evidence.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }
}

/// One kind of secret, as data. Read from a rule file by [`Rule::from_toml`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// `provider.kind`, kebab-case, permanent: history is keyed by it.
    pub id: String,
    /// The provider's name as people write it.
    pub provider: String,
    /// A few words for a table's cell.
    pub title: String,
    /// What the value is and what its holder can do with it.
    pub description: String,
    /// How bad a leak is.
    pub severity: Severity,
    /// How far the shape alone can be believed, before [`Rule::check`] has its say.
    pub confidence: Confidence,
    /// Lower-case literals; one of them must be near for the pattern to be tried. At least four bytes each, or
    /// three with a digit or punctuation among them.
    pub keywords: Vec<String>,
    /// The pattern, in the syntax of the `regex` crate, over bytes, without Unicode classes.
    /// The secret is the group `secret`, else group 1, else the whole match.
    pub pattern: String,
    /// Fixed beginnings of the value; up to four characters of them may show in a masked shape.
    pub prefixes: Vec<String>,
    /// Least Shannon entropy of the secret, in hundredths of a bit per byte.
    pub min_entropy: Option<u32>,
    /// A test of the value's inner structure.
    pub check: Option<Check>,
    /// Patterns; a secret in which one of them is found is no match.
    pub allow: Vec<String>,
    /// Where matches overlap the higher priority wins; 0 unless a rule is generic (below) or a refinement (above).
    pub priority: i8,
    /// Bytes before a keyword in which a match may begin.
    pub look_behind: usize,
    /// Bytes after a keyword in which a match should end.
    pub look_ahead: usize,
    /// Texts in which this rule, alone, finds a secret. Made-up values.
    pub examples: Vec<String>,
    /// Texts that look alike and in which it finds none.
    pub counter_examples: Vec<String>,
    /// The provider's documentation.
    pub references: Vec<String>,
    /// The file that this rule was read from, for messages.
    pub file: String,
    /// The line in that file at which the rule begins, from 1; for messages.
    pub line: usize,
}

impl Rule {
    /// Default of [`Rule::look_behind`], in bytes.
    pub const LOOK_BEHIND: usize = 64;
    /// Default of [`Rule::look_ahead`], in bytes.
    pub const LOOK_AHEAD: usize = 512;
    /// The largest window either way, in bytes.
    pub const LOOK_LIMIT: usize = 64 * 1024;

    /// Feeds every field that decides about a match into `sink`, each with its length, in a fixed order.
    pub(crate) fn canonical(&self, sink: &mut impl FnMut(&[u8])) {
        let mut field = |name: &str, value: &[u8]| {
            sink(&(name.len() as u64).to_be_bytes());
            sink(name.as_bytes());
            sink(&(value.len() as u64).to_be_bytes());
            sink(value);
        };
        field("id", self.id.as_bytes());
        field("provider", self.provider.as_bytes());
        field("title", self.title.as_bytes());
        field("description", self.description.as_bytes());
        field("severity", self.severity.as_str().as_bytes());
        field("confidence", self.confidence.as_str().as_bytes());
        field("pattern", self.pattern.as_bytes());
        if let Some(least) = self.min_entropy {
            field("min_entropy", &least.to_be_bytes());
        }
        if let Some(check) = self.check {
            field("check", check.as_str().as_bytes());
        }
        field("priority", &self.priority.to_be_bytes());
        field("look_behind", &(self.look_behind as u64).to_be_bytes());
        field("look_ahead", &(self.look_ahead as u64).to_be_bytes());
        let lists = [
            ("keyword", &self.keywords),
            ("prefix", &self.prefixes),
            ("allow", &self.allow),
            ("example", &self.examples),
            ("counter_example", &self.counter_examples),
            ("reference", &self.references),
        ];
        for (name, list) in lists {
            for item in list {
                field(name, item.as_bytes());
            }
        }
    }
}
