//! A hold that got lost behind our back: found by looking, set again, and told, never silently.
//!
//! That a version was found without its hold stands in the ledger: a `set` of what a case holds already says no less. The
//! next attestation makes a deviation of it, and the pass that found it is an error, though everything is as it should be
//! after it.

use std::collections::BTreeSet;

use exhibit_archive::{ObjectKey, Version};
use exhibit_evidence::hold::{Cases, HeldObject};

use super::{cases, reconcile::bring};
use crate::{StepError, World, archiving::Failed, turn};

/// How many held versions a pass asks about: each takes the store some requests, and passes are many. Whoever reads every
/// object back asks about all of them.
const AT_ONCE: usize = 20;

/// Asks about some of the versions that are held, others each minute, and sets again what is gone.
pub(super) async fn look_after(world: &World, cases: &Cases, failed: &mut Failed) {
    let mut lost = BTreeSet::new();
    for object in some_of(&held(cases), world.now().micros().div_euclid(60_000_000)) {
        match asked(world, object).await {
            Ok(true) => {}
            Ok(false) => {
                lost.insert(object.clone());
            }
            Err(StepError::Vault(error)) if error.is_difference() => {
                tracing::error!(key = object.key, version = object.version, %error, "what is held is not as it should be");
            }
            Err(error) => {
                failed.note::<()>(Err(error));
            }
        }
    }
    set_again(world, cases, lost, failed).await;
}

/// Sets the holds of these versions again, of which somebody found that they are gone. What no open case holds is left.
///
/// # Errors
/// That holds were gone, where they were: as an alarm, after everything was done about it. Where the archive could not
/// set or confirm one, that.
pub(crate) async fn mend(world: &World, found: &[HeldObject]) -> Result<(), StepError> {
    let _turn = turn::take(world).await?;
    let cases = cases(&world.store).await?;
    let held = held(&cases);
    let mut failed = Failed::default();
    let mut lost = BTreeSet::new();
    for object in found.iter().filter(|object| held.contains(object)) {
        // Another replica may have been faster.
        if failed.note(asked(world, object).await) == Some(false) {
            lost.insert(object.clone());
        }
    }
    set_again(world, &cases, lost, &mut failed).await;
    failed.first()
}

async fn set_again(world: &World, cases: &Cases, lost: BTreeSet<HeldObject>, failed: &mut Failed) {
    let Some(HeldObject { key, version }) = lost.first().cloned() else { return };
    for object in &lost {
        tracing::error!(key = object.key, version = object.version, "a legal hold is gone: it is set again");
    }
    for case in cases.all().iter().filter(|case| case.is_open()) {
        let own = lost.iter().filter(|object| case.objects.contains(object)).cloned().collect();
        let outcome = bring(world, case, own, true, failed).await;
        failed.note(outcome);
    }
    let further = lost.len() - 1;
    failed.note::<()>(Err(StepError::HoldLost { key, version, further }));
}

fn held(cases: &Cases) -> BTreeSet<HeldObject> {
    cases.all().iter().filter(|case| case.is_open()).flat_map(|case| case.objects.iter().cloned()).collect()
}

/// The part of what is held that this minute is for.
fn some_of(held: &BTreeSet<HeldObject>, minute: i64) -> impl Iterator<Item = &HeldObject> {
    let parts = held.len().div_ceil(AT_ONCE).max(1);
    let part = usize::try_from(minute.rem_euclid(i64::try_from(parts).unwrap_or(1))).unwrap_or(0);
    held.iter().skip(part * AT_ONCE).take(AT_ONCE)
}

/// Whether the archive says that the version is held.
async fn asked(world: &World, object: &HeldObject) -> Result<bool, StepError> {
    let key = ObjectKey::parse(&object.key).map_err(|error| StepError::Ledger(error.to_string()))?;
    Ok(world.vault.legal_hold(&key, &Version::new(object.version.clone())).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_held_version_has_its_minute() {
        for count in [0, 1, 20, 21, 99] {
            let object = |number: usize| HeldObject { key: format!("{number:03}"), version: "1".to_owned() };
            let held: BTreeSet<HeldObject> = (0..count).map(object).collect();
            let minutes = i64::try_from(count.div_ceil(AT_ONCE).max(1)).expect("few");
            let seen: Vec<&HeldObject> = (7..7 + minutes).flat_map(|minute| some_of(&held, minute)).collect();
            assert_eq!((seen.len(), seen.into_iter().collect::<BTreeSet<_>>().len()), (count, count));
        }
    }
}
