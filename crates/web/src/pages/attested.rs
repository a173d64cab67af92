//! What two persons attest where no program can look: shown with the collector and the evidence that it is for.

use exhibit_evidence::{
    Actor, Body, EntryId, EnvironmentId, PeriodId, Timestamp,
    attestation::{Standing, Statement, Statements, Word},
    disclosure::{PERSON, kind_of},
};
use exhibit_store::service::{Acts, Reading, RecordRow};
use serde::Serialize;

use super::reports::said;
use crate::problem::Problem;

/// The collector that attestations are about.
pub(super) const COLLECTOR: &str = "key_custody";
/// Acts that are read at once.
const AT_ONCE: u32 = 1_000;

/// An attestation as a page shows it.
#[derive(Debug, Serialize)]
pub(super) struct Attested {
    id: EntryId,
    environment: EnvironmentId,
    key: String,
    location: String,
    period: PeriodId,
    standing: Standing,
    made: Said,
    confirmed: Option<Said>,
    withdrawn: Option<Said>,
}

/// What a person said: who by a pseudonym, as reports print it.
#[derive(Debug, Serialize)]
pub(super) struct Said {
    at: Timestamp,
    by: String,
    role: String,
    reason: Option<String>,
}

impl Said {
    pub(super) fn of(at: Timestamp, by: &Actor, reason: Option<String>) -> Self {
        Self { at, by: by.person.pseudonym(kind_of(PERSON)), role: by.role.clone(), reason }
    }
}

impl Attested {
    /// How it stood at an instant: what was said later is not shown.
    pub(super) fn of(statement: &Statement, at: Timestamp) -> Self {
        let word = |word: &Option<Word>| {
            let word = word.as_ref().filter(|word| word.at <= at)?;
            Some(Said::of(word.at, &word.by, word.reason.clone()))
        };
        Self {
            id: statement.id,
            environment: statement.environment.clone(),
            key: statement.key.clone(),
            location: statement.location.clone(),
            period: statement.period.id,
            standing: statement.standing(at),
            made: Said::of(statement.made_at, &statement.by, None),
            confirmed: word(&statement.confirmation),
            withdrawn: word(&statement.withdrawal),
        }
    }
}

/// Every attestation that this reader may know of.
pub(super) async fn statements(reading: &mut Reading) -> Result<Statements, Problem> {
    let mut statements = Statements::default();
    for act in acts(reading, Acts::Attestations).await? {
        if let Body::Attestation(attestation) = said(&act)? {
            statements.take(act.id, act.seq, act.recorded_at, &attestation);
        }
    }
    Ok(statements)
}

/// All acts of a kind that this reader may know of, in the order of the ledger: only all of them say how things stand.
pub(super) async fn acts(reading: &mut Reading, kind: Acts) -> Result<Vec<RecordRow>, Problem> {
    let mut acts = Vec::new();
    let mut before = None;
    loop {
        let page = reading.acts(kind, None, before, AT_ONCE).await?;
        acts.extend(page.items);
        before = page.next;
        if before.is_none() {
            acts.reverse();
            return Ok(acts);
        }
    }
}
