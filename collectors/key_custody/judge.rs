//! Judges: pure, from facts and policy alone.

use std::collections::BTreeMap;

use exhibit_evidence::{
    CheckId, Condition, ConditionId, Finding, Fingerprint, Observation, Place, Severity, SubjectOutcome, Timestamp,
    Verdict, assessment::Judgement, observation::Subject,
};

use super::facts::{FORMAT, Facts, KeyFacts, SnapshotFacts};
use super::policy::Policy;
use super::{checks, conditions, keeping};
use crate::{JudgeError, SettingProblem};

/// A deviation before it is a finding.
pub(super) struct Deviation {
    pub(super) condition: &'static str,
    pub(super) severity: Severity,
    /// The place, by its authored name.
    pub(super) about: String,
    /// What was looked at there.
    pub(super) label: String,
    pub(super) detail: String,
}

/// What a check says of one key.
#[derive(Default)]
pub(super) struct Said {
    pub(super) deviations: Vec<Deviation>,
    /// What could not be found out.
    pub(super) open: Vec<String>,
    /// How many things were looked at.
    pub(super) examined: usize,
    /// Why the check does not apply.
    pub(super) not_applicable: Option<&'static str>,
    /// What is the case where nothing was noted.
    pub(super) good: String,
    /// Why nothing was there to look at.
    pub(super) nothing: &'static str,
}

impl Said {
    pub(super) fn not_applicable(why: &'static str) -> Self {
        Self { not_applicable: Some(why), ..Self::default() }
    }
}

/// What a check has before it.
pub(super) struct Case<'a> {
    pub(super) key: &'a KeyFacts,
    pub(super) policy: &'a Policy,
    /// When it was looked.
    pub(super) now: Timestamp,
}

type OfKey = fn(&Case<'_>) -> Said;

/// The checks of a key, in the manifest's order; the last is of a vault.
pub(super) const CHECKS: [(&str, Option<OfKey>); 11] = [
    ("key-custody.services-agree", Some(checks::services_agree)),
    ("key-custody.copies", Some(checks::copies)),
    ("key-custody.same-as-running", Some(checks::same_as_running)),
    ("key-custody.apart-from-data", Some(keeping::apart_from_data)),
    ("key-custody.backup-age", Some(keeping::backup_age)),
    ("key-custody.older-versions", Some(checks::older_versions)),
    ("key-custody.format", Some(checks::format)),
    ("key-custody.rotation", Some(keeping::rotation)),
    ("key-custody.access", Some(keeping::access)),
    ("key-custody.restore-drill", Some(checks::restore_drill)),
    ("key-custody.vault-snapshot", None),
];

/// One judgement for each check.
pub(super) fn judge(observation: &Observation, policy: &toml::Table) -> Result<Vec<Judgement>, JudgeError> {
    let policy = Policy::read(policy).map_err(JudgeError::Policy)?;
    let facts: Facts = serde_json::from_value(observation.facts.clone())?;
    if facts.format != FORMAT {
        return Err(JudgeError::Policy(SettingProblem::new("facts.format", format!("expected {FORMAT}"))));
    }
    CHECKS.iter().map(|(check, of_key)| judgement(check, *of_key, observation, &facts, &policy)).collect()
}

fn judgement(
    check: &str,
    of_key: Option<OfKey>,
    observation: &Observation,
    facts: &Facts,
    policy: &Policy,
) -> Result<Judgement, JudgeError> {
    let id = CheckId::new(check).expect("the checks above are authored ids");
    let mut subjects = Vec::new();
    let mut findings = Vec::new();
    let mut shared: BTreeMap<ConditionId, Condition> = BTreeMap::new();
    for subject in &observation.subjects {
        let key = facts.keys.iter().find(|key| key.subject == *subject);
        let snapshot = facts.snapshots.iter().find(|snapshot| snapshot.subject == *subject);
        let name = key.map_or("vault", |key| key.name.as_str());
        let own = policy.of(&subject.id);
        let now = observation.observed_to;
        let said = match (of_key, key, snapshot) {
            (Some(check), Some(key), _) => check(&Case { key, policy: &own, now }),
            (None, _, Some(snapshot)) => checks::vault_snapshot(snapshot, &own, now),
            (None, Some(_), None) => Said::not_applicable("This is a key, not a vault's backup."),
            (Some(_), None, Some(_)) => Said::not_applicable("This is a vault's backup, not a key."),
            (_, None, None) => Said { open: vec!["There are no facts about it.".to_owned()], ..Said::default() },
        };
        let (verdict, reason) = verdict(&said);
        subjects.push(SubjectOutcome { subject: subject.clone(), verdict, reason });
        for deviation in said.deviations {
            shared.entry(conditions::id(deviation.condition)).or_insert_with(|| conditions::of(deviation.condition));
            findings.push(finding(&id, subject, name, deviation)?);
        }
    }
    findings.sort_by_key(|finding| finding.fingerprint);
    Ok(Judgement { check: id, closings: BTreeMap::new(), subjects, conditions: shared, findings })
}

fn verdict(said: &Said) -> (Verdict, String) {
    if let Some(why) = said.not_applicable {
        return (Verdict::NotApplicable, why.to_owned());
    }
    let open = said.open.join(" ");
    if !said.deviations.is_empty() {
        let noted: Vec<&str> = said.deviations.iter().map(|deviation| deviation.detail.as_str()).collect();
        let also = if open.is_empty() { String::new() } else { format!(" Could not be found out: {open}") };
        return (Verdict::Fail, format!("{}{also}", noted.join(" ")));
    }
    match (said.open.is_empty(), said.examined) {
        (false, _) => (Verdict::Error, open),
        (true, 0) => (Verdict::Vacuous, said.nothing.to_owned()),
        (true, _) => (Verdict::Pass, said.good.clone()),
    }
}

fn finding(check: &CheckId, subject: &Subject, name: &str, deviation: Deviation) -> Result<Finding, JudgeError> {
    let Deviation { condition, severity, about, label, detail } = deviation;
    let fingerprint = Fingerprint::of(check, &subject.environment, &subject.id, &[name, &about, condition])?;
    let file = (!label.is_empty()).then_some(label);
    Ok(Finding {
        fingerprint,
        condition: conditions::id(condition),
        severity,
        environment: subject.environment.clone(),
        subject: subject.id.clone(),
        place: Place { file, key: Some(name.to_owned()), ..Place::default() },
        detail,
        instances: 1,
        attributes: BTreeMap::from([("place".to_owned(), about)]),
    })
}

/// A number with its noun.
pub(super) fn counted(number: usize, noun: &str) -> String {
    match noun.strip_suffix('y') {
        _ if number == 1 => format!("1 {noun}"),
        Some(stem) => format!("{number} {stem}ies"),
        None => format!("{number} {noun}s"),
    }
}

/// A vault's backup as a deviation is about it.
pub(super) fn about_snapshot(
    snapshot: &SnapshotFacts,
    condition: &'static str,
    severity: Severity,
    detail: String,
) -> Deviation {
    Deviation { condition, severity, about: "snapshot".to_owned(), label: snapshot.label.clone(), detail }
}
