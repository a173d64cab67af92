//! Judges: pure, from facts and policy alone.

use super::conditions::{self, condition};
use super::facts::{FORMAT, Facts, ObservedValue, RepositoryFacts, ValueKind};
use super::settings::{self, Policy};
use crate::words::plural;
use crate::{JudgeError, SettingProblem};
use exhibit_evidence::assessment::{Judgement, SubjectOutcome};
use exhibit_evidence::deployment::Environment;
use exhibit_evidence::finding::Carriers;
use exhibit_evidence::observation::Subject;
use exhibit_evidence::{CheckId, Finding, Fingerprint, Observation, Place, Severity, Verdict};
use std::collections::{BTreeMap, BTreeSet};

/// The checks, in the manifest's order.
pub const CHECKS: [&str; 3] = ["ci-secrets.plaintext-value", "ci-secrets.known-token", "ci-secrets.history"];

/// One judgement for each check.
pub(super) fn judge(
    observation: &Observation,
    environments: &[Environment],
    policy: &toml::Table,
) -> Result<Vec<Judgement>, JudgeError> {
    let policy = settings::policy(policy).map_err(JudgeError::Policy)?;
    let facts: Facts = serde_json::from_value(observation.facts.clone())?;
    if facts.format != FORMAT {
        return Err(JudgeError::Policy(SettingProblem::new("facts.format", format!("expected {FORMAT}"))));
    }
    let judging = Judging { observation, environments, policy: &policy, facts: &facts };
    CHECKS.iter().map(|check| judging.check(check)).collect()
}

struct Judging<'a> {
    observation: &'a Observation,
    environments: &'a [Environment],
    policy: &'a Policy,
    facts: &'a Facts,
}

/// What one check has to say of one value.
enum Say {
    /// Not this check's business.
    Nothing,
    /// It would be a deviation, and the policy or the environment says that it is none.
    Accepted,
    /// A deviation.
    Deviation(&'static str, Severity),
}

impl Judging<'_> {
    fn check(&self, check: &'static str) -> Result<Judgement, JudgeError> {
        let id = CheckId::new(check).expect("the checks above are authored ids");
        let mut subjects = Vec::new();
        let mut findings = Vec::new();
        let mut systems: BTreeMap<&'static str, BTreeSet<&str>> = BTreeMap::new();
        for subject in &self.observation.subjects {
            let repository = self.facts.repositories.iter().find(|repository| repository.subject == *subject);
            let mut own: BTreeMap<Fingerprint, Finding> = BTreeMap::new();
            let mut accepted = 0u64;
            for value in repository.iter().flat_map(|repository| &repository.observations) {
                match self.say(check, subject, repository, value) {
                    Say::Nothing => {}
                    Say::Accepted => accepted += 1,
                    Say::Deviation(kind, severity) => {
                        systems.entry(kind).or_default().insert(&value.system);
                        let finding = finding(&id, subject, value, kind, severity, repository)?;
                        add(&mut own, finding);
                    }
                }
            }
            subjects.push(self.outcome(subject, repository, own.len(), accepted));
            findings.extend(own.into_values());
        }
        findings.sort_by_key(|finding| finding.fingerprint);
        let conditions = systems.iter().map(|(kind, systems)| {
            let systems: Vec<&str> = systems.iter().copied().collect();
            (conditions::id(kind), condition(kind, &systems))
        });
        Ok(Judgement { check: id, closings: BTreeMap::new(), subjects, conditions: conditions.collect(), findings })
    }

