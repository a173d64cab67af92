//! Judges: pure, from facts and policy alone.

use std::collections::BTreeMap;

use exhibit_evidence::{
    CheckId, Condition, ConditionId, Finding, Fingerprint, Observation, Place, Severity, SubjectOutcome, Verdict,
    assessment::Judgement,
};

use super::{
    binomial,
    collect::NOT_DRAWN,
    conditions::{self, condition},
    facts::{CanaryFacts, FORMAT, Facts, Group, LogFacts},
    settings::{self, Policy},
};
use crate::policy::{self, Allowance};
use crate::words::plural;
use crate::{JudgeError, SettingProblem, gaps};

/// The checks, in the manifest's order.
pub(super) const CHECKS: [&str; 3] = ["log-redaction.secrets", "log-redaction.personal-data", "log-redaction.canary"];

/// One judgement for each check.
pub(super) fn judge(observation: &Observation, policy: &toml::Table) -> Result<Vec<Judgement>, JudgeError> {
    let policy = settings::policy(policy).map_err(JudgeError::Policy)?;
    let facts: Facts = serde_json::from_value(observation.facts.clone())?;
    if facts.format != FORMAT {
        return Err(JudgeError::Policy(SettingProblem::new("facts.format", format!("expected {FORMAT}"))));
    }
    let judging = Judging { observation, policy: &policy, facts: &facts };
    CHECKS.iter().map(|check| judging.check(check)).collect()
}

struct Judging<'a> {
    observation: &'a Observation,
    policy: &'a Policy,
    facts: &'a Facts,
}

/// What a check says of one log.
struct Said {
    verdict: Verdict,
    reason: String,
    findings: Vec<Finding>,
}

impl Said {
    fn of(verdict: Verdict, reason: impl Into<String>) -> Self {
        Self { verdict, reason: reason.into(), findings: Vec::new() }
    }
}

/// How rules for personal data begin.
const PERSONAL: &str = "personal.";

/// All groups of one rule at one place that are sure enough.
struct Found<'f> {
    groups: Vec<&'f Group>,
    hits: u64,
}

