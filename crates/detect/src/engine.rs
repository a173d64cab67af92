//! Many rules at once over bytes.
//!
//! One pass finds keywords; only around them do patterns run. Each rule sees a
//! window from [`Rule::look_behind`] before its keyword to [`Rule::look_ahead`] after it; windows that touch are
//! one, and a match that reaches a window's end is tried again with a longer one, so a cut-off never passes for
//! a value's end. [`Engine::reach`] bounds how far apart two bytes of one decision can lie: a scanner of streams
//! overlaps its chunks by that much.

use std::ops::Range;
use std::sync::{Arc, LazyLock, OnceLock};

use regex::bytes::{Regex, RegexBuilder};

use crate::anatomy::Anatomy;
use crate::matches::{Confidence, Match, resolve};
use crate::prefilter::Prefilter;
use crate::rule::Rule;
use crate::trace::Reach;
use crate::validate::RuleProblem;
use crate::{entropy, generic, pack, placeholder, shape};

/// Rules that cannot work together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct RulesError(
    /// Every problem found, in the order of the rules.
    pub Vec<RuleProblem>,
);

/// A set of rules, compiled. Immutable; share it between threads.
pub struct Engine {
    rules: Vec<Rule>,
    /// Compiled when their first keyword turns up: a short scan needs few of them.
    patterns: Vec<OnceLock<Pattern>>,
    keywords: Prefilter,
    /// For each keyword, the rules that wait for it.
    waiting: Vec<Vec<usize>>,
    prefixes: shape::Prefixes,
    digest: [u8; 32],
    reach: usize,
}

static BUILTIN: LazyLock<Arc<Engine>> = LazyLock::new(|| {
    let rules = pack::builtin_rules();
    let known = rules.len();
    Arc::new(Engine::assemble(rules, known).expect("the unit tests compile the built-in rules"))
});

/// A rule's compiled patterns.
struct Pattern {
    regex: Regex,
    /// The capture group that holds the secret.
    group: usize,
    allow: Vec<Regex>,
    anatomy: Anatomy,
}

/// The part of the bytes that a rule has yet to search.
type Window = Option<Range<usize>>;

/// Longest compiled form of one pattern, in bytes.
const PATTERN_SIZE: usize = 512 * 1024;

