//! Reads a ledger from its first entry on and keeps what a report of one period needs to know.

use std::collections::{BTreeMap, BTreeSet};

use exhibit_evidence::{
    Assessment, Body, CheckId, CollectorId, Digest, EntryId, Envelope, Evidence, Finding, JobId, Observation, Period,
    Timestamp, Verdict,
    assessment::SubjectOutcome,
    attestation::Statements,
    deployment::Deployment,
    disclosure::kind_of,
    erasure::Erasure,
    hold::{Cases, Hold},
    key::KeyRotation,
    observation::{Method, Subject, Trigger},
    period::PeriodId,
    report::{PeriodFreeze, Receipt, ReportIssued},
    slot::{SchedulePromise, SlotClosure},
    waiver::Exceptions,
};

use crate::{
    archive,
    catalog::Catalog,
    history::{Line, LineHistory, Word},
    view::{Change, CollectorVersion, ErasureView, EvidenceView, LateArrival, PopulationView, SigningKeyView},
};

/// A ledger's entries, folded for one period.
pub struct Fold {
    pub(crate) period: Period,
    pub(crate) catalog: Catalog,
    pub(crate) deployment: Option<Deployment>,
    /// Each job's promises, in the order of the ledger.
    pub(crate) promises: BTreeMap<JobId, Vec<SchedulePromise>>,
    pub(crate) closures: BTreeMap<(JobId, Timestamp), SlotClosure>,
    pub(crate) occurrences: BTreeMap<(JobId, CheckId), Vec<Occurrence>>,
    pub(crate) lines: BTreeMap<Line, LineHistory>,
    pub(crate) evidence: BTreeMap<EntryId, EvidenceView>,
    pub(crate) populations: BTreeMap<EntryId, Vec<(Subject, PopulationView)>>,
    pub(crate) collectors: BTreeMap<CollectorId, CollectorFacts>,
    pub(crate) freeze: Option<u64>,
    pub(crate) previous_freezes: BTreeMap<PeriodId, (u64, PeriodFreeze)>,
    pub(crate) late_arrivals: Vec<LateArrival>,
    pub(crate) changes: Vec<Change>,
    /// The keys that signed the log, oldest first.
    pub(crate) keys: Vec<SigningKeyView>,
    pub(crate) reports: Vec<(EntryId, ReportIssued)>,
    pub(crate) receipts: BTreeMap<EntryId, Vec<Receipt>>,
    /// The last receipt of each object version in the archive.
    pub(crate) archived: BTreeMap<(String, String), Receipt>,
    pub(crate) holds: Cases,
    pub(crate) attestations: Statements,
    pub(crate) waivers: Exceptions,
    pub(crate) erasures: Vec<ErasureView>,
    pub(crate) as_of: Option<Timestamp>,
    pub(crate) size: u64,
    /// The jobs whose runs were on demand, with the times of their evidence.
    pub(crate) on_demand: BTreeMap<JobId, u64>,
    /// The jobs of which evidence was pushed, with how many pieces.
    pub(crate) pushed: BTreeMap<JobId, u64>,
    pub(crate) last_performed: BTreeMap<JobId, Timestamp>,
    /// Every piece of evidence, of whatever period: which collector's version made it.
    origins: BTreeMap<EntryId, Digest>,
    unreadable: u64,
    /// Assessments whose findings lie in an artifact that was not brought.
    pub(crate) findings_not_at_hand: u64,
}

/// One assessment of a check in the period.
#[derive(Clone, Debug)]
pub(crate) struct Occurrence {
    pub evidence: EntryId,
    pub observed_to: Timestamp,
    /// Whether it stands beside the schedule: it may be about fewer subjects than the job promises.
    pub beside: bool,
    /// Whether another system pushed the evidence.
    pub pushed: bool,
    pub verdict: Verdict,
    pub subjects: Vec<SubjectOutcome>,
}

/// What the period's runs said of a collector.
#[derive(Clone, Debug, Default)]
pub(crate) struct CollectorFacts {
    pub versions: Vec<CollectorVersion>,
    pub self_tests_passed: u64,
    pub self_tests_failed: u64,
    pub pushed: u64,
    pub rights: BTreeSet<String>,
    pub blind_spots: BTreeSet<String>,
    pub methods: BTreeSet<String>,
}

