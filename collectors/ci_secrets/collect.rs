//! Observes: opens each repository, walks it, counts it by another way, examines every version, and keeps facts.

use super::count::{self, Count};
use super::examine::{self, Answers, Means};
use super::facts::{FORMAT, Facts, References, RepositoryFacts, SystemFacts};
use super::recognise::Recogniser;
use super::repository::{self, RepositoryError, Tip, TipKind};
use super::settings::{self, RepositorySource};
use super::tally::{Tally, observations};
use super::walk::{self, History};
use crate::{CollectError, Collected, Scope, Settings};
use exhibit_detect::RunKey;
use exhibit_evidence::Digest;
use exhibit_evidence::observation::{Exclusion, Method, Observation, Population, Problem, Subject, Tool};
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
    let search = examine::search(scope.engine);
    let by = Means { search: &search, engine: scope.engine, key: &key };
    let mut subjects = Vec::new();
    let mut population = Vec::new();
    let mut problems = Vec::new();
    let mut repositories = Vec::new();
    for (index, repository) in source.repositories.iter().enumerate() {
        let subject = subject(repository, index, scope)?;
        match observe(&scope.base.join(&repository.path), repository, &subject, by) {
            Ok(observed) => {
                problems.extend(observed.problems);
                population.push(observed.population);
                repositories.push(observed.facts);
            }
            Err(error) => {
                population.push(nothing(&subject));
                problems.push(Problem {
                    subject: Some(subject.clone()),
                    code: error.code().to_owned(),
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
            rule_pack: Some(Digest(scope.engine.rule_pack_digest())),
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
    let key = format!("source.repositories.{index}.environment");
    let environment = scope.environment(repository.environment.as_ref(), &key)?;
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

struct Observed {
    facts: RepositoryFacts,
    population: Population,
    problems: Vec<Problem>,
}

/// A walked and examined repository, before it is put into facts.
pub(super) struct Looked {
    pub(super) tips: Vec<Tip>,
    without_path: u64,
    head: Option<String>,
    pub(super) history: History,
    pub(super) count: Count,
    pub(super) answers: Answers,
}

/// Opens, walks, counts and examines. The count takes its own way, on its own handle and thread.
pub(super) fn look(path: &Path, ci_paths: &[String], by: Means<'_>) -> Result<Looked, RepositoryError> {
    let repository = repository::open(path)?;
    let recogniser = Recogniser::new(ci_paths);
    let (tips, without_path) = repository::tips(&repository)?;
    let extra: Vec<Tip> = tips.iter().filter(|tip| tip.is_tree || !tip.name.starts_with("refs/")).cloned().collect();
    let counted = std::thread::scope(|scope| {
        let counter = scope.spawn(|| count::count(&repository::reopen(path)?, &extra, &recogniser));
        let history = walk::walk(&repository, &tips, &recogniser)?;
        let answers = examine::examine(path, &history, by)?;
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
    by: Means<'_>,
) -> Result<Observed, RepositoryError> {
    let looked = look(path, &settings.ci_paths, by)?;
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
        observations: observations(tally.values, &looked, by.engine),
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
