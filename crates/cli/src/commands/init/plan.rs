//! From what was found to environments and jobs. Nothing is read here; what a compose file mentions is asked for.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    find::{Found, Kind},
    guess::{Guess, UNTOLD, slug},
    scans::{Machine, Scans, scans},
};

/// More sources than this make no file that a person would read.
const MOST: usize = 200;

/// Where the credentials of an environment are: one `[[jobs.source.credentials]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) environment: Guess,
    /// `dotenv`, `compose` or `kubernetes`.
    pub(super) key: &'static str,
    pub(super) paths: Vec<String>,
    pub(super) env_file: Option<String>,
}

/// A repository of the jobs `ci_secrets` and `repository_secrets`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Repository {
    pub(super) id: String,
    pub(super) path: String,
    pub(super) ci_paths: Vec<String>,
}

/// A folder of logs of the `log_redaction` job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Log {
    pub(super) id: String,
    pub(super) environment: Guess,
    pub(super) path: String,
}

/// A name of an encryption key, and where the service that runs with it gets it: for the `key_custody` job, which is written as
/// an example, since nobody can guess where copies are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) name: String,
    /// The subject's id.
    pub(super) id: String,
    /// Where it was found.
    pub(super) source: Source,
}

/// A built front end of the `repository_secrets` job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bundle {
    pub(super) id: String,
    pub(super) path: String,
}

/// What the configuration will hold.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) repositories: Vec<Repository>,
    pub(super) credentials: Vec<Source>,
    pub(super) logs: Vec<Log>,
    pub(super) bundles: Vec<Bundle>,
    pub(super) keys: Vec<Key>,
    pub(super) scans: Scans,
    /// What each found place is used for, by its path.
    pub(super) used: BTreeMap<String, String>,
    /// What is not used though it could hold credentials, and why.
    pub(super) unused: Vec<(String, &'static str)>,
}

/// What is known beside the found places.
pub(super) struct Surroundings<'a> {
    /// What the folder is called.
    pub(super) title: &'a str,
    /// The repository around the folder: its name, its path from the folder, and the folder's path within it.
    pub(super) repository: Option<(String, String, String)>,
    /// Every path that ends as YAML and JSON do, and every one that was left out.
    pub(super) structured: &'a [String],
    pub(super) left_out: &'a [String],
    /// Whether a compose file's text mentions a file's name.
    pub(super) mentions: &'a dyn Fn(&str, &str) -> bool,
    /// The names of encryption keys that a file holds.
    pub(super) key_names: &'a dyn Fn(&str) -> Vec<String>,
    /// Which scanners lie ready.
    pub(super) machine: Machine<'a>,
}

pub(super) const NOT_NAMED: &str = "variables that no compose file here takes";
const THROUGH_COMPOSE: &str = "read through a compose file";

/// Makes the plan.
pub(super) fn plan(found: &[Found], surroundings: &Surroundings<'_>) -> Plan {
    let mut plan = Plan::default();
    repositories(&mut plan, found, surroundings);
    compose(&mut plan, found, surroundings);
    kubernetes(&mut plan, found, surroundings);
    dotenv(&mut plan, found);
    for source in plan.credentials.split_off(plan.credentials.len().min(MOST)) {
        plan.unused.extend(source.paths.into_iter().map(|path| (path, "more sources than one file should list")));
    }
    for source in &plan.credentials {
        for path in source.paths.iter().chain(&source.env_file) {
            plan.used.insert(path.clone(), format!("unique-credentials, environment {}", source.environment.id));
        }
    }
    keys(&mut plan, surroundings);
    logs(&mut plan, found);
    bundles(&mut plan, found);
    plan.scans = scans(found, surroundings.title, &surroundings.machine);
    for (path, job) in &plan.scans.used {
        let by = plan.used.entry(path.clone()).or_default();
        *by = if by.is_empty() { (*job).to_owned() } else { format!("{by}; {job}") };
    }
    plan
}

