//! Judges facts against a policy: pure, one judgement for each check of the manifest.

use super::collect::NOT_SENSITIVE;
use super::facts::Facts;
use super::matrix::{Matrix, View};
use super::settings::Policy;
use super::{breached, conditions, hosts, login, missing, recipients, rotation, sharing, strength, transport};
use crate::JudgeError;
use exhibit_detect::Sensitivity;
use exhibit_evidence::assessment::Judgement;
use exhibit_evidence::deployment::Environment;
use exhibit_evidence::observation::Subject;
use exhibit_evidence::{
    CheckId, ConditionId, EnvironmentId, Finding, Fingerprint, Observation, Place, Severity, SubjectId, SubjectOutcome,
    Verdict,
};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that the checks look at.
pub(super) struct Case<'a> {
    pub(super) facts: &'a Facts,
    pub(super) observation: &'a Observation,
    pub(super) matrix: Matrix<'a>,
    pub(super) policy: Policy,
}

/// What a check noted, before verdicts.
#[derive(Default)]
pub(super) struct Noted {
    pub(super) findings: Vec<Finding>,
    /// Names that failed, by environment: a shared value fails in both.
    pub(super) failed: BTreeMap<String, BTreeSet<String>>,
    /// How many deviations the policy allows.
    pub(super) allowed: u64,
    /// Why the check does not apply at all, whatever was observed: nobody asked for it.
    pub(super) switched_off: Option<String>,
    /// Why it could not be found out, by environment.
    pub(super) errors: BTreeMap<String, String>,
    /// Why there was nothing to hold against the check, by environment, although everything was seen.
    pub(super) absent: BTreeMap<String, String>,
    /// What was compared with, where that was no other environment.
    pub(super) compared: bool,
    /// What was examined, in words, by environment; the number of credentials where nothing stands here.
    pub(super) examined: BTreeMap<String, String>,
}

/// How a check's verdict comes about where nothing was noted.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    /// The check's id.
    pub(super) check: &'static str,
    /// The version of facts that holds what it looks at.
    pub(super) since: u64,
    /// Its outcome for one environment depends on what is known of the others.
    pub(super) looks_at_others: bool,
    /// Without a second environment it examines nothing.
    pub(super) needs_others: bool,
    /// It does not apply to disposable environments.
    pub(super) spares_disposable: bool,
    /// What is the case for those that fail, without a verb: "also used in another environment".
    pub(super) failing: &'static str,
    /// What is the case where nothing was noted: "none is shared with another environment".
    pub(super) passing: &'static str,
}

