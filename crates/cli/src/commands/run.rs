//! `exhibit run`: what is due, or the jobs that are named.

use std::sync::{Mutex, PoisonError};

use exhibit_evidence::{EntryId, Verdict};
use exhibit_pipeline::{
    Performed, Progress, SlotOutcome, StepError, archive_pending, checkpoint, declare, perform_on_demand, run_due,
};
use serde::Serialize;

use super::judged::Why;
use crate::{
    args::{Place, RunArgs},
    deployment::{Deployment, write_report},
    output::{Exit, Out, Step, Table, Words},
    vault,
};

/// Slots whose outcome is told in words, and subjects and problems of one.
const MOST_SLOTS: usize = 20;
const MOST_LINES: usize = 5;

/// What a run did, as data.
#[derive(Serialize)]
struct Done {
    slots: Vec<SlotRow>,
    reports: Vec<String>,
    archived: u64,
    ledger_size: u64,
}

#[derive(Serialize)]
struct SlotRow {
    job: String,
    scheduled_for: Option<String>,
    state: String,
    verdict: Option<Verdict>,
    findings: u64,
    evidence: Option<EntryId>,
    note: String,
    #[serde(flatten)]
    why: Why,
}

/// Says on standard error what is going on: a moving line on a terminal, a line each with `--verbose`.
pub(crate) struct Said<'a> {
    words: &'a Words,
    step: Mutex<Option<Step>>,
}

impl<'a> Said<'a> {
    pub(crate) fn new(words: &'a Words) -> Self {
        Self { words, step: Mutex::new(None) }
    }
}

impl Progress for Said<'_> {
    fn begin(&self, what: &str) {
        self.words.detail(what);
        *self.step.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.words.step(what));
    }
}

pub(crate) async fn run(args: &RunArgs, words: &Words, out: &mut Out) -> anyhow::Result<Exit> {
    let deployment = Deployment::open(&args.place, words).await?;
    let outcome = perform(args, &deployment, words).await.map_err(|error| in_file(&args.place, error));
    deployment.close().await?;
    let done = outcome?;
    out.data(args.printed.format, &done, table)?;
    out.flush()?;
    tell(&done, &args.place, words);
    let failed = done.slots.iter().any(|slot| slot.verdict == Some(Verdict::Error) || slot.state == "errored");
    Ok(if failed { Exit::Differences } else { Exit::Clean })
}

/// What the file says is at fault where a calendar doesn't fit: the file is named.
fn in_file(place: &Place, error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref::<StepError>() {
        Some(StepError::Calendar { .. }) => {
            error.context(format!("{}: this calendar can't be used with this ledger", place.config_file().display()))
        }
        _ => error,
    }
}

async fn perform(args: &RunArgs, deployment: &Deployment, words: &Words) -> anyhow::Result<Done> {
    let world = &deployment.world;
    vault::look(&deployment.config, world, words).await?;
    let mut slots = Vec::new();
    let mut reports = Vec::new();
    let mut archived = 0;
    if args.jobs.is_empty() {
        let summary = run_due(world, &Said::new(words)).await?;
        slots.extend(summary.requests.iter().map(performed_row));
        slots.extend(summary.slots.iter().map(slot_row));
        for issued in &summary.issued {
            let folder =
                deployment.reports().join(format!("{}-{}-{}", issued.period, issued.standing.word(), issued.revision));
            write_report(&folder, issued)?;
            reports.push(folder.display().to_string());
        }
        archived = summary.archived;
    } else {
        declare(world).await?;
        let progress = Said::new(words);
        for job in &args.jobs {
            progress.begin(&format!("job {job}: collecting and judging"));
            slots.push(performed_row(&perform_on_demand(world, job).await?));
        }
        archived += archive_pending(world).await?;
        checkpoint(world).await?;
    }
    for slot in &mut slots {
        if let Some(evidence) = slot.evidence {
            slot.why = Why::of(&world.store, evidence).await?;
        }
    }
    let ledger_size = world.store.head().await?.size();
    if deployment.config.jobs.is_empty() {
        words.say("Nothing is configured to be collected: the configuration has no [[jobs]].");
    } else if slots.is_empty() {
        words.say("Nothing was due.");
    }
    Ok(Done { slots, reports, archived, ledger_size })
}

