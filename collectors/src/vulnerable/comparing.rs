//! What a scanner examined against what there is, and what it found, each once for a package in a lockfile.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use exhibit_evidence::observation::{Exclusion, Population, Subject};

use super::Looks;
use super::counting::Lock;
use super::facts::{LockfileFacts, Missed, Seen, Several};
use super::known::{Exploited, Statements};
use super::scanning::Scanned;
use crate::packages::Package;
use crate::results::merge::{self, Agreement};
use crate::results::{self, AdvisoryId, Reading, Vulnerability};

/// Most examples that an exclusion names.
const MOST_EXAMPLES: usize = 5;
/// Most reasons that are named one by one.
const MOST_REASONS: usize = 30;
/// The code of what a scanner passed over.
const SKIPPED: &str = "skipped-by-scanner";
/// The code of what nobody says was examined.
const NOT_TOLD: &str = "examined-not-told";

/// What comparing gave.
pub(super) struct Compared {
    pub(super) population: Population,
    pub(super) lockfiles: Vec<LockfileFacts>,
    pub(super) seen: Several,
    pub(super) agreement: Option<Agreement>,
    pub(super) problems: Vec<(&'static str, String)>,
    pub(super) dropped: u64,
    pub(super) looked: LookedAt,
}

/// What each scanner examined, by its name: for each lockfile, for each of its packages.
#[derive(Debug, Default)]
pub(super) struct LookedAt(BTreeMap<String, Vec<Vec<bool>>>);

impl LookedAt {
    /// Whether this scanner says that it examined the package at this place of the lockfile.
    pub(super) fn has(&self, scanner: &str, lockfile: usize, package: usize) -> bool {
        let flags = self.0.get(scanner).and_then(|lockfiles| lockfiles.get(lockfile));
        flags.and_then(|packages| packages.get(package)).copied().unwrap_or(false)
    }

    /// Whether it said anything.
    pub(super) fn spoke(&self, scanner: &str) -> bool {
        self.0.contains_key(scanner)
    }
}

/// Holds scans against lockfiles.
pub(super) fn compare(
    looks: Looks,
    subject: &Subject,
    locks: &[Lock],
    scanned: &mut [Scanned],
    exploited: &Exploited,
    statements: &Statements,
) -> Compared {
    let mut lockfiles: Vec<LockfileFacts> = locks.iter().map(Lock::facts).collect();
    let mut examined = Examined::new();
    let mut problems = Vec::new();
    for one in scanned.iter() {
        examined.take(one, &lockfiles, &mut problems);
    }
    let population = examined.population(looks, subject, locks, &lockfiles);
    for (number, lockfile) in lockfiles.iter_mut().enumerate() {
        let unexamined = (0..lockfile.packages.len()).filter(|at| !examined.by_any(number, *at));
        lockfile.unexamined = unexamined.filter_map(|at| u32::try_from(at).ok()).collect();
    }
    // They are moved from form to form, so that as many as a scanner may tell are never held twice.
    let told = scanned.iter_mut().flat_map(|one| {
        let found = std::mem::take(&mut one.reading.vulnerabilities);
        found.into_iter().map(|found| (one.facts.name.as_str(), found))
    });
    let merged = merge::merge(told);
    let scanned = &*scanned;
    let names: BTreeSet<&str> = scanned.iter().map(|one| one.facts.name.as_str()).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let agreement = (names.len() > 1).then(|| merge::agreement(&merged, &names));
    let mut seen = Vec::new();
    for one in merged {
        let by: Vec<String> = one.seen_by.iter().cloned().collect();
        for (lockfile, package) in places(&one.vulnerability, &one.places, &lockfiles) {
            let in_population = lockfile.is_some();
            let place = lockfile.map(|at| lockfiles[at].path.clone()).or_else(|| one.places.iter().next().cloned());
            let missed_by = names
                .iter()
                .filter(|name| !one.seen_by.contains(**name) && covers(name, lockfile, scanned))
                .map(|name| ((*name).to_owned(), examined.missed(name, lockfile, &package, &lockfiles)))
                .collect();
            let own = seen_of(&one.vulnerability, package, place, in_population, &by, exploited, statements);
            seen.push(Box::new(Seen { missed_by, ..own }));
        }
    }
    let dropped = scanned.iter().map(|one| one.reading.dropped).sum();
    Compared { population, lockfiles, seen, agreement, problems, dropped, looked: examined.by }
}

/// Whether a scanner was to look at a lockfile; what is in none may be anybody's.
fn covers(who: &str, lockfile: Option<usize>, scanned: &[Scanned]) -> bool {
    scanned.iter().any(|one| one.facts.name == who && lockfile.is_none_or(|at| one.covers.contains(&at)))
}

/// Which packages were examined, and why others were not.
struct Examined {
    /// By each scanner.
    by: LookedAt,
    /// What scanners say of packages that they passed over.
    skipped: HashMap<Package, String>,
    /// The lockfiles that a scanner looked at which does not say at what in them, each with the scanner.
    not_told: BTreeSet<(usize, String)>,
}

impl Examined {
    fn new() -> Self {
        Self { by: LookedAt::default(), skipped: HashMap::new(), not_told: BTreeSet::new() }
    }

