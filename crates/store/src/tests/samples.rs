//! Entries of every kind, small.

use exhibit_evidence::assessment::Judgement;
use exhibit_evidence::deployment::Deployment;
use exhibit_evidence::observation::{CollectorRef, Method, Provenance, Run, SelfTest, Subject, Tool, Trigger};
use exhibit_evidence::report::{Archived, PeriodFreeze, Receipt, ReportFile, ReportIssued, Standing};
use exhibit_evidence::slot::{SchedulePromise, SlotClosure, SlotState};
use exhibit_evidence::{
    Assessment, Body, Digest, Disclosable, Disclosure, EntryId, Evidence, FiscalCalendar, GroupId, Observation,
    Population, SubjectOutcome, Timestamp, Verdict,
};
use exhibit_evidence::{Finding, Fingerprint, Place, Severity};

use crate::{Append, GroupKey, NewDisclosure, NewEntry, NewGroup};

/// Noon on a day of November 2026, so many microseconds later.
pub(super) fn at(micros: i64) -> Timestamp {
    let noon: Timestamp = "2026-11-22T12:00:00.000000Z".parse().unwrap();
    Timestamp::from_micros(noon.micros() + micros).unwrap()
}

/// The id with this number.
pub(super) fn id(number: u64) -> EntryId {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&number.to_be_bytes());
    EntryId::from_parts(at(0), &random)
}

pub(super) fn entry(number: u64, body: impl Into<Body>) -> NewEntry {
    NewEntry { id: id(number), body: body.into() }
}

pub(super) fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

pub(super) fn deployment() -> Deployment {
    Deployment {
        reason: None,
        origin: "example.test/log".into(),
        name: "Example".into(),
        time_zone: "UTC".into(),
        fiscal_year_start: 1,
        grace_days: 5,
        environments: Vec::new(),
        configuration: digest("configuration"),
        verifier_key: "example.test/log+00000000+AAAA".into(),
        exhibit_version: "0.1.0".into(),
        archive: "write-once directory".into(),
    }
}

pub(super) fn promise(job: &str) -> SchedulePromise {
    SchedulePromise {
        job: job.parse().unwrap(),
        collector: "ci_secrets".parse().unwrap(),
        checks: vec!["ci-secrets.plaintext-value".parse().unwrap()],
        pushed: false,
        schedule: Some("0 12 * * *".into()),
        time_zone: "UTC".into(),
        tzdata: "2026a".into(),
        environments: vec!["production".parse().unwrap()],
        fresh_for_s: 86_400,
        late_after_s: 3_600,
        settings: digest("settings"),
        active_from: at(0),
    }
}

pub(super) fn subject(name: &str) -> Subject {
    Subject { environment: "production".parse().unwrap(), id: name.parse().unwrap() }
}

pub(super) fn collector() -> CollectorRef {
    CollectorRef { id: "ci_secrets".parse().unwrap(), version: "0.1.0".into(), content: digest("collector") }
}

pub(super) fn evidence(job: &str, observed_to: Timestamp) -> Evidence {
    Evidence {
        job: job.parse().unwrap(),
        collector: collector(),
        run: Run {
            id: id(999_999),
            trigger: Trigger::Scheduled,
            scheduled_for: Some(at(0)),
            reason: None,
            started_at: at(1),
            finished_at: at(2),
            attempt: 1,
        },
        provenance: Provenance {
            principal: Disclosable { digest: digest("principal") },
            host: Disclosable { digest: digest("host") },
            clock_offset_ms: None,
        },
        pushed: None,
        self_test: Some(SelfTest { passed: true, detail: "both fixtures as expected".into() }),
        policy: digest("policy"),
        observation: Observation {
            observed_from: observed_to,
            observed_to,
            subjects: vec![subject("exhibit"), subject("website")],
            population: vec![Population {
                subject: subject("exhibit"),
                unit: "CI file version".into(),
                exist: Some(3),
                counted_by: "the tree".into(),
                examined: 3,
                excluded: Vec::new(),
            }],
            method: Method::All,
            tool: Tool { name: "exhibit".into(), version: "0.1.0".into(), command: Vec::new(), rule_pack: None },
            rights: "read".into(),
            filters: Vec::new(),
            blind_spots: Vec::new(),
            problems: Vec::new(),
            facts: serde_json::json!({ "note": "grüße" }),
            facts_artifact: None,
            artifacts: Vec::new(),
        },
    }
}

