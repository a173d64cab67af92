//! A match, and which of several overlapping ones is told.

use std::cmp::Reverse;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::rule::Rule;

/// How sure a match is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// A guess from a name and the value's randomness.
    Low,
    /// The shape in the right context, or a distinctive shape whose checksum does not fit.
    Medium,
    /// A shape that nothing else has.
    #[default]
    High,
    /// The value proves itself by a checksum.
    Certain,
}

impl Confidence {
    /// The lower-case word used in rule files and evidence.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Confidence::Low => "low",
            Confidence::Medium => "medium",
            Confidence::High => "high",
            Confidence::Certain => "certain",
        }
    }
}

/// One secret found. Holds places, never the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match<'e> {
    /// The rule that found it.
    pub rule: &'e Rule,
    /// Bytes of the whole match, context included.
    pub span: Range<usize>,
    /// Bytes of the secret itself; inside `span`, never empty.
    pub secret: Range<usize>,
    /// How sure it is.
    pub confidence: Confidence,
}

/// Keeps the best of matches whose secrets overlap, in the order of their offsets.
///
/// Best: higher priority, longer secret, higher confidence, higher severity, then the id that sorts first.
pub(crate) fn resolve(found: Vec<Match<'_>>) -> Vec<Match<'_>> {
    resolve_by(found, |m| m)
}

/// As [`resolve`], of things that have a match; of equal ones the first is kept.
pub(crate) fn resolve_by<'e: 'm, 'm, T: 'm>(mut found: Vec<T>, of: impl Fn(&T) -> &Match<'e>) -> Vec<T> {
    if found.len() < 2 {
        return found;
    }
    found.sort_by(|a, b| {
        let (a, b) = (of(a), of(b));
        let rank = |m: &Match<'_>| Reverse((m.rule.priority, m.secret.len(), m.confidence, m.rule.severity));
        rank(a)
            .cmp(&rank(b))
            .then_with(|| a.rule.id.cmp(&b.rule.id))
            .then_with(|| (a.secret.start, a.span.start).cmp(&(b.secret.start, b.span.start)))
    });
    // Kept secrets never overlap, so their starts and ends sort alike and neighbours suffice.
    let mut kept = std::collections::BTreeMap::new();
    for candidate in found {
        let secret = of(&candidate).secret.clone();
        let before = kept.range(..secret.end).next_back();
        let taken = before.is_some_and(|(_, other): (_, &T)| of(other).secret.end > secret.start);
        if !taken {
            kept.insert(secret.start, candidate);
        }
    }
    kept.into_values().collect()
}
