//! The work: whether anything runs, what is overdue, what is stale, what waits for the archive.

use std::{fs, path::Path};

use chrono::TimeDelta;
use exhibit_evidence::Timestamp;
use exhibit_pipeline::unarchived_of;
use exhibit_store::{EvidenceFilter, Store, StoreError};

use super::item::{Findings, Item, State};
use crate::{
    commands::demo_config::PATH_KEYS,
    config::{Config, Job},
};

static RUNNING: Item = Item {
    code: "work.running",
    good: "something performs what is due",
    remedy: "start exhibit serve, or a cron line with exhibit run; catch-up is recorded as late",
};
static SLOTS: Item = Item {
    code: "work.slots",
    good: "no planned slot is overdue",
    remedy: "exhibit run performs what is due; what it says of the slot tells why it waits",
};
static LEASES: Item = Item {
    code: "work.leases",
    good: "no lease has run out without a word",
    remedy: "a worker died or hangs: the next exhibit run takes the slot over",
};
static FRESH: Item = Item {
    code: "work.fresh",
    good: "each job's last evidence is fresh",
    remedy: "exhibit run JOB, and see what it says; if nothing runs at all, work.running tells so",
};
static SOURCES: Item = Item {
    code: "work.sources",
    good: "what the jobs look at can be reached",
    remedy: "mend the path in the job's source, or let the user that runs this read it",
};
static INTENTS: Item = Item {
    code: "archive.intents",
    good: "nothing has waited for the archive for long",
    remedy: "exhibit run archives what waits; if it goes on waiting, it says why",
};
static REPORTS: Item = Item {
    code: "archive.reports",
    good: "every issued report is archived",
    remedy: "exhibit run archives what waits; then: exhibit archive check",
};

pub(super) static ITEMS: [&Item; 7] = [&RUNNING, &SLOTS, &LEASES, &FRESH, &SOURCES, &INTENTS, &REPORTS];

/// So many occurrences are counted, and no more.
const COUNTED: usize = 1_000;
/// So many due ones without a word mean that nothing runs.
const SILENT: usize = 3;

/// What can be seen without the database.
pub(super) fn sources(config: &Config, findings: &mut Findings) {
    if config.jobs.is_empty() {
        return findings.warn(&SOURCES, "no job is configured: nothing is collected");
    }
    for job in &config.jobs {
        let id = &job.id;
        if job.pushed {
            findings.unknown(&SOURCES, format!("job {id}: another system looks; whether it can is not seen from here"));
            continue;
        }
        if job.collector.as_str() == "worm_archive" {
            findings.ok(&SOURCES, format!("job {id}: it looks at this deployment's own archive"));
            continue;
        }
        let mut paths = Vec::new();
        named(&toml::Value::Table(job.settings.source.clone()), &mut paths);
        let wrong: Vec<String> = paths.iter().filter_map(|path| unreachable(&config.base.join(path), path)).collect();
        match paths.len() {
            0 => findings.unknown(&SOURCES, format!("job {}: its source names no path; only a run shows", job.id)),
            count => findings.warn_of(
                &SOURCES,
                &wrong.iter().map(|why| format!("job {}: {why}", job.id)).collect::<Vec<_>>(),
                format!("job {}: {count} places", job.id),
            ),
        }
    }
}

/// The paths that a collector's source names.
fn named(value: &toml::Value, paths: &mut Vec<String>) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                match (PATH_KEYS.contains(&key.as_str()), value) {
                    (true, toml::Value::String(path)) => paths.push(without_pattern(path)),
                    (true, toml::Value::Array(list)) => {
                        paths.extend(list.iter().filter_map(toml::Value::as_str).map(without_pattern));
                    }
                    _ => named(value, paths),
                }
            }
        }
        toml::Value::Array(list) => list.iter().for_each(|value| named(value, paths)),
        _ => {}
    }
}

/// The folder that a pattern of files begins in; any other path as it is.
fn without_pattern(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.iter().position(|part| part.contains(['*', '?', '[', '{'])) {
        None => path.to_owned(),
        Some(0) => ".".to_owned(),
        Some(1) if path.starts_with('/') => "/".to_owned(),
        Some(at) => parts[..at].join("/"),
    }
}

/// Why a place can't be read, if it can't. A pipe is not opened: that would wait.
fn unreachable(path: &Path, shown: &str) -> Option<String> {
    let looked = fs::metadata(path).and_then(|found| match found.is_dir() {
        true => fs::read_dir(path).map(drop),
        false if found.is_file() => fs::File::open(path).map(drop),
        false => Err(std::io::Error::other("it is neither a file nor a folder")),
    });
    looked.err().map(|error| format!("{shown}: {error}"))
}

