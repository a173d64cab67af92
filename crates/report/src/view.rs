//! The period view: everything a report says, as data. Rendering adds words and shape, and nothing else.
//!
//! It is a pure function of the ledger's entries up to a checkpoint and of the catalog of checks, so anybody who holds
//! the entries can make it again. It holds no value of a secret and no disclosed name: only pseudonyms.

use exhibit_evidence::{
    CheckId, CollectorId, Condition, ConditionId, Digest, EntryId, EnvironmentId, Fingerprint, JobId, Outcome, Period,
    Place, Severity, Timestamp, Verdict,
    assessment::Closing,
    catalog::{AuditItem, Strength},
    deployment::Environment,
    observation::{Exclusion, Subject, Trigger},
    report::Standing,
    slot::SlotState,
};
use serde::{Deserialize, Serialize};

mod archive;
mod attestations;
mod waivers;

pub use archive::{ArchiveView, ArchivedView, AttestedView, ErasureView, HoldView};
pub use attestations::AttestationView;
pub use waivers::{Waived, WaiverView};

/// Everything that a report of one period says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeriodView {
    /// The version of this shape.
    pub view_version: u64,
    /// Who and what the report is about.
    pub cover: Cover,
    /// The five quarterly audit items, always all of them.
    pub audit_items: Vec<AuditItemView>,
    /// Counts.
    pub totals: Totals,
    /// The environments in scope.
    pub environments: Vec<Environment>,
    /// The collectors that ran, or were promised.
    pub collectors: Vec<CollectorView>,
    /// Check by check: what was tested, of how many, what came of it.
    pub checks: Vec<CheckView>,
    /// Deviations that are open, grouped by kind, worst first.
    pub deviations: Vec<DeviationGroup>,
    /// What became of the findings that were open when the period began, and what is new.
    pub follow_up: Vec<FollowUp>,
    /// Expected against performed, job by job.
    pub jobs: Vec<JobView>,
    /// Slots that were not performed in time.
    pub gaps: Vec<Gap>,
    /// Evidence that arrived after its period was frozen.
    pub late_arrivals: Vec<LateArrival>,
    /// Changes in what is collected, and by which rules.
    pub changes: Vec<Change>,
    /// What this version could not read or does not know.
    pub limits: Vec<String>,
    /// Reports that were issued before, and the receipts for them.
    pub records: Vec<RecordView>,
    /// What lies in the archive, and what protects it.
    pub archive: ArchiveView,
    /// What people attested, by key and location.
    pub attestations: Vec<AttestationView>,
    /// Waivers that held, or were asked for, at some time in the period.
    pub waivers: Vec<WaiverView>,
    /// The keys that signed the log up to the checkpoint, oldest first.
    pub signing_keys: Vec<SigningKeyView>,
    /// Frameworks and their requirements.
    pub frameworks: Vec<FrameworkView>,
    /// Every piece of evidence of the period.
    pub evidence: Vec<EvidenceView>,
}

/// How the checks stand in a period: what a report says of them, without being one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// When the last entry was recorded: what it is said *as of*.
    pub as_of: Timestamp,
    /// The five quarterly audit items, always all of them.
    pub audit_items: Vec<AuditItemView>,
    /// Counts.
    pub totals: Totals,
    /// Check by check.
    pub checks: Vec<CheckView>,
    /// Deviations that are open, worst first.
    pub deviations: Vec<DeviationGroup>,
    /// What became of findings.
    pub follow_up: Vec<FollowUp>,
    /// Expected against performed, job by job.
    pub jobs: Vec<JobView>,
    /// Slots that were not performed in time.
    pub gaps: Vec<Gap>,
    /// What this version could not read or does not know.
    pub limits: Vec<String>,
    /// Frameworks and their requirements.
    pub frameworks: Vec<FrameworkView>,
}

/// The control block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cover {
    /// The organisation.
    pub organisation: String,
    /// The period.
    pub period: Period,
    /// Whether the period was still open.
    pub standing: Standing,
    /// Counted from 1 within period and standing.
    pub revision: u64,
    /// The report that this one supersedes.
    pub supersedes: Option<EntryId>,
    /// The log's name.
    pub origin: String,
    /// The key that signs it.
    pub verifier_key: String,
    /// The checkpoint's size: the report speaks of the entries 0 to `size` - 1.
    pub size: u64,
    /// The checkpoint's root hash.
    pub root: Digest,
    /// When the last of these entries was recorded: the report's *as of*.
    pub as_of: Timestamp,
    /// The archive in use, in its own honest words.
    pub archive: String,
    /// How many days after the period's end late evidence still counts in it.
    pub grace_days: u64,
}

