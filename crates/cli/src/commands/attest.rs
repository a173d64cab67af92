//! `exhibit attest`: what no program can look at, stated by one person and confirmed by another.

use anyhow::Context as _;
use exhibit_evidence::{
    EntryId, EnvironmentId, PeriodId, Timestamp,
    attestation::{Standing, Word},
};
use exhibit_pipeline::{
    AttestationState, NewAttestation, World, attest, attestations, confirm_attestation, withdraw_attestation,
};
use serde::Serialize;

use crate::{
    acting::{Act, person},
    args::{Acting, AttestArgs, AttestCommand},
    deployment::Deployment,
    output::{Exit, Hint as _, Out, Table, Words},
};

/// An attestation, as it is printed.
#[derive(Serialize)]
struct Row {
    attestation: EntryId,
    about: &'static str,
    key: String,
    environment: EnvironmentId,
    location: String,
    standing: Standing,
    period: PeriodId,
    until: Timestamp,
    statement: Option<String>,
    made: Act,
    confirmed: Option<Act>,
    withdrawn: Option<Act>,
}

pub(crate) async fn run(args: &AttestArgs, words: &Words, out: &mut Out) -> anyhow::Result<Exit> {
    let (place, printed) = match &args.command {
        AttestCommand::KeyCustody { place, printed, .. }
        | AttestCommand::Confirm { place, printed, .. }
        | AttestCommand::Withdraw { place, printed, .. }
        | AttestCommand::List { place, printed } => (place, printed),
    };
    let deployment = Deployment::open(place, words).await?;
    let done = match &args.command {
        AttestCommand::List { .. } => rows(&deployment.world).await.map(Printable::All),
        AttestCommand::KeyCustody { key, environment, location, statement, acting, .. } => {
            let new = NewAttestation {
                environment: environment.clone(),
                key: key.clone(),
                location: location.clone(),
                statement: statement.clone(),
            };
            made(&deployment, acting, new, words).await.map(Printable::One)
        }
        AttestCommand::Confirm { attestation, acting, .. } => {
            confirmed(&deployment, acting, *attestation, words).await.map(Printable::One)
        }
        AttestCommand::Withdraw { attestation, reason, acting, .. } => {
            withdrawn(&deployment, acting, *attestation, reason, words).await.map(Printable::One)
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

async fn made(
    deployment: &Deployment,
    acting: &Acting,
    new: NewAttestation,
    words: &Words,
) -> anyhow::Result<Box<Row>> {
    let person = person(deployment, acting).await?;
    let row = one(&deployment.world, attest(&deployment.world, &person, new).await?).await?;
    words.say(format!(
        "Stated by the first of two. It counts for nothing until a second, different person says `exhibit attest confirm {}`.",
        row.attestation
    ));
    Ok(row)
}

async fn confirmed(
    deployment: &Deployment,
    acting: &Acting,
    attestation: EntryId,
    words: &Words,
) -> anyhow::Result<Box<Row>> {
    let person = person(deployment, acting).await?;
    let confirmed = confirm_attestation(&deployment.world, &person, attestation).await;
    confirmed.hint("`exhibit attest list` shows what was stated, by whom, and how it stands")?;
    let row = one(&deployment.world, attestation).await?;
    words.say(format!("Confirmed by a second person. It is in force until {}.", row.until.human()));
    Ok(row)
}

async fn withdrawn(
    deployment: &Deployment,
    acting: &Acting,
    attestation: EntryId,
    reason: &str,
    words: &Words,
) -> anyhow::Result<Box<Row>> {
    let person = person(deployment, acting).await?;
    let withdrawn = withdraw_attestation(&deployment.world, &person, attestation, reason).await;
    withdrawn.hint("`exhibit attest list` shows what was stated, by whom, and how it stands")?;
    words.say("Withdrawn. It counts no more.");
    one(&deployment.world, attestation).await
}

async fn rows(world: &World) -> anyhow::Result<Vec<Row>> {
    Ok(attestations(world).await?.into_iter().map(row).collect())
}

async fn one(world: &World, attestation: EntryId) -> anyhow::Result<Box<Row>> {
    let found = rows(world).await?.into_iter().find(|row| row.attestation == attestation);
    Ok(Box::new(found.with_context(|| format!("there is no attestation {attestation}"))?))
}

fn row(state: AttestationState) -> Row {
    let AttestationState { statement, standing, words, people } = state;
    let act = |word: Word| Act::of(word.id, word.at, word.reason, &people);
    Row {
        made: Act::of(statement.id, statement.made_at, None, &people),
        confirmed: statement.confirmation.map(act),
        withdrawn: statement.withdrawal.map(act),
        attestation: statement.id,
        about: statement.about.word(),
        key: statement.key,
        environment: statement.environment,
        location: statement.location,
        standing,
        period: statement.period.id,
        until: statement.period.end,
        statement: words,
    }
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new(["attestation", "key", "environment", "location", "standing", "until"]);
    for row in rows {
        table.row([
            row.attestation.to_string(),
            row.key.clone(),
            row.environment.to_string(),
            row.location.clone(),
            row.standing.word().to_owned(),
            row.until.human(),
        ]);
    }
    table
}

fn facts(row: &Row) -> Table {
    let mut table = Table::new(["attestation", &row.attestation.to_string()]);
    let mut line = |name: &str, value: String| {
        table.row([name.to_owned(), value]);
    };
    line("standing", row.standing.word().to_owned());
    line("key", format!("{} of {}", row.key, row.environment));
    line("location", row.location.clone());
    line("statement", row.statement.clone().unwrap_or_else(|| "a text that was erased".to_owned()));
    line("stated", row.made.words());
    for (name, said) in [("confirmed", &row.confirmed), ("withdrawn", &row.withdrawn)] {
        if let Some(said) = said {
            line(name, said.words());
        }
    }
    line("until", format!("{}, the end of {}", row.until.human(), row.period));
    table
}
