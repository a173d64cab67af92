//! Rewrites bytes so that no found or known secret stays in them. Every artifact passes here before it is stored.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use crate::engine::Engine;
use crate::facts::is_dictionary_password;
use crate::forms::{self, Form};
use crate::matches::{Confidence, Match};
use crate::{generic, shape};

/// Shortest known value that is searched for, in bytes: shorter ones occur everywhere by chance.
pub const SHORTEST_KNOWN: usize = 4;
/// Shortest secret found by a rule that is also masked where no rule would find it.
const SHORTEST_FOUND: usize = 8;
/// How often the result is looked at again; a shape next to other bytes can, in theory, spell a secret.
const PASSES: usize = 8;
/// Stands for a value whose shape itself would spell a secret. Shorter than any known value.
const BLANK: &str = "***";

/// Bytes without secrets, and what was taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Masked {
    /// The bytes with each secret replaced by its masked shape.
    pub bytes: Vec<u8>,
    /// What was masked, in the order of its offset in the original bytes.
    pub hits: Vec<MaskedHit>,
    /// How many known values were too short to be searched for (see [`SHORTEST_KNOWN`]; empty ones not counted).
    pub too_short: usize,
}

/// One place that was masked. Holds no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaskedHit {
    /// The id of the rule that found it; `None` for another occurrence of a found secret, and for known values.
    pub rule: Option<String>,
    /// The index of the known value, in any of its forms; `None` if only a rule found it.
    pub known: Option<usize>,
    /// Where it was in the original bytes.
    pub span: Range<usize>,
    /// What stands there now.
    pub shape: String,
}

/// Replaces the secret of every rule hit, of every value behind a name that promises one, and every occurrence of the `known` values by masked shapes.
///
/// Known values are also masked in their base64, URL-encoded, JSON- or HTML-escaped and hex forms. Found secrets that
/// are long and no dictionary words are masked wherever they occur again, bare: pass a value that is known to be
/// secret as known.
#[must_use]
pub fn mask(engine: &Engine, known: &[&[u8]], bytes: &[u8]) -> Masked {
    let (masked, hits, too_short) = look(engine, known, bytes);
    Masked { bytes: masked.unwrap_or_else(|| bytes.to_vec()), hits, too_short }
}

/// As [`mask`], for bytes that are the caller's: where there is nothing to mask, which is the rule, they come back as they are
/// and are not held twice.
#[must_use]
pub fn mask_owned(engine: &Engine, known: &[&[u8]], bytes: Vec<u8>) -> Masked {
    let (masked, hits, too_short) = look(engine, known, &bytes);
    Masked { bytes: masked.unwrap_or(bytes), hits, too_short }
}

/// What stands in their place, where anything has to; what was found; and how many known values are too short.
fn look(engine: &Engine, known: &[&[u8]], bytes: &[u8]) -> (Option<Vec<u8>>, Vec<MaskedHit>, usize) {
    let too_short = known.iter().filter(|k| !k.is_empty() && k.len() < SHORTEST_KNOWN).count();
    let mut needles = Needles::default();
    for (index, value) in known.iter().enumerate() {
        if value.len() >= SHORTEST_KNOWN {
            needles.known(value, index);
        }
    }

    let (mut out, hits) = pass(engine, &mut needles, bytes, false);
    if hits.is_empty() {
        return (None, hits, too_short);
    }
    for _ in 1..PASSES {
        let (again, more) = pass(engine, &mut needles, &out, true);
        if more.is_empty() {
            return (Some(out), hits, too_short);
        }
        out = again;
    }
    // The replacements keep spelling secrets: nothing of the text can be kept.
    (Some(BLANK.as_bytes().to_vec()), hits, too_short)
}

/// Texts to be searched for, together.
#[derive(Default)]
struct Needles {
    forms: BTreeMap<Form, Option<usize>>,
    /// Over the forms in their order; `None` while it is out of date.
    automaton: Option<AhoCorasick>,
}

impl Needles {
    /// A known value, in all its forms.
    fn known(&mut self, value: &[u8], index: usize) {
        for form in forms::of(value) {
            self.add(form, Some(index));
        }
    }

