//! Counts the files, and has the scanner look at them. It holds no opinion.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use exhibit_evidence::{
    Observation, Population, Timestamp,
    observation::{Exclusion, Method, Problem, Subject, Tool},
};
use ignore::WalkBuilder;

use super::facts::{FORMAT, Facts, Report, TargetFacts};
use super::look::{Look, look, reading, relative};
use super::settings::{self, Target};
use super::silenced;
use crate::runner::Runner;
use crate::scanners::{Adapter, LooksAt, Request, ScannerFacts, scan};
use crate::kept::{KeepUpTo, Kept};
use crate::{CollectError, Collected, Scope, Settings, policy, results};

/// The code of files that the scanner does not say it examined.
const NOT_EXAMINED: &str = "not-examined";
/// How many files a scanner gets one by one.
const MOST_RUNS: usize = 1_000;
/// How many examples are told of what was left out.
const EXAMPLES: usize = 10;

pub(super) fn collect(scope: &Scope<'_>, settings: &Settings) -> Result<Collected, CollectError> {
    let source = settings::source(&settings.source).map_err(|mut problems| CollectError::Settings(problems.swap_remove(0)))?;
    let runner = scope.own.runner.ok_or_else(|| CollectError::Other("nothing supplies what runs scanners".to_owned()))?;
    let observed_from = scope.clock.now();
    let mut all = All { keep: source.keep_results_mib, ..All::default() };
    for (index, target) in source.targets.iter().enumerate() {
        let environment = scope.environment(target.environment.as_ref(), &format!("source.targets.{index}.environment"))?;
        let subject = Subject { environment, id: target.subject.clone() };
        all.add(&Looking { scope, runner, target, subject });
    }
    let (artifacts, left_out) = all.kept.told();
    let mut observation = observation(all.targets, all.population, all.problems, (observed_from, scope.clock.now()))?;
    observation.rights =
        "read access to the folders; the scanner ran as the same user, within the limits that the facts name".to_owned();
    observation.filters =
        source.targets.iter().map(|target| format!("{}: {}", target.subject, target.files.join(", "))).collect();
    observation.filters.extend(left_out);
    Ok(Collected { observation, artifacts })
}

/// The observation of these targets, from when to when.
pub(super) fn observation(
    targets: Vec<TargetFacts>,
    population: Vec<Population>,
    problems: Vec<Problem>,
    (observed_from, observed_to): (Timestamp, Timestamp),
) -> Result<Observation, CollectError> {
    let facts = serde_json::to_value(Facts { format: FORMAT, targets });
    Ok(Observation {
        observed_from,
        observed_to,
        subjects: population.iter().map(|population| population.subject.clone()).collect(),
        population,
        method: Method::All,
        tool: Tool {
            name: "exhibit static_analysis".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            command: Vec::new(),
            rule_pack: None,
        },
        rights: String::new(),
        filters: Vec::new(),
        blind_spots: vec!["what the scanner's rules do not look for".to_owned()],
        problems,
        facts: facts.map_err(|error| CollectError::Other(error.to_string()))?,
        facts_artifact: None,
        artifacts: Vec::new(),
    })
}

/// What of the files that exist was not examined; none where all was.
pub(super) fn not_examined(missed: &[&String]) -> Option<Exclusion> {
    (!missed.is_empty()).then(|| Exclusion {
        code: NOT_EXAMINED.to_owned(),
        count: missed.len() as u64,
        examples: missed.iter().take(EXAMPLES).map(|file| (*file).clone()).collect(),
        reason: "the scanner does not say that it examined them".to_owned(),
    })
}

/// What all targets gave.
#[derive(Default)]
struct All {
    targets: Vec<TargetFacts>,
    population: Vec<Population>,
    problems: Vec<Problem>,
    keep: KeepUpTo,
    kept: Kept,
}

/// One target that is looked at.
struct Looking<'a> {
    scope: &'a Scope<'a>,
    runner: &'a dyn Runner,
    target: &'a Target,
    subject: Subject,
}

impl All {
    fn add(&mut self, looking: &Looking<'_>) {
        let mut facts = TargetFacts { subject: looking.subject.clone(), scanner: None, result: None, reports: Vec::new(), silenced: Vec::new() };
        let files = looking.files();
        let mut examined = BTreeSet::new();
        let mut silencers = Vec::new();
        match (&files, looking.adapter()) {
            (Err(why), _) => self.trouble(looking, "folder-not-read", why.clone()),
            (_, Err(why)) => self.trouble(looking, "adapter-not-in-order", why),
            // Nothing to look at is said by the population.
            (Ok(files), Ok(_)) if files.is_empty() => {}
            (Ok(files), Ok(adapter)) if looking.target.each_file => {
                silencers = looking.silencers(&adapter);
                if files.len() > MOST_RUNS {
                    let why = format!("{} files are more than the {MOST_RUNS} that a scanner is given one by one", files.len());
                    self.trouble(looking, "too-many-files", why);
                }
                for file in files.iter().take(MOST_RUNS) {
                    if let Some(found) = self.run(looking, &adapter, Some(file), &mut facts.scanner) {
                        examined.extend(found.examined);
                        facts.reports.extend(found.reports);
                    }
                }
            }
            (Ok(_), Ok(adapter)) => {
                silencers = looking.silencers(&adapter);
                if let Some(found) = self.run(looking, &adapter, None, &mut facts.scanner) {
                    examined = found.examined;
                    facts.reports = found.reports;
                }
            }
        }
        let there = files.ok();
        if facts.scanner.is_some() && !silencers.is_empty() {
            for file in there.iter().flatten() {
                match silenced::in_file(&looking.folder().join(file), file, &silencers) {
                    Ok(found) => facts.silenced.extend(found),
                    Err(error) => self.trouble(looking, "file-not-read", format!("{file}: {}", error.kind())),
                }
            }
        }
        let missed: Vec<&String> = there.iter().flatten().filter(|file| !examined.contains(*file)).collect();
        let exist = there.as_ref().map(|files| files.len() as u64);
        let excluded = not_examined(&missed).filter(|_| facts.scanner.is_some());
        self.population.push(Population {
            subject: looking.subject.clone(),
            unit: "file".to_owned(),
            exist,
            counted_by: "walking the folder, while what was examined comes from the scanner".to_owned(),
            examined: exist.unwrap_or(0) - missed.len() as u64,
            excluded: excluded.into_iter().collect(),
        });
        facts.reports.sort_by(|a, b| order(a).cmp(&order(b)));
        self.targets.push(facts);
    }

