//! `exhibit evidence`: list, show and export; what was handed in and what was kept have files of their own.

use std::collections::BTreeMap;

use anyhow::Context as _;
use chrono_tz::Tz;
use exhibit_evidence::{CheckId, Digest, EntryId, Outcome, Timestamp, Verdict, observation::Trigger};
use exhibit_store::{EvidenceFilter, EvidenceSummary, Judged, Store, StoredEntry};
use serde::Serialize;
use serde_json::Value;

use super::{
    artifact,
    disclosures::{self, Named},
    import,
};
use crate::{
    args::{EvidenceArgs, EvidenceCommand, Filter},
    deployment::Deployment,
    output::{Exit, Export, ExportFormat, Format, Out, Table, Words},
};

/// A piece of evidence with what was judged of it.
#[derive(Clone, Serialize)]
struct Row {
    id: EntryId,
    seq: u64,
    digest: Digest,
    job: String,
    collector: String,
    environments: Vec<String>,
    trigger: Trigger,
    scheduled_for: Option<Timestamp>,
    observed_from: Timestamp,
    observed_to: Timestamp,
    recorded_at: Timestamp,
    outcome: Outcome,
    checks: BTreeMap<String, Verdict>,
    findings: u64,
    problems: u64,
    /// What was judged of it later, over again: never the word of the record.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    replays: Vec<Replay>,
}

/// A later judgement of the same evidence.
#[derive(Clone, Serialize)]
struct Replay {
    seq: u64,
    check: CheckId,
    verdict: Verdict,
    judge: Digest,
}

const COLUMNS: [&str; 14] = [
    "id",
    "seq",
    "digest",
    "job",
    "collector",
    "environments",
    "trigger",
    "scheduled_for",
    "observed_from",
    "observed_to",
    "recorded_at",
    "outcome",
    "findings",
    "problems",
];

pub(crate) async fn run(args: &EvidenceArgs, words: &Words, out: &mut Out) -> anyhow::Result<Exit> {
    match &args.command {
        EvidenceCommand::List { place, printed, filter } => {
            let deployment = Deployment::open(place, words).await?;
            let listed = match printed.format {
                Format::Json => export(&deployment, filter, false, ExportFormat::Json, out).await,
                Format::Table => list(&deployment, filter, out).await,
            };
            deployment.close().await?;
            listed?;
        }
        EvidenceCommand::Export { place, format, filter } => {
            let deployment = Deployment::open(place, words).await?;
            let exported = export(&deployment, filter, true, *format, out).await;
            deployment.close().await?;
            exported?;
        }
        EvidenceCommand::Import(args) => return import::run(args, words, out).await,
        EvidenceCommand::Artifact { digest, output, place } => {
            return artifact::run(*digest, output.as_ref(), place, words, out).await;
        }
        EvidenceCommand::Show { id, place, printed } => {
            let deployment = Deployment::open(place, words).await?;
            let shown = show(&deployment, *id).await;
            deployment.close().await?;
            let shown = shown?;
            match printed.format {
                Format::Json => out.json(&shown)?,
                Format::Table => out.table(&facts(&shown))?,
            }
        }
    }
    Ok(Exit::Clean)
}

fn cells(row: &Row) -> Vec<String> {
    let time = |time: Option<Timestamp>| time.map(|time| time.to_string()).unwrap_or_default();
    vec![
        row.id.to_string(),
        row.seq.to_string(),
        row.digest.to_string(),
        row.job.clone(),
        row.collector.clone(),
        row.environments.join(" "),
        serde_json::to_value(row.trigger).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default(),
        time(row.scheduled_for),
        row.observed_from.to_string(),
        row.observed_to.to_string(),
        row.recorded_at.to_string(),
        row.outcome.to_string(),
        row.findings.to_string(),
        row.problems.to_string(),
    ]
}

/// Rows that are read at once: what an export holds in memory.
const PAGE: u32 = 500;

/// Evidence that a filter names, by its position, a page at a time. What is recorded meanwhile is not in it.
struct Rows<'d> {
    store: &'d Store,
    filter: EvidenceFilter,
}

impl<'d> Rows<'d> {
    async fn of(deployment: &'d Deployment, filter: &Filter, oldest_first: bool) -> anyhow::Result<Self> {
        let store = &deployment.world.store;
        let (from, to) = range(deployment, filter)?;
        let filter = EvidenceFilter {
            jobs: filter.job.clone(),
            collectors: filter.collector.clone(),
            environments: filter.environment.clone(),
            outcomes: filter.outcome.clone(),
            from,
            to,
            from_seq: Some(0),
            before_seq: Some(store.head().await?.size()),
            oldest_first,
            limit: PAGE,
            ..EvidenceFilter::default()
        };
        Ok(Self { store, filter })
    }

