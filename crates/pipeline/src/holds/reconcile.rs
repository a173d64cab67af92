//! What the cases ask for, and what the archive has: the difference is made up, and what was read back is recorded.

use exhibit_archive::{ObjectKey, Version};
use exhibit_evidence::hold::{Case, HeldObject, Hold, MOST_OBJECTS};
use exhibit_store::{Append, NewEntry};

use super::{cases, mending, object_of, scope::Scoper};
use crate::{StepError, World, archiving::Failed, ledger_reads};

/// Sets holds that are missing, those that got lost too, and lifts those that no open case asks for.
///
/// # Errors
/// When the archive can't set or confirm a hold; every other object was dealt with before.
pub(crate) async fn reconcile(world: &World) -> Result<(), StepError> {
    let cases = cases(&world.store).await?;
    if cases.all().is_empty() {
        return Ok(());
    }
    let receipts = ledger_reads::latest_receipts(&world.store).await?;
    let mut scoper = Scoper::new(world).await?;
    let mut failed = Failed::default();
    mending::look_after(world, &cases, &mut failed).await;
    for case in cases.all().iter().filter(|case| case.is_open()) {
        let mut missing = Vec::new();
        for receipt in &receipts {
            let object = object_of(receipt);
            if !case.objects.contains(&object) && scoper.covers(case.id, &case.scope, receipt).await? {
                missing.push(object);
            }
        }
        bring(world, case, missing, true, &mut failed).await?;
    }
    for case in cases.all().iter().filter(|case| !case.is_open()) {
        let mut over = Vec::new();
        for object in &case.objects {
            let receipt = receipts.iter().find(|receipt| object_of(receipt) == *object);
            let mut held = false;
            for other in cases.all().iter().filter(|other| other.is_open()) {
                held |= other.objects.contains(object);
                if let Some(receipt) = receipt {
                    held |= scoper.covers(other.id, &other.scope, receipt).await?;
                }
            }
            // One that was on it before any case came was somebody else's.
            if !held && !receipt.is_some_and(|receipt| receipt.legal_hold) {
                over.push(object.clone());
            }
        }
        bring(world, case, over, false, &mut failed).await?;
    }
    failed.first()
}

/// Brings these objects to being held, or not; records those that the archive confirms.
pub(super) async fn bring(
    world: &World,
    case: &Case,
    objects: Vec<HeldObject>,
    on: bool,
    failed: &mut Failed,
) -> Result<(), StepError> {
    for some in objects.chunks(MOST_OBJECTS) {
        let mut confirmed = Vec::new();
        for object in some {
            if failed.note(set(world, object, on).await).is_some() {
                confirmed.push(object.clone());
            }
        }
        if confirmed.is_empty() {
            continue;
        }
        let (case, objects, read_back_at) = (case.id, confirmed, world.now());
        let act = match on {
            true => Hold::Set { case, objects, read_back_at },
            false => Hold::Lift { case, objects, read_back_at },
        };
        let entry = NewEntry { id: world.entry_id(), body: act.into() };
        world.store.append(Append::entries(world.now(), vec![entry])).await?;
    }
    Ok(())
}

/// Sets or lifts a hold, and reads the version back: what counts is what the archive then says.
async fn set(world: &World, object: &HeldObject, on: bool) -> Result<(), StepError> {
    let key = ObjectKey::parse(&object.key).map_err(|error| StepError::Ledger(error.to_string()))?;
    let version = Version::new(object.version.clone());
    world.vault.set_legal_hold(&key, &version, on, world.now()).await?;
    let back = world.vault.read_back(&key, &version).await?;
    if back.legal_hold == on {
        return Ok(());
    }
    let word = |on| if on { "a legal hold" } else { "no legal hold" };
    let (expected, found) = (word(on).to_owned(), word(back.legal_hold).to_owned());
    Err(StepError::NotArchived { key: object.key.clone(), expected, found })
}