/// Compiles a pattern as the engine does: bytes, ASCII classes, bounded size.
pub(crate) fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).unicode(false).size_limit(PATTERN_SIZE).build()
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("rules", &self.rules.len())
            .field("digest", &hex::encode(self.digest))
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// The engine over the built-in rules, compiled at first use.
    ///
    /// # Panics
    /// Never in a released build: the unit tests compile the same rules.
    #[must_use]
    pub fn builtin() -> &'static Engine {
        &BUILTIN
    }

    /// The same engine, for who holds either it or one with rules of a user's own.
    #[must_use]
    pub fn shared() -> Arc<Engine> {
        Arc::clone(&BUILTIN)
    }

    /// The engine over the built-in rules and these. Does not run their examples: that is
    /// [`validate_own`](crate::validate_own).
    ///
    /// # Errors
    /// As [`Engine::new`]; an id that a built-in rule has counts as well.
    pub fn extended(own: Vec<Rule>) -> Result<Engine, RulesError> {
        let mut rules = BUILTIN.rules.clone();
        let known = rules.len();
        rules.extend(own);
        Engine::assemble(rules, known)
    }

    /// Compiles rules together. Does not run their examples: that is [`validate`](crate::validate).
    ///
    /// # Errors
    /// An id that occurs twice, a rule without a usable keyword, a pattern that does not compile or is too large.
    pub fn new(rules: Vec<Rule>) -> Result<Engine, RulesError> {
        Engine::assemble(rules, 0)
    }

    /// The patterns of the first `known` rules are compiled when they are first needed: tests compile them all.
    fn assemble(rules: Vec<Rule>, known: usize) -> Result<Engine, RulesError> {
        let mut problems = Vec::new();
        let mut ids: std::collections::HashSet<&str> =
            generic::families().iter().map(|rule| rule.id.as_str()).collect();
        let mut patterns = Vec::with_capacity(rules.len());
        for (index, rule) in rules.iter().enumerate() {
            if !ids.insert(rule.id.as_str()) {
                problems.push(RuleProblem::new(
                    rule,
                    "id",
                    "this id occurs twice, or is that of a built-in rule; expected one of its own",
                ));
            }
            if rule.keywords.is_empty() || rule.keywords.iter().any(|k| k.trim().is_empty()) {
                problems.push(RuleProblem::new(rule, "keywords", "at least one, none of them empty"));
            }
            let mut pattern = OnceLock::new();
            if index >= known {
                match Pattern::new(rule) {
                    Ok(compiled) => pattern = compiled.into(),
                    Err(problem) => problems.push(problem),
                }
            }
            patterns.push(pattern);
        }
        if !problems.is_empty() {
            return Err(RulesError(problems));
        }

        let mut words: Vec<&str> = Vec::new();
        let mut waiting: Vec<Vec<usize>> = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            for keyword in &rule.keywords {
                let at = words.iter().position(|w| *w == keyword).unwrap_or_else(|| {
                    words.push(keyword);
                    waiting.push(Vec::new());
                    words.len() - 1
                });
                waiting[at].push(index);
            }
        }
        let keywords = Prefilter::new(&words).map_err(|short| {
            let rule = &rules[waiting[short][0]];
            RulesError(vec![RuleProblem::new(rule, "keywords", "a keyword needs at least three bytes")])
        })?;
        let digest = pack::digest(&rules);
        let prefixes = shape::Prefixes::new(rules.iter().flat_map(|r| r.prefixes.iter()));
        let reach = rules.iter().map(|r| r.look_behind + r.look_ahead + Rule::LOOK_LIMIT).max().unwrap_or(0);
        Ok(Engine { rules, patterns, keywords, waiting, prefixes, digest, reach })
    }

    /// The rules, in the order in which they were given.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rule with this id.
    #[must_use]
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == id)
    }

    /// SHA-256 over the canonical form of all rules, whatever their order and files: it names the rule pack.
    #[must_use]
    pub fn rule_pack_digest(&self) -> [u8; 32] {
        self.digest
    }

    /// How far apart, in bytes, the first and last byte that decide about one match can lie, unless the value
    /// repeats its rule's keyword over and over, which joins windows.
    #[must_use]
    pub fn reach(&self) -> usize {
        self.reach
    }

    /// The masked shape of a secret, showing a prefix only if these rules know it.
    #[must_use]
    pub fn shape_of(&self, secret: &[u8]) -> String {
        self.prefixes.shape(secret)
    }

    /// False when no rule can match: a quick first look, in one pass without patterns.
    #[must_use]
    pub fn might_match(&self, bytes: &[u8]) -> bool {
        let mut any = false;
        self.keywords.each(bytes, |_, _, _| {
            any = true;
            false
        });
        any
    }

    /// Finds every secret, in the order of their offsets; of those that overlap only the best is told.
    #[must_use]
    pub fn scan(&self, bytes: &[u8]) -> Vec<Match<'_>> {
        resolve(self.candidates(bytes))
    }

    /// Every match of every rule, overlapping ones included, in no particular order.
    fn candidates(&self, bytes: &[u8]) -> Vec<Match<'_>> {
        let mut windows = Windows::new(self, bytes);
        self.keywords.each(bytes, |keyword, start, end| {
            for &index in &self.waiting[keyword] {
                windows.keyword(index, start, end);
            }
            true
        });
        windows.close()
    }

    /// Each keyword with the rules that wait for it.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = (&[u8], &[usize])> {
        self.keywords.keywords().zip(self.waiting.iter().map(Vec::as_slice))
    }

    fn pattern(&self, index: usize) -> &Pattern {
        self.patterns[index].get_or_init(|| {
            Pattern::new(&self.rules[index]).expect("compiled by `new`, or by the unit tests if it is built in")
        })
    }

    /// Runs one rule's pattern over one window.
    fn search<'e>(&'e self, index: usize, window: Range<usize>, bytes: &[u8], found: &mut Vec<Match<'e>>) {
        let pattern = self.pattern(index);
        let rule = &self.rules[index];
        let longest = window.end.saturating_add(Rule::LOOK_LIMIT).min(bytes.len());
        let (mut at, mut end) = (window.start, window.end);
        while at <= end {
            let Some(captures) = pattern.regex.captures_at(&bytes[..end], at) else {
                return;
            };
            let span = captures.get(0).map_or(at..at, |m| m.range());
            if span.end == end && end < longest {
                // It may go on behind the window, or only look finished there.
                end = end.saturating_add((end - window.start).max(64)).min(longest);
                continue;
            }
            let secret = captures.get(pattern.group).map(|m| m.range());
            let Some(secret) = secret.filter(|s| !s.is_empty()) else {
                at = span.end.max(at + 1);
                continue;
            };
            at = secret.end.max(span.start + 1);
            if span.start >= window.end {
                // Behind the window proper: another keyword's business, if it has one.
                return;
            }
            if let Some(confidence) = self.accept(index, &bytes[secret.clone()]) {
                found.push(Match { rule, span, secret, confidence });
            }
        }
    }

    /// What the pattern cannot say: randomness, structure, and what only looks like a secret.
    fn accept(&self, index: usize, secret: &[u8]) -> Option<Confidence> {
        let rule = &self.rules[index];
        if rule.min_entropy.is_some_and(|least| entropy::hundredths(secret) < least)
            || placeholder::is_placeholder(secret)
            || shape::is_masked(secret)
            || self.pattern(index).allow.iter().any(|allow| allow.is_match(secret))
        {
            return None;
        }
        match rule.check {
            Some(check) => check.grade(secret, rule.confidence),
            None => Some(rule.confidence),
        }
    }
}