    fn say(&self, check: &str, subject: &Subject, repository: Option<&RepositoryFacts>, value: &ObservedValue) -> Say {
        let live = value.is_live();
        let disposable =
            self.environments.iter().any(|environment| environment.id == subject.environment && environment.disposable);
        let accepts = |kind: &str| self.policy.accept.iter().any(|accepted| accepted == kind);
        match (check, value.kind) {
            ("ci-secrets.known-token", ValueKind::KnownToken) if live => {
                Say::Deviation(conditions::KNOWN_TOKEN, severity_of(value))
            }
            ("ci-secrets.plaintext-value", kind) if live => {
                let (condition, severity) = match kind {
                    ValueKind::KnownToken => return Say::Nothing,
                    ValueKind::Literal => {
                        return Say::Deviation(conditions::LITERAL, Severity::High);
                    }
                    ValueKind::DefaultLiteral => (conditions::DEFAULT_LITERAL, Severity::Medium),
                    ValueKind::ServiceContainer => (conditions::SERVICE, Severity::Low),
                    ValueKind::Placeholder => (conditions::PLACEHOLDER, Severity::Low),
                };
                if disposable || accepts(condition) { Say::Accepted } else { Say::Deviation(condition, severity) }
            }
            ("ci-secrets.history", ValueKind::KnownToken | ValueKind::Literal) if !live => {
                // The same value may still be live under another name: then that finding speaks for it.
                let still_live = repository.is_some_and(|repository| {
                    repository.observations.iter().any(|other| other.value == value.value && other.is_live())
                });
                if still_live {
                    return Say::Nothing;
                }
                if self.is_rotated(subject, value) {
                    return Say::Accepted;
                }
                match value.kind {
                    ValueKind::KnownToken => Say::Deviation(conditions::HISTORY_TOKEN, severity_of(value)),
                    _ => Say::Deviation(conditions::HISTORY_LITERAL, Severity::Medium),
                }
            }
            _ => Say::Nothing,
        }
    }

    fn is_rotated(&self, subject: &Subject, value: &ObservedValue) -> bool {
        self.policy.rotated.iter().any(|rotated| {
            rotated.repository == subject.id
                && rotated.path == value.path
                && rotated.key == value.key
                && value.last_at <= rotated.until
        })
    }

    fn outcome(
        &self,
        subject: &Subject,
        repository: Option<&RepositoryFacts>,
        findings: usize,
        accepted: u64,
    ) -> SubjectOutcome {
        let (verdict, reason) = self.verdict(subject, repository, findings, accepted);
        SubjectOutcome { subject: subject.clone(), verdict, reason }
    }

    fn verdict(
        &self,
        subject: &Subject,
        repository: Option<&RepositoryFacts>,
        findings: usize,
        accepted: u64,
    ) -> (Verdict, String) {
        let problems: Vec<&str> = self
            .observation
            .problems
            .iter()
            .filter(|problem| problem.subject.as_ref().is_none_or(|of| of == subject))
            .map(|problem| problem.message.as_str())
            .collect();
        let examined = repository.map_or_else(String::new, |repository| {
            format!(
                "{} of CI files in {}",
                plural(repository.recognised, "version"),
                plural(repository.commits, "commit")
            )
        });
        if findings > 0 {
            return (Verdict::Fail, format!("{} noted in {examined}", plural(findings as u64, "deviation")));
        }
        if !problems.is_empty() {
            return (Verdict::Error, problems.join("; "));
        }
        let Some(repository) = repository else {
            return (Verdict::Error, "there are no facts about this repository".to_owned());
        };
        if let Some(gap) = self.gap(subject) {
            return (Verdict::Error, gap);
        }
        if repository.recognised == 0 {
            return (
                Verdict::Vacuous,
                format!(
                    "no CI file in {} and {} read",
                    plural(repository.commits, "commit"),
                    plural(repository.not_ci, "other YAML file version")
                ),
            );
        }
        let accepted = if accepted > 0 {
            format!("; {} accepted by policy, environment or attested rotation", plural(accepted, "value"))
        } else {
            String::new()
        };
        (Verdict::Pass, format!("no deviation noted in {examined}{accepted}"))
    }

