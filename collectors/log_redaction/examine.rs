//! Looks at documents as they come: rules and canaries in one go, and of what is found only facts.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;

use exhibit_detect::{Confidence, Fingerprint, Hit, RunKey, Scanner, Search};

use super::canary::{self, Drawn, Form};
use super::facts::{Example, Group, Sightings};
use crate::sources::logs::Sink;

/// So many examples are kept of each group.
const EXAMPLES: usize = 3;
/// Beyond so many different values no more are told apart.
const VALUES: usize = 10_000;
/// An entry that ended so many bytes ago has no hit to come: scanners hold less.
const BEHIND: u64 = 8 * 1024 * 1024;

/// What is looked for.
pub(super) struct Lookout<'e> {
    /// Rules, names, personal data and real secrets.
    pub(super) rules: Search<'e>,
    /// Canaries; where a sample is drawn real secrets too, because they are looked for in every line.
    pub(super) exact: Option<Search<'e>>,
    pub(super) drawn: &'e [Drawn],
    /// The names of the real secrets, by their number.
    pub(super) names: &'e [String],
    pub(super) key: &'e RunKey,
}

/// What was seen so far.
#[derive(Default)]
pub(super) struct Tally {
    groups: BTreeMap<GroupKey, GroupTally>,
    pub(super) canaries: Vec<CanaryTally>,
    /// Lines examined; of a journal, entries.
    pub(super) lines: u64,
    pub(super) documents: u64,
    pub(super) binary: u64,
    /// Documents in two-byte text.
    pub(super) wide: u64,
}

/// Rule, confidence, place, and of a real secret its name.
type GroupKey = (String, Confidence, String, Option<String>);

struct GroupTally {
    title: String,
    severity: exhibit_detect::Severity,
    hits: u64,
    values: HashSet<Fingerprint>,
    examples: Vec<Example>,
}

/// What was seen of one canary.
#[derive(Clone, Default)]
pub(super) struct CanaryTally {
    pub(super) marker: Sightings,
    pub(super) secret: Sightings,
    pub(super) forms: Vec<&'static str>,
    pub(super) redacted: bool,
}

impl Tally {
    pub(super) fn new(canaries: usize) -> Self {
        Self { canaries: vec![CanaryTally::default(); canaries], ..Self::default() }
    }

    /// Adds what was seen behind it.
    pub(super) fn add(&mut self, later: Self) {
        for (key, group) in later.groups {
            match self.groups.get_mut(&key) {
                Some(own) => own.add(group),
                None => {
                    self.groups.insert(key, group);
                }
            }
        }
        for (own, later) in self.canaries.iter_mut().zip(later.canaries) {
            own.add(later);
        }
        self.lines += later.lines;
        self.documents += later.documents;
        self.binary += later.binary;
        self.wide += later.wide;
    }

    /// Whether a secret, or personal data, was found with at least medium confidence.
    pub(super) fn holds(&self, personal: bool) -> bool {
        self.groups.keys().any(|(rule, confidence, ..)| {
            rule.starts_with("personal.") == personal && *confidence >= Confidence::Medium
        })
    }

    /// What was found, by rule, confidence and place.
    pub(super) fn groups(self) -> Vec<Group> {
        let group = |((rule, confidence, place, secret), tally): (GroupKey, GroupTally)| Group {
            rule,
            title: tally.title,
            severity: tally.severity,
            confidence,
            place,
            secret,
            hits: tally.hits,
            values: tally.values.len() as u64,
            examples: tally.examples,
        };
        self.groups.into_iter().map(group).collect()
    }
}

impl GroupTally {
    fn add(&mut self, later: Self) {
        self.hits += later.hits;
        for value in later.values {
            if self.values.len() < VALUES {
                self.values.insert(value);
            }
        }
        let room = EXAMPLES.saturating_sub(self.examples.len());
        self.examples.extend(later.examples.into_iter().take(room));
    }
}

impl CanaryTally {
    fn add(&mut self, later: Self) {
        for (own, later) in [(&mut self.marker, later.marker), (&mut self.secret, later.secret)] {
            if own.count == 0 {
                *own = later;
            } else {
                own.count += later.count;
            }
        }
        for form in later.forms {
            if !self.forms.contains(&form) {
                self.forms.push(form);
            }
        }
        self.redacted |= later.redacted;
    }
}

/// Where a hit is.
pub(super) struct Where<'w> {
    pub(super) file: &'w str,
    pub(super) place: &'w str,
    pub(super) line: u64,
    pub(super) offset: Option<u64>,
}

