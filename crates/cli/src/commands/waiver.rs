//! `exhibit waiver`: a finding that may stay open for a time, asked for by one person and approved by another.

use anyhow::Context as _;
use exhibit_evidence::{
    CheckId, Digest, EntryId, Fingerprint, Severity, Timestamp,
    observation::Subject,
    waiver::{Standing, Word},
};
use exhibit_pipeline::{NewWaiver, WaiverState, World, approve_waiver, request_waiver, waivers, withdraw_waiver};
use serde::Serialize;

use crate::{
    acting::{Act, person},
    args::{Acting, WaiverArgs, WaiverCommand, When},
    deployment::Deployment,
    output::{Exit, Hint as _, Out, Table, Words},
};

/// Where to look when an act was refused.
const LIST: &str = "`exhibit waiver list` shows what was asked for, by whom, and how it stands";

/// A waiver, as it is printed.
#[derive(Serialize)]
struct Row {
    waiver: EntryId,
    finding: Fingerprint,
    check: CheckId,
    subject: Subject,
    severity: Severity,
    standing: Standing,
    until: Timestamp,
    reason: String,
    compensating: Option<String>,
    requested: Act,
    approved: Option<Act>,
    withdrawn: Option<Act>,
}

pub(crate) async fn run(args: &WaiverArgs, words: &Words, out: &mut Out) -> anyhow::Result<Exit> {
    let (place, printed) = match &args.command {
        WaiverCommand::Request { place, printed, .. }
        | WaiverCommand::Approve { place, printed, .. }
        | WaiverCommand::Withdraw { place, printed, .. }
        | WaiverCommand::List { place, printed } => (place, printed),
    };
    let deployment = Deployment::open(place, words).await?;
    let done = match &args.command {
        WaiverCommand::List { .. } => rows(&deployment.world).await.map(Printable::All),
        WaiverCommand::Request { finding, until, reason, compensating, acting, .. } => {
            let texts = (reason.clone(), compensating.clone());
            requested(&deployment, acting, *finding, *until, texts, words).await.map(Printable::One)
        }
        WaiverCommand::Approve { waiver, acting, .. } => {
            approved(&deployment, acting, *waiver, words).await.map(Printable::One)
        }
        WaiverCommand::Withdraw { waiver, reason, acting, .. } => {
            withdrawn(&deployment, acting, *waiver, reason, words).await.map(Printable::One)
        }
    };
    deployment.close().await?;
    match done? {
        Printable::All(rows) => out.data(printed.format, &rows, |rows| table(rows))?,
        Printable::One(row) => out.data(printed.format, &*row, facts)?,
    }
    Ok(Exit::Clean)
}

enum Printable {
    All(Vec<Row>),
    One(Box<Row>),
}

async fn requested(
    deployment: &Deployment,
    acting: &Acting,
    finding: Digest,
    until: When,
    (reason, compensating): (String, Option<String>),
    words: &Words,
) -> anyhow::Result<Box<Row>> {
    let person = person(deployment, acting).await?;
    let zone = deployment.world.plan.deployment.calendar.time_zone();
    let until = until.end(zone).context("--until is too far away")?;
    let new = NewWaiver { finding: Fingerprint(finding), reason, compensating, until };
    let asked = request_waiver(&deployment.world, &person, new).await;
    let asked =
        asked.hint("reports, `exhibit evidence show` and `GET /api/v1/findings` print the fingerprints of findings")?;
    let row = one(&deployment.world, asked).await?;
    words.say(format!(
        "Asked for by the first of two. It covers nothing until a second, different person says `exhibit waiver approve {}`.",
        row.waiver
    ));
    Ok(row)
}

async fn approved(
    deployment: &Deployment,
    acting: &Acting,
    waiver: EntryId,
    words: &Words,
) -> anyhow::Result<Box<Row>> {
    let person = person(deployment, acting).await?;
    approve_waiver(&deployment.world, &person, waiver).await.hint(LIST)?;
    let row = one(&deployment.world, waiver).await?;
    words.say(format!(
        "Approved by a second person. It is in force until {}, while the finding is no worse than {}.",
        row.until.human(),
        row.severity
    ));
    Ok(row)
}

async fn withdrawn(
    deployment: &Deployment,
    acting: &Acting,
    waiver: EntryId,
    reason: &str,
    words: &Words,
) -> anyhow::Result<Box<Row>> {
    let person = person(deployment, acting).await?;
    withdraw_waiver(&deployment.world, &person, waiver, reason).await.hint(LIST)?;
    words.say("Withdrawn. It covers nothing any more.");
    one(&deployment.world, waiver).await
}

async fn rows(world: &World) -> anyhow::Result<Vec<Row>> {
    Ok(waivers(world).await?.into_iter().map(row).collect())
}

async fn one(world: &World, waiver: EntryId) -> anyhow::Result<Box<Row>> {
    let found = rows(world).await?.into_iter().find(|row| row.waiver == waiver);
    Ok(Box::new(found.with_context(|| format!("there is no waiver {waiver}"))?))
}

fn row(state: WaiverState) -> Row {
    let WaiverState { exception, standing, people } = state;
    let act = |word: Word| Act::of(word.id, word.at, word.reason, &people);
    Row {
        requested: Act::of(exception.id, exception.requested_at, None, &people),
        approved: exception.approval.map(act),
        withdrawn: exception.withdrawal.map(act),
        waiver: exception.id,
        finding: exception.finding,
        check: exception.check,
        subject: exception.subject,
        severity: exception.severity,
        standing,
        until: exception.until,
        reason: exception.reason,
        compensating: exception.compensating,
    }
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new(["waiver", "finding", "check", "subject", "severity", "standing", "until"]);
    for row in rows {
        table.row([
            row.waiver.to_string(),
            row.finding.short(),
            row.check.to_string(),
            format!("{}/{}", row.subject.environment, row.subject.id),
            row.severity.to_string(),
            row.standing.word().to_owned(),
            row.until.human(),
        ]);
    }
    table
}

fn facts(row: &Row) -> Table {
    let mut table = Table::new(["waiver", &row.waiver.to_string()]);
    let mut line = |name: &str, value: String| {
        table.row([name.to_owned(), value]);
    };
    line("standing", row.standing.word().to_owned());
    line("finding", row.finding.to_string());
    line("check", row.check.to_string());
    line("subject", format!("{}/{}", row.subject.environment, row.subject.id));
    line("covers", format!("up to severity {}", row.severity));
    line("reason", row.reason.clone());
    line("compensating", row.compensating.clone().unwrap_or_else(|| "nothing that was told".to_owned()));
    line("requested", row.requested.words());
    for (name, said) in [("approved", &row.approved), ("withdrawn", &row.withdrawn)] {
        if let Some(said) = said {
            line(name, said.words());
        }
    }
    line("until", row.until.human());
    table
}