    /// Why the population is incomplete, if it is and the policy does not name why.
    fn gap(&self, subject: &Subject) -> Option<String> {
        let mut populations =
            self.observation.population.iter().filter(|population| population.subject == *subject).peekable();
        if populations.peek().is_none() {
            return Some("the evidence names no population".to_owned());
        }
        populations.find_map(|population| {
            if !population.is_accounted_for() {
                let exist = population.exist.map_or_else(|| "an unknown number".to_owned(), |exist| exist.to_string());
                return Some(format!(
                    "{} of {exist} file versions were examined, and the difference has no stated reason",
                    population.examined
                ));
            }
            population
                .excluded
                .iter()
                .find(|exclusion| exclusion.count > 0 && !self.policy.allow_excluded.contains(&exclusion.code))
                .map(|exclusion| {
                    format!(
                        "{} not examined ({}: {}), and the policy does not name this exclusion",
                        plural(exclusion.count, "file version"),
                        exclusion.code,
                        exclusion.reason
                    )
                })
        })
    }
}

fn severity_of(value: &ObservedValue) -> Severity {
    match value.severity.as_deref() {
        Some("critical") => Severity::Critical,
        Some("medium") => Severity::Medium,
        Some("low") => Severity::Low,
        _ => Severity::High,
    }
}

fn finding(
    check: &CheckId,
    subject: &Subject,
    value: &ObservedValue,
    kind: &str,
    severity: Severity,
    repository: Option<&RepositoryFacts>,
) -> Result<Finding, JudgeError> {
    let fingerprint =
        Fingerprint::of(check, &subject.environment, &subject.id, &[&value.path, &value.key, &value.rule])?;
    let elsewhere = repository.map_or(0, |repository| {
        repository
            .observations
            .iter()
            .filter(|other| other.value == value.value && (&other.path, &other.key) != (&value.path, &value.key))
            .count()
    });
    let what =
        value.provider.as_ref().map_or_else(|| "a value".to_owned(), |provider| format!("a token of {provider}"));
    let carried = if value.is_live() {
        let by = if value.at_head {
            "HEAD".to_owned()
        } else {
            value.branches.first().map_or_else(|| "a branch".to_owned(), |branch| format!("the tip of {branch}"))
        };
        format!("carried by {by} and {} in all", plural(value.commits, "commit"))
    } else {
        format!(
            "only in history: {}, the last on {}",
            plural(value.commits, "commit"),
            &value.last_at.to_string()[..10]
        )
    };
    let mut attributes = BTreeMap::from([
        ("system".to_owned(), value.system.clone()),
        ("shape".to_owned(), value.shape.clone()),
        ("length".to_owned(), value.length.to_string()),
        ("entropy".to_owned(), value.entropy.clone()),
        ("value".to_owned(), value.value.clone()),
    ]);
    if value.dictionary {
        attributes.insert("dictionary".to_owned(), "yes".to_owned());
    }
    if elsewhere > 0 {
        attributes.insert("same-value-at-other-places".to_owned(), elsewhere.to_string());
    }
    if !value.branches.is_empty() {
        attributes.insert("branches".to_owned(), value.branches.join(", "));
    }
    Ok(Finding {
        fingerprint,
        condition: conditions::id(kind),
        severity,
        environment: subject.environment.clone(),
        subject: subject.id.clone(),
        place: Place {
            file: Some(value.path.clone()),
            line: Some(value.line),
            key: Some(value.key.clone()),
            rule: Some(value.rule.clone()),
            carriers: Some(Carriers {
                first: value.first.clone(),
                last: value.last.clone(),
                count: value.commits,
                at_head: value.at_head,
            }),
        },
        detail: format!("{what} of shape {} stands in the clear, {carried}", value.shape),
        instances: if value.is_live() { value.occurrences.max(1) } else { 1 },
        attributes,
    })
}

/// Adds a finding; another value at the same place is another instance of the same finding, and the worse one speaks.
fn add(findings: &mut BTreeMap<Fingerprint, Finding>, finding: Finding) {
    match findings.entry(finding.fingerprint) {
        std::collections::btree_map::Entry::Vacant(empty) => {
            empty.insert(finding);
        }
        std::collections::btree_map::Entry::Occupied(mut there) => {
            let known = there.get_mut();
            let instances = known.instances + finding.instances;
            if finding.severity < known.severity {
                *known = finding;
            }
            known.instances = instances;
        }
    }
}
