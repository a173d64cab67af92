//! `exhibit hold`: legal holds, placed by one person and released by two.

use anyhow::{Context as _, bail};
use exhibit_evidence::{EntryId, Timestamp, hold::HoldScope};
use exhibit_pipeline::{
    HoldState, NewHold, Released, World, archive_pending, checkpoint, holds, place_hold, release_hold,
};
use serde::Serialize;

use crate::{
    acting::{Act, ERASED, person},
    args::{Acting, HoldArgs, HoldCommand},
    deployment::Deployment,
    output::{Exit, Hint as _, Out, Table, Words},
};

/// A hold, as it is printed.
#[derive(Serialize)]
struct Row {
    case: EntryId,
    matter: String,
    state: &'static str,
    scope: HoldScope,
    custodian: Option<String>,
    reason: String,
    placed: Act,
    approved: Option<Act>,
    released: Option<Act>,
    held: Vec<Object>,
    pending: Vec<Object>,
}

#[derive(Serialize)]
struct Object {
    key: String,
    version: String,
}

pub(crate) async fn run(args: &HoldArgs, words: &Words, out: &mut Out) -> anyhow::Result<Exit> {
    match &args.command {
        HoldCommand::PlaceCase {
            matter,
            custodian,
            reason,
            environments,
            periods,
            reports,
            keys,
            everything,
            acting,
            place,
            printed,
        } => {
            let mut keys = keys.clone();
            keys.extend(everything.then(String::new));
            let scope = HoldScope {
                environments: environments.clone(),
                keys,
                periods: periods.clone(),
                reports: reports.clone(),
            };
            let new = NewHold { matter: matter.clone(), scope, custodian: custodian.clone(), reason: reason.clone() };
            let deployment = Deployment::open(place, words).await?;
            let placed = placed(&deployment, acting, new, words).await;
            deployment.close().await?;
            out.data(printed.format, &placed?, facts)?;
        }
        HoldCommand::Release { case, reason, acting, place, printed } => {
            let deployment = Deployment::open(place, words).await?;
            let released = released(&deployment, acting, *case, reason, words).await;
            deployment.close().await?;
            out.data(printed.format, &released?, facts)?;
        }
        HoldCommand::List { place, printed } => {
            let deployment = Deployment::open(place, words).await?;
            let rows = holds(&deployment.world).await;
            deployment.close().await?;
            let rows: Vec<Row> = rows?.into_iter().map(row).collect();
            out.data(printed.format, &rows, |rows| {
                let mut table = Table::new(["case", "matter", "state", "placed", "held", "pending"]).right([4, 5]);
                for row in rows {
                    table.row([
                        row.case.to_string(),
                        row.matter.clone(),
                        row.state.to_owned(),
                        row.placed.at.human(),
                        row.held.len().to_string(),
                        row.pending.len().to_string(),
                    ]);
                }
                table
            })?;
        }
        HoldCommand::Show { case, place, printed } => {
            let deployment = Deployment::open(place, words).await?;
            let row = one(&deployment.world, *case).await;
            deployment.close().await?;
            out.data(printed.format, &row?, facts)?;
        }
    }
    Ok(Exit::Clean)
}

async fn placed(deployment: &Deployment, acting: &Acting, new: NewHold, words: &Words) -> anyhow::Result<Row> {
    let world = &deployment.world;
    let known = &world.plan.deployment.environments;
    if let Some(unknown) = new.scope.environments.iter().find(|id| !known.iter().any(|known| known.id == **id)) {
        bail!("--environment: the configuration declares no {unknown}");
    }
    let person = person(deployment, acting).await?;
    let case = place_hold(world, &person, new).await?;
    settle(world, words).await;
    let row = one(world, case).await?;
    match (row.held.len(), row.pending.len()) {
        (held, 0) => {
            words.say(format!("Placed. {held} object versions are held, as the archive says; later ones will be."))
        }
        (held, pending) => words.warn(format!(
            "Placed, but of {} object versions in scope the archive confirmed {held} only: {pending} are pending, and \
             `exhibit serve` or the next `exhibit run` tries again",
            held + pending
        )),
    }
    Ok(row)
}

async fn released(
    deployment: &Deployment,
    acting: &Acting,
    case: EntryId,
    reason: &str,
    words: &Words,
) -> anyhow::Result<Row> {
    let world = &deployment.world;
    let person = person(deployment, acting).await?;
    let released = release_hold(world, &person, case, reason).await;
    match released.hint("`exhibit hold list` shows the cases and who approved what")? {
        Released::Approved(_) => {
            words.say("Approved by the first of two. The hold goes on until a second, different person releases it.");
        }
        Released::Ended(_) => {
            settle(world, words).await;
            words.say("Released by two persons. What no other hold is about is lifted.");
        }
    }
    one(world, case).await
}

/// Brings the archive in line at once, as far as it goes: what is left over is pending, and is said.
async fn settle(world: &World, words: &Words) {
    let done = async {
        archive_pending(world).await?;
        checkpoint(world).await
    };
    if let Err(error) = done.await {
        words.warn(format!("the archive could not be brought in line yet: {error}"));
    }
}

async fn one(world: &World, case: EntryId) -> anyhow::Result<Row> {
    let state = holds(world).await?.into_iter().find(|state| state.case.id == case);
    Ok(row(state.with_context(|| format!("there is no case {case}")).hint("`exhibit hold list` shows the cases")?))
}

fn row(state: HoldState) -> Row {
    let HoldState { case, pending, custodian, people } = state;
    let object =
        |held: &exhibit_evidence::hold::HeldObject| Object { key: held.key.clone(), version: held.version.clone() };
    let act = |entry: EntryId, at: Timestamp, reason: &str| Act::of(entry, at, Some(reason.to_owned()), &people);
    let consent = |consent: &exhibit_evidence::hold::Consent| act(consent.id, consent.at, &consent.reason);
    Row {
        state: match (&case.approval, &case.release) {
            (_, Some(_)) => "released",
            (Some(_), None) => "holds, one approved its release",
            (None, None) => "holds",
        },
        placed: act(case.id, case.placed_at, &case.reason),
        approved: case.approval.as_ref().map(consent),
        released: case.release.as_ref().map(consent),
        held: case.objects.iter().map(object).collect(),
        pending: pending.iter().map(object).collect(),
        case: case.id,
        matter: case.matter,
        scope: case.scope,
        custodian,
        reason: case.reason,
    }
}

fn facts(row: &Row) -> Table {
    let mut table = Table::new(["hold", row.matter.as_str()]);
    let mut line = |name: &str, value: String| {
        table.row([name.to_owned(), value]);
    };
    line("case", row.case.to_string());
    line("state", row.state.to_owned());
    line("custodian", row.custodian.clone().unwrap_or_else(|| ERASED.to_owned()));
    line("scope", serde_json::to_string(&row.scope).unwrap_or_default());
    line("placed", row.placed.words());
    for (name, consent) in [("first approval", &row.approved), ("release", &row.released)] {
        if let Some(consent) = consent {
            line(name, consent.words());
        }
    }
    for object in &row.held {
        line("held", object.key.clone());
    }
    for object in &row.pending {
        line("pending", object.key.clone());
    }
    table
}