impl Pattern {
    fn new(rule: &Rule) -> Result<Pattern, RuleProblem> {
        let compiled = |key: &'static str, pattern: &str| {
            compile(pattern).map_err(|error| {
                let message = match error {
                    regex::Error::CompiledTooBig(_) => {
                        "is too large: expected one that compiles to 512 KiB at most".to_owned()
                    }
                    error => error.to_string(),
                };
                RuleProblem::new(rule, key, &message)
            })
        };
        let regex = compiled("pattern", &rule.pattern)?;
        let named = regex.capture_names().position(|name| name == Some("secret"));
        let group = named.unwrap_or(usize::from(regex.captures_len() > 1));
        let allow = rule.allow.iter().map(|a| compiled("allow", a)).collect::<Result<_, _>>()?;
        let anatomy = Anatomy::of(&rule.pattern, &rule.keywords);
        Ok(Pattern { regex, group, allow, anatomy })
    }
}

/// One walk over bytes: what each rule has yet to search, and what was found.
pub(crate) struct Windows<'e, 'b> {
    engine: &'e Engine,
    bytes: &'b [u8],
    /// Allocated at the first window only: most bytes have none.
    open: Vec<Window>,
    found: Vec<Match<'e>>,
}

impl<'e, 'b> Windows<'e, 'b> {
    pub(crate) fn new(engine: &'e Engine, bytes: &'b [u8]) -> Windows<'e, 'b> {
        Windows { engine, bytes, open: Vec::new(), found: Vec::new() }
    }