impl Fold {
    /// A fold for a report of `period`.
    pub fn new(period: Period, catalog: Catalog) -> Self {
        Self {
            period,
            catalog,
            deployment: None,
            promises: BTreeMap::new(),
            closures: BTreeMap::new(),
            occurrences: BTreeMap::new(),
            lines: BTreeMap::new(),
            evidence: BTreeMap::new(),
            populations: BTreeMap::new(),
            collectors: BTreeMap::new(),
            freeze: None,
            previous_freezes: BTreeMap::new(),
            late_arrivals: Vec::new(),
            changes: Vec::new(),
            keys: Vec::new(),
            reports: Vec::new(),
            receipts: BTreeMap::new(),
            archived: BTreeMap::new(),
            holds: Cases::default(),
            attestations: Statements::default(),
            waivers: Exceptions::default(),
            erasures: Vec::new(),
            as_of: None,
            size: 0,
            on_demand: BTreeMap::new(),
            pushed: BTreeMap::new(),
            last_performed: BTreeMap::new(),
            origins: BTreeMap::new(),
            unreadable: 0,
            findings_not_at_hand: 0,
        }
    }

    /// Takes in the next entry. `digest` is the SHA-256 of its record; `findings` are those of its `findings_artifact`,
    /// where it has one: without them nothing is held to be gone, and the view says so.
    pub fn add(&mut self, envelope: &Envelope, digest: Digest, findings: Option<&[Finding]>) {
        let seq = self.size;
        self.size += 1;
        self.as_of = Some(envelope.recorded_at);
        match &envelope.body {
            Body::Deployment(body) => self.deployment(seq, envelope.recorded_at, body),
            Body::Schedule(body) => self.promise(seq, envelope.recorded_at, body),
            Body::Evidence(body) => self.evidence(seq, envelope, digest, body),
            Body::Assessment(body) => self.assessment(seq, body, findings),
            Body::Slot(body) => {
                self.closures.entry((body.job.clone(), body.scheduled_for)).or_insert_with(|| (**body).clone());
            }
            Body::Period(body) => self.frozen(seq, body),
            Body::Report(body) => self.reports.push((envelope.id, (**body).clone())),
            Body::Receipt(body) => self.receipt(body),
            Body::Hold(body) => self.hold(seq, envelope, body),
            Body::Attestation(body) => self.attestation(seq, envelope, body),
            Body::Waiver(body) => self.waiver(seq, envelope, body),
            Body::Erasure(body) => self.erasure(seq, envelope.recorded_at, body),
            Body::Key(body) => self.rotation(seq, envelope.recorded_at, body),
        }
    }

    /// Takes in an entry of a kind that this version does not know: it is counted, and that it was not read is said.
    pub fn add_unreadable(&mut self, recorded_at: Timestamp) {
        self.size += 1;
        self.unreadable += 1;
        self.as_of = Some(recorded_at);
    }

    /// Says when the ledger's last entry was recorded, where it is not among those that were taken in: a reader who may
    /// not see it still learns what is overdue by then.
    pub fn skip_to(&mut self, recorded_at: Timestamp) {
        self.as_of = self.as_of.max(Some(recorded_at));
    }

    /// How many entries were of a kind that this version does not know.
    pub fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// Whether the period was frozen within the entries that were taken in.
    pub fn is_frozen(&self) -> bool {
        self.freeze.is_some()
    }

    fn deployment(&mut self, seq: u64, at: Timestamp, body: &Deployment) {
        if self.deployment.is_none() {
            self.keys.push(SigningKeyView {
                key: body.verifier_key.clone(),
                from_size: 0,
                until_size: None,
                since: at,
                reason: None,
            });
        }
        // Another key is told by the rotation that follows.
        let says_more =
            |before: &Deployment| *body != Deployment { verifier_key: body.verifier_key.clone(), ..before.clone() };
        if let Some(before) = self.deployment.as_ref().filter(|before| says_more(before))
            && self.period.contains(at)
        {
            let what = if before.exhibit_version == body.exhibit_version {
                match &body.reason {
                    Some(reason) => format!("The deployment's settings changed. The reason given: {reason}."),
                    None => "The deployment's settings changed.".to_owned(),
                }
            } else {
                format!("Exhibit changed from version {} to {}.", before.exhibit_version, body.exhibit_version)
            };
            self.changes.push(Change { at, what, seq });
        }
        self.deployment = Some(body.clone());
    }

    fn rotation(&mut self, seq: u64, at: Timestamp, body: &KeyRotation) {
        let Some((_, new)) = body.stated_keys() else {
            self.unreadable += 1;
            return;
        };
        if self.period.contains(at) {
            let what = format!("The log's signing key was rotated. Reason given: {}", body.reason);
            self.changes.push(Change { at, what, seq });
        }
        // The checkpoint that covers exactly this entry is signed by both keys.
        let size = seq + 1;
        if let Some(last) = self.keys.last_mut() {
            last.until_size = Some(size);
        }
        self.keys.push(SigningKeyView {
            key: new.to_owned(),
            from_size: size,
            until_size: None,
            since: at,
            reason: Some(body.reason.clone()),
        });
    }

