//! Environments × credentials: the facts arranged so that a judge can ask about them.

use super::facts::{CredentialFacts, Facts};
use super::settings::Policy;
use exhibit_evidence::deployment::Environment;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// One name in one environment, with every place that holds it.
pub(super) struct View<'a> {
    /// Index into [`Matrix::environments`].
    pub(super) environment: usize,
    pub(super) name: &'a str,
    pub(super) places: Vec<&'a CredentialFacts>,
}

/// All views, and which of them hold equal values.
pub(super) struct Matrix<'a> {
    /// Non-disposable ones first, then by id: a shared value is reported where it matters most, and
    /// at the same place in every run.
    pub(super) environments: Vec<&'a Environment>,
    /// By environment, then by name.
    pub(super) views: Vec<View<'a>>,
    equal: HashMap<u64, Vec<usize>>,
    near: HashMap<u64, Vec<usize>>,
    /// For each view, the one that speaks for it: see [`Matrix::leader`].
    leaders: Vec<usize>,
    /// Credentials of each environment.
    counts: Vec<usize>,
}

impl<'a> Matrix<'a> {
    pub(super) fn new(facts: &'a Facts, environments: &'a [Environment], policy: &Policy) -> Self {
        let mut sorted: Vec<&Environment> = environments.iter().collect();
        sorted.sort_by(|a, b| (a.disposable, &a.id).cmp(&(b.disposable, &b.id)));
        let ranks: HashMap<&str, usize> = (0..).zip(&sorted).map(|(rank, known)| (known.id.as_str(), rank)).collect();
        let mut by_name: BTreeMap<(usize, &str), Vec<&CredentialFacts>> = BTreeMap::new();
        for found in &facts.credentials {
            if let Some(rank) = ranks.get(&*found.environment) {
                by_name.entry((*rank, found.name.as_str())).or_default().push(found);
            }
        }
        let views: Vec<View<'_>> =
            by_name.into_iter().map(|((environment, name), places)| View { environment, name, places }).collect();
        let equal = groups(&views, |place| place.equal);
        let near = groups(&views, |place| place.near);
        let leaders = (0..views.len()).collect();
        let counts = vec![0; sorted.len()];
        let mut matrix = Self { environments: sorted, views, equal, near, leaders, counts };
        matrix.leaders = (0..matrix.views.len()).map(|at| matrix.choose_leader(policy, at)).collect();
        for (at, view) in matrix.views.iter().enumerate() {
            matrix.counts[view.environment] += usize::from(view.is_credential() && matrix.leaders[at] == at);
        }
        matrix
    }

    /// One credential is often handed on twice: as a plain password and inside a connection string.
    /// The leader, the plain one if there is one, stands for all of them, so that one fault is one
    /// finding. Of names that the policy calls the same, it is the first.
    pub(super) fn leader(&self, at: usize) -> usize {
        self.leaders[at]
    }

    fn choose_leader(&self, policy: &Policy, at: usize) -> usize {
        let view = &self.views[at];
        let rank = |at: usize| {
            let view = &self.views[at];
            let groups = policy.same_credential.iter();
            let listed = groups.filter_map(|group| {
                group.iter().position(|known| view.names().any(|name| known.eq_ignore_ascii_case(name)))
            });
            (view.places.iter().all(|place| place.in_url), listed.min().unwrap_or(0), at)
        };
        self.equals(at)
            .filter(|other| self.views[*other].environment == view.environment)
            .filter(|other| same_credential(policy, view, &self.views[*other]))
            .chain([at])
            .min_by_key(|at| rank(*at))
            .unwrap_or(at)
    }

    /// How many credentials an environment has; empty variables do not count, and one that is handed
    /// on twice counts once.
    pub(super) fn count(&self, environment: usize) -> usize {
        self.counts[environment]
    }

