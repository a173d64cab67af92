//! `exhibit evidence`: list, show and export, read from the ledger itself.

use std::collections::BTreeMap;

use anyhow::Context as _;
use chrono_tz::Tz;
use exhibit_evidence::{
    Body, Digest, EntryId, Envelope, Outcome, Timestamp, Verdict,
    observation::{Evidence, Trigger},
};
use serde::Serialize;
use serde_json::Value;

use crate::{
    args::{EvidenceArgs, EvidenceCommand, Filter},
    deployment::Deployment,
    output::{Exit, Export, Format, Out, Table, Words},
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
            let rows = rows(&deployment, filter).await;
            deployment.close().await?;
            out.data(printed.format, &rows?, |rows| {
                let mut table = Table::new(["observed", "job", "environments", "outcome", "findings", "id"]).right([4]);
                for row in rows {
                    table.row([
                        row.observed_to.human(),
                        row.job.clone(),
                        row.environments.join(", "),
                        row.outcome.to_string(),
                        row.findings.to_string(),
                        row.id.to_string(),
                    ]);
                }
                table
            })?;
        }
        EvidenceCommand::Export { place, format, filter } => {
            let deployment = Deployment::open(place, words).await?;
            let rows = rows(&deployment, filter).await;
            deployment.close().await?;
            let mut export = Export::begin(out, *format, &COLUMNS)?;
            for row in rows? {
                if export.is_closed() {
                    break;
                }
                export.record(&row, cells)?;
            }
            export.end()?;
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

async fn rows(deployment: &Deployment, filter: &Filter) -> anyhow::Result<Vec<Row>> {
    let store = &deployment.world.store;
    let size = store.head().await?.size();
    let mut entries = store.entries(0..size);
    let mut rows: BTreeMap<EntryId, Row> = BTreeMap::new();
    loop {
        let batch = entries.next_batch().await?;
        if batch.is_empty() {
            break;
        }
        for entry in batch {
            // A kind that a later version added holds no evidence that this one could list.
            let Ok(envelope) = entry.record()?.read() else { continue };
            take(&mut rows, entry.seq, Digest::of(entry.text.as_bytes()), &envelope);
        }
    }
    let range = range(deployment, filter)?;
    let mut rows: Vec<Row> = rows.into_values().filter(|row| wanted(row, filter, range)).collect();
    rows.sort_by_key(|row| row.seq);
    Ok(rows)
}

fn take(rows: &mut BTreeMap<EntryId, Row>, seq: u64, digest: Digest, envelope: &Envelope) {
    match &envelope.body {
        Body::Evidence(body) => {
            rows.insert(envelope.id, row(seq, digest, envelope, body));
        }
        Body::Assessment(body) => {
            if let Some(row) = rows.get_mut(&body.evidence) {
                row.checks.insert(body.judgement.check.to_string(), body.verdict);
                row.findings += body.finding_count;
                row.outcome = Outcome::roll_up(row.checks.values().map(|verdict| Outcome::from(*verdict)));
            }
        }
        _ => {}
    }
}

fn row(seq: u64, digest: Digest, envelope: &Envelope, body: &Evidence) -> Row {
    let observation = &body.observation;
    let mut environments: Vec<String> =
        observation.subjects.iter().map(|subject| subject.environment.to_string()).collect();
    environments.sort();
    environments.dedup();
    Row {
        id: envelope.id,
        seq,
        digest,
        job: body.job.to_string(),
        collector: body.collector.id.to_string(),
        environments,
        trigger: body.run.trigger,
        scheduled_for: body.run.scheduled_for,
        observed_from: observation.observed_from,
        observed_to: observation.observed_to,
        recorded_at: envelope.recorded_at,
        outcome: Outcome::Missing,
        checks: BTreeMap::new(),
        findings: 0,
        problems: observation.problems.len() as u64,
    }
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

fn wanted(row: &Row, filter: &Filter, (from, to): Range) -> bool {
    let any = |wanted: &[String], found: &[String]| wanted.is_empty() || wanted.iter().any(|one| found.contains(one));
    let texts = |ids: &[String]| ids.to_vec();
    let jobs: Vec<String> = filter.job.iter().map(ToString::to_string).collect();
    let collectors: Vec<String> = filter.collector.iter().map(ToString::to_string).collect();
    let environments: Vec<String> = filter.environment.iter().map(ToString::to_string).collect();
    any(&texts(&jobs), std::slice::from_ref(&row.job))
        && any(&texts(&collectors), std::slice::from_ref(&row.collector))
        && any(&texts(&environments), &row.environments)
        && (filter.outcome.is_empty() || filter.outcome.contains(&row.outcome))
        && from.is_none_or(|from| row.observed_to >= from)
        && to.is_none_or(|to| row.observed_to < to)
}

/// A piece of evidence, whole.
#[derive(Serialize)]
struct Shown {
    seq: u64,
    digest: Digest,
    record: Value,
    assessments: Vec<Value>,
}

async fn show(deployment: &Deployment, id: EntryId) -> anyhow::Result<Shown> {
    let judged = deployment.world.store.evidence_show(id).await?;
    let assessments =
        judged.assessments.iter().map(|entry| serde_json::from_str(&entry.text)).collect::<Result<_, _>>()?;
    Ok(Shown {
        seq: judged.evidence.seq,
        digest: Digest::of(judged.evidence.text.as_bytes()),
        record: serde_json::from_str(&judged.evidence.text)?,
        assessments,
    })
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
        ("self-test".to_owned(), text(&body["self_test"]["detail"])),
    ];
    for population in body["observation"]["population"].as_array().into_iter().flatten() {
        let subject = format!("{}/{}", text(&population["subject"]["environment"]), text(&population["subject"]["id"]));
        rows.push((
            format!("population of {subject}"),
            format!("{} of {} {}", population["examined"], population["exist"], text(&population["unit"])),
        ));
    }
    for problem in body["observation"]["problems"].as_array().into_iter().flatten() {
        rows.push(("could not be found out".to_owned(), text(&problem["message"])));
    }
    for assessment in &shown.assessments {
        let judgement = &assessment["body"]["judgement"];
        for subject in judgement["subjects"].as_array().into_iter().flatten() {
            let verdict = format!("{}: {}", text(&subject["verdict"]), text(&subject["reason"]));
            rows.push((text(&judgement["check"]), verdict));
        }
    }
    Table::facts(rows)
}
