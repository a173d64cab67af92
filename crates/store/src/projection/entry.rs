//! What one entry means as rows. Pure.

use std::collections::BTreeSet;

use exhibit_evidence::deployment::Deployment;
use exhibit_evidence::observation::Subject;
use exhibit_evidence::report::{PeriodFreeze, Receipt, ReportIssued};
use exhibit_evidence::slot::{SchedulePromise, SlotClosure};
use exhibit_evidence::{Assessment, Body, Digest, EntryId, Evidence, Finding, Timestamp};
use uuid::Uuid;

use super::tables::{
    AssessmentRow, DeploymentRow, EvidenceRow, FindingRow, PeriodRow, ReceiptRow, ReportRow, Rows, ScheduleRow,
    SlotRow, SubjectRow,
};
use crate::rows::bigint;

/// The artifact that holds an entry's findings, where they did not fit into the record.
pub(crate) fn moved_findings(body: &Body) -> Option<Digest> {
    match body {
        Body::Assessment(assessment) => assessment.findings_artifact,
        _ => None,
    }
}

/// The findings in such an artifact.
pub(crate) fn read_findings(bytes: &[u8]) -> Result<Vec<Finding>, serde_json::Error> {
    serde_json::from_slice(bytes)
}

/// What every row says of its entry.
struct Entry {
    seq: i64,
    id: Uuid,
    recorded_at: Timestamp,
}

/// The rows of one entry. `moved` are the findings of [`moved_findings`]; empty where there are none.
pub(crate) fn project(seq: u64, id: EntryId, recorded_at: Timestamp, body: &Body, moved: &[Finding]) -> Rows {
    let entry = Entry { seq: bigint(seq), id: id.0, recorded_at };
    let mut rows = Rows::default();
    match body {
        Body::Deployment(body) => rows.deployments.push(deployment(entry, body)),
        Body::Schedule(body) => rows.schedules.push(schedule(entry, body)),
        Body::Evidence(body) => rows.evidence.push(evidence(entry, body)),
        Body::Assessment(body) => {
            let findings = if body.findings_artifact.is_some() { moved } else { &body.judgement.findings };
            rows.assessment_subjects = subjects(&entry, body);
            rows.finding_observations = observations(&entry, body, findings);
            rows.assessments.push(assessment(entry, body));
        }
        Body::Slot(body) => rows.slots.push(slot(entry, body)),
        Body::Period(body) => rows.periods.push(period(entry, body)),
        Body::Report(body) => rows.reports.push(report(entry, body)),
        Body::Receipt(body) => rows.receipts.push(receipt(entry, body)),
        // Few, and read as entries.
        Body::Erasure(_) => {}
        // The deployment's word before it names the new key already; the statement is read from the ledger itself.
        Body::Key(_) => {}
        // Few, and read as entries: a case is what all of its acts say, and so are an attestation and a waiver.
        Body::Hold(_) | Body::Attestation(_) | Body::Waiver(_) => {}
    }
    rows
}

fn deployment(entry: Entry, body: &Deployment) -> DeploymentRow {
    DeploymentRow { seq: entry.seq, id: entry.id, recorded_at: entry.recorded_at, origin: body.origin.clone() }
}

fn schedule(entry: Entry, body: &SchedulePromise) -> ScheduleRow {
    ScheduleRow {
        seq: entry.seq,
        id: entry.id,
        recorded_at: entry.recorded_at,
        job: body.job.to_string(),
        collector: body.collector.to_string(),
        schedule: body.schedule.clone(),
        time_zone: body.time_zone.clone(),
        active_from: body.active_from,
        environments: body.environments.iter().map(ToString::to_string).collect(),
    }
}