impl Plan {
    /// The environments of credentials and logs, by id; one that no name tells for scans, where there is no other.
    pub(super) fn environments(&self) -> BTreeSet<Guess> {
        let of_credentials = self.credentials.iter().map(|source| &source.environment);
        let told: BTreeSet<Guess> =
            of_credentials.chain(self.logs.iter().map(|log| &log.environment)).cloned().collect();
        if told.is_empty() && self.repositories.is_empty() && !self.scans.is_empty() {
            return BTreeSet::from([Guess::of("")]);
        }
        told
    }

    /// The environment in which scans count: where things are built, or else the first; none where there is none.
    pub(super) fn environment_of_scans(&self) -> Option<String> {
        match self.repositories.is_empty() {
            false => Some("build".to_owned()),
            true => self.environments().first().map(|environment| environment.id.clone()),
        }
    }
}

pub(super) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

pub(super) fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

pub(super) fn paths_of(found: &[Found], kind: Kind) -> impl Iterator<Item = &str> {
    found.iter().filter(move |one| one.kind == kind).map(|one| one.path.as_str())
}

fn repositories(plan: &mut Plan, found: &[Found], surroundings: &Surroundings<'_>) {
    let mut ids = BTreeSet::new();
    let mut unique = |wanted: &str| unused(&mut ids, wanted, "repository");
    if let Some((title, path, within)) = &surroundings.repository {
        let scripts: BTreeSet<String> = paths_of(found, Kind::CiScript)
            .filter_map(|path| path.split_once('/'))
            .map(|(top, _)| if within.is_empty() { format!("{top}/**") } else { format!("{within}/{top}/**") })
            .collect();
        let ci_paths = scripts.into_iter().collect();
        plan.repositories.push(Repository { id: unique(&slug(title)), path: path.clone(), ci_paths });
        for one in found.iter().filter(|one| matches!(one.kind, Kind::Ci(_) | Kind::CiScript)) {
            plan.used.insert(one.path.clone(), "ci-secrets".to_owned());
        }
    }
    for path in paths_of(found, Kind::Repository) {
        plan.repositories.push(Repository { id: unique(&slug(path)), path: path.to_owned(), ci_paths: Vec::new() });
        plan.used.insert(path.to_owned(), "ci-secrets, repository-secrets".to_owned());
    }
}

/// An id like the wanted one that is not taken yet; it is then.
pub(super) fn unused(ids: &mut BTreeSet<String>, wanted: &str, otherwise: &str) -> String {
    let base = if wanted.is_empty() { otherwise } else { wanted };
    let mut id = base.to_owned();
    let mut next = 2;
    while !ids.insert(id.clone()) {
        id = format!("{base}-{next}");
        next += 1;
    }
    id
}

/// Encryption keys by environment and name, each once: where its source is told first.
fn keys(plan: &mut Plan, surroundings: &Surroundings<'_>) {
    let mut seen = BTreeSet::new();
    for source in &plan.credentials {
        let files = source.paths.iter().chain(&source.env_file);
        let names: BTreeSet<String> = files.flat_map(|path| (surroundings.key_names)(path)).collect();
        for name in names {
            let id = name.to_lowercase().replace('_', "-");
            if seen.insert((source.environment.id.clone(), id.clone())) {
                plan.keys.push(Key { name, id, source: source.clone() });
            }
        }
    }
}

/// Built front ends, where there is a repository that they are built from.
fn bundles(plan: &mut Plan, found: &[Found]) {
    let mut ids: BTreeSet<String> = plan.repositories.iter().map(|one| one.id.clone()).collect();
    for path in paths_of(found, Kind::Bundle) {
        if plan.repositories.is_empty() {
            plan.unused.push((path.to_owned(), "a built front end without a repository around it"));
            continue;
        }
        // Only this is sent to browsers; beside it lies what the server runs.
        let sent = if name(path) == ".next" { format!("{path}/static") } else { path.to_owned() };
        plan.used.insert(path.to_owned(), "repository-secrets".to_owned());
        plan.bundles.push(Bundle { id: unused(&mut ids, &slug(path), "bundle"), path: sent });
    }
}