    /// The next rows; none at the end.
    async fn next(&mut self) -> anyhow::Result<Vec<Row>> {
        let page = self.store.evidence_list(&self.filter).await?;
        if let Some(last) = page.last() {
            if self.filter.oldest_first {
                self.filter.from_seq = Some(last.seq + 1);
            } else {
                self.filter.before_seq = Some(last.seq);
            }
        }
        Ok(page.into_iter().map(Row::from).collect())
    }
}

impl From<EvidenceSummary> for Row {
    fn from(summary: EvidenceSummary) -> Self {
        Self {
            id: summary.id,
            seq: summary.seq,
            digest: summary.digest,
            job: summary.job.to_string(),
            collector: summary.collector.to_string(),
            environments: summary.environments,
            trigger: summary.trigger,
            scheduled_for: summary.scheduled_for,
            observed_from: summary.observed_from,
            observed_to: summary.observed_to,
            recorded_at: summary.recorded_at,
            outcome: summary.outcome,
            checks: summary.originals.iter().map(|judged| (judged.check.to_string(), judged.verdict)).collect(),
            findings: summary.findings,
            problems: summary.problems,
            replays: summary.replays.into_iter().map(Replay::from).collect(),
        }
    }
}

impl From<Judged> for Replay {
    fn from(judged: Judged) -> Self {
        Self { seq: judged.seq, check: judged.check, verdict: judged.verdict, judge: judged.judge }
    }
}

/// A table for each page: however many rows there are, one page of them is held.
async fn list(deployment: &Deployment, filter: &Filter, out: &mut Out) -> anyhow::Result<()> {
    let mut rows = Rows::of(deployment, filter, false).await?;
    let mut page = rows.next().await?;
    loop {
        let mut table = Table::new(["observed", "job", "environments", "outcome", "findings", "id"]).right([4]);
        for row in &page {
            table.row([
                row.observed_to.human(),
                row.job.clone(),
                row.environments.join(", "),
                row.outcome.to_string(),
                row.findings.to_string(),
                row.id.to_string(),
            ]);
        }
        out.table(&table)?;
        page = rows.next().await?;
        if page.is_empty() || out.is_closed() {
            return Ok(());
        }
    }
}

async fn export(
    deployment: &Deployment,
    filter: &Filter,
    oldest_first: bool,
    format: ExportFormat,
    out: &mut Out,
) -> anyhow::Result<()> {
    let mut rows = Rows::of(deployment, filter, oldest_first).await?;
    // Asked before anything is written: a filter that can't be answered leaves no half document behind.
    let mut page = rows.next().await?;
    let mut export = Export::begin(out, format, &COLUMNS)?;
    while !page.is_empty() && !export.is_closed() {
        for row in &page {
            export.record(row, cells)?;
        }
        page = rows.next().await?;
    }
    export.end()?;
    Ok(())
}

type Range = (Option<Timestamp>, Option<Timestamp>);

fn range(deployment: &Deployment, filter: &Filter) -> anyhow::Result<Range> {
    let calendar = deployment.world.plan.deployment.calendar;
    if let Some(id) = filter.period {
        let period = calendar.period(id);
        return Ok((Some(period.start), Some(period.end)));
    }
    let zone: Tz = calendar.time_zone();
    let from =
        filter.from.map(|when| when.start(zone).context("--from names a time that does not exist")).transpose()?;
    let to = filter.to.map(|when| when.end(zone).context("--to names a time that does not exist")).transpose()?;
    Ok((from, to))
}

/// A piece of evidence, whole.
#[derive(Serialize)]
struct Shown {
    seq: u64,
    digest: Digest,
    record: Value,
    /// What the record holds as digests only.
    disclosures: Vec<Named>,
    assessments: Vec<Value>,
    /// Later judgements of the same evidence: not what was judged when it was recorded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    replays: Vec<Value>,
}

async fn show(deployment: &Deployment, id: EntryId) -> anyhow::Result<Shown> {
    let judged = deployment.world.store.evidence_show(id).await?;
    let read = |entries: &[StoredEntry]| -> Result<Vec<Value>, _> {
        entries.iter().map(|entry| serde_json::from_str(&entry.text)).collect()
    };
    let disclosures = disclosures::named(&deployment.world, &[id]).await?;
    Ok(Shown {
        seq: judged.evidence.seq,
        digest: judged.summary.digest,
        record: serde_json::from_str(&judged.evidence.text)?,
        disclosures,
        assessments: read(&judged.assessments).context("reading the assessments")?,
        replays: read(&judged.replays).context("reading the replays")?,
    })
}