    fn by_any(&self, lockfile: usize, package: usize) -> bool {
        self.by.0.values().any(|lockfiles| lockfiles[lockfile][package])
    }

    /// Whether a scanner that does not report something in this package looked at it.
    fn missed(&self, who: &str, at: Option<usize>, package: &Package, lockfiles: &[LockfileFacts]) -> Missed {
        let Some(at) = at else { return Missed::NotTold };
        match lockfiles[at].packages.binary_search(package) {
            Ok(position) if self.by.has(who, at, position) => Missed::Examined,
            _ if self.not_told.contains(&(at, who.to_owned())) => Missed::NotTold,
            _ => Missed::NotExamined,
        }
    }

    /// What this scanner examined, to be added to.
    fn own(&mut self, one: &Scanned, lockfiles: &[LockfileFacts]) -> &mut Vec<Vec<bool>> {
        let none = || lockfiles.iter().map(|lockfile| vec![false; lockfile.packages.len()]).collect();
        self.by.0.entry(one.facts.name.clone()).or_insert_with(none)
    }

    fn take(&mut self, one: &Scanned, lockfiles: &[LockfileFacts], problems: &mut Vec<(&'static str, String)>) {
        let reading = &one.reading;
        self.own(one, lockfiles);
        for skipped in &reading.skipped {
            if let Some(package) = &skipped.package {
                self.skipped.insert(package.clone(), skipped.reason.clone());
            }
        }
        if reading.examined.is_empty() && reading.skipped.is_empty() {
            return self.by_number(one, lockfiles, problems);
        }
        let named: HashSet<&Package> = reading
            .examined
            .iter()
            .map(|examined| &examined.package)
            .chain(reading.vulnerabilities.iter().map(|found| &found.package))
            .collect();
        let own = self.own(one, lockfiles);
        for at in &one.covers {
            for (flag, package) in own[*at].iter_mut().zip(&lockfiles[*at].packages) {
                *flag |= named.contains(package) || named.contains(&package.unversioned());
            }
        }
    }

    /// One that tells how many it examined and not which: it examined all if it is no less than there is.
    fn by_number(&mut self, one: &Scanned, lockfiles: &[LockfileFacts], problems: &mut Vec<(&'static str, String)>) {
        let Some(count) = one.reading.packages_examined() else {
            self.not_told.extend(one.covers.iter().map(|at| (*at, one.facts.name.clone())));
            return;
        };
        let there: u64 = one.covers.iter().map(|at| lockfiles[*at].packages.len() as u64).sum();
        if count < there {
            let message = format!(
                "{} examined {count} packages, and the lockfiles that it was given pin {there}",
                one.facts.name
            );
            return problems.push(("examined-less", message));
        }
        let own = self.own(one, lockfiles);
        for at in &one.covers {
            own[*at].fill(true);
        }
    }

    fn population(&self, looks: Looks, subject: &Subject, locks: &[Lock], lockfiles: &[LockfileFacts]) -> Population {
        let mut left = Left::default();
        let mut leave = |code: String, reason: String, example: String| left.add(code, reason, example);
        let mut examined = 0;
        for (at, lockfile) in lockfiles.iter().enumerate() {
            let not_told = self.not_told.iter().any(|(lockfile, _)| *lockfile == at);
            for (number, package) in lockfile.packages.iter().enumerate() {
                let flag = self.by_any(at, number);
                let example = || format!("{}: {package}", lockfile.path);
                let skipped = self.skipped.get(package).or_else(|| self.skipped.get(&package.unversioned()));
                match (flag, skipped) {
                    (true, _) => examined += 1,
                    (false, Some(reason)) => {
                        leave(SKIPPED.to_owned(), passed_over(reason, package.name()), example());
                    }
                    (false, None) if not_told => {
                        leave(
                            NOT_TOLD.to_owned(),
                            "the scanner does not say which packages it examined".to_owned(),
                            example(),
                        );
                    }
                    (false, None) => {
                        let code = format!("not-examined-{}", package.kind());
                        leave(code, format!("no scanner says that it examined it ({})", package.kind()), example());
                    }
                }
            }
            for apart in &locks[at].locked.apart {
                leave(
                    apart.why.code().to_owned(),
                    apart.why.reason().to_owned(),
                    format!("{}: {}", lockfile.path, apart.name),
                );
            }
        }
        let all: usize = lockfiles.iter().map(|lockfile| lockfile.packages.len()).sum();
        let apart: usize = locks.iter().map(|lock| lock.locked.apart.len()).sum();
        Population {
            subject: subject.clone(),
            unit: looks.unit().to_owned(),
            exist: Some((all + apart) as u64),
            counted_by: match looks {
                Looks::Dependencies => {
                    format!("{} read by Exhibit itself", crate::words::plural(lockfiles.len() as u64, "lockfile"))
                }
                Looks::Images => "package databases and lockfiles in the image's layers, read by Exhibit itself, and what its bill of materials lists beyond them".to_owned(),
            },
            examined,
            excluded: left.told(),
        }
    }
}

/// What was not examined, by code and reason.
#[derive(Default)]
struct Left(BTreeMap<(String, String), (u64, Vec<String>)>);

impl Left {
    fn add(&mut self, code: String, reason: String, example: String) {
        let (count, examples) = self.0.entry((code, reason)).or_default();
        *count += 1;
        if examples.len() < MOST_EXAMPLES {
            examples.push(example);
        }
    }

    /// The reasons, most first; of a code that has more of them than a record should name, the rest together.
    fn told(self) -> Vec<Exclusion> {
        let each = self.0.into_iter();
        let mut all: Vec<Exclusion> =
            each.map(|((code, reason), (count, examples))| Exclusion { code, count, examples, reason }).collect();
        if all.len() <= MOST_REASONS {
            return all;
        }
        all.sort_by_key(|one| std::cmp::Reverse(one.count));
        let mut rest: BTreeMap<String, Exclusion> = BTreeMap::new();
        for one in all.split_off(MOST_REASONS) {
            let Exclusion { code, count, examples, .. } = one;
            let reason = "for other reasons than these".to_owned();
            let sum = rest.entry(code.clone()).or_insert(Exclusion { code, count: 0, examples, reason });
            sum.count += count;
        }
        all.extend(rest.into_values());
        all
    }
}

/// What a scanner says of packages that nobody counted: how many it examined, and what it passed over.
pub(super) fn by_its_own_word(reading: &Reading) -> (u64, Vec<Exclusion>) {
    let mut left = Left::default();
    for skipped in &reading.skipped {
        let name = results::text::visible(&skipped.name, results::text::NAME);
        left.add(SKIPPED.to_owned(), passed_over(&skipped.reason, &skipped.name), name);
    }
    (reading.packages_examined().unwrap_or(0), left.told())
}

/// Why a package was passed over, without its name, so that one reason for many packages is one.
fn passed_over(reason: &str, named: &str) -> String {
    let reason = reason.split(&format!(": {named} (")).next().unwrap_or(reason);
    format!("the scanner passed over it: {}", results::text::visible(reason, 300))
}

/// The lockfiles that a vulnerable package is in, with the version that each pins; none of them where no lockfile pins it.
fn places(
    found: &Vulnerability,
    told: &BTreeSet<String>,
    lockfiles: &[LockfileFacts],
) -> Vec<(Option<usize>, Package)> {
    let mut all = Vec::new();
    for (at, lockfile) in lockfiles.iter().enumerate() {
        let pinned: Vec<usize> = match found.package.version() {
            Some(_) => lockfile.packages.binary_search(&found.package).into_iter().collect(),
            None => lockfile.versions_of(&found.package).collect(),
        };
        all.extend(pinned.into_iter().map(|package| (Some(at), lockfile.packages[package].clone())));
    }
    // Where the scanner names lockfiles of ours, it means those.
    let is_told =
        |at: &Option<usize>| at.is_some_and(|at| told.iter().any(|place| place.ends_with(lockfiles[at].path.as_str())));
    if all.iter().any(|(at, _)| is_told(at)) {
        all.retain(|(at, _)| is_told(at));
    }
    if all.is_empty() {
        all.push((None, found.package.clone()));
    }
    all
}

fn seen_of(
    found: &Vulnerability,
    package: Package,
    place: Option<String>,
    in_population: bool,
    by: &[String],
    exploited: &Exploited,
    statements: &Statements,
) -> Seen {
    let vex = statements.about(&found.ids, &package).cloned().or_else(|| found.vex.clone());
    Seen {
        advisory: found.ids.canonical().map_or("unnamed", AdvisoryId::as_str).to_owned(),
        ids: found.ids.clone(),
        lockfile: place.unwrap_or_default(),
        in_population,
        layer: found.layer.clone(),
        severity: found.rated.severity(),
        scored: found.rated.counting().cloned(),
        fixed: found.fixed.iter().take(10).cloned().collect(),
        fix: found.fix,
        title: found.title.as_deref().map(|title| crate::results::text::visible(title, 200)),
        seen_by: by.to_vec(),
        exploited: found.exploited || exploited.lists(&found.ids),
        vex,
        reach: found.reach,
        suppressed: found.suppressed.clone(),
        sort: found.sort.clone(),
        first_seen: None,
        gone_after: None,
        missed_by: BTreeMap::new(),
        package,
    }
}