type CheckOf = fn(&Case<'_>) -> Result<Noted, JudgeError>;

/// The checks in the manifest's order.
const CHECKS: &[(Rules, CheckOf)] = &[
    (sharing::ACROSS, sharing::across),
    (sharing::WITHIN, sharing::within),
    (sharing::NEAR, sharing::near),
    (strength::DEFAULT, strength::default_password),
    (strength::PLACEHOLDER, strength::placeholder),
    (strength::WEAK, strength::weak),
    (missing::MISSING, missing::missing),
    (strength::SUPPLIED, strength::supplied_by_default),
    (hosts::HOSTS, hosts::two_hosts),
    (transport::UNENCRYPTED, transport::unencrypted),
    (missing::EXTRA, missing::extra),
    (recipients::RECIPIENTS, recipients::recipients),
    (rotation::ROTATION, rotation::rotation),
    (breached::BREACHED, breached::breached),
    (login::judge::CROSS, login::judge::cross_login),
    (login::judge::OPEN, login::judge::open_server),
];

/// Whether `id` is one of the checks.
pub(super) fn is_check(id: &str) -> bool {
    CHECKS.iter().any(|(rules, _)| rules.check == id)
}

/// Judges an observation.
///
/// # Errors
/// When the facts are of another version, or the policy cannot be read.
pub(super) fn judge(
    observation: &Observation,
    environments: &[Environment],
    policy: &toml::Table,
) -> Result<Vec<Judgement>, JudgeError> {
    let facts = Facts::read(&observation.facts)?;
    let policy = Policy::read(policy).map_err(JudgeError::Policy)?;
    let matrix = Matrix::new(&facts, environments, &policy);
    let case = Case { facts: &facts, observation, matrix, policy };
    CHECKS.iter().map(|(rules, check)| case.judgement(*rules, check(&case)?)).collect()
}

impl Case<'_> {
    fn judgement(&self, rules: Rules, mut noted: Noted) -> Result<Judgement, JudgeError> {
        noted.findings.sort_by_key(|finding| finding.fingerprint);
        let subjects = self.observation.subjects.iter();
        let subjects = subjects.map(|subject| self.verdict(rules, &noted, subject)).collect();
        let mut conditions = BTreeMap::new();
        if !noted.findings.is_empty() {
            conditions.insert(condition_id(rules.check), conditions::of(rules.check));
        }
        let check = check_id(rules.check);
        Ok(Judgement { check, closings: BTreeMap::new(), subjects, conditions, findings: noted.findings })
    }

    fn verdict(&self, rules: Rules, noted: &Noted, subject: &Subject) -> SubjectOutcome {
        let (verdict, reason) = self.verdict_of(rules, noted, subject);
        SubjectOutcome { subject: subject.clone(), verdict, reason }
    }

    fn verdict_of(&self, rules: Rules, noted: &Noted, subject: &Subject) -> (Verdict, String) {
        let environments = &self.matrix.environments;
        let own = environments.iter().position(|known| known.id == subject.environment);
        let Some(own) = own else {
            let reason = format!("the environment {} is not configured", subject.environment);
            return (Verdict::Error, reason);
        };
        let count = self.matrix.count(own);
        if let Some(names) = noted.failed.get(subject.environment.as_str()) {
            let number = names.len();
            // What is missing, and what servers say, is no part of the credentials.
            let apart = rules.check == missing::MISSING.check || noted.examined.contains_key(subject.environment.as_str());
            let of = if apart { String::new() } else { format!(" of {}", counted(count)) };
            return (Verdict::Fail, format!("{number}{of} {}", rules.failing));
        }
        if let Some(reason) = &noted.switched_off {
            return (Verdict::NotApplicable, reason.clone());
        }
        if self.facts.version < rules.since {
            return (Verdict::Error, "the evidence is older than the check: it does not say".to_owned());
        }
        if let Some(reason) = self.not_found_out(subject) {
            return (Verdict::Error, reason);
        }
        let disposable = environments[own].disposable;
        if rules.spares_disposable && disposable {
            return (Verdict::NotApplicable, "the environment is disposable".to_owned());
        }
        if let Some(reason) = noted.errors.get(subject.environment.as_str()) {
            return (Verdict::Error, reason.clone());
        }
        if rules.looks_at_others
            && let Some(reason) = self.others_not_found_out(own, rules.spares_disposable)
        {
            return (Verdict::Error, reason);
        }
        if let Some(reason) = noted.absent.get(subject.environment.as_str()) {
            return (Verdict::NotApplicable, reason.clone());
        }
        let examined = noted.examined.get(subject.environment.as_str());
        if count == 0 && examined.is_none() {
            return (Verdict::Vacuous, "no credential was found".to_owned());
        }
        let others = (0..environments.len())
            .filter(|other| *other != own)
            .filter(|other| !(rules.spares_disposable && environments[*other].disposable))
            .map(|other| self.matrix.count(other))
            .filter(|count| *count > 0);
        let others: Vec<usize> = others.collect();
        if rules.needs_others && others.is_empty() && !noted.compared {
            let reason = "there is no second environment with credentials to compare with";
            return (Verdict::Vacuous, reason.to_owned());
        }
        let examined = examined.cloned().unwrap_or_else(|| counted(count));
        let mut reason = format!("{examined} examined; {}", rules.passing);
        if noted.allowed > 0 {
            reason.push_str(&format!(" ({} allowed by policy)", noted.allowed));
        }
        (Verdict::Pass, reason)
    }

    /// Why nothing certain can be said about a subject, if so.
    fn not_found_out(&self, subject: &Subject) -> Option<String> {
        let problems = &self.observation.problems;
        let concerns = |of: &Option<Subject>| of.as_ref().is_none_or(|of| of == subject);
        if let Some(problem) = problems.iter().find(|problem| concerns(&problem.subject)) {
            return Some(problem.message.clone());
        }
        let population = self.observation.population.iter().find(|one| one.subject == *subject);
        let Some(population) = population else {
            return Some("the evidence names no population".to_owned());
        };
        if !population.is_accounted_for() {
            return Some("the source's own count of names and what was read differ".to_owned());
        }
        let refused = population.excluded.iter().find(|excluded| {
            excluded.count > 0 && excluded.code != NOT_SENSITIVE && !self.policy.allow_excluded.contains(&excluded.code)
        });
        refused.map(|excluded| {
            let who = match excluded.count {
                1 => "1 name that may be a credential was".to_owned(),
                count => format!("{count} names that may be credentials were"),
            };
            format!("{who} not seen ({}): {}", excluded.code, excluded.reason)
        })
    }

    /// Another environment about which nothing certain can be said: sharing with it is unknown.
    fn others_not_found_out(&self, own: usize, spares_disposable: bool) -> Option<String> {
        let others = self.observation.subjects.iter().filter(|subject| {
            let environments = &self.matrix.environments;
            let at = environments.iter().position(|known| known.id == subject.environment);
            at.is_some_and(|at| at != own && !(spares_disposable && environments[at].disposable))
        });
        others.into_iter().find_map(|other| {
            let reason = self.not_found_out(other)?;
            Some(format!("no comparison with {}: {reason}", other.environment))
        })
    }

    /// A finding about a view. `instances` is at least 1.
    pub(super) fn finding(
        &self,
        rules: Rules,
        at: usize,
        severity: Severity,
        detail: String,
        instances: usize,
    ) -> Result<Finding, JudgeError> {
        let view = &self.matrix.views[at];
        let place = view.places.first();
        let mut attributes = BTreeMap::new();
        if let Some(place) = place {
            attributes.insert("shape".to_owned(), place.shape.to_string());
            attributes.insert("origin".to_owned(), place.origin.to_string());
        }
        if let Some(engine) = view.engine() {
            attributes.insert("engine".to_owned(), engine.as_str().to_owned());
        }
        let place = Place {
            file: place.map(|place| place.file.to_string()),
            line: place.map(|place| place.line).filter(|line| *line > 0),
            key: Some(place.map_or_else(|| view.name.to_owned(), |place| place.key.clone())),
            rule: None,
            carriers: None,
        };
        let environment = &self.matrix.environments[view.environment].id;
        let finding = self.finding_at(rules, environment, view.name, place, severity, detail)?;
        Ok(Finding { instances: instances.max(1) as u64, attributes, ..finding })
    }

    /// A finding about a name in an environment. Its identity is the name alone: files are moved
    /// and lines change, and the credential stays the same.
    pub(super) fn finding_at(
        &self,
        rules: Rules,
        environment: &EnvironmentId,
        name: &str,
        place: Place,
        severity: Severity,
        detail: String,
    ) -> Result<Finding, JudgeError> {
        self.finding_of(rules, environment, &[name], place, severity, detail)
    }

    /// A finding about what these parts name in an environment.
    pub(super) fn finding_of(
        &self,
        rules: Rules,
        environment: &EnvironmentId,
        parts: &[&str],
        place: Place,
        severity: Severity,
        detail: String,
    ) -> Result<Finding, JudgeError> {
        let ruled = self.policy.severities.iter().find(|rule| rule.check == rules.check);
        let severity = ruled.map_or(severity, |rule| rule.severity);
        let check = check_id(rules.check);
        let subject = self.subject();
        let fingerprint = Fingerprint::of(&check, environment, &subject, parts)?;
        Ok(Finding {
            fingerprint,
            condition: condition_id(rules.check),
            severity,
            environment: environment.clone(),
            subject,
            place,
            detail,
            instances: 1,
            attributes: BTreeMap::new(),
        })
    }

    fn subject(&self) -> SubjectId {
        let first = self.observation.subjects.first().map(|subject| subject.id.clone());
        first.unwrap_or_else(|| SubjectId::new("credentials").expect("an authored id"))
    }

    /// A view in words: its name, its system, its environment and its first place.
    pub(super) fn in_words(&self, at: usize) -> String {
        let view = &self.matrix.views[at];
        let engine = view.engine().map_or_else(String::new, |engine| format!("{}, ", engine.as_str()));
        let place = view.places.first().map_or_else(String::new, |place| match place.line {
            0 => format!(", {}", place.file),
            line => format!(", {}:{line}", place.file),
        });
        let inside = match view.places.iter().all(|place| place.in_url) {
            true => "the password in ",
            false => "",
        };
        format!("{inside}`{}` ({engine}{}{place})", view.name, self.matrix.id(at))
    }
}

impl Noted {
    /// Notes that a name failed in an environment.
    pub(super) fn fail(&mut self, environment: &str, name: &str) {
        self.failed.entry(environment.to_owned()).or_default().insert(name.to_owned());
    }
}

/// At the beginning of a sentence.
pub(super) fn capitalised(text: &str) -> String {
    match text.strip_prefix("the ") {
        Some(rest) => format!("The {rest}"),
        None => text.to_owned(),
    }
}

/// Whether a credential opens a database or broker, or what is encrypted.
pub(super) fn is_grave(view: &View<'_>) -> bool {
    let key = |kind| matches!(kind, Sensitivity::EncryptionKey | Sensitivity::PrivateKey);
    view.engine().is_some() || view.places.iter().any(|place| place.kind.is_some_and(key))
}

pub(super) fn counted(count: usize) -> String {
    match count {
        1 => "1 credential".to_owned(),
        count => format!("{count} credentials"),
    }
}

fn check_id(check: &str) -> CheckId {
    CheckId::new(check).expect("the manifest's ids are authored ids")
}

fn condition_id(check: &str) -> ConditionId {
    ConditionId::new(check).expect("the manifest's ids are authored ids")
}