pub(super) fn finding(place: &str, instances: u64) -> Finding {
    let check = "ci-secrets.plaintext-value".parse().unwrap();
    let subject = subject("exhibit");
    Finding {
        fingerprint: Fingerprint::of(&check, &subject.environment, &subject.id, &[place]).unwrap(),
        condition: "plaintext-in-ci".parse().unwrap(),
        severity: Severity::High,
        environment: subject.environment,
        subject: subject.id,
        place: Place { file: Some(place.into()), ..Place::default() },
        detail: "a literal stands where a reference should".into(),
        instances,
        attributes: Default::default(),
    }
}

pub(super) fn assessment(of: EntryId, job: &str, observed_to: Timestamp, findings: Vec<Finding>) -> Assessment {
    let verdict = if findings.is_empty() { Verdict::Pass } else { Verdict::Fail };
    Assessment {
        evidence: of,
        job: job.parse().unwrap(),
        observed_to,
        judge: collector(),
        policy: digest("policy"),
        verdict,
        finding_count: findings.len() as u64,
        findings_artifact: None,
        judgement: Judgement {
            check: "ci-secrets.plaintext-value".parse().unwrap(),
            closings: Default::default(),
            subjects: vec![SubjectOutcome { subject: subject("exhibit"), verdict, reason: "3 of 3 examined".into() }],
            conditions: Default::default(),
            findings,
        },
    }
}

pub(super) fn closure(job: &str, scheduled_for: Timestamp) -> SlotClosure {
    SlotClosure {
        job: job.parse().unwrap(),
        scheduled_for,
        state: SlotState::Performed,
        attempts: 1,
        started_at: Some(at(1)),
        finished_at: Some(at(2)),
        evidence: None,
        reason: None,
    }
}

pub(super) fn freeze() -> PeriodFreeze {
    let period = FiscalCalendar::new("UTC".parse().unwrap(), 1).unwrap().period_of(at(0));
    PeriodFreeze { grace_until: period.end, period, from_size: 0 }
}

pub(super) fn report() -> ReportIssued {
    ReportIssued {
        period: freeze().period,
        standing: Standing::Interim,
        revision: 1,
        supersedes: None,
        size: 1,
        root: digest("root"),
        from_size: 0,
        renderer: "0.1.0".into(),
        template: digest("template"),
        files: vec![ReportFile { name: "md".into(), digest: digest("md"), size: 2 }],
    }
}

pub(super) fn receipt(of: EntryId) -> Receipt {
    Receipt {
        subject: Archived::Report,
        report: Some(of),
        store: "write-once-directory".into(),
        regulatory_worm: false,
        key: "reports/2026-Q4/1.tar".into(),
        version: "1".into(),
        digest: digest("bundle"),
        size: 6,
        mode: "read-only".into(),
        retention_class: "seven-years".into(),
        retain_until: at(1_000_000),
        legal_hold: false,
        put_at: at(5),
        read_back_at: at(6),
    }
}

/// One entry of each kind, ids from `first` on.
pub(super) fn every_kind(first: u64) -> Vec<NewEntry> {
    vec![
        entry(first, deployment()),
        entry(first + 1, promise("nightly")),
        entry(first + 2, evidence("nightly", at(0))),
        entry(first + 3, assessment(id(first + 2), "nightly", at(0), vec![finding("a", 2), finding("b", 1)])),
        entry(first + 4, closure("nightly", at(0))),
        entry(first + 5, freeze()),
        entry(first + 6, report()),
        entry(first + 7, receipt(id(first + 6))),
    ]
}

/// A group that may be needed, by number.
pub(super) fn group(number: u64) -> NewGroup {
    NewGroup { id: GroupId(id(number).0), key: GroupKey::new([u8::try_from(number % 251).unwrap(); 32]) }
}

/// The entries, with disclosed values for what the evidence among them holds: all on one host, by one principal.
pub(super) fn disclosed(now: Timestamp, mut entries: Vec<NewEntry>) -> Append {
    let mut disclosures = Vec::new();
    for entry in &mut entries {
        let Body::Evidence(evidence) = &mut entry.body else { continue };
        let mut seal = |path: &str, value: &str| {
            let disclosure = Disclosure::new(entry.id.0.as_bytes(), path, value);
            let sealed = disclosure.seal().unwrap();
            let number = 100_000 + u64::from(entry.id.0.as_bytes()[15]) * 2 + disclosures.len() as u64;
            disclosures.push(NewDisclosure { entry: entry.id, disclosure, fresh: group(number) });
            sealed
        };
        evidence.provenance.principal = seal("body.provenance.principal", "somebody");
        evidence.provenance.host = seal("body.provenance.host", "build-7");
    }
    Append { disclosures, ..Append::entries(now, entries) }
}
