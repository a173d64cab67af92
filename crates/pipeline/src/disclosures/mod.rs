//! Disclosable values beside the ledger: encrypted into the archive, opened again for comparison, erased by law.

mod sealed;

use std::{collections::BTreeMap, ops::Range};

use exhibit_archive::{ObjectKey, Version};
use exhibit_evidence::{
    Digest, Disclosure, EntryId, GroupId,
    report::{DISCLOSURES, Receipt, disclosures_range},
};
use exhibit_store::{Disclosed, Erased, NewErasure};
use sealed::{SealedDisclosures, ToSeal, seal};

use crate::{
    Person, StepError, World, checkpoint, hold_to_outside,
    people::{actor, may_act},
    sealing::scrubbed,
};

/// The longest reason for an erasure, in characters.
pub const LONGEST_REASON: usize = 500;

/// The key of the object that covers the entries in this range.
pub(crate) fn object_key(range: &Range<u64>) -> String {
    format!("{DISCLOSURES}{:016}-{:016}.jsonl", range.start, range.end)
}

/// Encrypts the values of the entries in this range that are not erased, each under the key of its group.
///
/// Nonces are random: the same range again makes other bytes. Who archives keeps the bytes before the first put.
pub(crate) async fn encrypt(world: &World, range: &Range<u64>) -> Result<Vec<u8>, StepError> {
    let kept = world.store.disclosures_within(range.clone()).await?;
    let keys = world.store.group_keys(&groups(kept.iter().map(|one| one.group))).await?;
    // Erased between the two readings: there is no key any more.
    let values: Vec<ToSeal<'_>> = kept
        .iter()
        .filter_map(|one| {
            let (disclosure, key) = (one.disclosure.as_ref()?, keys.get(&one.group)?);
            let mut nonce = [0; 12];
            world.random.fill(&mut nonce);
            Some(ToSeal { disclosed: one, disclosure, key, nonce })
        })
        .collect();
    seal(world.origin(), range, &values).map_err(|error| StepError::Disclosures(error.to_string()))
}

fn groups(all: impl Iterator<Item = GroupId>) -> Vec<GroupId> {
    let mut groups: Vec<GroupId> = all.collect();
    groups.sort();
    groups.dedup();
    groups
}

/// The group of each digest in an archived object of disclosures.
pub(crate) fn groups_of(bytes: &[u8]) -> Result<Vec<(Digest, GroupId)>, String> {
    let object = SealedDisclosures::read(bytes).map_err(|error| error.to_string())?;
    Ok(object.lines.iter().map(|line| (line.digest, line.group)).collect())
}

/// What an archived object of disclosures gives back with the keys that there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// The values that opened, each with the entry that it belongs to; their digests are those of the records.
    pub opened: Vec<(EntryId, Disclosure)>,
    /// The digests that nobody can open any more, since the ledger tells of their group's erasure.
    pub erased: Vec<(EntryId, Digest)>,
    /// The digests that nobody can open any more, since a restoration from the archive could not bring their group's key back.
    pub lost: Vec<(EntryId, Digest)>,
    /// What is not as it should be.
    pub differences: Vec<String>,
}

/// Opens the object of a receipt with the keys in the database, and compares what is inside with the values there.
///
/// # Errors
/// When archive or database can't be read. What does not open, or is another value, is told as a difference.
pub async fn recover_disclosures(world: &World, receipt: &Receipt) -> Result<Recovered, StepError> {
    let key = ObjectKey::parse(&receipt.key).map_err(|error| StepError::Ledger(error.to_string()))?;
    let bytes = world.vault.get(&key, &Version::new(receipt.version.clone())).await?;
    let mut recovered = Recovered::default();
    let object = match SealedDisclosures::read(&bytes) {
        Ok(object) => object,
        Err(error) => {
            recovered.differences.push(error.to_string());
            return Ok(recovered);
        }
    };
    if object.origin != world.origin() || Some(object.range.clone()) != disclosures_range(&receipt.key) {
        recovered.differences.push(format!("it is of log {}, entries {:?}", object.origin, object.range));
        return Ok(recovered);
    }
    let keys = world.store.group_keys(&groups(object.lines.iter().map(|line| line.group))).await?;
    let told: Vec<GroupId> = world.store.erasures().await?.iter().map(|one| one.erasure.group).collect();
    let lost = world.store.lost_groups().await?;
    let kept = world.store.disclosures_within(object.range.clone()).await?;
    let mut kept: BTreeMap<Digest, Disclosed> = kept.into_iter().map(|one| (one.digest, one)).collect();
    for line in &object.lines {
        let beside = kept.remove(&line.digest);
        let (digest, group) = (line.digest, line.group);
        let mut differs = |why: String| recovered.differences.push(format!("digest {digest}: {why}"));
        match (keys.get(&group), told.contains(&group)) {
            (None, true) => recovered.erased.push((line.entry, digest)),
            (None, false) if lost.contains(&group) => recovered.lost.push((line.entry, digest)),
            (None, false) => differs(format!("group {group} has no key, and no entry tells of its erasure")),
            (Some(key), _) => match object.open(line, key) {
                Err(error) => recovered.differences.push(error.to_string()),
                Ok(value) => match beside {
                    Some(one) if one.entry == line.entry && one.disclosure.as_ref() == Some(&value) => {
                        recovered.opened.push((line.entry, value));
                    }
                    _ => differs("the database has another value beside the record".to_owned()),
                },
            },
        }
    }
    for (digest, _) in kept.into_iter().filter(|(_, one)| one.disclosure.is_some()) {
        recovered.differences.push(format!("digest {digest}: its value is not in the object"));
    }
    Ok(recovered)
}

/// Erases a group of disclosable values for good, and signs the ledger that tells of it.
///
/// # Errors
/// When the person may not, or the reason says nothing, is too long, or names what is erased; when there is no such group, or it was erased
/// before; when the ledger is not as it was signed. Nothing is erased then. Where only the checkpoint could not be kept,
/// the erasure stands, and the next run signs it.
pub async fn erase_disclosures(
    world: &World,
    person: &Person,
    group: GroupId,
    reason: &str,
) -> Result<Erased, StepError> {
    may_act(person)?;
    let reason = reason.trim();
    let length = reason.chars().count();
    if length == 0 || length > LONGEST_REASON {
        let why = format!("a reason has 1 to {LONGEST_REASON} characters, this one has {length}");
        return Err(StepError::Disclosures(why));
    }
    hold_to_outside(world).await?;
    let reason = scrubbed(&world.engine, reason).unwrap_or_else(|| reason.to_owned());
    let entry = world.entry_id();
    let mut names = Vec::new();
    let by = actor(world, entry, person, &mut names)?;
    let Some(name) = names.pop() else { return Err(StepError::Disclosures("nobody is named".to_owned())) };
    let new = NewErasure { group, entry, reason, by, name, now: world.now() };
    let erased = world.store.erase_group(&new).await?;
    checkpoint(world).await?;
    Ok(erased)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_its_range() {
        assert_eq!(object_key(&(0..57)), "disclosures/0000000000000000-0000000000000057.jsonl");
        assert_eq!(disclosures_range(&object_key(&(57..1_000_000))), Some(57..1_000_000));
        assert_eq!(disclosures_range("reports/2026-Q4/final-0000000000000057/bundle.tar"), None);
    }
}
