//! From findings to groups: what stands at HEAD, what only older versions hold, and what no reference keeps alive. Values
//! are told apart by fingerprints under the run's key.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use exhibit_detect::{Confidence, Fingerprint};
use exhibit_evidence::Timestamp;

use super::facts::{Carried, Carrier, Example, Group, Stands};
use super::place;
use crate::scanning::{Commit, Finding};

/// So many examples are kept of each group.
const EXAMPLES: usize = 3;
/// Beyond so many different values no more are told apart.
const VALUES: usize = 10_000;

/// What is called what: the names of real secrets by their number, and further paths of HEAD with the same content.
#[derive(Default)]
pub(super) struct Names<'n> {
    pub(super) secrets: &'n [String],
    pub(super) copies: HashMap<&'n str, Vec<&'n str>>,
}

impl Names<'_> {
    /// Every path at which a document stands, the one that it was read under first.
    fn paths(&self, path: &str) -> Vec<String> {
        let mut paths = vec![path.to_owned()];
        let ends = path.match_indices('!').map(|(at, _)| at).chain([path.len()]);
        for end in ends {
            if let Some(copies) = self.copies.get(&path[..end]) {
                paths.extend(copies.iter().map(|copy| format!("{copy}{}", &path[end..])));
            }
        }
        paths
    }
}

/// Rule, confidence, place, of a real secret its name, where it stands, whether a remark allows it.
type Key = (String, Confidence, String, Option<String>, Stands, bool);

struct Tally<'f> {
    finding: &'f Finding<'f>,
    hits: u64,
    values: HashSet<Fingerprint>,
    carried: Option<Span>,
    examples: Vec<Example>,
}

/// The commits that brought in a value.
#[derive(Clone)]
struct Span {
    first: Arc<Commit>,
    last: Arc<Commit>,
    versions: u64,
}

impl Span {
    fn of(finding: &Finding<'_>) -> Option<Self> {
        let first = Arc::clone(finding.commit.as_ref()?);
        let last = Arc::clone(finding.last.as_ref()?);
        Some(Self { first, last, versions: finding.versions })
    }

    /// The commits of both.
    fn with(&mut self, other: &Self) {
        if other.first.position < self.first.position {
            self.first = Arc::clone(&other.first);
        }
        if other.last.position > self.last.position {
            self.last = Arc::clone(&other.last);
        }
    }
}

/// What was found in a repository: at HEAD, and in everything else that it stores.
pub(super) fn repository(head: &[Finding<'_>], past: &[Finding<'_>], names: &Names<'_>) -> Vec<Group> {
    let at_head: HashSet<Fingerprint> = head.iter().map(|finding| finding.fingerprint).collect();
    let (kept, left): (Vec<&Finding<'_>>, Vec<_>) = past.iter().partition(|finding| finding.commit.is_some());
    let in_history: HashSet<Fingerprint> = kept.iter().map(|finding| finding.fingerprint).collect();
    let mut spans: HashMap<Fingerprint, Span> = HashMap::new();
    for finding in head.iter().chain(kept.iter().copied()) {
        let Some(span) = Span::of(finding) else { continue };
        match spans.get_mut(&finding.fingerprint) {
            Some(known) => {
                known.with(&span);
                known.versions = known.versions.saturating_add(span.versions);
            }
            None => {
                spans.insert(finding.fingerprint, span);
            }
        }
    }
    let mut groups = Groups { names, spans, tallies: BTreeMap::new() };
    for finding in head {
        for path in names.paths(&finding.path) {
            groups.add(finding, Stands::Tracked, &path, &path);
        }
    }
    // What HEAD still has is told there, wherever else it once stood.
    for finding in kept.into_iter().filter(|finding| !at_head.contains(&finding.fingerprint)) {
        groups.add(finding, Stands::History, &finding.path, &finding.path);
    }
    let told =
        |finding: &&Finding<'_>| at_head.contains(&finding.fingerprint) || in_history.contains(&finding.fingerprint);
    for finding in left.into_iter().filter(|finding| !told(finding)) {
        groups.add(finding, Stands::Unreferenced, place::UNREFERENCED, &finding.path);
    }
    groups.finish()
}

/// What was found in a bundle.
pub(super) fn bundle(found: &[Finding<'_>], names: &Names<'_>) -> Vec<Group> {
    let mut groups = Groups { names, spans: HashMap::new(), tallies: BTreeMap::new() };
    for finding in found {
        groups.add(finding, Stands::Bundle, &place::of_bundle(&finding.path), &finding.path);
    }
    groups.finish()
}

struct Groups<'f, 'n> {
    names: &'n Names<'n>,
    spans: HashMap<Fingerprint, Span>,
    tallies: BTreeMap<Key, Tally<'f>>,
}

impl<'f> Groups<'f, '_> {
    fn add(&mut self, finding: &'f Finding<'f>, stands: Stands, place: &str, file: &str) {
        let secret = finding.known.and_then(|number| self.names.secrets.get(number)).cloned();
        let remarked = finding.allowed.is_some();
        let key = (finding.rule.id.clone(), finding.confidence, place.to_owned(), secret, stands, remarked);
        let tally = self.tallies.entry(key).or_insert_with(|| Tally {
            finding,
            hits: 0,
            values: HashSet::new(),
            carried: None,
            examples: Vec::new(),
        });
        tally.hits += finding.hits;
        if tally.values.len() < VALUES {
            tally.values.insert(finding.fingerprint);
        }
        if let Some(span) = self.spans.get(&finding.fingerprint) {
            match &mut tally.carried {
                Some(carried) => {
                    carried.with(span);
                    carried.versions = carried.versions.max(span.versions);
                }
                None => tally.carried = Some(span.clone()),
            }
        }
        if tally.examples.len() < EXAMPLES {
            tally.examples.push(Example {
                file: file.to_owned(),
                line: finding.line,
                shape: finding.masked.clone(),
                fingerprint: finding.fingerprint.to_string(),
            });
        }
    }

    fn finish(self) -> Vec<Group> {
        let group = |((rule, confidence, place, secret, stands, remarked), tally): (Key, Tally<'_>)| Group {
            rule,
            title: tally.finding.rule.title.clone(),
            severity: tally.finding.rule.severity,
            confidence,
            stands,
            place,
            secret,
            remarked,
            hits: tally.hits,
            values: tally.values.len() as u64,
            carried: tally.carried.filter(|_| stands != Stands::Unreferenced).map(|span| Carried {
                first: carrier(&span.first),
                last: carrier(&span.last),
                versions: span.versions,
            }),
            examples: tally.examples,
        };
        self.tallies.into_iter().map(group).collect()
    }
}

fn carrier(commit: &Commit) -> Carrier {
    Carrier {
        commit: commit.id.clone(),
        authored: commit.author_time.checked_mul(1_000_000).and_then(Timestamp::from_micros),
    }
}
