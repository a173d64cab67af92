//! `exhibit doctor`: everything about a live deployment that can be wrong, and what to do about it. It changes nothing.

mod bucket;
mod database;
mod files;
mod item;
mod keys;
mod registries;
mod scanners;
mod service;
mod work;

use anyhow::Context as _;
use exhibit_collectors::Registry;
use exhibit_evidence::Clock as _;
use exhibit_pipeline::SystemClock;
use exhibit_store::{
    Condition, DatabaseUrl, Store,
    cluster::{self, ClusterOptions, RunningCluster},
};

use self::item::{Finding, Findings, Item, State};
use crate::{
    args::DoctorArgs,
    config::{self, Config},
    deployment,
    output::{Exit, Out, Table, Words},
};

static CONFIGURATION: Item = Item {
    code: "config.loads",
    good: "the configuration is in order",
    remedy: "exhibit check names each mistake with its place; exhibit init writes a first one",
};

/// Everything that is looked at, in this order: of a bucket where there is one, and what is tried where that is asked for.
fn items(bucket: bool, probe: bool) -> Vec<&'static Item> {
    let of_bucket: &[&Item] = if bucket { &bucket::ITEMS } else { &[] };
    let tried: &[&Item] = if bucket && probe { &bucket::TRIED } else { &[] };
    let groups = [&[&CONFIGURATION][..], &files::ITEMS, of_bucket, tried];
    let work = [&work::ITEMS[..], &scanners::ITEMS, &registries::ITEMS].concat();
    let more = [&keys::ITEMS[..], &database::ITEMS, &work, &service::ITEMS];
    [groups.concat(), more.concat()].concat()
}

pub(crate) async fn run(args: &DoctorArgs, words: &Words, out: &mut Out) -> anyhow::Result<Exit> {
    let file = args.place.config_file();
    let registry = Registry::built_in()?;
    let mut findings = Findings::default();
    let mut bucket = false;
    let blind = match config::load(&file, &registry) {
        Ok(config) => {
            bucket = config.archive.s3.is_some();
            findings.ok(&CONFIGURATION, format!("{}: {} jobs", file.display(), config.jobs.len()));
            let step = words.step("Looking at the deployment");
            look(&config, &file, args.probe_rights, &mut findings).await;
            drop(step);
            false
        }
        Err(error) => {
            // The mistakes themselves are `check`'s to show: here one line must do.
            let said = match error {
                config::ConfigError::Invalid(invalid) => {
                    format!("{} has {} mistakes", file.display(), invalid.problems().len())
                }
                other => other.to_string(),
            };
            findings.fail(&CONFIGURATION, said);
            true
        }
    };
    findings.complete(
        &items(bucket, args.probe_rights),
        if blind { "without a configuration nothing can be looked at" } else { "something before it failed" },
    );
    out.data(args.printed.format, &findings.0, |findings| {
        let mut table = Table::new(["", "item", "found", "what to do"]);
        for finding in findings {
            table.row([
                finding.state.word().to_owned(),
                format!("{} ({})", finding.item, finding.code),
                finding.found.clone(),
                finding.remedy.clone().unwrap_or_default(),
            ]);
        }
        table
    })?;
    let count = |state| findings.0.iter().filter(|finding| finding.state == state).count();
    let (fail, warn, unknown) = (count(State::Fail), count(State::Warn), count(State::Unknown));
    words.say(match (fail, warn, unknown) {
        (0, 0, 0) => format!("{} things looked at, nothing wrong.", findings.0.len()),
        _ => format!(
            "{fail} wrong, {warn} to be looked after, {unknown} could not be found out, of {}.",
            findings.0.len()
        ),
    });
    Ok(if blind { Exit::CouldNotLook } else { ended(&findings.0) })
}

/// Clean only where everything was found out, and all of it is well.
fn ended(findings: &[Finding]) -> Exit {
    let any = |state| findings.iter().any(|finding| finding.state == state);
    if any(State::Fail) || any(State::Warn) {
        Exit::Differences
    } else if any(State::Unknown) {
        Exit::CouldNotLook
    } else {
        Exit::Clean
    }
}