    fn add(&mut self, form: Form, source: Option<usize>) {
        if let Entry::Vacant(place) = self.forms.entry(form) {
            place.insert(source);
            self.automaton = None;
        }
    }

    fn automaton(&mut self) -> Option<&AhoCorasick> {
        if self.automaton.is_none() && !self.forms.is_empty() {
            let build = |kind| {
                AhoCorasick::builder()
                    .match_kind(MatchKind::Standard)
                    .kind(Some(kind))
                    .build(self.forms.keys().map(Form::as_bytes))
            };
            let built = build(AhoCorasickKind::ContiguousNFA)
                .or_else(|_| build(AhoCorasickKind::NoncontiguousNFA))
                .expect("a noncontiguous automaton takes needles up to 2 GiB");
            self.automaton = Some(built);
        }
        self.automaton.as_ref()
    }

    /// Every occurrence of every form, overlapping ones included.
    fn find(&mut self, bytes: &[u8]) -> Vec<MaskedHit> {
        let sources: Vec<Option<usize>> = self.forms.values().copied().collect();
        let Some(automaton) = self.automaton() else {
            return Vec::new();
        };
        automaton
            .find_overlapping_iter(bytes)
            .map(|found| MaskedHit {
                rule: None,
                known: sources[found.pattern().as_usize()],
                span: found.range(),
                shape: String::new(),
            })
            .collect()
    }

    fn any_in(&mut self, text: &str) -> bool {
        self.automaton().is_some_and(|automaton| automaton.is_match(text))
    }
}

/// What rules find, and what families find that is not left to doubt.
fn found_in<'e>(engine: &'e Engine, bytes: &[u8]) -> impl Iterator<Item = Match<'e>> {
    let by_name = generic::find(bytes).into_iter().filter(|found| found.confidence >= Confidence::Medium);
    engine.scan(bytes).into_iter().chain(by_name)
}

/// Is this the id of a family that code finds?
fn is_family(rule: &str) -> bool {
    rule.starts_with("generic.")
}

/// Masks once; gives no bytes where there is nothing to mask. `blank`: the shapes of an earlier pass are in the way, use [`BLANK`] instead.
fn pass(engine: &Engine, needles: &mut Needles, bytes: &[u8], blank: bool) -> (Vec<u8>, Vec<MaskedHit>) {
    let mut hits = Vec::new();
    for found in found_in(engine, bytes) {
        let secret = &bytes[found.secret.clone()];
        // By name and notation alone it may be an ordinary word, which stands elsewhere as what it is.
        let proven = !is_family(&found.rule.id) || found.confidence >= Confidence::High;
        if proven && secret.len() >= SHORTEST_FOUND && !is_dictionary_password(secret) {
            needles.add(Form::new(secret), None);
        }
        hits.push(MaskedHit {
            rule: Some(found.rule.id.clone()),
            known: None,
            span: found.secret,
            shape: String::new(),
        });
    }
    hits.extend(needles.find(bytes));
    let mut hits = union(hits);
    if hits.is_empty() {
        return (Vec::new(), hits);
    }

    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    for hit in &mut hits {
        let text = engine.shape_of(&bytes[hit.span.clone()]);
        let spells = blank || needles.any_in(&text) || !engine.scan(text.as_bytes()).is_empty();
        hit.shape = if spells { BLANK.to_owned() } else { text };
        out.extend_from_slice(&bytes[at..hit.span.start]);
        out.extend_from_slice(hit.shape.as_bytes());
        at = hit.span.end;
    }
    out.extend_from_slice(&bytes[at..]);
    (out, hits)
}

/// Overlapping places become one, which keeps the first rule and the first known value that it came from.
fn union(mut hits: Vec<MaskedHit>) -> Vec<MaskedHit> {
    hits.sort_by_key(|hit| (hit.span.start, std::cmp::Reverse(hit.span.end), hit.rule.is_none()));
    let mut merged: Vec<MaskedHit> = Vec::new();
    for hit in hits {
        match merged.last_mut() {
            Some(last) if hit.span.start < last.span.end => {
                last.span.end = last.span.end.max(hit.span.end);
                // A rule knows better what it is than a name does.
                if last.rule.as_deref().is_none_or(is_family) {
                    last.rule = hit.rule.or(last.rule.take());
                }
                last.known = last.known.or(hit.known);
            }
            _ => merged.push(hit),
        }
    }
    merged
}

