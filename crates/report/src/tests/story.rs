//! A ledger told in few words.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use exhibit_evidence::{
    Assessment, Body, CheckId, CollectorId, Condition, ConditionId, Digest, Disclosable, EntryId, Envelope,
    EnvironmentId, Evidence, Finding, Fingerprint, FiscalCalendar, JobId, Observation, Outcome, Period, Place,
    Population, Severity, SubjectId, SubjectOutcome, Timestamp, Verdict,
    assessment::{Closing, Judgement},
    catalog::CollectorManifest,
    deployment::{Deployment, Environment},
    key::KeyRotation,
    observation::{
        CollectorRef, Exclusion, Method, Problem, Provenance, Pushed, Run, SelfTest, Subject, Tool, Trigger,
    },
    report::{Archived, PeriodFreeze, Receipt, ReportFile, ReportIssued, Standing},
    slot::{SchedulePromise, SlotClosure, SlotState},
};

use crate::{Catalog, Edition, Fold, PeriodView, view::CheckView};

pub(super) const ZONE: &str = "Europe/Berlin";

/// An instant, written short.
pub(super) fn t(text: &str) -> Timestamp {
    let instant = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").expect("an instant");
    Timestamp::new(instant.and_utc())
}

pub(super) fn period(id: &str) -> Period {
    let zone = ZONE.parse().expect("a zone");
    FiscalCalendar::new(zone, 1).expect("a month").period(id.parse().expect("a quarter"))
}

pub(super) fn catalog() -> Catalog {
    #[derive(serde::Deserialize)]
    struct Collectors {
        collectors: Vec<CollectorManifest>,
    }
    let collectors: Collectors = toml::from_str(include_str!("collectors.toml")).expect("manifests");
    Catalog { collectors: collectors.collectors, frameworks: crate::frameworks().expect("built in") }
}

pub(super) fn subject(environment: &str, id: &str) -> Subject {
    Subject { environment: EnvironmentId::new(environment).expect("an id"), id: SubjectId::new(id).expect("an id") }
}

/// What a run found out: the parts that stories differ in.
#[derive(Clone)]
pub(super) struct Look {
    pub check: &'static str,
    pub subject: Subject,
    pub verdict: Verdict,
    pub reason: String,
    pub findings: Vec<Finding>,
    pub closings: Vec<(Fingerprint, Closing)>,
}

pub(super) fn look(check: &'static str, at: &Subject, verdict: Verdict, reason: &str) -> Look {
    Look { check, subject: at.clone(), verdict, reason: reason.to_owned(), findings: Vec::new(), closings: Vec::new() }
}

impl Look {
    pub(super) fn noting(mut self, findings: impl IntoIterator<Item = Finding>) -> Self {
        self.findings.extend(findings);
        self
    }

    pub(super) fn closing(mut self, finding: &Finding, why: Closing) -> Self {
        self.closings.push((finding.fingerprint, why));
        self
    }
}

pub(super) fn finding(
    check: &str,
    at: &Subject,
    condition: &str,
    severity: Severity,
    place: Place,
    instances: u64,
    detail: &str,
) -> Finding {
    let check = CheckId::new(check).expect("an id");
    let human = place.human();
    Finding {
        fingerprint: Fingerprint::of(&check, &at.environment, &at.id, &[condition, &human]).expect("no NUL"),
        condition: ConditionId::new(condition).expect("an id"),
        severity,
        environment: at.environment.clone(),
        subject: at.id.clone(),
        place,
        detail: detail.to_owned(),
        instances,
        attributes: BTreeMap::new(),
    }
}

/// A run with what differs from the usual.
pub(super) struct Performance<'a> {
    pub job: &'a str,
    pub collector: &'a str,
    /// The slot it fills, none on demand.
    pub slot: Option<Timestamp>,
    /// When it ran.
    pub at: Timestamp,
    pub looks: &'a [Look],
    pub version: u8,
    pub population: Option<(u64, Vec<Exclusion>)>,
    pub problems: Vec<Problem>,
}

