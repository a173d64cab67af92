//! Legal holds as cases: placed by one person, released by two different ones, set on every version in the archive that
//! lies in a case's scope, today's and those of tomorrow.
//!
//! Who acts was told apart by the caller, by a token of that person's own. What a case comes to is the ledger's word
//! ([`Cases`]); what is held is the archive's, as read back.

mod mending;
mod reconcile;
mod scope;

use exhibit_evidence::{
    Body, EntryId,
    disclosure::CUSTODIAN,
    hold::{Case, Cases, HeldObject, Hold, HoldScope, LONGEST_MATTER, LONGEST_REASON},
};
use exhibit_store::Store;

pub(crate) use mending::mend;
pub(crate) use reconcile::reconcile;
use scope::Scoper;

use crate::{
    StepError, World, hold_to_outside, ledger_reads,
    people::{self, Beside, Person, actor, append, beside, may_act, name_of, names_of},
    sealing::disclose,
    turn,
};

/// A case that is to be placed.
#[derive(Clone)]
pub struct NewHold {
    /// What it is about, 1 to 200 characters.
    pub matter: String,
    /// Which objects; not empty.
    pub scope: HoldScope,
    /// Who answers for them, 1 to 200 characters.
    pub custodian: String,
    /// Why, 1 to 500 characters. It names nobody.
    pub reason: String,
}

/// What a person's word to release a case did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Released {
    /// It is the first of two: the case goes on holding until another person says the same.
    Approved(EntryId),
    /// It is the second: the case is over, and what no other case holds is lifted.
    Ended(EntryId),
}

/// A case, and how far the archive holds what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldState {
    /// The case.
    pub case: Case,
    /// Versions in its scope that the archive has not confirmed yet; empty once it is over.
    pub pending: Vec<HeldObject>,
    /// Who answers for it; none once the name was erased.
    pub custodian: Option<String>,
    /// The people who acted, by the act's entry; erased names are missing.
    pub people: Vec<(EntryId, String)>,
}

fn refused<T>(why: impl Into<String>) -> Result<T, StepError> {
    Err(StepError::Hold(why.into()))
}

fn line(world: &World, what: &str, text: &str, longest: usize) -> Result<String, StepError> {
    people::line(&world.engine, what, text, longest).or_else(refused)
}

/// Places a case, and tells its id. Setting it on what is archived already is for [`crate::archive_pending`], which the
/// caller takes next; until the archive confirmed an object, it is pending.
///
/// # Errors
/// When the person may not, a text is none, the scope names nothing or what there is not; when the ledger is not as it was
/// signed.
pub async fn place_hold(world: &World, person: &Person, new: NewHold) -> Result<EntryId, StepError> {
    may_act(person)?;
    let NewHold { matter, scope, custodian, reason } = new;
    let matter = line(world, "matter", &matter, LONGEST_MATTER)?;
    let reason = line(world, "reason", &reason, LONGEST_REASON)?;
    let custodian = custodian.trim();
    if custodian.is_empty() || custodian.chars().count() > 200 || custodian.contains(char::is_control) {
        return refused("a custodian is a name of 1 to 200 characters on one line");
    }
    if scope.is_empty() {
        return refused("its scope names nothing: name environments, periods, reports or keys");
    }
    hold_to_outside(world).await?;
    let known = ledger_reads::reports(&world.store).await?;
    if let Some(unknown) = scope.reports.iter().find(|id| !known.iter().any(|kept| kept.id == **id)) {
        return refused(format!("there is no report {unknown}"));
    }
    let id = world.entry_id();
    let mut disclosures = Vec::new();
    let custodian = disclose(world, id, CUSTODIAN, custodian, &mut disclosures)?;
    let by = actor(world, id, person, &mut disclosures)?;
    append(world, id, Hold::Place { matter, scope, custodian, reason, by }, disclosures).await?;
    Ok(id)
}

/// A person's word that a case may end. The first is an approval, and the case goes on holding; the second, of another
/// person, ends it.
///
/// # Errors
/// When the person may not, or said so before: one person alone never ends a case. When there is no such case, or it is
/// over.
pub async fn release_hold(world: &World, person: &Person, case: EntryId, reason: &str) -> Result<Released, StepError> {
    may_act(person)?;
    let reason = line(world, "reason", reason, LONGEST_REASON)?;
    hold_to_outside(world).await?;
    // One after the other: two at once could both be the first, or both the second.
    let _turn = turn::take(world).await?;
    let cases = cases(&world.store).await?;
    let Some(known) = cases.get(case) else { return refused(format!("there is no case {case}")) };
    if !known.is_open() {
        return refused(format!("case {case} is over already"));
    }
    let first = match &known.approval {
        None => None,
        Some(approval) => match beside(world, person, approval.id, &approval.by).await? {
            Beside::Another => Some(approval.id),
            Beside::Same => {
                return refused(
                    "this person approved the release already; a second, different person has to, by a token of their own",
                );
            }
            // An approval whose name was erased shows nobody that this one is another's: it is given anew.
            Beside::Unknown => None,
        },
    };
    let id = world.entry_id();
    let mut disclosures = Vec::new();
    let by = actor(world, id, person, &mut disclosures)?;
    match first {
        None => {
            append(world, id, Hold::ApproveRelease { case, reason, by }, disclosures).await?;
            Ok(Released::Approved(id))
        }
        Some(approval) => {
            append(world, id, Hold::Release { case, approval, reason, by }, disclosures).await?;
            Ok(Released::Ended(id))
        }
    }
}

/// Every case that the ledger tells of.
///
/// # Errors
/// When the ledger can't be read.
pub async fn cases(store: &Store) -> Result<Cases, StepError> {
    let mut cases = Cases::default();
    for entry in store.entries_of_kind("hold").await? {
        let envelope = entry.envelope()?;
        if let Body::Hold(act) = &envelope.body {
            cases.take(envelope.id, entry.seq, envelope.recorded_at, act);
        }
    }
    Ok(cases)
}

/// Every case with what is still pending, and the names of those who acted, for people who may see them.
///
/// # Errors
/// When the ledger can't be read.
pub async fn holds(world: &World) -> Result<Vec<HoldState>, StepError> {
    let cases = cases(&world.store).await?;
    let receipts = ledger_reads::latest_receipts(&world.store).await?;
    let mut scoper = Scoper::new(world).await?;
    let mut states = Vec::new();
    for case in cases.all() {
        let mut pending = Vec::new();
        if case.is_open() {
            for receipt in &receipts {
                let object = object_of(receipt);
                if !case.objects.contains(&object) && scoper.covers(case.id, &case.scope, receipt).await? {
                    pending.push(object);
                }
            }
        }
        let acts = [Some(case.id), case.approval.as_ref().map(|act| act.id), case.release.as_ref().map(|act| act.id)];
        let people = names_of(world, acts.into_iter().flatten()).await?;
        let custodian = name_of(world, case.id, CUSTODIAN).await?;
        states.push(HoldState { case: case.clone(), pending, custodian, people });
    }
    Ok(states)
}

pub(crate) fn object_of(receipt: &exhibit_evidence::report::Receipt) -> HeldObject {
    HeldObject { key: receipt.key.clone(), version: receipt.version.clone() }
}
