//! Judges: pure, from facts alone.

use std::collections::BTreeMap;

use exhibit_evidence::{
    CheckId, Condition, ConditionId, Finding, Fingerprint, Observation, Place, Severity, SubjectOutcome, Verdict,
    assessment::Judgement, observation::Subject,
};

use super::{
    comparing::{Departure, intact, protection},
    conditions::{self, condition},
    facts::{FORMAT, Facts},
    settings::Policy,
};
use crate::{
    JudgeError, SettingProblem,
    archived::{ReceiptFacts, Seen},
};

/// The checks, in the manifest's order.
pub(super) const CHECKS: [&str; 3] =
    ["worm-archive.objects-intact", "worm-archive.protection", "worm-archive.store-settings"];

/// A deviation before it is a finding.
struct Deviation {
    condition: &'static str,
    severity: Severity,
    /// What it is about: an object's key, or an aspect of the store.
    about: String,
    detail: String,
}

/// One judgement for each check.
pub(super) fn judge(observation: &Observation, policy: &Policy) -> Result<Vec<Judgement>, JudgeError> {
    let facts: Facts = serde_json::from_value(observation.facts.clone())?;
    if facts.format != FORMAT {
        return Err(JudgeError::Policy(SettingProblem::new("facts.format", format!("expected {FORMAT}"))));
    }
    CHECKS.iter().map(|check| check_of(check, observation, &facts, policy)).collect()
}

fn check_of(check: &str, observation: &Observation, facts: &Facts, policy: &Policy) -> Result<Judgement, JudgeError> {
    let id = CheckId::new(check).expect("the checks above are authored ids");
    let mut subjects = Vec::new();
    let mut findings = Vec::new();
    let mut shared: BTreeMap<ConditionId, Condition> = BTreeMap::new();
    for subject in &observation.subjects {
        let (deviations, open, reason) = match check {
            "worm-archive.store-settings" => settings(facts, policy),
            "worm-archive.protection" => objects(facts, "as protected as their receipts say", protection),
            _ => objects(facts, "there, unchanged and visible", intact),
        };
        let examined = if check == "worm-archive.store-settings" {
            facts.surroundings.iter().flatten().count()
        } else {
            facts.objects.len()
        };
        let (verdict, reason) = match (deviations.len(), open, examined) {
            (1.., ..) => (Verdict::Fail, reason),
            (0, Some(why), _) => (Verdict::Error, why),
            (0, None, 0) => (Verdict::Vacuous, "There was nothing to look at.".to_owned()),
            (0, None, _) => (Verdict::Pass, reason),
        };
        subjects.push(SubjectOutcome { subject: subject.clone(), verdict, reason });
        for deviation in deviations {
            shared.entry(conditions::id(deviation.condition)).or_insert_with(|| condition(deviation.condition));
            findings.push(finding(&id, subject, deviation)?);
        }
    }
    findings.sort_by_key(|finding| finding.fingerprint);
    Ok(Judgement { check: id, closings: BTreeMap::new(), subjects, conditions: shared, findings })
}

/// What an answer about one object gives for a check: in what it departs from its receipt, or that the check can't say.
type Look = fn(&ReceiptFacts, &Seen) -> Option<Vec<Departure>>;

fn objects(facts: &Facts, good: &str, look: Look) -> (Vec<Deviation>, Option<String>, String) {
    let mut deviations = Vec::new();
    let (mut unanswered, mut objects_with) = (0_u64, 0_u64);
    for object in &facts.objects {
        let Some(departures) = object.seen.as_ref().and_then(|seen| look(&object.receipt, seen)) else {
            unanswered += 1;
            continue;
        };
        objects_with += u64::from(!departures.is_empty());
        deviations.extend(departures.into_iter().map(|Departure { condition, detail }| Deviation {
            condition,
            severity: severity(condition),
            about: object.receipt.key.clone(),
            detail,
        }));
    }
    let all = facts.objects.len();
    let open = (unanswered > 0).then(|| format!("Of {all} objects, {unanswered} could not be held against their receipts."));
    let reason = match objects_with {
        0 => format!("All {all} objects examined are {good}."),
        some => format!("Of {all} objects examined, {some} are not {good}; {unanswered} could not be compared."),
    };
    (deviations, open, reason)
}

/// How bad it is. What is only hidden is still there.
fn severity(condition: &str) -> Severity {
    if condition == conditions::MASKED { Severity::High } else { Severity::Critical }
}

fn settings(facts: &Facts, policy: &Policy) -> (Vec<Deviation>, Option<String>, String) {
    let Some(found) = &facts.surroundings else {
        return (Vec::new(), Some("The store's settings could not be asked for.".to_owned()), String::new());
    };
    let mut deviations = Vec::new();
    let mut unknown = Vec::new();
    let mut accepted = 0;
    for one in found {
        let severity = match one.standing.as_str() {
            "broken" => Severity::Critical,
            "weak" if policy.accept_weak.contains(&one.aspect) => {
                accepted += 1;
                continue;
            }
            "weak" => Severity::Medium,
            "holds" | "not-applicable" => continue,
            _ => {
                unknown.push(one.aspect.as_str());
                continue;
            }
        };
        let (about, detail) = (one.aspect.clone(), one.sentence.clone());
        deviations.push(Deviation { condition: conditions::STORE, severity, about, detail });
    }
    let open = (!unknown.is_empty()).then(|| format!("Could not be found out: {}.", unknown.join(", ")));
    let reason = match deviations.len() {
        0 if accepted > 0 => format!(
            "Of {} aspects of the store, {accepted} are weaker than they could be, which the policy accepts.",
            found.len()
        ),
        0 => format!("All {} aspects of the store are as its promises need.", found.len()),
        some => format!("Of {} aspects of the store, {some} are not as its promises need.", found.len()),
    };
    (deviations, open, reason)
}

fn finding(check: &CheckId, subject: &Subject, deviation: Deviation) -> Result<Finding, JudgeError> {
    let Deviation { condition, severity, about, detail } = deviation;
    let fingerprint = Fingerprint::of(check, &subject.environment, &subject.id, &[&about, condition])?;
    Ok(Finding {
        fingerprint,
        condition: conditions::id(condition),
        severity,
        environment: subject.environment.clone(),
        subject: subject.id.clone(),
        place: Place { key: Some(about), rule: Some(condition.to_owned()), ..Place::default() },
        detail,
        instances: 1,
        attributes: BTreeMap::new(),
    })
}