    /// A keyword of a rule lies at `start..end`. Keywords of one rule may arrive a few bytes out of order. Answers what decides
    /// about it.
    pub(crate) fn keyword(&mut self, index: usize, start: usize, end: usize) -> Reach {
        let Windows { engine, bytes, open, found } = self;
        let rule = &engine.rules[index];
        let from = start.saturating_sub(rule.look_behind);
        let to = end.saturating_add(rule.look_ahead).min(bytes.len());
        let (from, to) = match engine.pattern(index).anatomy.narrow(bytes, (from, to), (start, end)) {
            Ok(window) => window,
            Err(reach) => return reach,
        };
        if open.is_empty() {
            open.resize(engine.rules.len(), None);
        }
        match &mut open[index] {
            Some(window) if from <= window.end && window.start <= to => {
                *window = window.start.min(from)..window.end.max(to);
            }
            window => {
                if let Some(closed) = window.replace(from..to) {
                    engine.search(index, closed, bytes, found);
                }
            }
        }
        Reach::OPEN
    }

    /// Searches what is left; every match, overlapping ones included, in no particular order.
    pub(crate) fn close(mut self) -> Vec<Match<'e>> {
        for (index, window) in self.open.into_iter().enumerate() {
            if let Some(window) = window {
                self.engine.search(index, window, self.bytes, &mut self.found);
            }
        }
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine(extra: &str) -> Engine {
        let text = format!(
            r#"provider = "Acme"
[[rule]]
id = "acme.token"
title = "t"
description = "d"
severity = "high"
keywords = ["acme_"]
pattern = '\b(acme_[a-z0-9]{{8,}})\b'
prefixes = ["acme_"]
examples = []
counter_examples = []
{extra}"#
        );
        Engine::new(Rule::from_toml(&text, "acme.toml").unwrap()).unwrap()
    }

    #[test]
    fn finds_in_order_on_any_bytes() {
        let e = engine("");
        let mut bytes = vec![0xff, 0x00, 0x80];
        bytes.extend_from_slice(b" acme_abcdefg1 \xfe ACME_no acme_hgfedcb2,acme_zzzyyyx3");
        let found: Vec<_> = e.scan(&bytes).into_iter().map(|m| bytes[m.secret].to_vec()).collect();
        assert_eq!(found, [b"acme_abcdefg1".to_vec(), b"acme_hgfedcb2".to_vec(), b"acme_zzzyyyx3".to_vec()]);
        assert!(e.might_match(&bytes));
        assert!(!e.might_match(b"acme"));
    }

    #[test]
    fn a_value_longer_than_the_window_is_found_whole() {
        let e = engine("look_ahead = 16\nlook_behind = 0\n");
        let token = format!("acme_{}", "ab1".repeat(3000));
        let text = format!("x={token} y");
        let found = e.scan(text.as_bytes());
        assert_eq!(found.len(), 1);
        assert_eq!(&text[found[0].secret.clone()], token);
    }

    #[test]
    fn an_engine_without_rules_finds_nothing() {
        let e = Engine::new(Vec::new()).unwrap();
        assert!(e.scan(b"anything").is_empty() && !e.might_match(b"anything"));
    }

    #[test]
    fn double_ids_and_bad_patterns_are_all_named() {
        let mut rules = engine("").rules().to_vec();
        rules.push(rules[0].clone());
        rules[1].pattern = "(".to_owned();
        let RulesError(problems) = Engine::new(rules).unwrap_err();
        assert_eq!(problems.len(), 2);
        assert_eq!((problems[0].key.as_str(), problems[1].key.as_str()), ("id", "pattern"));
    }

    #[test]
    fn the_digest_ignores_order_and_sees_every_change() {
        let rules = Engine::builtin().rules().to_vec();
        let mut turned = rules.clone();
        turned.reverse();
        let same = Engine::new(turned).unwrap();
        assert_eq!(same.rule_pack_digest(), Engine::builtin().rule_pack_digest());
        let mut changed = rules;
        changed[0].severity = crate::Severity::Low;
        changed[0].min_entropy = Some(1);
        let other = Engine::new(changed).unwrap();
        assert_ne!(other.rule_pack_digest(), Engine::builtin().rule_pack_digest());
    }
}
