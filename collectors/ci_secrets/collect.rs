//! Observes: opens each repository, walks it, counts it by another way, examines every version, and keeps facts.

use super::count::{self, Count};
use super::examine::{self, Answers, Examined, Hit, HitKind, Left};
use super::facts::{FORMAT, Facts, MalformedFact, ObservedValue, References, RepositoryFacts, SystemFacts, ValueKind};
use super::recognise::Recogniser;
use super::repository::{self, RepositoryError, Tip, TipKind};
use super::settings::{self, RepositorySource};
use super::understand::sink::{Written, part_of_path};
use super::walk::{self, Carriers, History, Mode, Version};
use crate::{CollectError, Collected, Scope, SettingProblem, Settings};
use exhibit_detect::{Engine, Fingerprint, RunKey};
use exhibit_evidence::observation::{Exclusion, Method, Observation, Population, Problem, Subject, Tool};
use exhibit_evidence::{Digest, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

/// What the population counts.
const UNIT: &str = "file version that is or may be CI configuration";
/// Most examples that an exclusion names.
const MOST_EXAMPLES: usize = 5;

/// Observes all repositories of a job.
pub(super) fn collect(scope: &Scope<'_>, settings: &Settings) -> Result<Collected, CollectError> {
    let source = settings::source(&settings.source).map_err(CollectError::Settings)?;
    let observed_from = scope.clock.now();
    let key = RunKey::new(*scope.run_key);
    let mut subjects = Vec::new();
    let mut population = Vec::new();
    let mut problems = Vec::new();
    let mut repositories = Vec::new();
    for (index, repository) in source.repositories.iter().enumerate() {
        let subject = subject(repository, index, scope)?;
        match observe(&scope.base.join(&repository.path), repository, &subject, &key) {
            Ok(observed) => {
                problems.extend(observed.problems);
                population.push(observed.population);
                repositories.push(observed.facts);
            }
            Err(error) => {
                population.push(nothing(&subject));
                problems.push(Problem {
                    subject: Some(subject.clone()),
                    code: code(&error).to_owned(),
                    message: error.to_string(),
                });
            }
        }
        subjects.push(subject);
    }
    let facts = Facts { format: FORMAT, repositories };
    let facts =
        serde_json::to_value(facts).map_err(|_| CollectError::Other("the facts have no JSON form".to_owned()))?;
    let observation = Observation {
        observed_from,
        observed_to: scope.clock.now(),
        subjects,
        population,
        method: Method::All,
        tool: Tool {
            name: "exhibit ci_secrets, libgit2".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            command: Vec::new(),
            rule_pack: Some(rule_pack()),
        },
        rights: "read access to the repository's folder, as the user that runs this".to_owned(),
        filters: Vec::new(),
        blind_spots: blind_spots(),
        problems,
        facts,
        facts_artifact: None,
        artifacts: Vec::new(),
    };
    Ok(Collected { observation, artifacts: Vec::new() })
}

/// The digest of the detection engine's rules.
pub(super) fn rule_pack() -> Digest {
    Digest(Engine::builtin().rule_pack_digest())
}

fn blind_spots() -> Vec<String> {
    [
        "commits that no reference, stash entry or HEAD keeps alive (reflogs, unreachable objects, forks, caches of the hosting service)",
        "values held by the CI system itself: its secret store, variables set in its web pages, its logs and artifacts",
        "content of submodules and of Git LFS objects, and of files that a configuration includes from other repositories",
        "secrets that look like ordinary words under names that do not promise a secret, and values put together at run time",
        "scripts that CI calls under paths that the job does not configure",
    ]
    .map(str::to_owned)
    .to_vec()
}

fn subject(repository: &RepositorySource, index: usize, scope: &Scope<'_>) -> Result<Subject, CollectError> {
    let problem = |message: &str| {
        CollectError::Settings(SettingProblem::new(&format!("source.repositories.{index}.environment"), message))
    };
    let environment = match (&repository.environment, scope.environments) {
        (Some(id), environments) if environments.iter().any(|environment| environment.id == *id) => id.clone(),
        (Some(_), _) => return Err(problem("expected one of the job's environments")),
        (None, [only]) => only.id.clone(),
        (None, _) => {
            return Err(problem("expected an environment, because the job does not have exactly one"));
        }
    };
    Ok(Subject { environment, id: repository.id.clone() })
}

/// The population of a repository that could not be looked at.
fn nothing(subject: &Subject) -> Population {
    Population {
        subject: subject.clone(),
        unit: UNIT.to_owned(),
        exist: None,
        counted_by: "could not be counted".to_owned(),
        examined: 0,
        excluded: Vec::new(),
    }
}

fn code(error: &RepositoryError) -> &'static str {
    match error {
        RepositoryError::NotARepository => "not-a-repository",
        RepositoryError::ForeignOwner { .. } => "foreign-owner",
        RepositoryError::Shallow => "shallow-clone",
        RepositoryError::Reftable => "reftable",
        RepositoryError::Sha256 => "sha256-objects",
        RepositoryError::Partial { .. } => "partial-clone",
        RepositoryError::Missing { .. } => "missing-object",
        RepositoryError::Unreadable { .. } => "unreadable",
        RepositoryError::TooManyPlaces { .. } => "too-many-places",
    }
}