/// Why the run took place, in words.
fn trigger(body: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match (&body["pushed"]["key"], &body["run"]["reason"]) {
        (Value::String(key), _) => format!("pushed by another system, which calls it {key}"),
        (_, Value::String(reason)) => format!("{}: {reason}", text(&body["run"]["trigger"])),
        _ => text(&body["run"]["trigger"]),
    }
}

/// What the self-test gave, or why there was none.
fn self_test(body: &Value) -> String {
    match body["self_test"]["detail"].as_str() {
        Some(detail) => detail.to_owned(),
        None => "not run: the evidence was pushed, Exhibit did not observe it".to_owned(),
    }
}

/// What was found where, in one line.
fn told(finding: &Value) -> String {
    let place = &finding["place"];
    let mut at = [&place["file"], &place["key"]].into_iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" · ");
    if let (Some(line), false) = (place["line"].as_u64(), at.is_empty()) {
        at.push_str(&format!(" line {line}"));
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let subject = format!("{}/{}", text(&finding["environment"]), text(&finding["subject"]));
    let at = if at.is_empty() { subject } else { format!("{subject}: {at}") };
    format!("{}: {at}: {} ({})", text(&finding["severity"]), text(&finding["detail"]), text(&finding["fingerprint"]))
}

/// How much of a population was examined, in words.
fn counted(population: &Value) -> String {
    let examined = &population["examined"];
    let of = match population["exist"].as_u64() {
        Some(exist) => format!("examined {examined} of {exist}"),
        None => format!("examined {examined}; how many there are is not known"),
    };
    match population["unit"].as_str() {
        Some(unit) => format!("{of} (each is a {unit})"),
        None => of,
    }
}

fn facts(shown: &Shown) -> Table {
    let body = &shown.record["body"];
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut rows = vec![
        ("id".to_owned(), text(&shown.record["id"])),
        ("place in the ledger".to_owned(), shown.seq.to_string()),
        ("digest of the record".to_owned(), shown.digest.to_string()),
        ("job".to_owned(), text(&body["job"])),
        ("collector".to_owned(), format!("{} {}", text(&body["collector"]["id"]), text(&body["collector"]["version"]))),
        (
            "observed".to_owned(),
            format!("{} to {}", text(&body["observation"]["observed_from"]), text(&body["observation"]["observed_to"])),
        ),
        ("recorded".to_owned(), text(&shown.record["recorded_at"])),
        ("why it ran".to_owned(), trigger(body)),
        ("self-test".to_owned(), self_test(body)),
    ];
    rows.extend(shown.disclosures.iter().map(|named| (named.kind.clone(), named.told())));
    for population in body["observation"]["population"].as_array().into_iter().flatten() {
        let subject = format!("{}/{}", text(&population["subject"]["environment"]), text(&population["subject"]["id"]));
        rows.push((format!("population of {subject}"), counted(population)));
        for exclusion in population["excluded"].as_array().into_iter().flatten() {
            rows.push(("left out".to_owned(), format!("{}: {}", exclusion["count"], text(&exclusion["reason"]))));
        }
    }
    for kept in body["observation"]["artifacts"].as_array().into_iter().flatten() {
        let told = format!(
            "{}, {} bytes, {} masked, {}",
            text(&kept["name"]),
            kept["size"],
            kept["masked"],
            text(&kept["digest"])
        );
        rows.push(("kept".to_owned(), told));
    }
    for problem in body["observation"]["problems"].as_array().into_iter().flatten() {
        rows.push(("could not be found out".to_owned(), text(&problem["message"])));
    }
    let originals = shown.assessments.iter().map(|assessment| (assessment, ""));
    for (assessment, label) in originals.chain(shown.replays.iter().map(|replay| (replay, "replay of "))) {
        let judgement = &assessment["body"]["judgement"];
        for subject in judgement["subjects"].as_array().into_iter().flatten() {
            let verdict = format!("{}: {}", text(&subject["verdict"]), text(&subject["reason"]));
            rows.push((format!("{label}{}", text(&judgement["check"])), verdict));
        }
        for finding in judgement["findings"].as_array().into_iter().flatten() {
            rows.push((format!("{label}finding"), told(finding)));
        }
        if let Some(artifact) = assessment["body"]["findings_artifact"].as_str() {
            let count = &assessment["body"]["finding_count"];
            rows.push((format!("{label}findings"), format!("{count}, listed in the artifact {artifact}")));
        }
    }
    Table::facts(rows)
}