impl Judging<'_> {
    fn check(&self, check: &str) -> Result<Judgement, JudgeError> {
        let id = CheckId::new(check).expect("the checks above are authored ids");
        let mut subjects = Vec::new();
        let mut findings = Vec::new();
        for subject in &self.observation.subjects {
            let said = match self.facts.logs.iter().find(|log| log.subject == *subject) {
                None => Said::of(Verdict::Error, "There are no facts about this log."),
                Some(log) if check == "log-redaction.canary" => self.canaries(&id, log)?,
                Some(log) if check == "log-redaction.personal-data" => self.personal_data(&id, log)?,
                Some(log) => self.held(&id, log, "secret", |group| !group.rule.starts_with(PERSONAL))?,
            };
            subjects.push(SubjectOutcome { subject: subject.clone(), verdict: said.verdict, reason: said.reason });
            findings.extend(said.findings);
        }
        findings.sort_by_key(|finding| finding.fingerprint);
        let conditions: BTreeMap<ConditionId, Condition> =
            findings.iter().map(|finding| (finding.condition.clone(), condition(finding.condition.as_str()))).collect();
        Ok(Judgement { check: id, closings: BTreeMap::new(), subjects, conditions, findings })
    }

    fn personal_data(&self, check: &CheckId, log: &LogFacts) -> Result<Said, JudgeError> {
        let kinds = &self.policy.personal_data;
        if kinds.is_empty() {
            return Ok(Said::of(Verdict::NotApplicable, "The policy asks for no kind of personal data."));
        }
        if let Some(kind) = kinds.iter().find(|kind| !self.facts.personal_data.contains(kind)) {
            return Ok(Said::of(Verdict::Error, format!("It was not looked for `{kind}`, which the policy asks for.")));
        }
        let asked_for = |group: &Group| group.rule.strip_prefix(PERSONAL).is_some_and(|kind| kinds.iter().any(|own| own == kind));
        self.held(check, log, "personal data", asked_for)
    }

    /// What a log holds of what a check is about.
    fn held(
        &self,
        check: &CheckId,
        log: &LogFacts,
        what: &str,
        is_about: impl Fn(&Group) -> bool,
    ) -> Result<Said, JudgeError> {
        let mut by_place: BTreeMap<(&str, &str, Option<&str>), Found<'_>> = BTreeMap::new();
        let mut unsure = 0;
        for group in log.groups.iter().filter(|group| is_about(group)) {
            if group.confidence < self.policy.minimum_confidence {
                unsure += group.hits;
                continue;
            }
            let found = by_place
                .entry((&group.rule, &group.place, group.secret.as_deref()))
                .or_insert(Found { groups: Vec::new(), hits: 0 });
            found.groups.push(group);
            found.hits += group.hits;
        }
        let mut findings = Vec::new();
        let (mut hits, mut allowed) = (0, 0);
        for ((rule, place, secret), found) in by_place {
            match policy::allowance(&self.policy.allow, &log.subject.id, place, rule, self.observation.observed_to) {
                Ok(()) => allowed += found.hits,
                Err(expired) => {
                    hits += found.hits;
                    findings.push(self.finding(check, log, (rule, place, secret), &found, expired)?);
                }
            }
        }
        let mut also = String::new();
        if allowed > 0 {
            also.push_str(&format!("; {} at places that the policy allows", plural(allowed, "more hit")));
        }
        if unsure > 0 {
            also.push_str(&format!("; {} less sure than the policy asks for", plural(unsure, "hit")));
        }
        let looked_at = looked_at(log, what == "secret");
        if !findings.is_empty() {
            let kinds = plural(findings.len() as u64, "kind");
            let reason = format!("{} of {kinds} in {looked_at}{also}.", plural(hits, "hit"));
            return Ok(Said { verdict: Verdict::Fail, reason, findings });
        }
        let accepted = |code: &str| code == NOT_DRAWN || self.policy.allow_excluded.iter().any(|own| own == code);
        if let Some(why) = gaps::unknown(self.observation, &log.subject, &accepted) {
            return Ok(Said::of(Verdict::Error, why));
        }
        if log.lines == 0 {
            return Ok(Said::of(Verdict::Vacuous, "The log holds nothing."));
        }
        Ok(Said::of(Verdict::Pass, format!("No {what} noted in {looked_at}{also}{}.", self.not_searched(what))))
    }

    fn finding(
        &self,
        check: &CheckId,
        log: &LogFacts,
        (rule, place, secret): (&str, &str, Option<&str>),
        found: &Found<'_>,
        expired: Option<&Allowance>,
    ) -> Result<Finding, JudgeError> {
        let subject = &log.subject;
        // The surest group speaks for all of them.
        let group = found.groups.iter().max_by_key(|group| group.confidence).expect("a place has a group");
        let example = group.examples.first();
        let values: u64 = found.groups.iter().map(|group| group.values).sum();
        let mut detail = match secret {
            Some(name) => format!("{}: {name}, bare or encoded", group.title),
            None => format!("{}: {} of {}", group.title, plural(values, "value"), shapes(&found.groups)),
        };
        detail.push_str(&format!(", {}.", if found.hits == 1 { "once".to_owned() } else { format!("{} times", found.hits) }));
        if let Some(example) = example.filter(|example| example.file != place) {
            detail.push_str(&format!(" First in {}.", example.file));
        }
        if let Some(expired) = expired {
            detail.push_str(&format!(" An allowance for it held until {}.", expired.until));
        }
        let mut attributes = BTreeMap::from([
            ("confidence".to_owned(), group.confidence.as_str().to_owned()),
            ("values".to_owned(), values.to_string()),
        ]);
        if let Some(example) = example {
            attributes.insert("shape".to_owned(), example.shape.clone());
            attributes.insert("file".to_owned(), example.file.clone());
            if let Some(offset) = example.offset {
                attributes.insert("offset".to_owned(), offset.to_string());
            }
        }
        let condition = match rule.split_once('.') {
            Some(("generic", _)) => conditions::NAMED,
            Some(("known", _)) => conditions::KNOWN,
            Some(("personal", _)) => conditions::PERSONAL,
            _ => conditions::TOKEN,
        };
        let place_and_rule = [place, rule].into_iter().chain(secret).collect::<Vec<_>>();
        Ok(Finding {
            fingerprint: Fingerprint::of(check, &subject.environment, &subject.id, &place_and_rule)?,
            condition: conditions::id(condition),
            severity: self.severity(rule, group),
            environment: subject.environment.clone(),
            subject: subject.id.clone(),
            place: Place {
                file: Some(place.to_owned()),
                line: example.map(|example| example.line),
                key: secret.map(str::to_owned),
                rule: Some(rule.to_owned()),
                ..Place::default()
            },
            detail,
            instances: found.hits,
            attributes,
        })
    }

    /// Real secrets that were not looked for, for the check on secrets.
    fn not_searched(&self, what: &str) -> String {
        match &self.facts.known {
            Some(known) if what == "secret" => known.in_words(),
            _ => String::new(),
        }
    }

    fn severity(&self, rule: &str, group: &Group) -> Severity {
        policy::severity(&self.policy.severities, rule).unwrap_or_else(|| policy::graded(group.severity))
    }

    fn canaries(&self, check: &CheckId, log: &LogFacts) -> Result<Said, JudgeError> {
        if log.canaries.is_empty() {
            return Ok(Said::of(Verdict::NotApplicable, "No canary is configured for it."));
        }
        let mut findings = Vec::new();
        let mut unknown = Vec::new();
        let mut good = Vec::new();
        for canary in &log.canaries {
            if canary.secret.count > 0 {
                findings.push(canary_finding(check, log, canary, conditions::LEAKED)?);
            } else if let Some(why) = &canary.unsent {
                unknown.push(format!("The canary {} could not be sent: {why}.", canary.id));
            } else if canary.marker.count == 0 {
                unknown.push(format!(
                    "The marker of the canary {} is not in the log: that its secret is not there either shows nothing.",
                    canary.id
                ));
            } else if canary.redacted == Some(false) {
                findings.push(canary_finding(check, log, canary, conditions::NOT_REDACTED)?);
            } else {
                let form = if canary.redacted.is_some() { ", its redacted form was" } else { "" };
                good.push(format!(
                    "The marker of the canary {} was found, its secret was not{form}.",
                    canary.id
                ));
            }
        }
        let reason = [unknown.as_slice(), good.as_slice()].concat().join(" ");
        Ok(if findings.is_empty() {
            let verdict = if unknown.is_empty() { Verdict::Pass } else { Verdict::Error };
            Said::of(verdict, reason)
        } else {
            let noted = format!("{} of {} deviated.", findings.len(), plural(log.canaries.len() as u64, "canary"));
            let reason = [noted.as_str(), reason.as_str()].join(" ").trim_end().to_owned();
            Said { verdict: Verdict::Fail, reason, findings }
        })
    }
}