fn slot_row(outcome: &SlotOutcome) -> SlotRow {
    match outcome {
        SlotOutcome::Performed(performed) => performed_row(performed),
        SlotOutcome::Closed { job, scheduled_for, state, reason } => SlotRow {
            job: job.to_string(),
            scheduled_for: Some(scheduled_for.to_string()),
            state: state.to_string(),
            verdict: None,
            findings: 0,
            evidence: None,
            note: reason.clone(),
            why: Why::default(),
        },
    }
}

fn performed_row(performed: &Performed) -> SlotRow {
    SlotRow {
        job: performed.job.to_string(),
        scheduled_for: performed.scheduled_for.map(|time| time.to_string()),
        state: match (performed.scheduled_for, performed.late) {
            _ if performed.pushed => "pushed",
            (None, _) => "on-demand",
            (Some(_), true) => "late",
            (Some(_), false) => "performed",
        }
        .to_owned(),
        verdict: Some(Verdict::roll_up(performed.checks.iter().map(|(_, verdict, _)| *verdict))),
        findings: performed.checks.iter().map(|(_, _, findings)| findings).sum(),
        evidence: Some(performed.evidence),
        note: performed
            .checks
            .iter()
            .map(|(check, verdict, _)| format!("{check}: {verdict}"))
            .collect::<Vec<_>>()
            .join(", "),
        why: Why::default(),
    }
}

/// Says why what is no pass is none: to whom a cron job's words are sent, nothing else may be at hand. What could not be found
/// out is said to those too who want to hear of errors alone.
fn tell(done: &Done, place: &Place, words: &Words) {
    let told: Vec<&SlotRow> = done.slots.iter().filter(|slot| slot.is_told()).collect();
    for slot in told.iter().take(MOST_SLOTS) {
        let at = slot.scheduled_for.as_ref().map(|time| format!(", due {time}")).unwrap_or_default();
        let mut said = match slot.verdict {
            Some(verdict) => format!("job {}{at}: {verdict}", slot.job),
            None => format!("job {}{at}: {}: {}", slot.job, slot.state, slot.note),
        };
        for line in slot.why.lines(MOST_LINES) {
            said.push_str(&format!("\n  {line}"));
        }
        if let Some(evidence) = slot.evidence {
            said.push_str(&format!("\n  `exhibit evidence show {evidence}{}` tells all of it", place.again()));
        }
        if slot.verdict.is_none() || slot.why.is_unknown() {
            words.warn(said);
        } else {
            words.say(said);
        }
    }
    if told.len() > MOST_SLOTS {
        words.warn(format!("{} more of these did not pass: they stand in the table", told.len() - MOST_SLOTS));
    }
}

impl SlotRow {
    /// Whether there is something to say: not of what passed, nor of what does not apply.
    fn is_told(&self) -> bool {
        match self.verdict {
            Some(verdict) => !matches!(verdict, Verdict::Pass | Verdict::NotApplicable) || self.why.is_unknown(),
            None => true,
        }
    }
}

fn table(done: &Done) -> Table {
    let mut table = Table::new(["job", "scheduled for", "state", "outcome", "findings", "what"]).right([4]);
    for slot in &done.slots {
        table.row([
            slot.job.clone(),
            slot.scheduled_for.clone().unwrap_or_default(),
            slot.state.clone(),
            slot.verdict.map(|verdict| verdict.to_string()).unwrap_or_default(),
            slot.findings.to_string(),
            slot.note.clone(),
        ]);
    }
    table
}