fn evidence(entry: Entry, body: &Evidence) -> EvidenceRow {
    let observation = &body.observation;
    let all = &observation.subjects;
    let environments: BTreeSet<String> = all.iter().map(|subject| subject.environment.to_string()).collect();
    let subjects: BTreeSet<String> = all.iter().map(qualified).collect();
    let exist: Option<Vec<u64>> = observation.population.iter().map(|part| part.exist).collect();
    EvidenceRow {
        seq: entry.seq,
        id: entry.id,
        recorded_at: entry.recorded_at,
        job: body.job.to_string(),
        collector: body.collector.id.to_string(),
        trigger: body.run.trigger.word(),
        scheduled_for: body.run.scheduled_for,
        started_at: body.run.started_at,
        finished_at: body.run.finished_at,
        observed_from: observation.observed_from,
        observed_to: observation.observed_to,
        environments: environments.into_iter().collect(),
        subjects: subjects.into_iter().collect(),
        exist: exist.map(|counts| total(counts.into_iter())),
        examined: total(observation.population.iter().map(|part| part.examined)),
        problems: count(observation.problems.len()),
        self_test_passed: body.self_test.as_ref().map(|test| test.passed),
    }
}

fn assessment(entry: Entry, body: &Assessment) -> AssessmentRow {
    AssessmentRow {
        seq: entry.seq,
        id: entry.id,
        recorded_at: entry.recorded_at,
        evidence_id: body.evidence.0,
        job: body.job.to_string(),
        check_id: body.judgement.check.to_string(),
        observed_to: body.observed_to,
        judge_content: body.judge.content.into(),
        verdict: body.verdict.word(),
        finding_count: bigint(body.finding_count),
    }
}

fn subjects(entry: &Entry, body: &Assessment) -> Vec<SubjectRow> {
    (0..)
        .zip(&body.judgement.subjects)
        .map(|(ordinal, outcome)| SubjectRow {
            seq: entry.seq,
            ordinal,
            check_id: body.judgement.check.to_string(),
            environment: outcome.subject.environment.to_string(),
            subject: outcome.subject.id.to_string(),
            observed_to: body.observed_to,
            verdict: outcome.verdict.word(),
            job: body.job.to_string(),
        })
        .collect()
}

fn observations(entry: &Entry, body: &Assessment, findings: &[Finding]) -> Vec<FindingRow> {
    (0..)
        .zip(findings)
        .map(|(ordinal, finding)| FindingRow {
            seq: entry.seq,
            ordinal,
            fingerprint: finding.fingerprint.0.into(),
            check_id: body.judgement.check.to_string(),
            condition: finding.condition.to_string(),
            environment: finding.environment.to_string(),
            subject: finding.subject.to_string(),
            severity: finding.severity.word(),
            instances: bigint(finding.instances),
            observed_to: body.observed_to,
        })
        .collect()
}

fn slot(entry: Entry, body: &SlotClosure) -> SlotRow {
    SlotRow {
        job: body.job.to_string(),
        scheduled_for: body.scheduled_for,
        seq: entry.seq,
        id: entry.id,
        recorded_at: entry.recorded_at,
        state: body.state.word(),
        attempts: bigint(body.attempts),
        started_at: body.started_at,
        finished_at: body.finished_at,
        evidence_id: body.evidence.map(|id| id.0),
    }
}

fn period(entry: Entry, body: &PeriodFreeze) -> PeriodRow {
    PeriodRow {
        seq: entry.seq,
        id: entry.id,
        recorded_at: entry.recorded_at,
        period: body.period.id.to_string(),
        starts_at: body.period.start,
        ends_at: body.period.end,
        from_size: bigint(body.from_size),
    }
}

fn report(entry: Entry, body: &ReportIssued) -> ReportRow {
    ReportRow {
        seq: entry.seq,
        id: entry.id,
        recorded_at: entry.recorded_at,
        period: body.period.id.to_string(),
        standing: body.standing.word(),
        revision: bigint(body.revision),
        supersedes: body.supersedes.map(|id| id.0),
        size: bigint(body.size),
    }
}

fn receipt(entry: Entry, body: &Receipt) -> ReceiptRow {
    ReceiptRow {
        seq: entry.seq,
        id: entry.id,
        recorded_at: entry.recorded_at,
        report_id: body.report.map(|id| id.0),
        store: body.store.clone(),
        key: body.key.clone(),
        version: body.version.clone(),
        digest: body.digest.into(),
        retain_until: body.retain_until,
        subject: body.subject.word(),
    }
}

/// `environment/subject`; neither may hold a slash.
fn qualified(subject: &Subject) -> String {
    format!("{}/{}", subject.environment, subject.id)
}

fn total(counts: impl Iterator<Item = u64>) -> i64 {
    bigint(counts.fold(0, u64::saturating_add))
}

fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