fn canary_finding(
    check: &CheckId,
    log: &LogFacts,
    canary: &CanaryFacts,
    condition: &'static str,
) -> Result<Finding, JudgeError> {
    let subject = &log.subject;
    let leaked = condition == conditions::LEAKED;
    let seen = if leaked { &canary.secret } else { &canary.marker };
    let detail = if leaked {
        let marker = if canary.marker.count > 0 { "" } else { "; its marker was not found" };
        format!(
            "The synthetic secret of the canary {} stands in the log {} ({}){marker}.",
            canary.id,
            if seen.count == 1 { "once".to_owned() } else { format!("{} times", seen.count) },
            canary.forms.join(", ")
        )
    } else {
        format!(
            "The synthetic secret of the canary {} is not in the log, but on its marker's line its redacted form is not either.",
            canary.id
        )
    };
    Ok(Finding {
        fingerprint: Fingerprint::of(check, &subject.environment, &subject.id, &[&canary.id, condition])?,
        condition: conditions::id(condition),
        severity: if leaked { Severity::High } else { Severity::Low },
        environment: subject.environment.clone(),
        subject: subject.id.clone(),
        place: Place {
            file: seen.place.clone(),
            line: seen.line,
            key: Some(canary.id.clone()),
            rule: Some(condition.to_owned()),
            ..Place::default()
        },
        detail,
        instances: seen.count.max(1),
        attributes: BTreeMap::new(),
    })
}

/// The masked shapes of the examples, each once.
fn shapes(groups: &[&Group]) -> String {
    let mut shapes: Vec<&str> = Vec::new();
    for example in groups.iter().flat_map(|group| &group.examples) {
        if !shapes.contains(&example.shape.as_str()) {
            shapes.push(&example.shape);
        }
    }
    format!("shape {}", shapes.join(", "))
}

/// What was looked at, and what a sample of it shows.
fn looked_at(log: &LogFacts, secrets: bool) -> String {
    let mut words = plural(log.lines, &log.unit);
    if matches!(log.kind.as_str(), "files" | "s3") {
        words.push_str(&format!(" of {}", plural(log.documents, "document")));
    }
    if let Some(sample) = &log.sample {
        let with = if secrets { sample.with_secrets } else { sample.with_personal_data };
        let bound = binomial::in_words(with, sample.drawn);
        let unit = sample.unit();
        if unit != "line" {
            words.push_str(&format!(" in {}", plural(sample.drawn, unit)));
        }
        let from = sample.lines;
        words.push_str(&format!(" drawn at random from {from}: with 95 % confidence fewer than {bound} {unit}s hold any"));
    }
    words
}