impl Lookout<'_> {
    /// Notes what a rule found, unless it is a canary: that is told as one. Answers whether it was noted.
    pub(super) fn note(&self, tally: &mut Tally, hit: &Hit<'_, '_>, at: &Where<'_>) -> bool {
        if self.drawn.iter().any(|canary| canary.is_in(hit.value())) {
            return false;
        }
        let secret = hit.known.and_then(|number| self.names.get(number)).cloned();
        let key = (hit.rule.id.clone(), hit.confidence, at.place.to_owned(), secret);
        let group = tally.groups.entry(key).or_insert_with(|| GroupTally {
            title: hit.rule.title.clone(),
            severity: hit.rule.severity,
            hits: 0,
            values: HashSet::new(),
            examples: Vec::new(),
        });
        group.hits += 1;
        let fingerprint = hit.fingerprint(self.key);
        if group.values.len() < VALUES {
            group.values.insert(fingerprint);
        }
        if group.examples.len() < EXAMPLES {
            group.examples.push(Example {
                file: at.file.to_owned(),
                line: at.line,
                offset: at.offset,
                shape: hit.shape(),
                fingerprint: fingerprint.to_string(),
            });
        }
        true
    }

    /// Notes something of a canary.
    pub(super) fn sight(&self, tally: &mut Tally, hit: &Hit<'_, '_>, at: &Where<'_>) {
        let Some((number, form)) = canary::seen(&hit.rule.id) else { return };
        let Some(seen) = tally.canaries.get_mut(number) else { return };
        let sightings = match form {
            Form::Marker => {
                let redacted = self.drawn.get(number).and_then(|canary| canary.redacted.as_ref());
                seen.redacted |= redacted.is_some_and(|text| memchr::memmem::find(hit.line(), text.as_bytes()).is_some());
                &mut seen.marker
            }
            form => {
                if !seen.forms.contains(&form.word()) {
                    seen.forms.push(form.word());
                }
                &mut seen.secret
            }
        };
        sightings.count += 1;
        if sightings.count == 1 {
            sightings.place = Some(at.file.to_owned());
            sightings.line = Some(at.line);
        }
    }
}

/// Examines every line.
pub(super) struct Examiner<'l, 'e> {
    lookout: &'l Lookout<'e>,
    pub(super) tally: Tally,
    file: String,
    place: String,
    rules: Option<Scanner<'l, 'e>>,
    canaries: Option<Scanner<'l, 'e>>,
    /// How many bytes of the document came so far.
    fed: u64,
    /// How many entries there were, and the last ones: where each begins, its number, its place.
    count: u64,
    entries: VecDeque<(u64, u64, Arc<str>)>,
}

impl<'l, 'e> Examiner<'l, 'e> {
    pub(super) fn new(lookout: &'l Lookout<'e>) -> Self {
        Self {
            lookout,
            tally: Tally::new(lookout.drawn.len()),
            file: String::new(),
            place: String::new(),
            rules: None,
            canaries: None,
            fed: 0,
            count: 0,
            entries: VecDeque::new(),
        }
    }

    /// Feeds both scanners, or ends them where there is nothing more to feed.
    fn scan(&mut self, bytes: Option<&[u8]>) {
        let Self { lookout, tally, file, place, rules, canaries, entries, .. } = self;
        let find = |hit: &Hit<'_, '_>| -> (u64, Option<u64>, Arc<str>) {
            let after = entries.partition_point(|(begins, _, _)| *begins <= hit.secret.start);
            match after.checked_sub(1).and_then(|at| entries.get(at)) {
                Some((_, number, place)) => (*number, None, Arc::clone(place)),
                None => (hit.place.line, Some(hit.secret.start), Arc::from(place.as_str())),
            }
        };
        let mut note = |hit: &Hit<'_, '_>, canary: bool| {
            let (line, offset, place) = find(hit);
            let at = Where { file, place: &place, line, offset };
            if canary {
                lookout.sight(tally, hit, &at);
            } else {
                lookout.note(tally, hit, &at);
            }
        };
        let mut summary = None;
        for (scanner, canary) in [(rules, false), (canaries, true)] {
            match bytes {
                // Nothing cancels these searches.
                Some(bytes) => {
                    let fed = scanner.as_mut().map(|scanner| scanner.feed(bytes, &mut |hit| note(hit, canary)));
                    debug_assert!(fed.is_none_or(|fed| fed.is_ok()));
                }
                None => {
                    let ended = scanner.take().and_then(|scanner| scanner.finish(&mut |hit| note(hit, canary)).ok());
                    summary = summary.or(ended);
                }
            }
        }
        if let Some(summary) = summary {
            self.tally.documents += 1;
            self.tally.binary += u64::from(summary.nature.binary);
            self.tally.lines += if self.count > 0 { self.count } else { summary.examined.lines() };
        }
    }
}

impl Sink for Examiner<'_, '_> {
    fn begin(&mut self, name: &str, place: &str) {
        self.file = name.to_owned();
        self.place = place.to_owned();
        self.rules = Some(self.lookout.rules.stream());
        self.canaries = self.lookout.exact.as_ref().map(Search::stream);
        self.fed = 0;
        self.count = 0;
        self.entries.clear();
    }

    fn entry(&mut self, place: &str) {
        self.count += 1;
        let place = match self.entries.back() {
            Some((_, _, last)) if **last == *place => Arc::clone(last),
            _ => Arc::from(place),
        };
        self.entries.push_back((self.fed, self.count, place));
    }

    fn feed(&mut self, bytes: &[u8]) {
        self.scan(Some(bytes));
        self.fed += bytes.len() as u64;
        while self.entries.get(1).is_some_and(|(begins, _, _)| begins + BEHIND < self.fed) {
            self.entries.pop_front();
        }
    }

    fn end(&mut self) {
        self.scan(None);
    }
}