    fn promise(&mut self, seq: u64, at: Timestamp, body: &SchedulePromise) {
        let promises = self.promises.entry(body.job.clone()).or_default();
        if self.period.contains(at) {
            let job = &body.job;
            let says = |schedule: &Option<String>| match schedule {
                Some(text) => format!("`{text}`"),
                None => "on demand only".to_owned(),
            };
            let what = match promises.last() {
                None if body.pushed => {
                    format!(
                        "Job {job} was added, its evidence pushed by another system, expected {}.",
                        says(&body.schedule)
                    )
                }
                None => format!("Job {job} was added, schedule {}.", says(&body.schedule)),
                Some(before) if before.schedule != body.schedule => {
                    format!(
                        "Job {job} changed its schedule from {} to {}.",
                        says(&before.schedule),
                        says(&body.schedule)
                    )
                }
                Some(before) if before.pushed != body.pushed => match body.pushed {
                    true => format!(
                        "Evidence of job {job} is pushed by another system from then on; Exhibit observes it no more."
                    ),
                    false => {
                        format!("Exhibit observes for job {job} itself from then on; evidence of it is pushed no more.")
                    }
                },
                Some(_) => format!("Job {job} changed its scope or policy."),
            };
            self.changes.push(Change { at, what, seq });
        }
        promises.push(body.clone());
    }

    fn hold(&mut self, seq: u64, envelope: &Envelope, body: &Hold) {
        if let Some(what) =
            archive::changed(&self.holds, envelope.id, body).filter(|_| self.period.contains(envelope.recorded_at))
        {
            self.changes.push(Change { at: envelope.recorded_at, what, seq });
        }
        self.holds.take(envelope.id, seq, envelope.recorded_at, body);
    }

    fn erasure(&mut self, seq: u64, at: Timestamp, body: &Erasure) {
        self.erased(seq, at, body);
        if self.period.contains(at) {
            let (count, kind) = (body.digests, kind_of(&body.path));
            let names = if count == 1 { "name" } else { "names" };
            let what = format!(
                "{count} {kind} {names} behind pseudonyms, group {}, were erased: {}",
                body.group,
                body.reason.trim_end_matches('.')
            );
            self.changes.push(Change { at, what: format!("{what}."), seq });
        }
    }

    fn frozen(&mut self, seq: u64, body: &PeriodFreeze) {
        if body.period.id == self.period.id {
            self.freeze.get_or_insert(seq);
        }
        self.previous_freezes.entry(body.period.id).or_insert_with(|| (seq, body.clone()));
    }

    /// Whether an entry at `seq` that was observed at this time came after its period's freeze.
    fn frozen_before(&self, observed_to: Timestamp) -> Option<&PeriodFreeze> {
        self.previous_freezes.values().map(|(_, freeze)| freeze).find(|freeze| freeze.period.contains(observed_to))
    }

    fn evidence(&mut self, seq: u64, envelope: &Envelope, digest: Digest, body: &Evidence) {
        let observation = &body.observation;
        self.origins.insert(envelope.id, body.collector.content);
        if self.frozen_before(observation.observed_to).is_some() {
            if self.freeze.is_none() && self.period.contains(envelope.recorded_at) {
                self.late_arrivals.push(LateArrival {
                    evidence: envelope.id,
                    job: body.job.clone(),
                    observed_to: observation.observed_to,
                    recorded_at: envelope.recorded_at,
                });
            }
            return;
        }
        if !self.period.contains(observation.observed_to) {
            return;
        }
        self.collector_facts(seq, envelope.recorded_at, body);
        match body.run.trigger {
            Trigger::OnDemand => *self.on_demand.entry(body.job.clone()).or_default() += 1,
            Trigger::Pushed => *self.pushed.entry(body.job.clone()).or_default() += 1,
            Trigger::Scheduled | Trigger::CatchUp => {}
        }
        let last = self.last_performed.entry(body.job.clone()).or_insert(body.run.finished_at);
        *last = (*last).max(body.run.finished_at);
        self.populations.insert(envelope.id, populations(observation));
        self.evidence.insert(
            envelope.id,
            EvidenceView {
                id: envelope.id,
                seq,
                job: body.job.clone(),
                collector: body.collector.id.clone(),
                trigger: body.run.trigger,
                scheduled_for: body.run.scheduled_for,
                observed_to: observation.observed_to,
                recorded_at: envelope.recorded_at,
                digest,
                host: body.provenance.host.pseudonym("host"),
                principal: body.provenance.principal.pseudonym("principal"),
                verdicts: Vec::new(),
                problems: observation
                    .problems
                    .iter()
                    .map(|problem| format!("{}: {}", problem.code, problem.message))
                    .collect(),
                artifacts: observation.artifacts.iter().map(|artifact| artifact.digest).collect(),
            },
        );
    }