/// One of the five items of the quarterly audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditItemView {
    /// The item.
    pub item: AuditItem,
    /// Its title.
    pub title: String,
    /// The worst current outcome of its checks. None where no job collects for it: it is then *not covered*.
    pub current: Option<Outcome>,
    /// The same after waivers: a deviation whose findings are all covered is `waived`.
    pub after_waivers: Option<Outcome>,
    /// The worst outcome over the whole period.
    pub throughout: Option<Outcome>,
    /// The checks that answer it.
    pub checks: Vec<CheckId>,
    /// Open findings, before waivers.
    pub open_findings: u64,
    /// Of these, covered by a waiver.
    pub waived_findings: u64,
    /// Occurrences in which evidence was assessed.
    pub occurrences: u64,
    /// Occurrences with a deviation.
    pub with_deviation: u64,
    /// Slots that nobody performed, or that failed.
    pub not_performed: u64,
    /// Occurrences whose evidence another system pushed: Exhibit did not observe it.
    pub pushed: u64,
    /// When it was last observed.
    pub last_observed: Option<Timestamp>,
}

/// A count for each outcome, severity and state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Totals {
    /// Check × subject by current outcome, every outcome named, worst first.
    pub outcomes: Vec<OutcomeCount>,
    /// Open findings by severity, worst first.
    pub severities: Vec<SeverityCount>,
    /// Open findings that a waiver covers, each once, however many waivers do.
    pub waived: u64,
    /// Findings by what became of them.
    pub follow_up: Vec<StateCount>,
    /// Slots promised up to now.
    pub expected: u64,
    /// Of these, performed in time.
    pub performed: u64,
    /// Performed late.
    pub late: u64,
    /// Not performed.
    pub missed: u64,
    /// Tried, and could not be performed.
    pub errored: u64,
    /// Performed on demand, beside the schedule.
    pub on_demand: u64,
    /// Pieces of evidence that another system pushed, for a slot or beside the schedule.
    pub pushed: u64,
}

/// How many have an outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutcomeCount {
    /// The outcome.
    pub outcome: Outcome,
    /// How many, before waivers.
    pub count: u64,
    /// How many after waivers.
    pub after_waivers: u64,
}

/// How many are of a severity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeverityCount {
    /// The severity.
    pub severity: Severity,
    /// How many, before waivers.
    pub count: u64,
    /// Of these, covered by a waiver.
    pub waived: u64,
}

/// How many are in a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateCount {
    /// The state.
    pub state: FindingState,
    /// How many.
    pub count: u64,
}

/// A collector as it was in the period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CollectorView {
    /// Its id.
    pub id: CollectorId,
    /// Its title.
    pub title: String,
    /// What it observes.
    pub summary: String,
    /// The versions that ran: version and content digest, in the order of their first run.
    pub versions: Vec<CollectorVersion>,
    /// How many runs began with a self-test that passed.
    pub self_tests_passed: u64,
    /// How many began with one that did not.
    pub self_tests_failed: u64,
    /// How many pieces in its form another system pushed: no self-test ran for them.
    pub pushed: u64,
    /// The rights it looked with.
    pub rights: Vec<String>,
    /// What it cannot see.
    pub blind_spots: Vec<String>,
    /// How it examined: all items, or samples.
    pub methods: Vec<String>,
}

/// One version of a collector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CollectorVersion {
    /// The program's version.
    pub version: String,
    /// Digest over manifest, code and rules.
    pub content: Digest,
    /// Digest of the rules alone.
    pub rule_pack: Option<Digest>,
    /// When it first ran in the period.
    pub first_run: Timestamp,
}

/// A check and what it said in the period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckView {
    /// The check.
    pub id: CheckId,
    /// Its title.
    pub title: String,
    /// What must be so for no deviation to be noted.
    pub criterion: String,
    /// How it is tested.
    pub test: String,
    /// The job whose evidence it judges.
    pub job: JobId,
    /// The audit item it answers.
    pub audit_item: Option<AuditItem>,
    /// The requirements it supports: framework and requirement.
    pub controls: Vec<String>,
    /// The worst current outcome over its subjects, before waivers.
    pub current: Outcome,
    /// The same after waivers.
    pub after_waivers: Outcome,
    /// The worst outcome over the whole period, slots that nobody performed included.
    pub throughout: Outcome,
    /// Subject by subject.
    pub subjects: Vec<SubjectView>,
    /// Occurrences in which it was assessed.
    pub occurrences: u64,
    /// Occurrences with a deviation.
    pub with_deviation: u64,
    /// Occurrences that could not be found out, or examined nothing.
    pub without_answer: u64,
    /// Slots promised and not performed.
    pub not_performed: u64,
    /// Of the occurrences, those whose evidence another system pushed.
    pub pushed: u64,
    /// The evidence of the latest assessment.
    pub latest_evidence: Option<EntryId>,
    /// The assessments in the order of what they observed, put together while they say the same.
    pub windows: Vec<WindowView>,
}

