//! The scanners that jobs run: found, the pinned ones, their versions and the age of their databases.

use exhibit_collectors::{
    runner::{Runner, Spawning},
    scanners::{self, Database, Standing},
};
use exhibit_evidence::Timestamp;

use super::item::{Findings, Item, State};
use crate::config::{Config, Job};

static SCANNERS: Item = Item {
    code: "work.scanners",
    good: "each job's scanner is here and answers, with a fresh database",
    remedy: "install it or name it by `program`, mend pin and parameters in the job, or fetch its database anew",
};

pub(super) static ITEMS: [&Item; 1] = [&SCANNERS];

/// Older databases are told, where the job's policy says nothing of it: in days.
const DAYS: i64 = 7;

/// Looks at each scanner of each job, and asks it for its version.
pub(super) fn look(config: &Config, now: Timestamp, findings: &mut Findings) {
    look_by(&Spawning::by_this_program(), config, now, findings);
}

fn look_by(runner: &dyn Runner, config: &Config, now: Timestamp, findings: &mut Findings) {
    let before = findings.0.len();
    for job in &config.jobs {
        for settings in scanners::all_in(&job.settings.source) {
            match scanners::standing(runner, &settings, &config.base) {
                Ok(standing) => {
                    let (state, said) = judge(job, &standing, now);
                    findings.note(&SCANNERS, state, format!("job {}: {said}", job.id));
                }
                Err(error) => findings.fail(&SCANNERS, format!("job {}: {error}", job.id)),
            }
        }
    }
    if findings.0.len() == before {
        findings.ok(&SCANNERS, "no job runs a scanner");
    }
}

fn judge(job: &Job, standing: &Standing, now: Timestamp) -> (State, String) {
    let days = job.settings.policy.get("database_days").and_then(toml::Value::as_integer).unwrap_or(DAYS);
    let (version, answers) = match &standing.version {
        Ok(version) => (version.clone(), true),
        Err(why) => (format!("of an unknown version ({why})"), false),
    };
    let (database, fresh) = match &standing.database {
        Ok(Database::None) => ("its rules are part of its version".to_owned(), true),
        Ok(Database::Service) => ("it asks a service while it scans".to_owned(), true),
        Ok(Database::Updated { at }) => {
            let old = now.since(*at).num_days();
            (format!("its database is {old} d old, and may be {days}"), old <= days)
        }
        Ok(Database::Unknown { why }) | Err(why) => (format!("the age of its database is not known: {why}"), false),
    };
    let pinned = if standing.pinned { "pinned" } else { "not pinned" };
    let (title, program, digest) = (&standing.title, standing.program.display(), &standing.digest);
    let said = format!("{title} {version}, {program}, {digest}, {pinned}; {database}");
    (if answers && fresh { State::Ok } else { State::Warn }, said)
}