pub(super) struct Story {
    pub entries: Vec<Envelope>,
    conditions: BTreeMap<&'static str, Condition>,
    /// Jobs whose evidence another system pushes.
    pub pushed: BTreeSet<String>,
    now: Timestamp,
    /// What `now` was when evidence of the last run was recorded.
    pub last_evidence: Option<EntryId>,
}

impl Story {
    pub(super) fn begin(at: &str) -> Self {
        let mut story = Self {
            entries: Vec::new(),
            conditions: BTreeMap::new(),
            pushed: BTreeSet::new(),
            now: t(at),
            last_evidence: None,
        };
        story.record(deployment("0.1.0"));
        story
    }

    pub(super) fn now(&mut self, at: Timestamp) {
        self.now = self.now.max(at);
    }

    pub(super) fn record(&mut self, body: impl Into<Body>) -> EntryId {
        let number = u32::try_from(self.entries.len()).expect("few").to_be_bytes();
        let mut random = [7; 10];
        random[6..].copy_from_slice(&number);
        let id = EntryId::from_parts(self.now, &random);
        self.entries.push(Envelope { id, recorded_at: self.now, body: body.into() });
        id
    }

    /// Another key signs from here on: the deployment's word, and right behind it the rotation.
    pub(super) fn rotate(&mut self, new: &str, reason: &str) {
        let old = deployment("0.1.1");
        let next = Deployment { verifier_key: new.to_owned(), ..old.clone() };
        self.record(next);
        let size = self.entries.len() + 1;
        let statement = format!("{}/key-rotation\n{size}\n{}\n{new}\n\n", old.origin, old.verifier_key);
        self.record(KeyRotation { statement, reason: reason.to_owned() });
    }

    pub(super) fn condition(&mut self, id: &'static str, condition: Condition) {
        self.conditions.insert(id, condition);
    }

    pub(super) fn promise(&mut self, job: &str, collector: &str, schedule: Option<&str>, environments: &[&str]) {
        let manifest = catalog().collectors.into_iter().find(|c| c.id.as_str() == collector).expect("known");
        self.record(SchedulePromise {
            job: JobId::new(job).expect("an id"),
            collector: manifest.id,
            checks: manifest.checks.into_iter().map(|check| check.id).collect(),
            pushed: self.pushed.contains(job),
            schedule: schedule.map(str::to_owned),
            time_zone: ZONE.to_owned(),
            tzdata: "2025b".to_owned(),
            environments: environments.iter().map(|id| EnvironmentId::new(*id).expect("an id")).collect(),
            fresh_for_s: 10 * 86_400,
            late_after_s: 6 * 3_600,
            settings: Digest::of(b"settings"),
            active_from: self.now,
        });
    }