/// Assessments in a row that said the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowView {
    /// What they said.
    pub verdict: Verdict,
    /// How many there were.
    pub occurrences: u64,
    /// When the first observed.
    pub from: Timestamp,
    /// When the last observed.
    pub to: Timestamp,
    /// The first one's evidence.
    pub first_evidence: EntryId,
    /// The last one's evidence.
    pub last_evidence: EntryId,
}

/// A check's latest word on one subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubjectView {
    /// The subject.
    pub subject: Subject,
    /// The outcome as of the checkpoint, before waivers.
    pub current: Outcome,
    /// The same after waivers: `waived` in the place of `fail` where every open finding of it is covered.
    pub after_waivers: Outcome,
    /// Why.
    pub reason: String,
    /// When it was last observed in the period.
    pub last_observed: Option<Timestamp>,
    /// Whether that word rests on evidence that another system pushed.
    pub pushed: bool,
    /// What was examined, of how many.
    pub population: Vec<PopulationView>,
}

/// A population as a report prints it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PopulationView {
    /// What is counted.
    pub unit: String,
    /// How many exist by the source's own count.
    pub exist: Option<u64>,
    /// How that count was taken.
    pub counted_by: String,
    /// How many were examined.
    pub examined: u64,
    /// How many were left out, and why.
    pub excluded: Vec<Exclusion>,
}

/// Open findings of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviationGroup {
    /// The kind.
    pub id: ConditionId,
    /// The check that notes it.
    pub check: CheckId,
    /// The worst severity in the group.
    pub severity: Severity,
    /// Why it matters and what to do.
    pub condition: Condition,
    /// The findings, worst first.
    pub findings: Vec<FindingView>,
}

/// An open finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FindingView {
    /// Its identity.
    pub fingerprint: Fingerprint,
    /// How bad it is.
    pub severity: Severity,
    /// Where it is.
    pub subject: Subject,
    /// The place in the subject.
    pub place: Place,
    /// The place in one line.
    pub place_text: String,
    /// What was observed.
    pub detail: String,
    /// How many instances there are.
    pub instances: u64,
    /// What became of it in this period.
    pub state: FindingState,
    /// When it was first observed.
    pub first_observed: Timestamp,
    /// When it was last observed.
    pub last_observed: Timestamp,
    /// In how many assessments in a row, up to now, it was noted.
    pub runs_in_a_row: u64,
    /// The evidence that last showed it.
    pub evidence: EntryId,
    /// The waiver that covers it.
    pub waived: Option<Waived>,
}

/// What became of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingState {
    /// Open, remediated at some time, and open again.
    Regressed,
    /// Open when the period began, and still.
    NotRemediated,
    /// Fewer instances than when the period began.
    PartiallyRemediated,
    /// First noted in this period, and open.
    New,
    /// Open when the period began, or noted in it; what it was in is unchanged, and whoever looks reports it no longer.
    NoLongerReported,
    /// Open when the period began, or noted in it; not noted any more.
    Remediated,
    /// Open when last examined; since then it could not be found out.
    NotReexamined,
}

impl FindingState {
    /// Every state, in the order in which reports list them.
    pub const ALL: [Self; 7] = [
        Self::Regressed,
        Self::NotRemediated,
        Self::PartiallyRemediated,
        Self::NotReexamined,
        Self::New,
        Self::NoLongerReported,
        Self::Remediated,
    ];
}

/// One line of the follow-up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FollowUp {
    /// The finding.
    pub fingerprint: Fingerprint,
    /// The check that notes it.
    pub check: CheckId,
    /// Its kind.
    pub title: String,
    /// How bad it is, or was.
    pub severity: Severity,
    /// Where it is, or was.
    pub subject: Subject,
    /// The place in one line.
    pub place_text: String,
    /// What became of it.
    pub state: FindingState,
    /// Instances when the period began; none where it was not open then.
    pub instances_before: Option<u64>,
    /// Instances now; none where it is not open.
    pub instances_now: Option<u64>,
    /// When it was first observed.
    pub first_observed: Timestamp,
    /// When it was last observed.
    pub last_observed: Timestamp,
    /// The evidence that showed it gone, where it is.
    pub proof: Option<EntryId>,
    /// Why it is gone, where that evidence tells it.
    pub closing: Option<Closing>,
}