struct Observed {
    facts: RepositoryFacts,
    population: Population,
    problems: Vec<Problem>,
}

/// A walked and examined repository, before it is put into facts.
pub(super) struct Looked {
    tips: Vec<Tip>,
    without_path: u64,
    head: Option<String>,
    pub(super) history: History,
    pub(super) count: Count,
    pub(super) answers: Answers,
}

/// Opens, walks, counts and examines. The count takes its own way, on its own handle and thread.
pub(super) fn look(path: &Path, ci_paths: &[String], key: &RunKey) -> Result<Looked, RepositoryError> {
    let repository = repository::open(path)?;
    let recogniser = Recogniser::new(ci_paths);
    let (tips, without_path) = repository::tips(&repository)?;
    let extra: Vec<Tip> = tips.iter().filter(|tip| tip.is_tree || !tip.name.starts_with("refs/")).cloned().collect();
    let counted = std::thread::scope(|scope| {
        let counter = scope.spawn(|| count::count(&repository::reopen(path)?, &extra, &recogniser));
        let history = walk::walk(&repository, &tips, &recogniser)?;
        let answers = examine::examine(path, &history, key)?;
        let stopped = || RepositoryError::Unreadable {
            what: "the count of the population".to_owned(),
            detail: "its thread stopped".to_owned(),
        };
        let count = counter.join().map_err(|_| stopped())??;
        Ok::<_, RepositoryError>((history, answers, count))
    });
    let (history, answers, count) = counted?;
    let head = tips.iter().find(|tip| tip.name == "HEAD").map(|tip| tip.target.to_string());
    Ok(Looked { tips, without_path, head, history, count, answers })
}

fn observe(
    path: &Path,
    settings: &RepositorySource,
    subject: &Subject,
    key: &RunKey,
) -> Result<Observed, RepositoryError> {
    let looked = look(path, &settings.ci_paths, key)?;
    let mut tally = Tally::default();
    for version in &looked.history.versions {
        if let Some(answer) = looked.answers.get(&examine::answer_key(version)) {
            tally.add(version, answer);
        }
    }
    let exist = looked.count.by_path + looked.count.perhaps_by_content;
    let mut problems = Vec::new();
    if looked.count.commits != commits_of(&looked) {
        problems.push(Problem {
            subject: Some(subject.clone()),
            code: "commit-count-differs".to_owned(),
            message: format!("the walk saw {} commits and the count saw {}: the repository changed while it was read, or one of them is wrong", commits_of(&looked), looked.count.commits),
        });
    }
    let population = Population {
        subject: subject.clone(),
        unit: UNIT.to_owned(),
        exist: Some(exist),
        counted_by: count::METHOD.to_owned(),
        examined: tally.examined,
        excluded: tally.excluded.iter().map(|(code, places)| exclusion(code, places)).collect(),
    };
    let facts = RepositoryFacts {
        subject: subject.clone(),
        head: looked.head.clone(),
        commits: commits_of(&looked),
        trees: looked.history.trees,
        references: references(&looked.tips, looked.without_path),
        recognised: tally.recognised,
        not_ci: tally.not_ci,
        systems: tally
            .systems
            .iter()
            .map(|(system, (paths, versions))| SystemFacts {
                system: (*system).to_owned(),
                paths: paths.len() as u64,
                versions: *versions,
            })
            .collect(),
        configured_paths: settings.ci_paths.clone(),
        symbolic_links: tally.links,
        submodules: looked.history.submodules,
        read_as_lines: tally.malformed.into_values().collect(),
        observations: observations(tally.values, &looked),
    };
    Ok(Observed { facts, population, problems })
}

