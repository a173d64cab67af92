//! Attestations by two persons: what no program can look at, such as a key in a safe.
//!
//! One person says it, a second, different one confirms it, and either takes it back. Who acts was told apart by the caller, by
//! a token of that person's own. What an attestation comes to is the ledger's word ([`Statements`]): one that nobody confirmed
//! counts for nothing, and each ends with the quarter that it was made in.

mod source;

use exhibit_evidence::{
    Attestation, Body, EntryId, EnvironmentId,
    attestation::{About, LONGEST_NAME, LONGEST_REASON, LONGEST_STATEMENT, Standing, Statement, Statements, Word},
    disclosure::STATEMENT,
};
use exhibit_store::Store;

pub(crate) use source::OwnAttestations;

use crate::{
    StepError, World, calendar, hold_to_outside,
    people::{self, Beside, Person, actor, append, beside, may_act, name_of, names_of},
    sealing::{disclose, scrubbed},
    turn,
};

/// An attestation that is to be made.
#[derive(Clone)]
pub struct NewAttestation {
    /// The environment whose key it is; one of the deployment's.
    pub environment: EnvironmentId,
    /// What the key is called where it is configured, 1 to 200 characters.
    pub key: String,
    /// The place that holds it, by the name that the configuration has for it, 1 to 200 characters.
    pub location: String,
    /// What the person says, 1 to 500 characters. It stands in the ledger as a salted digest.
    pub statement: String,
}

/// An attestation, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttestationState {
    /// What the ledger says of it.
    pub statement: Statement,
    /// How it stands now.
    pub standing: Standing,
    /// The first person's words; none once they were erased.
    pub words: Option<String>,
    /// The people who acted, by the act's entry; erased names are missing.
    pub people: Vec<(EntryId, String)>,
}

fn refused<T>(why: impl Into<String>) -> Result<T, StepError> {
    Err(StepError::Attestation(why.into()))
}

fn line(world: &World, what: &str, text: &str, longest: usize) -> Result<String, StepError> {
    people::line(&world.engine, what, text, longest).or_else(refused)
}

/// A name as the configuration has it: one that was masked would be nobody's.
fn name(world: &World, what: &str, text: &str) -> Result<String, StepError> {
    if scrubbed(&world.engine, text.trim()).is_some() {
        return refused(format!("what was given as a {what} looks like a secret"));
    }
    line(world, what, text, LONGEST_NAME)
}

/// Makes an attestation, and tells its id. It is pending until another person confirms it.
///
/// # Errors
/// When the person may not, a text is none, or there is no such environment; when the ledger is not as it was signed.
pub async fn attest(world: &World, person: &Person, new: NewAttestation) -> Result<EntryId, StepError> {
    may_act(person)?;
    let NewAttestation { environment, key, location, statement } = new;
    let (key, location) = (name(world, "key", &key)?, name(world, "location", &location)?);
    let statement = line(world, "statement", &statement, LONGEST_STATEMENT)?;
    if !world.plan.deployment.environments.iter().any(|known| known.id == environment) {
        return refused(format!("the configuration declares no environment {environment}"));
    }
    hold_to_outside(world).await?;
    let quarter = world.plan.deployment.calendar.period_of(world.now());
    // As the ledger has it, where it has spoken of this quarter.
    let period = calendar::period(world, quarter.id).await?;
    let id = world.entry_id();
    let mut disclosures = Vec::new();
    let statement = disclose(world, id, STATEMENT, &statement, &mut disclosures)?;
    let by = actor(world, id, person, &mut disclosures)?;
    let make = Attestation::Make { about: About::KeyCustody, by, environment, key, location, period, statement };
    append(world, id, make, disclosures).await?;
    Ok(id)
}

