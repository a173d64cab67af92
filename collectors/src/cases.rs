//! Cases: the examples that lie in each collector's folder, and what its judge must say of them.
//!
//! A case is a folder `cases/<name>/` with `policy.toml` (the job's environments, source and policy), `input/` and
//! `expected.json`. The same cases serve the collector's tests, `exhibit check` and the demo.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use exhibit_evidence::{
    EnvironmentId, Timestamp, Verdict, assessment::Judgement, deployment::Environment, time::Clock,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    Collector, Scope, Settings,
    archived::RecordedArchive,
    attested::RecordedAttestations,
    own::{Own, RecordedEarlier},
    runner::Recorded,
};

/// What a file of a case's input records; none where there is no such file.
pub(crate) fn recorded<T: DeserializeOwned>(input: &Path, file: &str) -> io::Result<Option<T>> {
    match fs::read_to_string(input.join(file)) {
        Ok(text) => Ok(Some(serde_json::from_str(&text)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A case's settings, `policy.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    environments: Vec<CaseEnvironment>,
    #[serde(default)]
    source: toml::Table,
    #[serde(default)]
    policy: toml::Table,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseEnvironment {
    id: EnvironmentId,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    disposable: bool,
}

/// A case, read.
#[derive(Debug)]
pub struct Case {
    /// Its folder.
    pub folder: PathBuf,
    /// The environments in scope.
    pub environments: Vec<Environment>,
    /// The settings.
    pub settings: Settings,
}

/// What a case is expected to give: what people would read, without what changes from run to run.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// Examined, existing and excluded counts, by subject and unit.
    pub population: Vec<String>,
    /// What could not be found out.
    pub problems: Vec<String>,
    /// The judgements, check by check.
    pub checks: Vec<ExpectedCheck>,
}

/// What one check is expected to say.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedCheck {
    /// The check.
    pub check: String,
    /// Its verdict over all subjects.
    pub verdict: Verdict,
    /// The verdict and reason for each subject.
    pub subjects: Vec<String>,
    /// The findings: severity, condition, place, instances and detail.
    pub findings: Vec<String>,
}

/// Why a case could not be run, or is not as expected.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// A file of the case can't be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What came of it.
        source: io::Error,
    },
    /// A file of the case is not in order.
    #[error("{}: {message}", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The collector or its judge failed.
    #[error("{}: {message}", path.display())]
    Failed {
        /// The case.
        path: PathBuf,
        /// What it said.
        message: String,
    },
    /// The outcome is another than expected.
    #[error("{}: another outcome than expected\n{difference}", path.display())]
    Different {
        /// The case.
        path: PathBuf,
        /// The first lines that differ.
        difference: String,
    },
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> CaseError + '_ {
    move |source| CaseError::Io { path: path.to_owned(), source }
}

/// The case folders of a collector's folder, by name.
///
/// # Errors
/// When the folder can't be read.
pub fn list(collector: &Path) -> Result<Vec<PathBuf>, CaseError> {
    let folder = collector.join("cases");
    let mut cases = Vec::new();
    for entry in fs::read_dir(&folder).map_err(io_error(&folder))? {
        let path = entry.map_err(io_error(&folder))?.path();
        if path.join("policy.toml").is_file() {
            cases.push(path);
        }
    }
    cases.sort();
    Ok(cases)
}

/// What a case's `policy.toml` says.
#[derive(Clone, Debug)]
pub struct CaseSettings {
    /// The environments in scope.
    pub environments: Vec<Environment>,
    /// Source and policy.
    pub settings: Settings,
}

impl CaseSettings {
    /// Reads the text of a `policy.toml`; `path` is for errors.
    ///
    /// # Errors
    /// When it is not in order.
    pub fn parse(text: &str, path: &Path) -> Result<Self, CaseError> {
        let file: CaseFile = toml::from_str(text)
            .map_err(|error| CaseError::Form { path: path.to_owned(), message: error.to_string() })?;
        let environments = file.environments.into_iter().map(|environment| Environment {
            title: environment.title.unwrap_or_else(|| environment.id.to_string()),
            disposable: environment.disposable,
            id: environment.id,
        });
        let settings = Settings { source: file.source, policy: file.policy };
        Ok(Self { environments: environments.collect(), settings })
    }
}

impl Case {
    /// Reads the case in `folder`.
    ///
    /// # Errors
    /// When `policy.toml` can't be read or is not in order.
    pub fn read(folder: &Path) -> Result<Self, CaseError> {
        let path = folder.join("policy.toml");
        let text = fs::read_to_string(&path).map_err(io_error(&path))?;
        let CaseSettings { environments, settings } = CaseSettings::parse(&text, &path)?;
        Ok(Self { folder: folder.to_owned(), environments, settings })
    }