fn commits_of(looked: &Looked) -> u64 {
    let trees = looked.tips.iter().filter(|tip| tip.is_tree).count() as u64;
    looked.history.commits.len() as u64 - trees
}

fn exclusion(code: &str, places: &[String]) -> Exclusion {
    let reason = match code {
        "too-large" => "larger than 5 MiB, not read",
        "lfs-pointer" => "a Git LFS pointer: the content is not in the repository",
        _ => "live, and not well-formed YAML: read line by line, so its structure was not understood",
    };
    Exclusion {
        code: code.to_owned(),
        reason: reason.to_owned(),
        count: places.len() as u64,
        examples: places.iter().take(MOST_EXAMPLES).cloned().collect(),
    }
}

fn references(tips: &[Tip], without_path: u64) -> References {
    let count = |kind: TipKind| tips.iter().filter(|tip| tip.kind == kind).count() as u64;
    References {
        heads: count(TipKind::Head),
        branches: count(TipKind::Branch),
        remotes: count(TipKind::Remote),
        tags: count(TipKind::Tag),
        stashes: count(TipKind::Stash),
        other: count(TipKind::Other),
        without_path,
    }
}

/// Where a value stands: path, key path, rule, and the value itself by its fingerprint.
type PlaceOfValue = (String, String, String, Fingerprint);

/// A value with what is known of it from the versions seen so far.
struct Seen {
    system: &'static str,
    hit: Hit,
    carriers: Carriers,
    occurrences: u64,
}

#[derive(Default)]
struct Tally {
    examined: u64,
    recognised: u64,
    not_ci: u64,
    links: u64,
    excluded: BTreeMap<&'static str, Vec<String>>,
    systems: BTreeMap<&'static str, (BTreeSet<String>, u64)>,
    malformed: BTreeMap<String, MalformedFact>,
    values: HashMap<PlaceOfValue, Seen>,
}

impl Tally {
    fn add(&mut self, version: &Version, answer: &Examined) {
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
                std::collections::hash_map::Entry::Vacant(empty) => {
                    empty.insert(Seen { system, hit: hit.clone(), carriers: version.carriers.clone(), occurrences });
                }
                std::collections::hash_map::Entry::Occupied(mut there) => {
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

/// A path as it may stand in evidence: each segment checked for being a value itself.
fn path_in_evidence(path: &str) -> String {
    path.split('/').map(part_of_path).collect::<Vec<_>>().join("/")
}

fn observations(values: HashMap<PlaceOfValue, Seen>, looked: &Looked) -> Vec<ObservedValue> {
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
            observed(path, key, rule, group, &seen, looked)
        })
        .collect()
}

fn observed(path: String, key: String, rule: String, group: usize, seen: &Seen, looked: &Looked) -> ObservedValue {
    let point = |index: u32| &looked.history.commits[index as usize];
    let at = |seconds: i64| Timestamp::from_micros(seconds.saturating_mul(1_000_000)).unwrap_or_else(epoch);
    let known = Engine::builtin().rule(&rule);
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