/// The second person's word that it is so; tells the entry. From here on the attestation is in force.
///
/// # Errors
/// When the person may not, or is the one who made it: one person alone attests nothing. When there is no such
/// attestation, or it is not pending.
pub async fn confirm_attestation(world: &World, person: &Person, attestation: EntryId) -> Result<EntryId, StepError> {
    may_act(person)?;
    hold_to_outside(world).await?;
    let _turn = turn::take(world).await?;
    let known = open(world, attestation, "confirmed").await?;
    if known.confirmation.is_some() {
        return refused(format!("attestation {attestation} was confirmed already"));
    }
    match beside(world, person, known.id, &known.by).await? {
        Beside::Another => {}
        Beside::Same => {
            return refused(
                "this person made it; a second, different person has to confirm it, by a token of their own",
            );
        }
        Beside::Unknown => {
            return refused("the name of who made it was erased: nobody can tell two persons apart, so make it anew");
        }
    }
    let id = world.entry_id();
    let mut disclosures = Vec::new();
    let by = actor(world, id, person, &mut disclosures)?;
    append(world, id, Attestation::Confirm { attestation, by }, disclosures).await?;
    Ok(id)
}

/// Takes an attestation back; tells the entry. It counts no more, whoever said it.
///
/// # Errors
/// When the person may not, or is neither of the two. When there is no such attestation, or it is over.
pub async fn withdraw_attestation(
    world: &World,
    person: &Person,
    attestation: EntryId,
    reason: &str,
) -> Result<EntryId, StepError> {
    may_act(person)?;
    let reason = line(world, "reason", reason, LONGEST_REASON)?;
    hold_to_outside(world).await?;
    let _turn = turn::take(world).await?;
    let known = open(world, attestation, "withdrawn").await?;
    let mut said = vec![beside(world, person, known.id, &known.by).await?];
    if let Some(Word { id, by, .. }) = &known.confirmation {
        said.push(beside(world, person, *id, by).await?);
    }
    // Where a name was erased, it may be theirs; and nothing is made to look better by taking it back.
    if said.iter().all(|one| *one == Beside::Another) {
        return refused("only one of the two persons who said it can take it back");
    }
    let id = world.entry_id();
    let mut disclosures = Vec::new();
    let by = actor(world, id, person, &mut disclosures)?;
    append(world, id, Attestation::Withdraw { attestation, by, reason }, disclosures).await?;
    Ok(id)
}

/// An attestation of which something can still be said.
async fn open(world: &World, attestation: EntryId, what: &str) -> Result<Statement, StepError> {
    let all = statements(&world.store).await?;
    let Some(known) = all.get(attestation) else { return refused(format!("there is no attestation {attestation}")) };
    match known.standing(world.now()) {
        Standing::InForce | Standing::Pending => Ok(known.clone()),
        over @ (Standing::Expired | Standing::Withdrawn) => {
            refused(format!("attestation {attestation} is {} and can't be {what} any more", over.word()))
        }
    }
}

/// Every attestation that the ledger tells of.
///
/// # Errors
/// When the ledger can't be read.
pub async fn statements(store: &Store) -> Result<Statements, StepError> {
    let mut statements = Statements::default();
    for entry in store.entries_of_kind("attestation").await? {
        let envelope = entry.envelope()?;
        if let Body::Attestation(act) = &envelope.body {
            statements.take(envelope.id, entry.seq, envelope.recorded_at, act);
        }
    }
    Ok(statements)
}

/// Every attestation as it stands now, with words and names, for people who may see them.
///
/// # Errors
/// When the ledger can't be read.
pub async fn attestations(world: &World) -> Result<Vec<AttestationState>, StepError> {
    let now = world.now();
    let mut states = Vec::new();
    for statement in statements(&world.store).await?.all() {
        let said = [&statement.confirmation, &statement.withdrawal].into_iter().flatten().map(|word| word.id);
        let people = names_of(world, std::iter::once(statement.id).chain(said)).await?;
        let words = name_of(world, statement.id, STATEMENT).await?;
        states.push(AttestationState {
            statement: statement.clone(),
            standing: statement.standing(now),
            words,
            people,
        });
    }
    Ok(states)
}
