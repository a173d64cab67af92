//! The demo's `exhibit.toml`: written once, in full, so that a newcomer can read what a deployment is made of.

use std::{collections::BTreeMap, path::Path};

use anyhow::Context as _;
use exhibit_collectors::{Registry, examples};

/// The head of the file: everything but environments and jobs.
const HEAD: &str = "\
# What `exhibit demo` works with. Every other command can look at it with --dir; change it and run the demo again.

[deployment]
name = \"Harbour Lane (example) and this repository\"
time_zone = \"UTC\"
data_dir = \".\"

[environments.build]
title = \"This repository's CI\"
";

/// The configuration for a repository and the example company laid out in `company`, a folder relative to the file:
/// paths find their way into evidence as they are written here, and where somebody keeps a demo is nobody's business.
///
/// # Errors
/// When an example is not in order.
pub(crate) fn configuration(repository: &Path, company: &Path) -> anyhow::Result<String> {
    let registry = Registry::built_in()?;
    let mut text = HEAD.to_owned();
    let mut environments = BTreeMap::new();
    for example in examples::all() {
        for environment in example.settings()?.environments {
            environments.insert(environment.id.clone(), environment);
        }
    }
    for environment in environments.values() {
        text.push_str(&format!(
            "\n[environments.{}]\ntitle = {}\ndisposable = {}\n",
            environment.id,
            toml::Value::from(environment.title.clone()),
            environment.disposable
        ));
    }
    text.push_str(&repository_job(repository)?);
    for example in examples::all() {
        let schedule =
            &registry.get(example.collector).context("every example belongs to a collector")?.manifest.default_schedule;
        text.push_str(&example_job(example, schedule, company)?);
    }
    let attestation = registry.get("worm_archive").context("it is built in")?;
    let schedule = &attestation.manifest.default_schedule;
    // What a write-once directory is not: known here, and said in the report.
    let accepted = ["object-lock", "rights"].map(toml::Value::from).to_vec();
    let policy = toml::Table::from_iter([("accept_weak".to_owned(), accepted.into())]);
    text.push_str(&job("worm-archive", "worm_archive", schedule, &["build".to_owned()], toml::Table::new(), policy)?);
    Ok(text)
}

/// The job that looks at the repository the demo was started in, `.ci/run` included.
fn repository_job(repository: &Path) -> anyhow::Result<String> {
    let mut source = toml::Table::new();
    source.insert("id".to_owned(), "this-repository".into());
    source.insert("path".to_owned(), repository.display().to_string().into());
    source.insert("ci_paths".to_owned(), vec![toml::Value::from(".ci/run")].into());
    let repositories = toml::Table::from_iter([("repositories".to_owned(), vec![toml::Value::from(source)].into())]);
    job(
        "ci-secrets-of-this-repository",
        "ci_secrets",
        "30 5 * * *",
        &["build".to_owned()],
        repositories,
        toml::Table::new(),
    )
}

fn example_job(example: &examples::Example, schedule: &str, company: &Path) -> anyhow::Result<String> {
    let case = example.settings()?;
    let environments: Vec<String> = case.environments.iter().map(|environment| environment.id.to_string()).collect();
    let base = company.join(example.collector);
    let mut value = toml::Value::Table(case.settings.source);
    root_paths(&mut value, &base);
    let source = value.as_table().cloned().unwrap_or_default();
    let id = format!("{}-of-harbour-lane", example.collector.replace('_', "-"));
    job(&id, example.collector, schedule, &environments, source, case.settings.policy)
}

/// The keys of sources that name files and folders.
pub(super) const PATH_KEYS: [&str; 17] = [
    "path",
    "dotenv",
    "compose",
    "env_file",
    "kubernetes",
    "files",
    "folder",
    "file",
    "folders",
    "canary",
    "known_exploited",
    "lockfile",
    "repository",
    "result",
    "image",
    "bill",
    "vex",
];

/// Makes the paths of a case's source, which start from the case's input, start from where the demo laid it out.
fn root_paths(value: &mut toml::Value, base: &Path) {
    match value {
        toml::Value::Table(table) => {
            for (key, item) in table.iter_mut() {
                if PATH_KEYS.contains(&key.as_str()) {
                    root_texts(item, base);
                } else {
                    root_paths(item, base);
                }
            }
        }
        toml::Value::Array(items) => items.iter_mut().for_each(|item| root_paths(item, base)),
        _ => {}
    }
}

fn root_texts(value: &mut toml::Value, base: &Path) {
    match value {
        toml::Value::String(path) => *path = base.join(&*path).display().to_string(),
        toml::Value::Array(items) => items.iter_mut().for_each(|item| root_texts(item, base)),
        _ => {}
    }
}

fn job(
    id: &str,
    collector: &str,
    schedule: &str,
    environments: &[String],
    source: toml::Table,
    policy: toml::Table,
) -> anyhow::Result<String> {
    let mut job = toml::Table::new();
    job.insert("id".to_owned(), id.into());
    job.insert("collector".to_owned(), collector.into());
    job.insert("schedule".to_owned(), schedule.into());
    job.insert("environments".to_owned(), environments.to_vec().into());
    job.insert("source".to_owned(), source.into());
    if !policy.is_empty() {
        job.insert("policy".to_owned(), policy.into());
    }
    let jobs = toml::Table::from_iter([("jobs".to_owned(), vec![toml::Value::from(job)].into())]);
    Ok(format!("\n{}", toml::to_string_pretty(&jobs)?))
}