    fn collector_facts(&mut self, seq: u64, at: Timestamp, body: &Evidence) {
        let facts = self.collectors.entry(body.collector.id.clone()).or_default();
        if facts.versions.last().is_none_or(|version| version.content != body.collector.content) {
            if !facts.versions.is_empty() {
                let id = &body.collector.id;
                self.changes.push(Change {
                    at,
                    what: format!("Collector {id} changed: code, rules or manifest."),
                    seq,
                });
            }
            facts.versions.push(CollectorVersion {
                version: body.collector.version.clone(),
                content: body.collector.content,
                rule_pack: body.observation.tool.rule_pack,
                first_run: body.run.started_at,
            });
        }
        let pushed = body.run.trigger == Trigger::Pushed;
        facts.pushed += u64::from(pushed);
        match &body.self_test {
            Some(test) if test.passed => facts.self_tests_passed += 1,
            Some(_) => facts.self_tests_failed += 1,
            None => {}
        }
        // What others say of their own looking stands apart from what we know of ours.
        let told = |text: &str| if pushed { format!("Of pushed evidence: {text}") } else { text.to_owned() };
        facts.rights.insert(told(&body.observation.rights));
        facts.blind_spots.extend(body.observation.blind_spots.iter().map(|spot| told(spot)));
        facts.methods.insert(told(&match &body.observation.method {
            Method::All => "Every item was examined; no sampling.".to_owned(),
            Method::Sample { seed, size, statement } => format!("A sample of {size}, seed {seed}. {statement}"),
        }));
    }

    fn assessment(&mut self, _seq: u64, body: &Assessment, from_artifact: Option<&[Finding]>) {
        // A replay by another version of the rules never stands for the original.
        if self.origins.get(&body.evidence) != Some(&body.judge.content) {
            return;
        }
        let in_period = self.period.contains(body.observed_to);
        if in_period && !self.evidence.contains_key(&body.evidence) {
            return;
        }
        let check = self.catalog.present_name(&body.judgement.check);
        if let Some(view) = self.evidence.get_mut(&body.evidence) {
            view.verdicts.push(format!("{check}: {}", body.verdict));
        }
        let findings = from_artifact.unwrap_or(&body.judgement.findings);
        // Findings that are not at hand must not look like findings that are gone.
        let at_hand = findings.len() as u64 == body.finding_count;
        self.findings_not_at_hand += u64::from(!at_hand);
        for outcome in &body.judgement.subjects {
            let line = Line { job: body.job.clone(), check: check.clone(), subject: outcome.subject.clone() };
            let word = Word {
                verdict: if at_hand { outcome.verdict } else { Verdict::Error },
                subject: &outcome.subject,
                findings,
                closings: &body.judgement.closings,
                conditions: &body.judgement.conditions,
                evidence: body.evidence,
                observed_to: body.observed_to,
            };
            self.lines.entry(line).or_default().take(&word, &self.period);
        }
        if in_period {
            let of = |held: fn(&EvidenceView) -> bool| self.evidence.get(&body.evidence).is_some_and(held);
            let pushed = of(|view| view.trigger == Trigger::Pushed);
            let beside =
                of(|view| matches!(view.trigger, Trigger::OnDemand | Trigger::Pushed) && view.scheduled_for.is_none());
            self.occurrences.entry((body.job.clone(), check)).or_default().push(Occurrence {
                evidence: body.evidence,
                observed_to: body.observed_to,
                beside,
                pushed,
                verdict: body.verdict,
                subjects: body.judgement.subjects.clone(),
            });
        }
    }
}

fn populations(observation: &Observation) -> Vec<(Subject, PopulationView)> {
    let view = |population: &exhibit_evidence::Population| PopulationView {
        unit: population.unit.clone(),
        exist: population.exist,
        counted_by: population.counted_by.clone(),
        examined: population.examined,
        excluded: population.excluded.clone(),
    };
    observation.population.iter().map(|population| (population.subject.clone(), view(population))).collect()
}