/// Compose files by folder: each overlay with the file that it changes, or that file alone.
fn compose(plan: &mut Plan, found: &[Found], surroundings: &Surroundings<'_>) {
    let mut bases: BTreeMap<&str, &str> = BTreeMap::new();
    for path in paths_of(found, Kind::Compose) {
        // In this order compose itself looks for its file: compose.yaml, compose.yml, docker-compose.yml.
        if bases.contains_key(folder(path)) {
            plan.unused.push((path.to_owned(), "compose takes another file of this folder"));
        } else {
            bases.insert(folder(path), path);
        }
    }
    let mut overlays: BTreeMap<(&str, Guess), Vec<String>> = BTreeMap::new();
    for path in paths_of(found, Kind::ComposeOverlay) {
        overlays.entry((folder(path), Guess::of(path))).or_default().push(path.to_owned());
    }
    for (place, base) in &bases {
        if !overlays.keys().any(|(folder, _)| folder == place) {
            overlays.insert((place, Guess::of(base)), Vec::new());
        }
    }
    for ((place, environment), changes) in overlays {
        let base = bases.get(place).map(|base| (*base).to_owned());
        let paths: Vec<String> = base.into_iter().chain(changes).collect();
        let env_file = env_file(found, place, &environment);
        for one in found.iter().filter(|one| one.kind == Kind::Dotenv) {
            let beside = folder(&one.path) == place && name(&one.path) == ".env";
            let mentioned = paths.iter().any(|compose| (surroundings.mentions)(compose, name(&one.path)));
            if (beside && env_file.is_none()) || (mentioned && name(&one.path) != ".env") {
                plan.used.insert(one.path.clone(), THROUGH_COMPOSE.to_owned());
            }
        }
        plan.credentials.push(Source { environment, key: "compose", paths, env_file });
    }
    for path in paths_of(found, Kind::Variables) {
        if !plan.credentials.iter().any(|source| source.env_file.as_deref() == Some(path)) {
            plan.unused.push((path.to_owned(), NOT_NAMED));
        }
    }
}

/// The one file of variables that a name gives to this environment, at or below the compose file's folder.
fn env_file(found: &[Found], place: &str, environment: &Guess) -> Option<String> {
    let near = |path: &str| place.is_empty() || path.starts_with(&format!("{place}/"));
    let fits = |path: &&str| near(path) && environment.id != UNTOLD && Guess::of(path) == *environment;
    let mut files = paths_of(found, Kind::Variables).filter(fits);
    if let (Some(only), None) = (files.next(), files.next()) {
        return Some(only.to_owned());
    }
    let mut files = paths_of(found, Kind::Dotenv)
        .filter(fits)
        .filter(|path| folder(path) == place && name(path).starts_with(".env."));
    match (files.next(), files.next()) {
        (Some(only), None) => Some(only.to_owned()),
        _ => None,
    }
}

/// Manifests by environment: whole folders where everything structured in them is a manifest of that environment.
fn kubernetes(plan: &mut Plan, found: &[Found], surroundings: &Surroundings<'_>) {
    let manifests: BTreeMap<&str, Guess> = paths_of(found, Kind::Kubernetes)
        .chain(paths_of(found, Kind::OtherManifest))
        .map(|path| (path, Guess::of(path)))
        .collect();
    let mut groups: BTreeMap<Guess, BTreeSet<String>> = BTreeMap::new();
    for path in paths_of(found, Kind::Kubernetes) {
        let environment = Guess::of(path);
        let place = folder(path);
        let below = |path: &str| path.starts_with(&format!("{place}/"));
        let whole = !place.is_empty()
            && surroundings
                .structured
                .iter()
                .filter(|path| below(path))
                .all(|path| manifests.get(path.as_str()) == Some(&environment))
            && !surroundings.left_out.iter().any(|path| below(path));
        let source = if whole { format!("{place}/") } else { path.to_owned() };
        plan.used.insert(path.to_owned(), format!("unique-credentials, environment {}", environment.id));
        groups.entry(environment).or_default().insert(source);
    }
    for (environment, paths) in groups {
        // A folder that lies in another one of the list would be read twice.
        let paths: Vec<String> = paths
            .iter()
            .filter(|path| {
                !paths.iter().any(|other| other.ends_with('/') && *path != other && path.starts_with(other.as_str()))
            })
            .cloned()
            .collect();
        plan.credentials.push(Source { environment, key: "kubernetes", paths, env_file: None });
    }
}

