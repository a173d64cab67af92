//! Jobs to work on: the collectors' own cases, laid out in a folder.

use std::{
    fs,
    path::{Path, PathBuf},
};

use chrono::TimeDelta;
use exhibit_collectors::{
    Registry,
    cases::{self, Case},
};
use exhibit_evidence::{CollectorId, EnvironmentId, JobId, deployment::Environment, schedule::Schedule};
use exhibit_pipeline::Job;
use toml::Value;

/// Settings that name files; they are seen from the job's own folder.
const PATHS: [&str; 10] =
    ["dotenv", "example", "compose", "env_file", "kubernetes", "path", "files", "folder", "file", "canary"];

/// A job with the input of a collector's case.
#[derive(Clone, Debug)]
pub struct Example {
    /// The job, its settings seen from the folder above its own.
    pub job: Job,
    /// The environments in its scope.
    pub environments: Vec<Environment>,
    case: PathBuf,
}

impl Example {
    /// The case of a collector as job `job`, on demand only until it gets a schedule.
    ///
    /// # Panics
    /// Where there is no such case, or the names are no ids.
    #[must_use]
    pub fn new(job: &str, collector: &str, case: &str) -> Self {
        let folder = folder_of_cases(collector).join(case);
        let case = Case::read(&folder).expect("the case can be read");
        let mut settings = case.settings;
        see_from_above(&mut settings.source, job);
        let job = Job {
            id: JobId::new(job).expect("a job's id"),
            collector: CollectorId::new(collector).expect("a collector's id"),
            pushed: false,
            schedule: None,
            environments: case.environments.iter().map(|environment| environment.id.clone()).collect(),
            fresh_for: TimeDelta::days(7),
            late_after: TimeDelta::hours(1),
            settings,
        };
        Self { job, environments: case.environments, case: folder }
    }

    /// The same on a schedule.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn scheduled(mut self, schedule: &str) -> Self {
        self.job.schedule = Some(Schedule::parse(schedule).expect("a schedule"));
        self
    }

    /// The same with its evidence pushed by another system.
    #[must_use]
    pub fn pushed(mut self) -> Self {
        self.job.pushed = true;
        self.job.settings.source.clear();
        self
    }

    /// Puts the case's input where the job looks for it.
    ///
    /// # Panics
    /// When it can't be put there.
    pub fn lay_out(&self, registry: &Registry, base: &Path) {
        let collector = registry.get(self.job.collector.as_str()).expect("the collector is built in");
        let folder = base.join(self.job.id.as_str());
        fs::create_dir_all(&folder).expect("a folder");
        let input = self.case.join("input");
        let prepared =
            collector.collector.prepare_case(&input, &folder, cases::instant()).expect("the case's input can be made");
        if prepared == input {
            copy(&input, &folder);
        }
    }

    /// The verdicts that the case expects, check by check.
    ///
    /// # Panics
    /// When they can't be read.
    #[must_use]
    pub fn expected(&self) -> exhibit_collectors::cases::Expected {
        let text = fs::read_to_string(self.case.join("expected.json")).expect("the case says what it expects");
        serde_json::from_str(&text).expect("in the form of expectations")
    }

    /// Whether the case plants values that must be found nowhere else.
    #[must_use]
    pub fn plants(&self) -> bool {
        self.case.join("canaries.txt").is_file()
    }

    /// Values of secrets in the input that must be found nowhere else.
    ///
    /// # Panics
    /// Where the case plants none.
    #[must_use]
    pub fn canaries(&self) -> Vec<String> {
        let list = fs::read_to_string(self.case.join("canaries.txt")).expect("the case plants canaries");
        let canaries: Vec<String> = list.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
        assert!(!canaries.is_empty(), "no canaries");
        canaries
    }

    /// The names of all cases of a collector.
    ///
    /// # Panics
    /// When they can't be listed.
    #[must_use]
    pub fn cases(collector: &str) -> Vec<String> {
        let folder = folder_of_cases(collector);
        let cases = exhibit_collectors::cases::list(folder.parent().expect("above")).expect("cases");
        cases.iter().map(|case| case.file_name().expect("a name").to_string_lossy().into_owned()).collect()
    }

    /// Whether an environment of this id is in scope.
    #[must_use]
    pub fn covers(&self, environment: &EnvironmentId) -> bool {
        self.job.environments.contains(environment)
    }
}

fn folder_of_cases(collector: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../collectors")).join(collector).join("cases")
}

/// Paths that started from the case's input start from the folder above it.
fn see_from_above(source: &mut toml::Table, job: &str) {
    for (key, value) in source.iter_mut() {
        let names_files = PATHS.contains(&key.as_str());
        lead_through(value, job, names_files);
    }
}

fn lead_through(value: &mut Value, job: &str, names_files: bool) {
    match value {
        Value::String(path) if names_files => *path = format!("{job}/{path}"),
        Value::Array(items) => items.iter_mut().for_each(|item| lead_through(item, job, names_files)),
        Value::Table(table) => see_from_above(table, job),
        _ => {}
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder that can be read") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a file that can be copied");
        }
    }
}