/// Is this text a masked shape? For callers that must tell a masked value from a bare one.
#[must_use]
pub fn is_masked_shape(text: &str) -> bool {
    shape::is_masked(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(known: &[&str], text: &str) -> (String, Masked) {
        let known: Vec<&[u8]> = known.iter().map(|k| k.as_bytes()).collect();
        let masked = mask(Engine::builtin(), &known, text.as_bytes());
        (String::from_utf8(masked.bytes.clone()).unwrap(), masked)
    }

    const TOKEN: &str = "ghp_FakeExhibitValue0NotARealKey70ABCDEF";

    #[test]
    fn rule_hits_become_shapes() {
        let (text, all) = masked(&[], &format!("a {TOKEN} b"));
        assert_eq!(text, "a ghp_…(40, base62) b");
        assert_eq!(all.hits.len(), 1);
        assert!(all.hits[0].rule.as_deref().is_some_and(|r| r.starts_with("github.")));
        assert_eq!(all.hits[0].span, 2..42);
    }

    #[test]
    fn values_behind_names_become_shapes() {
        for (text, expected) in [
            ("DB_PASSWORD=kV9tq2Lw0xZ8 next", "DB_PASSWORD=(12, base62) next"),
            (r#"{"password": "hunter2-Fake", "n": 1}"#, r#"{"password": "(12, base64url)", "n": 1}"#),
            ("the password is required", "the password is required"),
            ("password: ${DB_PASSWORD}", "password: ${DB_PASSWORD}"),
        ] {
            let (text, all) = masked(&[], text);
            assert_eq!(text, expected);
            assert!(all.hits.iter().all(|hit| hit.rule.as_deref() == Some("generic.password")), "{:?}", all.hits);
        }
        let (text, all) = masked(&[], &format!("token={TOKEN}"));
        assert_eq!(text, "token=ghp_…(40, base62)");
        assert!(all.hits[0].rule.as_deref().is_some_and(|r| r.starts_with("github.")), "{:?}", all.hits);
    }

    #[test]
    fn known_values_go_in_every_form() {
        let value = "h/t r&2\"x";
        let forms = [
            "h/t r&2\"x",
            "aC90IHImMiJ4",
            "h%2Ft%20r%262%22x",
            "h%2ft%20r%262%22x",
            "682f7420722632227 8",
            "682F74207226322278",
        ];
        for form in forms {
            let form = form.replace("7 8", "78");
            let (text, all) = masked(&[value], &format!("<<{form}>>"));
            assert!(!text.contains(&form) && text.starts_with("<<(") && text.ends_with(")>>"), "{text}");
            assert_eq!(all.hits[0].known, Some(0));
        }
    }

    #[test]
    fn short_known_values_are_counted_not_searched() {
        let (text, all) = masked(&["abc", ""], "abcabc");
        assert_eq!((text.as_str(), all.too_short, all.hits.len()), ("abcabc", 1, 0));
    }

    #[test]
    fn a_found_secret_is_masked_where_no_rule_sees_it() {
        let (text, all) = masked(&[], &format!("{TOKEN} q{TOKEN}q"));
        assert!(!text.contains("FakeExhibit"), "{text}");
        assert_eq!(all.hits.len(), 2);
    }

    #[test]
    fn values_that_a_shape_would_spell() {
        for known in ["mixed", "base62", "(16,", "ghp_"] {
            let (text, _) = masked(&[known, "Tr0ub4dor&3-plus"], &format!("x Tr0ub4dor&3-plus {TOKEN} {known}"));
            assert!(!text.contains(known), "{known}: {text}");
        }
    }

    #[test]
    fn overlapping_values_leave_nothing_of_either() {
        let (text, all) = masked(&["abcdefgh", "efghijkl"], "--abcdefghijkl--");
        assert_eq!((text.as_str(), all.hits.len()), ("--(12, lower)--", 1));
    }
}