    /// Records a run: its evidence, an assessment for each check, and the end of its slot.
    pub(super) fn run(&mut self, performance: Performance<'_>) -> EntryId {
        let Performance { job, collector, slot, at, looks, version, population, problems } = performance;
        let finished = at.plus(TimeDelta::seconds(40));
        self.now(finished);
        let collector = CollectorRef {
            id: CollectorId::new(collector).expect("an id"),
            version: format!("0.1.{version}"),
            content: Digest::of(&[version]),
        };
        let late = slot.is_some_and(|slot| at.since(slot) > TimeDelta::hours(6));
        let mut subjects: Vec<Subject> = looks.iter().map(|look| look.subject.clone()).collect();
        subjects.sort();
        subjects.dedup();
        let (exist, excluded) = population.unwrap_or((48, Vec::new()));
        let left_out: u64 = excluded.iter().map(|exclusion| exclusion.count).sum();
        let pushed = self.pushed.contains(job);
        let run = Run {
            id: EntryId::from_parts(at, &[1; 10]),
            trigger: match (slot, late) {
                _ if pushed => Trigger::Pushed,
                (None, _) => Trigger::OnDemand,
                (_, true) => Trigger::CatchUp,
                (_, false) => Trigger::Scheduled,
            },
            scheduled_for: slot,
            reason: None,
            started_at: at,
            finished_at: finished,
            attempt: 1,
        };
        let evidence = self.record(Evidence {
            job: JobId::new(job).expect("an id"),
            collector: collector.clone(),
            run,
            provenance: Provenance {
                principal: Disclosable { digest: Digest::of(b"principal") },
                host: Disclosable { digest: Digest::of(b"host") },
                clock_offset_ms: Some(3),
            },
            pushed: pushed.then(|| Pushed { key: format!("week-{at}"), masked: 0 }),
            self_test: (!pushed)
                .then(|| SelfTest { passed: true, detail: "the known-bad example was noted".to_owned() }),
            policy: Digest::of(b"policy"),
            observation: Observation {
                observed_from: at,
                observed_to: finished,
                population: subjects
                    .iter()
                    .map(|subject| Population {
                        subject: subject.clone(),
                        unit: "configured values".to_owned(),
                        exist: Some(exist),
                        counted_by: "a count of the files' keys, apart from the reader".to_owned(),
                        examined: exist - left_out,
                        excluded: excluded.clone(),
                    })
                    .collect(),
                subjects,
                method: Method::All,
                tool: Tool {
                    name: "exhibit".to_owned(),
                    version: "0.1.0".to_owned(),
                    command: vec![],
                    rule_pack: Some(Digest::of(b"rules")),
                },
                rights: "reads files as user exhibit".to_owned(),
                filters: vec![],
                blind_spots: vec!["Files show what is configured, not what runs.".to_owned()],
                problems,
                facts: serde_json::Value::Null,
                facts_artifact: None,
                artifacts: vec![],
            },
        });
        self.last_evidence = Some(evidence);
        self.assess(evidence, job, finished, &collector, looks);
        if let Some(slot) = slot {
            let state = if late { SlotState::Late } else { SlotState::Performed };
            self.close(job, slot, state, Some((at, finished, evidence)), None);
        }
        evidence
    }

    /// Records what `collector` judges of a piece of evidence.
    pub(super) fn assess(
        &mut self,
        evidence: EntryId,
        job: &str,
        observed_to: Timestamp,
        collector: &CollectorRef,
        looks: &[Look],
    ) {
        let mut checks: Vec<&str> = looks.iter().map(|look| look.check).collect();
        checks.sort_unstable();
        checks.dedup();
        for check in checks {
            let of_check = || looks.iter().filter(|look| look.check == check);
            let mut findings: Vec<Finding> = of_check().flat_map(|look| look.findings.clone()).collect();
            findings.sort_by_key(|finding| finding.fingerprint);
            let judgement = Judgement {
                check: CheckId::new(check).expect("an id"),
                closings: of_check().flat_map(|look| look.closings.iter().copied()).collect(),
                subjects: of_check()
                    .map(|look| SubjectOutcome {
                        subject: look.subject.clone(),
                        verdict: look.verdict,
                        reason: look.reason.clone(),
                    })
                    .collect(),
                conditions: findings
                    .iter()
                    .map(|finding| {
                        let known = self.conditions.get(finding.condition.as_str());
                        (finding.condition.clone(), known.expect("told before").clone())
                    })
                    .collect(),
                findings,
            };
            self.record(Assessment {
                evidence,
                job: JobId::new(job).expect("an id"),
                observed_to,
                judge: collector.clone(),
                policy: Digest::of(b"policy"),
                verdict: judgement.verdict(),
                finding_count: judgement.findings.len() as u64,
                findings_artifact: None,
                judgement,
            });
        }
    }