    /// Runs the case: collects from its input, and judges.
    ///
    /// # Errors
    /// When the input can't be prepared, or collector or judge fail.
    pub fn run(&self, collector: &dyn Collector, scratch: &Path) -> Result<Expected, CaseError> {
        let failed = |message: String| CaseError::Failed { path: self.folder.clone(), message };
        let input = self.folder.join("input");
        let base = collector.prepare_case(&input, scratch, CaseClock.now()).map_err(io_error(&input))?;
        let archive = RecordedArchive::of_case(&input).map_err(io_error(&input))?;
        let earlier = RecordedEarlier::of_case(&input).map_err(io_error(&input))?;
        let recorded = Recorded::of_case(&input);
        let attestations = RecordedAttestations::of_case(&input).map_err(io_error(&input))?;
        let scope = Scope {
            base: &base,
            environments: &self.environments,
            clock: &CaseClock,
            run_key: &[7; 32],
            engine: exhibit_detect::Engine::builtin(),
            own: Own {
                archive: archive.as_ref().map(|archive| archive as _),
                earlier: earlier.as_ref().map(|earlier| earlier as _),
                evidence: earlier.as_ref().map(|earlier| earlier as _),
                runner: recorded.as_ref().map(|recorded| recorded as _),
                attestations: attestations.as_ref().map(|attestations| attestations as _),
            },
        };
        let collected = collector.collect(&scope, &self.settings).map_err(|error| failed(error.to_string()))?;
        let judgements = collector
            .judge(&collected.observation, &self.environments, &self.settings.policy)
            .map_err(|error| failed(error.to_string()))?;
        Ok(Expected {
            population: collected.observation.population.iter().map(population_line).collect(),
            problems: collected
                .observation
                .problems
                .iter()
                .map(|problem| format!("{}: {}", problem.code, problem.message))
                .collect(),
            checks: judgements.iter().map(expected_check).collect(),
        })
    }

    /// Runs the case and holds the outcome against `expected.json`; with `write`, records it there instead.
    ///
    /// # Errors
    /// When the case can't be run, or gives another outcome than expected.
    pub fn check(&self, collector: &dyn Collector, scratch: &Path, write: bool) -> Result<(), CaseError> {
        let found = self.run(collector, scratch)?;
        let path = self.folder.join("expected.json");
        let form = |error: serde_json::Error| CaseError::Form { path: path.clone(), message: error.to_string() };
        let mut text = serde_json::to_string_pretty(&found).map_err(form)?;
        text.push('\n');
        if write {
            return fs::write(&path, text).map_err(io_error(&path));
        }
        let expected = fs::read_to_string(&path).map_err(io_error(&path))?;
        if expected == text {
            return Ok(());
        }
        let difference = expected.lines().zip(text.lines()).find(|(expected, found)| expected != found).map_or_else(
            || format!("expected {} lines, found {}", expected.lines().count(), text.lines().count()),
            |(expected, found)| format!("expected {}\nfound    {}", expected.trim(), found.trim()),
        );
        Err(CaseError::Different { path: self.folder.clone(), difference })
    }
}

/// Cases and self-tests run at one instant, so that their outcome is the same on every day.
pub(crate) struct CaseClock;

impl Clock for CaseClock {
    fn now(&self) -> Timestamp {
        instant()
    }
}

/// The instant at which cases run.
#[must_use]
pub fn instant() -> Timestamp {
    "2026-11-20T12:00:00.000000Z".parse().expect("an instant in the one form")
}

fn population_line(population: &exhibit_evidence::Population) -> String {
    let exist = population.exist.map_or_else(|| "unknown".to_owned(), |count| count.to_string());
    let excluded: String = population
        .excluded
        .iter()
        .map(|exclusion| format!(", {} excluded: {}", exclusion.count, exclusion.code))
        .collect();
    let subject = &population.subject;
    format!("{}/{}: {} of {exist} {}{excluded}", subject.environment, subject.id, population.examined, population.unit)
}

fn expected_check(judgement: &Judgement) -> ExpectedCheck {
    ExpectedCheck {
        check: judgement.check.to_string(),
        verdict: judgement.verdict(),
        subjects: judgement
            .subjects
            .iter()
            .map(|outcome| {
                let subject = &outcome.subject;
                format!("{}/{}: {}: {}", subject.environment, subject.id, outcome.verdict, outcome.reason)
            })
            .collect(),
        findings: judgement
            .findings
            .iter()
            .map(|finding| {
                format!(
                    "{} {} in {}/{} at {} ({} instances): {}",
                    finding.severity,
                    finding.condition,
                    finding.environment,
                    finding.subject,
                    finding.place.human(),
                    finding.instances,
                    finding.detail
                )
            })
            .collect(),
    }
}
