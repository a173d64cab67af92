//! Waivers: two persons agree that one finding stays open for a time.
//!
//! One person asks, a second, different one approves, and anybody who may act ends it before its time. Who acts was told apart by
//! the caller, by a token of that person's own. What a waiver comes to is the ledger's word ([`Exceptions`]). Nothing is counted
//! otherwise because of one: reports tell both, before waivers and after.

use chrono::TimeDelta;
use exhibit_evidence::{
    Body, EntryId, Fingerprint, Severity, Timestamp, Waiver,
    observation::Subject,
    waiver::{Exception, Exceptions, LONGEST_DAYS, LONGEST_TEXT, Standing},
};
use exhibit_store::{FindingFilter, FindingSummary, Store};

use crate::{
    StepError, World, hold_to_outside,
    people::{self, Beside, Person, actor, append, beside, may_act, names_of},
    turn,
};

/// A waiver that is to be asked for.
#[derive(Clone)]
pub struct NewWaiver {
    /// The finding, which has to be open.
    pub finding: Fingerprint,
    /// Why, 1 to 500 characters. It stands in the ledger for ever and must name nobody.
    pub reason: String,
    /// What holds the risk down meanwhile, 1 to 500 characters; it stands there likewise.
    pub compensating: Option<String>,
    /// The first instant at which it holds no more: in the future, at most 366 days away.
    pub until: Timestamp,
}

/// A waiver, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaiverState {
    /// What the ledger says of it.
    pub exception: Exception,
    /// How it stands now.
    pub standing: Standing,
    /// The people who acted, by the act's entry; erased names are missing.
    pub people: Vec<(EntryId, String)>,
}

fn refused<T>(why: impl Into<String>) -> Result<T, StepError> {
    Err(StepError::Waiver(why.into()))
}

fn line(world: &World, what: &str, text: &str) -> Result<String, StepError> {
    people::line(&world.engine, what, text, LONGEST_TEXT).or_else(refused)
}

/// Asks for a waiver, and tells its id. It is pending until another person approves it.
///
/// # Errors
/// When the person may not, a text is none, the end is none, or no such finding is open; when the ledger is not as it was
/// signed.
pub async fn request_waiver(world: &World, person: &Person, new: NewWaiver) -> Result<EntryId, StepError> {
    may_act(person)?;
    let NewWaiver { finding, reason, compensating, until } = new;
    let reason = line(world, "reason", &reason)?;
    let compensating = compensating.map(|text| line(world, "compensating control", &text)).transpose()?;
    let now = world.now();
    if until <= now || until > now.plus(TimeDelta::days(i64::from(LONGEST_DAYS))) {
        return refused(format!("it has to end after now and within {LONGEST_DAYS} days, not at {}", until.human()));
    }
    hold_to_outside(world).await?;
    let (check, subject, severity) = open_finding(&world.store, finding).await?;
    let id = world.entry_id();
    let mut disclosures = Vec::new();
    let by = actor(world, id, person, &mut disclosures)?;
    let request = Waiver::Request { by, check, compensating, finding, reason, severity, subject, until };
    append(world, id, request, disclosures).await?;
    Ok(id)
}

/// What is known of a finding that is open.
async fn open_finding(
    store: &Store,
    finding: Fingerprint,
) -> Result<(exhibit_evidence::CheckId, Subject, Severity), StepError> {
    let filter = FindingFilter { fingerprint: Some(finding), ..FindingFilter::default() };
    let Some(found) = store.findings(&filter).await?.pop() else {
        return refused(format!("no finding {finding} was ever noted"));
    };
    let FindingSummary { check, environment, subject, severity, still_observed, .. } = found;
    if !still_observed {
        return refused(format!("finding {finding} is not open any more: nothing is left to waive"));
    }
    let Some(severity) = Severity::ALL.into_iter().find(|known| known.word() == severity) else {
        return Err(StepError::Ledger(format!("finding {finding} has the severity {severity:?}, which is none")));
    };
    Ok((check, Subject { environment, id: subject }, severity))
}

/// The second person's approval; tells the entry. From here on the waiver is in force.
///
/// # Errors
/// When the person may not, or is the one who asked: nobody approves what they asked for. When there is no such waiver, or it
/// is not pending.
pub async fn approve_waiver(world: &World, person: &Person, waiver: EntryId) -> Result<EntryId, StepError> {
    may_act(person)?;
    hold_to_outside(world).await?;
    let _turn = turn::take(world).await?;
    let known = open(world, waiver, "approved").await?;
    if known.approval.is_some() {
        return refused(format!("waiver {waiver} was approved already"));
    }
    match beside(world, person, known.id, &known.by).await? {
        Beside::Another => {}
        Beside::Same => {
            return refused(
                "this person asked for it; a second, different person has to approve it, by a token of their own",
            );
        }
        Beside::Unknown => {
            return refused("the name of who asked was erased: nobody can tell two persons apart, so ask anew");
        }
    }
    let id = world.entry_id();
    let mut disclosures = Vec::new();
    let by = actor(world, id, person, &mut disclosures)?;
    append(world, id, Waiver::Approve { by, waiver }, disclosures).await?;
    Ok(id)
}

/// Ends a waiver before its time, or turns a request down; tells the entry. Whoever may act can: the finding counts again, and
/// nothing looks better by it.
///
/// # Errors
/// When the person may not, the reason is none, there is no such waiver, or it is over.
pub async fn withdraw_waiver(
    world: &World,
    person: &Person,
    waiver: EntryId,
    reason: &str,
) -> Result<EntryId, StepError> {
    may_act(person)?;
    let reason = line(world, "reason", reason)?;
    hold_to_outside(world).await?;
    let _turn = turn::take(world).await?;
    open(world, waiver, "withdrawn").await?;
    let id = world.entry_id();
    let mut disclosures = Vec::new();
    let by = actor(world, id, person, &mut disclosures)?;
    append(world, id, Waiver::Withdraw { by, reason, waiver }, disclosures).await?;
    Ok(id)
}

/// A waiver of which something can still be said.
async fn open(world: &World, waiver: EntryId, what: &str) -> Result<Exception, StepError> {
    let all = exceptions(&world.store).await?;
    let Some(known) = all.get(waiver) else { return refused(format!("there is no waiver {waiver}")) };
    match known.standing(world.now()) {
        Standing::InForce | Standing::Pending => Ok(known.clone()),
        over @ (Standing::Expired | Standing::Withdrawn) => {
            refused(format!("waiver {waiver} is {} and can't be {what} any more", over.word()))
        }
    }
}

/// Every waiver that the ledger tells of.
async fn exceptions(store: &Store) -> Result<Exceptions, StepError> {
    let mut exceptions = Exceptions::default();
    for entry in store.entries_of_kind("waiver").await? {
        let envelope = entry.envelope()?;
        if let Body::Waiver(act) = &envelope.body {
            exceptions.take(envelope.id, entry.seq, envelope.recorded_at, act);
        }
    }
    Ok(exceptions)
}

/// Every waiver as it stands now, with names, for people who may see them.
///
/// # Errors
/// When the ledger can't be read.
pub async fn waivers(world: &World) -> Result<Vec<WaiverState>, StepError> {
    let now = world.now();
    let mut states = Vec::new();
    for exception in exceptions(&world.store).await?.all() {
        let said = [&exception.approval, &exception.withdrawal].into_iter().flatten().map(|word| word.id);
        let people = names_of(world, std::iter::once(exception.id).chain(said)).await?;
        states.push(WaiverState { exception: exception.clone(), standing: exception.standing(now), people });
    }
    Ok(states)
}
