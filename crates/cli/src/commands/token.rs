//! `exhibit token`: makes, lists and revokes the tokens by which people ask the service.

use anyhow::{Context as _, bail};
use exhibit_evidence::period::PeriodId;
use exhibit_pipeline::World;
use exhibit_store::service::{NewToken, Role, Token, TokenScope};
use exhibit_web::token::TokenText;
use serde::Serialize;

use crate::{
    args::{TokenArgs, TokenCommand, When},
    deployment::Deployment,
    output::{Exit, Hint as _, Out, Table, Words},
    token_key::token_key,
};

/// For how long a token is good at most, in days: who still needs one then makes the next.
const LONGEST: i64 = 400;

/// A token that was just made: the only time that it is shown.
#[derive(Serialize)]
struct Made {
    id: String,
    person: String,
    role: Role,
    scope: TokenScope,
    expires_at: String,
    token: String,
}

pub(crate) async fn run(args: &TokenArgs, words: &Words, out: &mut Out) -> anyhow::Result<Exit> {
    match &args.command {
        TokenCommand::Create {
            person,
            role,
            expires,
            environments,
            periods,
            frameworks,
            mask_names,
            place,
            printed,
        } => {
            let deployment = Deployment::open(place, words).await?;
            let some = |list: &[String]| (!list.is_empty()).then(|| list.to_vec());
            let scope = TokenScope {
                environments: some(environments),
                periods: some(periods),
                frameworks: some(frameworks),
                names_masked: mask_names.clone(),
            };
            let made = create(&deployment, person, *role, *expires, scope).await;
            deployment.close().await?;
            out.data(printed.format, &made?, |made| {
                let mut table = Table::new(["token", "person", "role", "expires", "id"]);
                table.row([&made.token, &made.person, &made.role.to_string(), &made.expires_at, &made.id]);
                table
            })?;
            words.say("Hand it over by a safe way: it is shown this once.");
        }
        TokenCommand::List { place, printed } => {
            let deployment = Deployment::open(place, words).await?;
            let tokens = deployment.world.store.tokens().await;
            let now = deployment.world.now();
            deployment.close().await?;
            out.data(printed.format, &tokens?, |tokens| {
                let mut table = Table::new(["id", "person", "role", "scope", "ends with", "state", "last used"]);
                for token in tokens {
                    let used = token.last_used_at.map_or_else(|| "never".to_owned(), |at| at.human());
                    let state = state(token, now);
                    let id = token.id.to_string();
                    table.row([
                        &id,
                        &token.person,
                        &token.role.to_string(),
                        &limits(&token.scope),
                        &token.last4,
                        &state,
                        &used,
                    ]);
                }
                table
            })?;
        }
        TokenCommand::Revoke { id, reason, place } => {
            let deployment = Deployment::open(place, words).await?;
            let world = &deployment.world;
            let revoked = world.store.revoke_token(*id, &by(world), reason, world.now()).await;
            deployment.close().await?;
            revoked.hint("`exhibit token list` shows the tokens' ids")?;
            words.say(format!("Token {id} is revoked: the service refuses it from now on."));
        }
    }
    Ok(Exit::Clean)
}

async fn create(
    deployment: &Deployment,
    person: &str,
    role: Role,
    expires: When,
    scope: TokenScope,
) -> anyhow::Result<Made> {
    let world = &deployment.world;
    let person = person.trim();
    if person.is_empty() || person.chars().any(char::is_control) || person.chars().count() > 200 {
        bail!("--person: expected a name or an address of 1 to 200 characters");
    }
    known(world, role, &scope)?;
    let now = world.now();
    let zone = world.plan.deployment.calendar.time_zone();
    let expires_at = expires.end(zone).context("--expires: no such day in the deployment's time zone")?;
    if expires_at <= now {
        bail!("--expires: {} is over", expires_at.human());
    }
    if expires_at.since(now).num_days() > LONGEST {
        bail!("--expires: a token is good for at most {LONGEST} days");
    }
    let key = token_key(&deployment.config)?;
    let text = TokenText::mint(|bytes| world.random.fill(bytes));
    let token = NewToken {
        id: world.entry_id().0,
        person: person.to_owned(),
        role,
        lookup: text.lookup().to_owned(),
        last4: text.last4().to_owned(),
        hash: key.hash(&text),
        scope,
        expires_at,
        created_by: by(world),
    };
    world.store.create_token(&token, now).await?;
    Ok(Made {
        id: token.id.to_string(),
        person: token.person,
        role,
        scope: token.scope,
        expires_at: expires_at.to_string(),
        token: text.expose().to_owned(),
    })
}

/// A scope must name what there is: a misspelt one would see nothing, and nobody would know why.
fn known(world: &World, role: Role, scope: &TokenScope) -> anyhow::Result<()> {
    let limited = scope.environments.is_some() || scope.periods.is_some() || scope.frameworks.is_some();
    if !matches!(role, Role::Auditor | Role::Ingest) && limited {
        return Err(anyhow::anyhow!("the role {role} can't be limited to a scope")).hint(
            "the role auditor is limited by --environment, --period, --framework; ingest by the first and the last",
        );
    }
    if let Some(reason) = &scope.names_masked {
        if !(1..=500).contains(&reason.trim().chars().count()) {
            bail!("--mask-names: expected why, in 1 to 500 characters");
        }
        if role == Role::Ingest {
            bail!("--mask-names: whoever hands evidence in is shown no names");
        }
    }
    if role == Role::Ingest && scope.periods.is_some() {
        bail!("--period: whoever hands evidence in is limited to environments and frameworks, not in time");
    }
    let environments: Vec<String> =
        world.plan.deployment.environments.iter().map(|environment| environment.id.to_string()).collect();
    let frameworks: Vec<String> = world.catalog.frameworks.iter().map(|framework| framework.id.clone()).collect();
    for (option, given, there) in
        [("--environment", &scope.environments, environments), ("--framework", &scope.frameworks, frameworks)]
    {
        if let Some(unknown) = given.iter().flatten().find(|id| !there.contains(id)) {
            bail!("{option}: there is no {unknown:?}; there are {}", there.join(", "));
        }
    }
    for period in scope.periods.iter().flatten() {
        period.parse::<PeriodId>().map_err(|error| anyhow::anyhow!("--period: {error}"))?;
    }
    Ok(())
}

/// Who types the command, as far as the operating system says.
fn by(world: &World) -> String {
    format!("{} on {}, by the command line", world.host.principal, world.host.host)
}

fn limits(scope: &TokenScope) -> String {
    let parts = [&scope.environments, &scope.periods, &scope.frameworks];
    let mut parts: Vec<String> = parts.into_iter().flatten().map(|list| list.join(", ")).collect();
    if scope.names_masked.is_some() {
        parts.push("names masked".to_owned());
    }
    if parts.is_empty() { "everything".to_owned() } else { parts.join("; ") }
}

fn state(token: &Token, now: exhibit_evidence::Timestamp) -> String {
    match &token.revoked {
        Some(revocation) => format!("revoked {}", revocation.at.human()),
        None if token.expires_at <= now => format!("expired {}", token.expires_at.human()),
        None => format!("good until {}", token.expires_at.human()),
    }
}
