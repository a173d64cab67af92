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
use crate::results::text::visible;
use crate::{JudgeError, SettingProblem};

const COMPLETE: &str = "static-analysis.complete-population";
const FINDINGS: &str = "static-analysis.findings";
const DEVIATION: &str = "static-analysis.deviation";
/// The code of lines that have a scanner pass something over without a word.
const SILENCED: &str = "silenced-lines";
/// How many of the reports that were left out are told in the reason.
const EXAMPLES: usize = 3;
/// How much is told of why one was, in bytes.
const WORDS: usize = 120;

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
        for bad in &told.bad {
            findings.conditions.entry(condition_id()).or_insert_with(condition);
            findings.findings.push(finding(&findings.check, target, bad)?);
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
    if let Some(told) = silence(target).filter(|_| !may_be_silent(target, policy)) {
        let unnamed = format!("which the policy does not name ({SILENCED})");
        let why = format!("It could not be found out what else the scanner would report: {told}, {unnamed}.");
        return Some((Verdict::Error, why));
    }
    let examined = observation.population.iter().filter(|population| population.subject == target.subject);
    (examined.map(|population| population.examined).sum::<u64>() == 0)
        .then(|| (Verdict::Vacuous, "No file was there to analyse.".to_owned()))
}

fn may_be_silent(target: &TargetFacts, policy: &Policy) -> bool {
    heeded(target) || policy.allow_excluded.iter().any(|own| own == SILENCED)
}

/// Whether what the scanner was told to leave out does not count: the job lets it, or somebody handed in its result.
fn heeded(target: &TargetFacts) -> bool {
    target.scanner.as_ref().is_none_or(|scanner| scanner.heeds_suppressions)
}

/// That lines of the target have the scanner pass something over without a word, if so.
fn silence(target: &TargetFacts) -> Option<String> {
    let first = target.silenced.first()?;
    let lines: u64 = target.silenced.iter().map(|one| one.lines).sum();
    Some(format!(
        "lines that have it pass something over without a word: {lines} in files: {}, the first in {} at line {}",
        target.silenced.len(),
        first.file,
        first.line
    ))
}

/// What a scanner reported of a target, by what the policy makes of it.
struct Told<'a> {
    bad: Vec<Bad<'a>>,
    milder: u64,
    allowed: u64,
    /// What it was told to leave out, where that counts for nothing.
    suppressed: Vec<&'a Report>,
    /// What may keep it from reporting more, where that is accepted.
    silence: Option<String>,
}

/// A report that counts, together with another of the same rule and place that the scanner was told to leave out.
struct Bad<'a> {
    report: &'a Report,
    severity: exhibit_evidence::Severity,
    instances: u64,
    left_out: Option<&'a Report>,
}

fn told<'a>(observation: &Observation, target: &'a TargetFacts, policy: &Policy) -> Told<'a> {
    let silence = silence(target).filter(|_| may_be_silent(target, policy));
    let mut told = Told { bad: Vec::new(), milder: 0, allowed: 0, suppressed: Vec::new(), silence };
    for report in &target.reports {
        let severity = severity(&policy.severities, &report.rule).or(report.severity).unwrap_or(policy.ungraded);
        let allowed = || {
            allowance(&policy.allow, &target.subject.id, &report.file, &report.rule, observation.observed_to).is_ok()
        };
        // Worst first.
        if report.suppressed && heeded(target) {
            told.suppressed.push(report);
        } else if severity > policy.fail_from {
            told.milder += 1;
        } else if allowed() {
            told.allowed += 1;
        } else {
            told.add(report, severity);
        }
    }
    told
}

/// Why the scanner was told to leave something out, as short as a reason may be.
fn why(report: &Report) -> String {
    if report.why.is_empty() { "no reason is told".to_owned() } else { visible(&report.why, WORDS) }
}

impl<'a> Told<'a> {
    /// Two of one rule and place are one finding; the one that was left out stands behind the other.
    fn add(&mut self, report: &'a Report, severity: exhibit_evidence::Severity) {
        let left_out = Some(report).filter(|report| report.suppressed);
        let place = |one: &'a Report| (&one.file, &one.rule, &one.about);
        match self.bad.last_mut().filter(|last| place(last.report) == place(report)) {
            Some(last) => {
                last.instances += report.instances;
                last.severity = last.severity.min(severity);
                last.left_out = left_out;
            }
            None => self.bad.push(Bad { report, severity, instances: report.instances, left_out }),
        }
    }

    fn sentence(&self) -> String {
        let mut text = format!(
            "Deviations that count: {}; milder ones {}, allowed by the policy {}, left out by the scanner's own settings {}",
            self.bad.len(),
            self.milder,
            self.allowed,
            self.suppressed.len()
        );
        let named = |one: &&Report| format!("{} in {}: {}", one.rule, one.file, why(one));
        let named: Vec<String> = self.suppressed.iter().take(EXAMPLES).map(named).collect();
        if !named.is_empty() {
            let more = if self.suppressed.len() > EXAMPLES { ", and others" } else { "" };
            text.push_str(&format!(" ({}{more})", named.join("; ")));
        }
        if let Some(silence) = &self.silence {
            text.push_str(&format!("; {silence}"));
        }
        text.push('.');
        text
    }
}

fn finding(
    check: &CheckId,
    target: &TargetFacts,
    bad: &Bad<'_>,
) -> Result<Finding, JudgeError> {
    let Bad { report, severity, instances, left_out } = *bad;
    let subject = &target.subject;
    let place = [report.file.as_str(), &report.rule, &report.about];
    let mut detail = if report.message.is_empty() { format!("The rule {} applies.", report.rule) } else { report.message.clone() };
    if let Some(one) = left_out {
        let which = if one.instances < instances { format!("{} of them", one.instances) } else { "it".to_owned() };
        let told = format!("; the scanner was told to leave {which} out ({}), and the job heeds no suppressions.", why(one));
        detail = detail.trim_end_matches('.').to_owned() + &told;
    }
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
        instances,
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
