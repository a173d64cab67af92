//! Observes all repositories and bundles of a job, and keeps facts.

use exhibit_detect::Confidence;
use exhibit_evidence::{
    Digest, Observation, Population,
    observation::{Method, Problem, Subject, Tool},
};

use super::facts::{FORMAT, Facts, RepositoryFacts};
use super::look::{self, Looking};
use super::settings;
use crate::known;
use crate::sources::{Root, Surroundings};
use crate::{CollectError, Collected, Scope, Settings};

/// What this way of looking cannot see, whatever the repository.
const BLIND_SPOTS: [&str; 6] = [
    "changes of a working copy that are not committed",
    "other clones, forks, and the hosting service's caches, pull requests and packages",
    "content of submodules and of Git LFS objects; names of files, and messages of commits and tags",
    "secrets that look like ordinary words and have no name beside them, and values put together at run time",
    "bundles that are built elsewhere, and what a content delivery network still serves of older ones",
    "encodings beyond those that the rules name, and what is nested deeper in them",
];

/// Observes everything that the job names.
pub(super) fn collect(scope: &Scope<'_>, settings: &Settings) -> Result<Collected, CollectError> {
    let source = settings::source(&settings.source).map_err(CollectError::Settings)?;
    let policy = settings::policy(&settings.policy).map_err(CollectError::Settings)?;
    let subject = |list: &str, index: usize, environment: Option<&_>, id: &_| {
        let environment = scope.environment(environment, &format!("source.{list}.{index}.environment"))?;
        Ok(Subject { environment, id: Clone::clone(id) })
    };
    let of_repositories = source.repositories.iter().enumerate();
    let repositories = of_repositories.map(|(at, one)| subject("repositories", at, one.environment.as_ref(), &one.id));
    let repositories = repositories.collect::<Result<Vec<Subject>, CollectError>>()?;
    let of_bundles = source.bundles.iter().enumerate();
    let bundles = of_bundles.map(|(at, one)| subject("bundles", at, one.environment.as_ref(), &one.id));
    let bundles = bundles.collect::<Result<Vec<Subject>, CollectError>>()?;

    let observed_from = scope.clock.now();
    let root = Root::folder(scope.base);
    let secrets = known::read(&source.secrets, &Surroundings { root: &root, clock: scope.clock });
    let mut problems = secrets.as_ref().map(|secrets| secrets.problems.clone()).unwrap_or_default();
    // What a policy may ask for later is looked for at once.
    let least = policy.minimum_confidence.min(Confidence::Medium);
    let looking = Looking { engine: scope.engine, least, secrets: secrets.as_ref(), key: *scope.run_key };
    let mut population = Vec::new();
    let mut facts = Facts { format: FORMAT, least, repositories: Vec::new(), bundles: Vec::new(), known: None };
    for (configured, subject) in source.repositories.iter().zip(&repositories) {
        match look::repository(&scope.base.join(&configured.path), subject, &looking) {
            Ok(looked) => {
                problems.extend(looked.problems);
                population.extend(looked.population);
                facts.repositories.push(looked.facts);
            }
            Err(why) => {
                problems.push(Problem {
                    subject: Some(subject.clone()),
                    code: why.code().to_owned(),
                    message: format!("{}: {why}", configured.id),
                });
                population.extend([look::TRACKED, look::BLOB].map(|unit| uncounted(subject, unit)));
                facts.repositories.push(RepositoryFacts {
                    subject: subject.clone(),
                    head: None,
                    commits: 0,
                    tracked: 0,
                    blobs: 0,
                    unreferenced: 0,
                    groups: Vec::new(),
                });
            }
        }
    }
    for (configured, subject) in source.bundles.iter().zip(&bundles) {
        let looked = look::bundle(scope.base, &configured.files, subject, &looking);
        problems.extend(looked.problems);
        population.extend(looked.population);
        facts.bundles.push(looked.facts);
    }
    facts.known = secrets.map(|secrets| secrets.facts);
    let facts = serde_json::to_value(&facts).map_err(|error| CollectError::Other(error.to_string()))?;
    let observation = Observation {
        observed_from,
        observed_to: scope.clock.now(),
        subjects: repositories.into_iter().chain(bundles).collect(),
        population,
        method: Method::All,
        tool: Tool {
            name: "exhibit repository_secrets, libgit2".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            command: Vec::new(),
            rule_pack: Some(Digest(scope.engine.rule_pack_digest())),
        },
        rights: "read access to the repositories' folders and to the bundles, as the user that runs this".to_owned(),
        filters: Vec::new(),
        blind_spots: BLIND_SPOTS.map(str::to_owned).to_vec(),
        problems,
        facts,
        facts_artifact: None,
        artifacts: Vec::new(),
    };
    Ok(Collected { observation, artifacts: Vec::new() })
}

/// The population of a repository that could not be looked at.
fn uncounted(subject: &Subject, unit: &str) -> Population {
    Population {
        subject: subject.clone(),
        unit: unit.to_owned(),
        exist: None,
        counted_by: "could not be counted".to_owned(),
        examined: 0,
        excluded: Vec::new(),
    }
}