/// A job: what it promised and what was performed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobView {
    /// The job.
    pub job: JobId,
    /// Its collector.
    pub collector: CollectorId,
    /// Its schedule as last promised; none where it runs on demand only.
    pub schedule: Option<String>,
    /// The environments in its scope.
    pub environments: Vec<EnvironmentId>,
    /// Slots promised up to now.
    pub expected: u64,
    /// Performed in time.
    pub performed: u64,
    /// Performed late.
    pub late: u64,
    /// Not performed.
    pub missed: u64,
    /// Tried, and could not be performed.
    pub errored: u64,
    /// Performed on demand.
    pub on_demand: u64,
    /// Whether, by its last promise, another system pushes its evidence.
    pub is_pushed: bool,
    /// Pieces of evidence that were pushed.
    pub pushed: u64,
    /// When it was last performed.
    pub last_performed: Option<Timestamp>,
}

/// A slot that was not performed in time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    /// The job.
    pub job: JobId,
    /// When it was promised.
    pub scheduled_for: Timestamp,
    /// How it ended.
    pub state: SlotState,
    /// When it was performed, where it was.
    pub performed_at: Option<Timestamp>,
    /// Why.
    pub reason: String,
}

/// Evidence that was recorded after its period had been frozen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LateArrival {
    /// The evidence.
    pub evidence: EntryId,
    /// The job.
    pub job: JobId,
    /// When it was true.
    pub observed_to: Timestamp,
    /// When it was recorded.
    pub recorded_at: Timestamp,
}

/// A change in what is collected or by which rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// When.
    pub at: Timestamp,
    /// What, in one sentence.
    pub what: String,
    /// The entry that records it.
    pub seq: u64,
}

/// A report that was issued, with what is known of its archiving.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordView {
    /// The report.
    pub report: EntryId,
    /// The period it covers, by name.
    pub period: String,
    /// Whether that period was still open.
    pub standing: Standing,
    /// Its revision.
    pub revision: u64,
    /// The checkpoint's size.
    pub size: u64,
    /// The receipts for it.
    pub receipts: Vec<ReceiptView>,
}

/// A key that signed the log, and the checkpoints that it may sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SigningKeyView {
    /// The key, as a signed note's verifier key.
    pub key: String,
    /// From checkpoints of this size on.
    pub from_size: u64,
    /// Up to checkpoints of this size, which the next key signed too; none for the key in use.
    pub until_size: Option<u64>,
    /// When it was recorded that this key signs.
    pub since: Timestamp,
    /// Why it took the place of the one before; none for the first.
    pub reason: Option<String>,
}

/// A receipt as a report prints it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptView {
    /// The kind of store.
    pub store: String,
    /// Whether regulators accept such a store as WORM.
    pub regulatory_worm: bool,
    /// The object's key.
    pub key: String,
    /// The version.
    pub version: String,
    /// The digest as read back.
    pub digest: Digest,
    /// The lock's mode as read back.
    pub mode: String,
    /// Until when it is kept, as read back.
    pub retain_until: Timestamp,
    /// When it was read back.
    pub read_back_at: Timestamp,
}

/// A framework and its requirements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrameworkView {
    /// Its id.
    pub id: String,
    /// Its title with its version.
    pub title: String,
    /// Where its ids are published, and how far they were checked.
    pub source: String,
    /// Its requirements; those that nothing speaks to have no support.
    pub requirements: Vec<RequirementView>,
}

/// A requirement and what supports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequirementView {
    /// Its id.
    pub id: String,
    /// Its title, in our own words.
    pub title: String,
    /// The checks that support it.
    pub support: Vec<SupportView>,
}

/// A check's support for a requirement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SupportView {
    /// The check.
    pub check: CheckId,
    /// How strongly.
    pub strength: Strength,
    /// The worst current outcome of the check; none where no job collects for it.
    pub current: Option<Outcome>,
}

/// A piece of evidence in the index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceView {
    /// Its entry.
    pub id: EntryId,
    /// Its place in the ledger.
    pub seq: u64,
    /// The job.
    pub job: JobId,
    /// The collector.
    pub collector: CollectorId,
    /// Why the run took place; `pushed` where nothing was run here and another system handed it in.
    pub trigger: Trigger,
    /// The slot it fills.
    pub scheduled_for: Option<Timestamp>,
    /// Until when it was true.
    pub observed_to: Timestamp,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// SHA-256 of the record.
    pub digest: Digest,
    /// Where it ran, or is said to have been observed: a pseudonym.
    pub host: String,
    /// Who looked, or who pushed it: a pseudonym.
    pub principal: String,
    /// The assessments of it: check and verdict.
    pub verdicts: Vec<String>,
    /// What could not be found out.
    pub problems: Vec<String>,
    /// Artifacts kept.
    pub artifacts: Vec<Digest>,
}