async fn look(config: &Config, file: &std::path::Path, probe: bool, findings: &mut Findings) {
    files::look(config, file, findings);
    bucket::look(config, SystemClock.now(), probe, findings).await;
    let key = keys::look(config, findings);
    database::zones(findings);
    work::sources(config, findings);
    scanners::look(config, SystemClock.now(), findings);
    registries::look(config, findings).await;
    service::look(config, SystemClock.now(), findings).await;
    let (url, cluster) = match database_of(config).await {
        Ok(found) => found,
        Err(error) => return findings.fail(&database::REACHABLE, format!("{error:#}")),
    };
    match Condition::of(&url).await {
        Err(error) => findings.fail(&database::REACHABLE, error.to_string()),
        Ok(condition) => {
            // Taken after the answer: a slow network makes the offset larger, never smaller than it is.
            let now = SystemClock.now();
            findings.ok(&database::REACHABLE, format!("it answers {}", condition.role));
            database::judge(&condition, now, findings);
            match Store::open(&url).await {
                Ok(store) => {
                    database::fences(&store, findings).await;
                    keys::hold(config, key.as_ref(), &store, findings).await;
                    work::look(config, &store, now, findings).await;
                    service::people(config, &store, now, findings).await;
                    store.close().await;
                }
                Err(error) => {
                    let items = items(config.archive.s3.is_some(), probe);
                    findings.complete(&items, &format!("the database can't be worked with: {error}"));
                }
            }
        }
    }
    if let Some(cluster) = cluster
        && let Err(error) = cluster.release().await
    {
        tracing::warn!(%error, "the private Postgres could not be stopped");
    }
}

/// How to reach the database; a private one that was made before is started, and none is made.
async fn database_of(config: &Config) -> anyhow::Result<(DatabaseUrl, Option<RunningCluster>)> {
    if let Some(database) = &config.database {
        let unusable = || format!("{} gives no connection string", database.url_place);
        let resolved = database.url.resolve().with_context(unusable)?;
        return Ok((DatabaseUrl::new(resolved.value).with_context(unusable)?, None));
    }
    let folder = deployment::private_folder_noted(&config.deployment.data_dir);
    anyhow::ensure!(
        cluster::exists(&folder),
        "there is no database in {} yet: the first exhibit run makes it",
        folder.display()
    );
    let options = ClusterOptions { obtain_into: None, ..ClusterOptions::new(&folder) };
    let obtained = folder.join("postgres-bin");
    // Programs that an earlier command obtained are taken; nothing is obtained here.
    let options = if obtained.is_dir() { ClusterOptions { obtain_into: Some(obtained), ..options } } else { options };
    let cluster = cluster::start(options).await.context("the private Postgres could not be started")?;
    Ok((DatabaseUrl::private(cluster.connection())?, Some(cluster)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_steady_and_each_its_own() {
        let codes: Vec<&str> = items(true, true).iter().map(|item| item.code).collect();
        let different: BTreeSet<&str> = codes.iter().copied().collect();
        assert_eq!(different.len(), codes.len());
        insta::assert_snapshot!(codes.join("\n"));
    }

    #[test]
    fn clean_is_only_what_was_found_out() {
        let finding = |state| Finding { code: "a", state, item: "", found: String::new(), remedy: None };
        for (states, exit) in [
            (&[State::Ok, State::Ok][..], Exit::Clean),
            (&[State::Ok, State::Unknown], Exit::CouldNotLook),
            (&[State::Warn, State::Ok], Exit::Differences),
            (&[State::Fail, State::Unknown], Exit::Differences),
        ] {
            let findings: Vec<Finding> = states.iter().map(|state| finding(*state)).collect();
            assert_eq!(ended(&findings), exit, "{states:?}");
        }
    }
}
