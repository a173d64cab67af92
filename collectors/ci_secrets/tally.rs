//! What all versions together hold: counts, what was left out, and each distinct value at each place.

use super::collect::Looked;
use super::examine::{Examined, Hit, HitKind, Left};
use super::facts::{MalformedFact, ObservedValue, ValueKind};
use super::understand::sink::{Written, path_in_evidence};
use super::walk::{Carriers, Mode, Version};
use exhibit_detect::{Engine, Fingerprint};
use exhibit_evidence::Timestamp;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Where a value stands: path, key path, rule, and the value itself by its fingerprint.
pub(super) type PlaceOfValue = (String, String, String, Fingerprint);

/// A value with what is known of it from the versions seen so far.
pub(super) struct Seen {
    system: &'static str,
    hit: Hit,
    carriers: Carriers,
    occurrences: u64,
}

/// Sums up versions, one after the other.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) examined: u64,
    pub(super) recognised: u64,
    pub(super) not_ci: u64,
    pub(super) links: u64,
    pub(super) excluded: BTreeMap<&'static str, Vec<String>>,
    pub(super) systems: BTreeMap<&'static str, (BTreeSet<String>, u64)>,
    pub(super) malformed: BTreeMap<String, MalformedFact>,
    pub(super) values: HashMap<PlaceOfValue, Seen>,
}

impl Tally {
    /// Adds what examining one version gave.
    pub(super) fn add(&mut self, version: &Version, answer: &Examined) {
        let path = path_in_evidence(&version.path);
        if answer.not_ci {
            self.examined += 1;
            self.not_ci += 1;
            return;
        }
        let system = version.system.or(answer.by_content);
        if let Some(system) = system {
            self.recognised += 1;
            let (paths, versions) = self.systems.entry(&system.id).or_default();
            paths.insert(path.clone());
            *versions += 1;
        }
        match answer.left {
            Some(Left::TooLarge) => {
                return self.excluded.entry("too-large").or_default().push(path);
            }
            Some(Left::LfsPointer) => {
                return self.excluded.entry("lfs-pointer").or_default().push(path);
            }
            None => {}
        }
        self.links += u64::from(version.mode == Mode::Link);
        self.note_malformed(version, answer, &path);
        self.add_values(version, answer, &path, system.map_or("unknown", |system| system.id.as_str()));
    }

    fn note_malformed(&mut self, version: &Version, answer: &Examined, path: &str) {
        let Some(reason) = &answer.malformed else {
            self.examined += 1;
            return;
        };
        let live = version.carriers.is_live();
        let fact = self.malformed.entry(path.to_owned()).or_insert_with(|| MalformedFact {
            path: path.to_owned(),
            reason: reason.clone(),
            live,
            versions: 0,
        });
        fact.live |= live;
        fact.versions += 1;
        if live {
            self.excluded.entry("malformed-yaml").or_default().push(path.to_owned());
        } else {
            self.examined += 1;
        }
    }

    fn add_values(&mut self, version: &Version, answer: &Examined, path: &str, system: &'static str) {
        let mut here: BTreeMap<PlaceOfValue, (&Hit, u64)> = BTreeMap::new();
        for hit in &answer.hits {
            let place = (path.to_owned(), hit.key_path.clone(), hit.rule.clone(), hit.value);
            here.entry(place).or_insert((hit, 0)).1 += 1;
        }
        for (place, (hit, occurrences)) in here {
            match self.values.entry(place) {
                Entry::Vacant(empty) => {
                    empty.insert(Seen { system, hit: hit.clone(), carriers: version.carriers.clone(), occurrences });
                }
                Entry::Occupied(mut there) => {
                    let seen = there.get_mut();
                    if version.carriers.last > seen.carriers.last {
                        seen.hit.line = hit.line;
                    }
                    seen.carriers.merge(&version.carriers);
                    seen.occurrences = seen.occurrences.max(occurrences);
                }
            }
        }
    }
}

/// The values as facts, in an order that no fingerprint decides.
pub(super) fn observations(values: HashMap<PlaceOfValue, Seen>, looked: &Looked, engine: &Engine) -> Vec<ObservedValue> {
    let mut values: Vec<(PlaceOfValue, Seen)> = values.into_iter().collect();
    // Fingerprints differ from run to run: places, lines and carriers give the order, so that groups are numbered alike.
    values.sort_by(|(a, x), (b, y)| {
        let order = |place: &PlaceOfValue, seen: &Seen| {
            (
                place.0.clone(),
                place.1.clone(),
                place.2.clone(),
                seen.carriers.first,
                seen.hit.line,
                seen.carriers.last,
                seen.hit.length,
            )
        };
        order(a, x).cmp(&order(b, y)).then_with(|| x.hit.shape.cmp(&y.hit.shape))
    });
    let mut groups: HashMap<Fingerprint, usize> = HashMap::new();
    values
        .into_iter()
        .map(|((path, key, rule, value), seen)| {
            let next = groups.len() + 1;
            let group = *groups.entry(value).or_insert(next);
            observed(path, key, rule, group, &seen, (looked, engine))
        })
        .collect()
}

fn observed(path: String, key: String, rule: String, group: usize, seen: &Seen, (looked, engine): (&Looked, &Engine)) -> ObservedValue {
    let point = |index: u32| &looked.history.commits[index as usize];
    let at = |seconds: i64| Timestamp::from_micros(seconds.saturating_mul(1_000_000)).unwrap_or_else(epoch);
    let known = engine.rule(&rule);
    let (first, last) = (point(seen.carriers.first), point(seen.carriers.last));
    ObservedValue {
        system: seen.system.to_owned(),
        kind: kind(seen.hit.kind),
        provider: known.map(|rule| rule.provider.clone()),
        severity: known.map(|rule| rule.severity.as_str().to_owned()),
        path,
        key,
        rule,
        line: u64::from(seen.hit.line),
        occurrences: seen.occurrences,
        shape: seen.hit.shape.clone(),
        length: seen.hit.length,
        entropy: seen.hit.entropy.to_owned(),
        dictionary: seen.hit.dictionary,
        value: format!("v{group}"),
        first: first.id.to_string(),
        first_at: at(first.time),
        last: last.id.to_string(),
        last_at: at(last.time),
        commits: seen.carriers.count,
        at_head: seen.carriers.at_head,
        at_branch: seen.carriers.at_branch,
        at_tag: seen.carriers.at_tag,
        branches: seen.carriers.branches.iter().map(|&tip| path_in_evidence(&looked.tips[tip as usize].name)).collect(),
    }
}

fn epoch() -> Timestamp {
    Timestamp::from_micros(0).expect("1970 is in chrono's range of years")
}

fn kind(kind: HitKind) -> ValueKind {
    match kind {
        HitKind::Token => ValueKind::KnownToken,
        HitKind::Written(Written::Literal) => ValueKind::Literal,
        HitKind::Written(Written::Default) => ValueKind::DefaultLiteral,
        HitKind::Written(Written::ServiceContainer) => ValueKind::ServiceContainer,
        HitKind::Written(Written::Placeholder) => ValueKind::Placeholder,
    }
}