    pub(super) fn close(
        &mut self,
        job: &str,
        slot: Timestamp,
        state: SlotState,
        run: Option<(Timestamp, Timestamp, EntryId)>,
        reason: Option<&str>,
    ) {
        self.record(SlotClosure {
            job: JobId::new(job).expect("an id"),
            scheduled_for: slot,
            state,
            attempts: u64::from(run.is_some()),
            started_at: run.map(|(started, ..)| started),
            finished_at: run.map(|(_, finished, _)| finished),
            evidence: run.map(|(.., evidence)| evidence),
            reason: reason.map(str::to_owned),
        });
    }

    pub(super) fn freeze(&mut self, id: &str) {
        let period = period(id);
        let grace_until = period.end.plus(TimeDelta::days(5));
        self.now(grace_until);
        self.record(PeriodFreeze { period, grace_until, from_size: 0 });
    }

    /// Records a report of a period and the receipt for it.
    pub(super) fn issue(&mut self, id: &str, standing: Standing) -> EntryId {
        let size = self.entries.len() as u64;
        let report = self.record(ReportIssued {
            period: period(id),
            standing,
            revision: 1,
            supersedes: None,
            size,
            root: Digest::of(b"root"),
            from_size: 0,
            renderer: "exhibit-report 0.1.0".to_owned(),
            template: Digest::of(b"template"),
            files: vec![ReportFile { name: "report.html".to_owned(), digest: Digest::of(b"html"), size: 4 }],
        });
        self.record(Receipt {
            subject: Archived::Report,
            report: Some(report),
            store: "directory".to_owned(),
            regulatory_worm: false,
            key: format!("reports/{id}/{size}/bundle.tar"),
            version: "1".to_owned(),
            digest: Digest::of(b"bundle"),
            size: 6,
            mode: "write once".to_owned(),
            retention_class: "seven-years".to_owned(),
            retain_until: self.now.plus(TimeDelta::days(7 * 365 + 2)),
            legal_hold: false,
            put_at: self.now,
            read_back_at: self.now,
        });
        report
    }

    pub(super) fn fold(&self, id: &str) -> Fold {
        let mut fold = Fold::new(period(id), catalog());
        for entry in &self.entries {
            fold.add(entry, Digest::of(entry.id.to_string().as_bytes()), None);
        }
        fold
    }

    pub(super) fn view(&self, id: &str) -> PeriodView {
        let fold = self.fold(id);
        let standing = if fold.is_frozen() { Standing::Final } else { Standing::Interim };
        fold.view(&self.edition(standing)).expect("a view")
    }

    pub(super) fn edition(&self, standing: Standing) -> Edition {
        Edition {
            size: self.entries.len() as u64,
            root: Digest::of(b"checkpoint"),
            standing,
            revision: 1,
            supersedes: None,
        }
    }
}

pub(super) fn deployment(version: &str) -> Deployment {
    let environment = |id: &str, title: &str, disposable| Environment {
        id: EnvironmentId::new(id).expect("an id"),
        title: title.to_owned(),
        disposable,
    };
    Deployment {
        reason: None,
        origin: "exhibit.example.com/log".to_owned(),
        name: "Example Mutual Insurance".to_owned(),
        time_zone: ZONE.to_owned(),
        fiscal_year_start: 1,
        grace_days: 5,
        environments: vec![
            environment("production", "Production", false),
            environment("staging", "Staging", false),
            environment("ci", "Test runs", true),
        ],
        configuration: Digest::of(b"configuration"),
        verifier_key: "exhibit.example.com/log+1a2b3c4d+AXw6OqLd0y0H4o9Zq7v3cJ1mT5r8uWbN2eYxKfPsGhQ=".to_owned(),
        exhibit_version: version.to_owned(),
        archive: "a write-once directory on the same machine: tamper-evident, not regulatory WORM".to_owned(),
    }
}

pub(super) fn check<'a>(view: &'a PeriodView, id: &str) -> &'a CheckView {
    view.checks.iter().find(|check| check.id.as_str() == id).expect("the check is there")
}

pub(super) fn outcome(view: &PeriodView, id: &str) -> (Outcome, Outcome) {
    let check = check(view, id);
    (check.current, check.throughout)
}