    fn trouble(&mut self, looking: &Looking<'_>, code: &str, message: String) {
        self.problems.push(Problem { code: code.to_owned(), message, subject: Some(looking.subject.clone()) });
    }

    /// Runs the scanner over the folder, or over one file of it, and reads its result.
    fn run(
        &mut self,
        looking: &Looking<'_>,
        adapter: &Adapter,
        file: Option<&str>,
        first: &mut Option<ScannerFacts>,
    ) -> Option<Look> {
        let folder = looking.folder();
        let path = file.map_or_else(|| folder.clone(), |file| folder.join(file));
        let name = file.map_or_else(|| looking.subject.id.to_string(), |file| format!("{}/{file}", looking.subject.id));
        let done = scan(&Request {
            runner: looking.runner,
            adapter,
            settings: &looking.target.scanner,
            base: looking.scope.base,
            target: &path,
            looks_at: if file.is_some() { LooksAt::File } else { LooksAt::Folder },
            name: &name,
        });
        let done = match done {
            Ok(done) => done,
            Err(error) => {
                self.trouble(looking, error.code(), error.to_string());
                return None;
            }
        };
        first.get_or_insert_with(|| done.facts.clone());
        let read = reading(&adapter.id, &done, Some(done.format));
        match results::Source::open(&done).and_then(|mut result| self.keep.read(&mut *result)) {
            Ok(printed) => self.kept.take(format!("{}-{name}", adapter.id), printed, read.is_ok()),
            Err(error) => self.trouble(looking, "result-not-read", error.kind().to_string()),
        }
        let read = match read {
            Ok(read) => read,
            Err(error) => {
                self.trouble(looking, "result-not-read", error.to_string());
                return None;
            }
        };
        let found = look(&read, &|written| file.map_or_else(|| relative(written, &done.known_as), str::to_owned), file);
        for trouble in &found.troubles {
            self.trouble(looking, "scanner-in-trouble", trouble.clone());
        }
        if let Some(why) = done.said.contradiction(found.open) {
            self.trouble(looking, "scanner-contradicts-itself", format!("{}: {why}", adapter.title));
        }
        Some(found)
    }
}

fn order(report: &Report) -> (&str, &str, &str, bool) {
    (&report.file, &report.rule, &report.about, report.suppressed)
}

impl Looking<'_> {
    fn folder(&self) -> PathBuf {
        self.scope.base.join(&self.target.path)
    }

    fn adapter(&self) -> Result<Adapter, String> {
        let read = self.target.scanner.adapter(self.scope.base);
        read.map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    }

    /// What in a line has the scanner pass something over without a word.
    fn silencers(&self, adapter: &Adapter) -> Vec<String> {
        let looks_at = if self.target.each_file { LooksAt::File } else { LooksAt::Folder };
        adapter.mode(self.target.scanner.mode.as_deref(), looks_at).map(|(_, mode)| mode.silencers.clone()).unwrap_or_default()
    }

    /// The files that are to be analysed, relative to the folder. Links are not followed; what git keeps for itself is not looked at.
    fn files(&self) -> Result<Vec<String>, String> {
        let folder = self.folder();
        let patterns: Vec<_> = self.target.files.iter().filter_map(|pattern| policy::glob(pattern)).collect();
        let mut walk = WalkBuilder::new(&folder);
        walk.standard_filters(false).follow_links(false).filter_entry(|entry| entry.file_name() != ".git");
        let mut files = Vec::new();
        for entry in walk.build() {
            let entry = entry.map_err(|_| format!("A part of the folder {} can't be read.", self.target.path))?;
            let Ok(path) = entry.path().strip_prefix(&folder) else { continue };
            if entry.file_type().is_some_and(|kind| kind.is_file()) && patterns.iter().any(|glob| glob.is_match(path)) {
                files.push(told(path)?);
            }
        }
        files.sort();
        Ok(files)
    }
}

fn told(path: &Path) -> Result<String, String> {
    path.to_str().map(str::to_owned).ok_or_else(|| "A file's name is not UTF-8.".to_owned())
}
