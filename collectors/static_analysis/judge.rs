//! Judges: pure, from facts and population alone.

use std::collections::BTreeMap;

use exhibit_evidence::{
    CheckId, Condition, ConditionId, Finding, Fingerprint, Observation, Place, SubjectOutcome, Verdict,
    assessment::Judgement,
};

use super::facts::{FORMAT, Facts, Report, TargetFacts};
use super::settings::Policy;
use crate::gaps::unknown;
use crate::policy::{allowance, severity};
use crate::{JudgeError, SettingProblem};

const COMPLETE: &str = "static-analysis.complete-population";
const FINDINGS: &str = "static-analysis.findings";
const DEVIATION: &str = "static-analysis.deviation";

/// One judgement for each check, in the manifest's order.
pub(super) fn judge(observation: &Observation, policy: &Policy) -> Result<Vec<Judgement>, JudgeError> {
    let facts: Facts = serde_json::from_value(observation.facts.clone())?;
    if facts.format != FORMAT {
        return Err(JudgeError::Policy(SettingProblem::new("facts.format", format!("expected {FORMAT}"))));
    }
    let mut complete = empty(COMPLETE);
    let mut findings = empty(FINDINGS);
    for target in &facts.targets {
        let gap = gap(observation, target, policy);
        let (verdict, reason) = match &gap {
            Some(gap) => gap.clone(),
            None => (Verdict::Pass, "Every file that is to be analysed was analysed.".to_owned()),
        };
        complete.subjects.push(SubjectOutcome { subject: target.subject.clone(), verdict, reason });

        let told = told(observation, target, policy);
        let (verdict, reason) = match (told.bad.is_empty(), gap) {
            (false, gap) => (Verdict::Fail, format!("{}{}", told.sentence(), gap.map_or_else(String::new, |gap| format!(" {}", gap.1)))),
            (true, Some(gap)) => gap,
            (true, None) => (Verdict::Pass, told.sentence()),
        };
        findings.subjects.push(SubjectOutcome { subject: target.subject.clone(), verdict, reason });
        for (report, severity) in told.bad {
            findings.conditions.entry(condition_id()).or_insert_with(condition);
            findings.findings.push(finding(&findings.check, target, report, severity)?);
        }
    }
    findings.findings.sort_by_key(|finding| finding.fingerprint);
    Ok(vec![complete, findings])
}

fn empty(check: &str) -> Judgement {
    Judgement {
        check: CheckId::new(check).expect("the checks above are authored ids"),
        closings: BTreeMap::new(),
        subjects: Vec::new(),
        conditions: BTreeMap::new(),
        findings: Vec::new(),
    }
}

/// Why nothing good can be said of a target, if so.
fn gap(observation: &Observation, target: &TargetFacts, policy: &Policy) -> Option<(Verdict, String)> {
    let accepted = |code: &str| policy.allow_excluded.iter().any(|own| own == code);
    if let Some(why) = unknown(observation, &target.subject, &accepted) {
        return Some((Verdict::Error, why));
    }
    let examined = observation.population.iter().filter(|population| population.subject == target.subject);
    (examined.map(|population| population.examined).sum::<u64>() == 0)
        .then(|| (Verdict::Vacuous, "No file was there to analyse.".to_owned()))
}

/// What a scanner reported of a target, by what the policy makes of it.
struct Told<'a> {
    bad: Vec<(&'a Report, exhibit_evidence::Severity)>,
    milder: u64,
    allowed: u64,
    suppressed: u64,
}

fn told<'a>(observation: &Observation, target: &'a TargetFacts, policy: &Policy) -> Told<'a> {
    let mut told = Told { bad: Vec::new(), milder: 0, allowed: 0, suppressed: 0 };
    for report in &target.reports {
        let severity = severity(&policy.severities, &report.rule).or(report.severity).unwrap_or(policy.ungraded);
        let allowed = || {
            allowance(&policy.allow, &target.subject.id, &report.file, &report.rule, observation.observed_to).is_ok()
        };
        // Worst first.
        if report.suppressed {
            told.suppressed += 1;
        } else if severity > policy.fail_from {
            told.milder += 1;
        } else if allowed() {
            told.allowed += 1;
        } else {
            told.bad.push((report, severity));
        }
    }
    told
}

impl Told<'_> {
    fn sentence(&self) -> String {
        format!(
            "Deviations that count: {}; milder ones {}, allowed by the policy {}, left out by the scanner's own settings {}.",
            self.bad.len(),
            self.milder,
            self.allowed,
            self.suppressed
        )
    }
}

fn finding(
    check: &CheckId,
    target: &TargetFacts,
    report: &Report,
    severity: exhibit_evidence::Severity,
) -> Result<Finding, JudgeError> {
    let subject = &target.subject;
    let place = [report.file.as_str(), &report.rule, &report.about];
    let detail = if report.message.is_empty() { format!("The rule {} applies.", report.rule) } else { report.message.clone() };
    Ok(Finding {
        fingerprint: Fingerprint::of(check, &subject.environment, &subject.id, &place)?,
        condition: condition_id(),
        severity,
        environment: subject.environment.clone(),
        subject: subject.id.clone(),
        place: Place {
            file: Some(report.file.clone()),
            key: (!report.about.is_empty()).then(|| report.about.clone()),
            line: report.line,
            rule: Some(report.rule.clone()),
            ..Place::default()
        },
        detail,
        instances: report.instances,
        attributes: BTreeMap::new(),
    })
}

fn condition_id() -> ConditionId {
    ConditionId::new(DEVIATION).expect("an authored id")
}

fn condition() -> Condition {
    Condition {
        title: "A file deviates from a rule of static analysis".to_owned(),
        impact: "Whoever runs or relies on what is built from the file.".to_owned(),
        recommendation: "Change the file as the rule asks, or allow it in the policy, with a reason and a last day.".to_owned(),
        references: Vec::new(),
        risk: "A flaw that a tool can find can be found by whoever looks for one.".to_owned(),
        steps: Vec::new(),
    }
}