    /// Other views that hold a value equal to one of this view's, in order.
    pub(super) fn equals(&self, at: usize) -> impl Iterator<Item = usize> + use<'_> {
        partners(&self.views[at], &self.equal, |place| place.equal, at)
    }

    /// Other views with a value that is nearly equal to one of this view's, and none that is equal.
    pub(super) fn near_misses(&self, at: usize) -> impl Iterator<Item = usize> + use<'_> {
        let equals: BTreeSet<usize> = self.equals(at).collect();
        partners(&self.views[at], &self.near, |place| place.near, at).filter(move |other| !equals.contains(other))
    }

    /// The views of one environment, with their places among all.
    pub(super) fn views_of(&self, environment: usize) -> impl Iterator<Item = (usize, &View<'a>)> {
        let from = self.views.partition_point(|view| view.environment < environment);
        let views = self.views.iter().enumerate().skip(from);
        views.take_while(move |(_, view)| view.environment == environment)
    }

    pub(super) fn disposable(&self, at: usize) -> bool {
        self.environments[self.views[at].environment].disposable
    }

    /// The environment's id.
    pub(super) fn id(&self, at: usize) -> &str {
        self.environments[self.views[at].environment].id.as_str()
    }
}

impl View<'_> {
    /// True when any place holds more than an empty value.
    pub(super) fn has_value(&self) -> bool {
        self.places.iter().any(|place| place.length > 0)
    }

    /// True when it counts: an empty variable is an absent one, but a connection string with an empty
    /// password is there.
    fn is_credential(&self) -> bool {
        self.has_value() || self.places.iter().any(|place| place.in_url)
    }

    /// Every name of it.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let others = self.places.iter().flat_map(|place| &place.also_named);
        std::iter::once(self.name).chain(others.map(String::as_str))
    }

    /// The engine that any of its places speaks of.
    pub(super) fn engine(&self) -> Option<crate::sources::Engine> {
        self.places.iter().find_map(|place| place.engine)
    }
}

fn groups(views: &[View<'_>], number: impl Fn(&CredentialFacts) -> Option<u64>) -> HashMap<u64, Vec<usize>> {
    let mut groups: HashMap<u64, Vec<usize>> = HashMap::new();
    for (at, view) in views.iter().enumerate() {
        for group in view.places.iter().filter_map(|place| number(place)) {
            let members = groups.entry(group).or_default();
            if members.last() != Some(&at) {
                members.push(at);
            }
        }
    }
    groups
}

/// The other members of the groups that a view belongs to, in order, each once.
fn partners<'m>(
    view: &View<'_>,
    groups: &'m HashMap<u64, Vec<usize>>,
    number: impl Fn(&CredentialFacts) -> Option<u64>,
    at: usize,
) -> Box<dyn Iterator<Item = usize> + 'm> {
    let mine: BTreeSet<u64> = view.places.iter().filter_map(|place| number(place)).collect();
    let mut lists = mine.iter().filter_map(|group| groups.get(group));
    match (lists.next(), lists.next()) {
        (None, _) => Box::new(std::iter::empty()),
        // Nearly always one group: no set to build.
        (Some(only), None) => Box::new(only.iter().copied().filter(move |other| *other != at)),
        _ => {
            let lists = mine.iter().filter_map(|group| groups.get(group));
            let all: BTreeSet<usize> = lists.flatten().copied().filter(|other| *other != at).collect();
            Box::new(all.into_iter())
        }
    }
}

/// Whether two views of one environment are one and the same credential, handed on twice: the same
/// variable behind both, or a connection string and the plain password of the same system.
pub(super) fn same_credential(policy: &Policy, a: &View<'_>, b: &View<'_>) -> bool {
    let named = |group: &Vec<String>| {
        let has = |view: &View<'_>| view.names().any(|name| super::settings::has(group, name));
        has(a) && has(b)
    };
    if policy.same_credential.iter().any(named) {
        return true;
    }
    if a.names().any(|name| b.names().any(|other| name.eq_ignore_ascii_case(other))) {
        return true;
    }
    let mut pairs = a.places.iter().flat_map(|one| b.places.iter().map(move |other| (one, other)));
    pairs.any(|(one, other)| one.equal.is_some() && one.equal == other.equal && same(one, other))
}

fn same(a: &CredentialFacts, b: &CredentialFacts) -> bool {
    if let (Some(one), Some(other)) = (a.engine, b.engine)
        && one != other
    {
        return false;
    }
    if let (Some(one), Some(other)) = (a.account, b.account)
        && one != other
    {
        return false;
    }
    let behind = |place: &CredentialFacts, name: &str| {
        place.name.eq_ignore_ascii_case(name) || place.through.iter().any(|through| through.eq_ignore_ascii_case(name))
    };
    let linked = a.through.iter().any(|name| behind(b, name)) || b.through.iter().any(|name| behind(a, name));
    let same_engine = a.engine.is_some() && a.engine == b.engine;
    linked || (same_engine && (a.in_url || b.in_url))
}
