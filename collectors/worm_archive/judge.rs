//! Judges: pure, from facts alone.

use std::collections::BTreeMap;

use exhibit_evidence::{
    CheckId, Condition, ConditionId, Finding, Fingerprint, Observation, Place, Severity, SubjectOutcome, Verdict,
    assessment::Judgement, observation::Subject,
};

use super::{
    conditions::{self, condition},
    facts::{FORMAT, Facts, Object},
    settings::Policy,
};
use crate::{JudgeError, SettingProblem, archived::Seen};

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
    Ok(Judgement { check: id, subjects, conditions: shared, findings })
}

/// What a look at one object gives for a check: its deviations, or that the check can't say.
type Look = fn(&Object, &Seen, &mut Vec<Deviation>) -> bool;

fn objects(facts: &Facts, good: &str, look: Look) -> (Vec<Deviation>, Option<String>, String) {
    let mut deviations = Vec::new();
    let (mut unanswered, mut objects_with) = (0_u64, 0_u64);
    for object in &facts.objects {
        let before = deviations.len();
        let said = object.seen.as_ref().is_some_and(|seen| look(object, seen, &mut deviations));
        unanswered += u64::from(!said);
        objects_with += u64::from(deviations.len() > before);
    }
    let all = facts.objects.len();
    let open = (unanswered > 0).then(|| format!("Of {all} objects, {unanswered} could not be held against their receipts."));
    let reason = match objects_with {
        0 => format!("All {all} objects examined are {good}."),
        some => format!("Of {all} objects examined, {some} are not {good}; {unanswered} could not be compared."),
    };
    (deviations, open, reason)
}

fn intact(object: &Object, seen: &Seen, deviations: &mut Vec<Deviation>) -> bool {
    let key = &object.receipt.key;
    let mut note = |condition, severity, detail: String| {
        deviations.push(Deviation { condition, severity, about: key.clone(), detail });
    };
    match seen {
        Seen::There { digest, size, masked, .. } => {
            if *digest != object.receipt.digest || *size != object.receipt.size {
                let said = object.receipt.digest;
                note(conditions::CHANGED, Severity::Critical, format!("The bytes are {digest}, the receipt says {said}."));
            }
            if *masked {
                let detail = "A delete marker or a later version hides it from whoever names no version.".to_owned();
                note(conditions::MASKED, Severity::High, detail);
            }
            true
        }
        Seen::Wrong { code, message } => match code.as_str() {
            "archive.changed" => {
                note(conditions::CHANGED, Severity::Critical, message.clone());
                true
            }
            // Whether the bytes are the same was not told: that is for the other check.
            "archive.unprotected" => false,
            _ => {
                note(conditions::REMOVED, Severity::Critical, message.clone());
                true
            }
        },
    }
}

fn protection(object: &Object, seen: &Seen, deviations: &mut Vec<Deviation>) -> bool {
    let receipt = &object.receipt;
    let mut note = |condition, severity, detail: String| {
        deviations.push(Deviation { condition, severity, about: receipt.key.clone(), detail });
    };
    match seen {
        Seen::There { mode, retain_until, legal_hold, .. } => {
            if *mode != receipt.mode {
                let detail = format!("The lock's mode is {mode}, the receipt says {}.", receipt.mode);
                note(conditions::MODE, Severity::Critical, detail);
            }
            if *retain_until < receipt.retain_until {
                let (now, then) = (retain_until.human(), receipt.retain_until.human());
                note(conditions::SHORTENED, Severity::Critical, format!("Kept until {now}, the receipt says {then}."));
            }
            if receipt.held && !legal_hold {
                let detail = "No legal hold is on it, and an open case had one set and read back.".to_owned();
                note(conditions::HOLD_LOST, Severity::Critical, detail);
            }
            true
        }
        Seen::Wrong { code, message } if code == "archive.unprotected" => {
            note(conditions::UNPROTECTED, Severity::Critical, message.clone());
            true
        }
        // What is gone or changed has no protection to speak of: that is for the other check.
        Seen::Wrong { .. } => false,
    }
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