/// What the database tells of the work.
pub(super) async fn look(config: &Config, store: &Store, now: Timestamp, findings: &mut Findings) {
    match store.head().await {
        Ok(head) => running(config, head.last_recorded_at, now, findings),
        Err(error) => findings.unknown(&RUNNING, error.to_string()),
    }
    slots(config, store, now, findings).await;
    for job in &config.jobs {
        match last_observed(store, job).await {
            Ok(observed) => findings.note(&FRESH, freshness(job, observed, now), age(job, observed, now)),
            Err(error) => findings.unknown(&FRESH, format!("job {}: {error}", job.id)),
        }
    }
    if config.jobs.is_empty() {
        findings.warn(&FRESH, "no job is configured: nothing is collected");
    }
    match store.intents_since(now.plus(TimeDelta::hours(-1))).await {
        Ok(waiting) => findings.warn_of(&INTENTS, &waiting, "nothing waits for more than an hour"),
        Err(error) => findings.unknown(&INTENTS, error.to_string()),
    }
    match unarchived_of(store).await {
        Ok(waiting) => {
            let keys: Vec<String> = waiting.into_iter().map(|one| one.key).collect();
            findings.warn_of(&REPORTS, &keys, "all have receipts; exhibit archive check reads them back");
        }
        Err(error) => findings.unknown(&REPORTS, error.to_string()),
    }
}

/// Whether something works, by what the schedules promised since the ledger's last word.
fn running(config: &Config, last: Option<Timestamp>, now: Timestamp, findings: &mut Findings) {
    let Some(last) = last else {
        return findings.warn(&RUNNING, "nothing was recorded yet");
    };
    let due = config.jobs.iter().map(|job| due_since(config, job, last, now)).sum::<usize>();
    let state = match due {
        0 => State::Ok,
        1..SILENT => State::Warn,
        _ => State::Fail,
    };
    findings.note(&RUNNING, state, format!("the last word is of {last}; since then {due} performances were due"));
}

/// How many times of a job lie after the ledger's last word, and are late by now.
fn due_since(config: &Config, job: &Job, last: Timestamp, now: Timestamp) -> usize {
    let mut time = last.utc();
    let mut due = 0;
    while let Some(next) = job.schedule.next_after(config.deployment.time_zone, time) {
        if Timestamp::new(next).plus(job.late_after) >= now || due >= COUNTED {
            break;
        }
        due += 1;
        time = next;
    }
    due
}

async fn slots(config: &Config, store: &Store, now: Timestamp, findings: &mut Findings) {
    let open = match store.open_slots(now).await {
        Ok(open) => open,
        Err(error) => return findings.complete(&[&SLOTS, &LEASES], &error.to_string()),
    };
    let late_after = |id| {
        let job = config.jobs.iter().find(|job| job.id == id);
        job.map_or(TimeDelta::hours(1), |job| job.late_after)
    };
    let (mut overdue, mut dead) = (Vec::new(), Vec::new());
    for one in open {
        let name = format!("{} at {}", one.slot.job, one.slot.scheduled_for);
        match one.leased_until {
            Some(until) if until < now => dead.push(name),
            Some(_) => {}
            None if one.slot.scheduled_for.plus(late_after(one.slot.job)) < now => {
                overdue.push(format!("{name}, tried {} times", one.attempts));
            }
            None => {}
        }
    }
    findings.warn_of(&SLOTS, &overdue, "none waits for longer than its job allows");
    findings.warn_of(&LEASES, &dead, "none ran out");
}

async fn last_observed(store: &Store, job: &Job) -> Result<Option<Timestamp>, StoreError> {
    let filter = EvidenceFilter { jobs: vec![job.id.clone()], limit: 1, ..EvidenceFilter::default() };
    Ok(store.evidence_list(&filter).await?.first().map(|evidence| evidence.observed_to))
}

fn freshness(job: &Job, observed: Option<Timestamp>, now: Timestamp) -> State {
    match observed {
        Some(observed) if now.since(observed) <= job.fresh_for => State::Ok,
        _ => State::Warn,
    }
}

fn age(job: &Job, observed: Option<Timestamp>, now: Timestamp) -> String {
    match observed {
        None => format!("job {}: it has no evidence yet", job.id),
        Some(observed) => {
            let hours = now.since(observed).num_hours();
            format!("job {}: {hours} h old; it stays fresh for {} h", job.id, job.fresh_for.num_hours())
        }
    }
}