fn dotenv(plan: &mut Plan, found: &[Found]) {
    for path in paths_of(found, Kind::Dotenv) {
        let taken = plan.used.contains_key(path)
            || plan.credentials.iter().any(|source| source.env_file.as_deref() == Some(path));
        if !taken {
            let (environment, paths) = (Guess::of(path), vec![path.to_owned()]);
            plan.credentials.push(Source { environment, key: "dotenv", paths, env_file: None });
        }
    }
}

/// Folders of logs; one that no name tells the environment of belongs to the credentials' only one.
fn logs(plan: &mut Plan, found: &[Found]) {
    let known = plan.environments();
    let only = if known.len() == 1 { known.first().cloned() } else { None };
    let mut ids = BTreeSet::new();
    for path in paths_of(found, Kind::Logs) {
        // A folder that lies in another one is read with it.
        if plan.logs.iter().any(|outer| path.starts_with(&format!("{}/", outer.path))) {
            plan.used.insert(path.to_owned(), "log-redaction".to_owned());
            continue;
        }
        let guess = Guess::of(path);
        let environment = if guess.id == UNTOLD { only.clone().unwrap_or(guess) } else { guess };
        let id = unused(&mut ids, &slug(path), "logs");
        plan.used.insert(path.to_owned(), format!("log-redaction, environment {}", environment.id));
        plan.logs.push(Log { id, environment, path: path.to_owned() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Machine<'_> = Machine {
        program: &|_| None,
        database: &|_, _| None,
        committed: &|_| false,
        later_yarn: &|_| false,
        examples: &[],
    };

    fn found(places: &[(&str, Kind)]) -> Vec<Found> {
        places.iter().map(|(path, kind)| Found { path: (*path).to_owned(), kind: *kind, ignored: false }).collect()
    }

    fn sources(places: &[(&str, Kind)], structured: &[&str], mentioned: &[&str]) -> Vec<String> {
        let structured: Vec<String> = structured.iter().map(|path| (*path).to_owned()).collect();
        let mentions = |_: &str, name: &str| mentioned.contains(&name);
        let surroundings = Surroundings {
            repository: None,
            structured: &structured,
            left_out: &[],
            mentions: &mentions,
            key_names: &|_| Vec::new(),
            title: "shop",
            machine: NOTHING,
        };
        let plan = plan(&found(places), &surroundings);
        let told = |source: &Source| {
            let with = source.env_file.as_ref().map(|file| format!(" with {file}")).unwrap_or_default();
            format!("{} {} {}{with}", source.environment.id, source.key, source.paths.join("+"))
        };
        plan.credentials.iter().map(told).collect()
    }

    #[test]
    fn sources_are_put_together_by_folder_and_environment() {
        use Kind::{Compose, ComposeOverlay, Dotenv, Kubernetes, OtherManifest, Variables};
        // The example company.
        let company = [
            ("docker-compose.yml", Compose),
            ("docker-compose.staging.yml", ComposeOverlay),
            ("envs/production.tools.env", Dotenv),
            ("envs/staging.worker.env", Dotenv),
            ("envs/staging.vars", Variables),
            ("k8s/production/secrets.yaml", Kubernetes),
            ("k8s/production/workloads.yaml", Kubernetes),
        ];
        let structured = ["docker-compose.yml", "k8s/production/secrets.yaml", "k8s/production/workloads.yaml"];
        assert_eq!(
            sources(&company, &structured, &["staging.worker.env"]),
            [
                "staging compose docker-compose.yml+docker-compose.staging.yml with envs/staging.vars",
                "production kubernetes k8s/production/",
                "production dotenv envs/production.tools.env",
            ]
        );
        // A `.env` beside a compose file is that file's; one elsewhere stands alone.
        let plain = [("compose.yaml", Compose), (".env", Dotenv), (".env.production", Dotenv), ("web/.env", Dotenv)];
        assert_eq!(
            sources(&plain, &[], &[]),
            ["default compose compose.yaml", "production dotenv .env.production", "default dotenv web/.env"]
        );
        // A folder with something else in it is not taken whole.
        let mixed = [("k8s/a.yaml", Kubernetes), ("k8s/b.yaml", OtherManifest)];
        assert_eq!(
            sources(&mixed, &["k8s/a.yaml", "k8s/b.yaml", "k8s/values.yaml"], &[]),
            ["default kubernetes k8s/a.yaml"]
        );
        assert_eq!(sources(&mixed, &["k8s/a.yaml", "k8s/b.yaml"], &[]), ["default kubernetes k8s/"]);
    }

    #[test]
    fn folders_of_logs_are_one_job_each_once() {
        let places = found(&[
            (".env.production", Kind::Dotenv),
            ("var/log", Kind::Logs),
            ("var/log/logs", Kind::Logs),
            ("staging/logs", Kind::Logs),
        ]);
        let surroundings = Surroundings {
            repository: None,
            structured: &[],
            left_out: &[],
            mentions: &|_, _| false,
            key_names: &|_| Vec::new(),
            title: "shop",
            machine: NOTHING,
        };
        let plan = plan(&places, &surroundings);
        let told: Vec<_> =
            plan.logs.iter().map(|log| (log.id.as_str(), log.environment.id.as_str(), log.path.as_str())).collect();
        assert_eq!(told, [("var-log", "production", "var/log"), ("staging-logs", "staging", "staging/logs")]);
    }

    #[test]
    fn repositories_have_ids_of_their_own() {
        let places = found(&[("lib", Kind::Repository), ("Lib", Kind::Repository), (".ci/run", Kind::CiScript)]);
        let surroundings = Surroundings {
            repository: Some(("日本".to_owned(), "..".to_owned(), "app".to_owned())),
            structured: &[],
            left_out: &[],
            mentions: &|_, _| false,
            key_names: &|_| Vec::new(),
            title: "shop",
            machine: NOTHING,
        };
        let plan = plan(&places, &surroundings);
        let told: Vec<_> = plan.repositories.iter().map(|one| (one.id.as_str(), one.path.as_str())).collect();
        assert_eq!(told, [("repository", ".."), ("lib", "lib"), ("lib-2", "Lib")]);
        assert_eq!(plan.repositories[0].ci_paths, ["app/.ci/**"]);
    }

    #[test]
    fn built_front_ends_go_with_a_repository() {
        let mut places = found(&[("web/dist", Kind::Bundle), ("shop/.next", Kind::Bundle)]);
        let surroundings = Surroundings {
            repository: None,
            structured: &[],
            left_out: &[],
            mentions: &|_, _| false,
            key_names: &|_| Vec::new(),
            title: "shop",
            machine: NOTHING,
        };
        assert_eq!(plan(&places, &surroundings).bundles, []);
        places.extend(found(&[("web-dist", Kind::Repository)]));
        let plan = plan(&places, &surroundings);
        let told: Vec<_> = plan.bundles.iter().map(|one| (one.id.as_str(), one.path.as_str())).collect();
        assert_eq!(told, [("web-dist-2", "web/dist"), ("shop-next", "shop/.next/static")]);
    }
}
