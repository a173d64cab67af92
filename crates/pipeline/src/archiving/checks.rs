//! Receipts, held against what the archive says now: for who asks by hand, and for the collector that attests it on a
//! schedule. Both compare by the collector's own function, so that they say the same.

use exhibit_archive::{Aspect, Depth, ObjectKey, Standing, Version};
use exhibit_collectors::{
    archived::{ReceiptFacts, Seen, Surrounding},
    worm_archive::{HOLD_LOST, departures},
};
use exhibit_evidence::{Digest, EntryId, hold::HeldObject, report::Receipt};

use crate::{StepError, World, disclosures, holds, ledger_reads};

/// A receipt held against what the archive says now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptCheck {
    /// The report; none for an object that belongs to none.
    pub report: Option<EntryId>,
    /// The object's key.
    pub key: String,
    /// The version.
    pub version: String,
    /// The digest that the receipt names.
    pub digest: Digest,
    /// What is not as the receipt says, or could not be found out; none where all of it is as it says.
    pub difference: Option<String>,
    /// Whether the archive gave an answer at all: where it did not, the difference is that nothing is known.
    pub answered: bool,
    /// Values in an object of disclosures that nobody opens any more, as they were erased: that is no difference.
    pub erased_names: u64,
    /// Values in it that nobody opens any more, as a restoration could not bring their keys back: no difference either,
    /// the object is as its receipt says.
    pub lost_names: u64,
    /// Whether the difference is, or is also, that a legal hold is gone.
    pub hold_lost: bool,
}

/// Reads every receipt's object back and holds it against the receipt. Encrypted disclosures are opened with the keys
/// that there are, and held against the values in the database.
///
/// # Errors
/// When the ledger can't be read. What the archive can't answer is told receipt by receipt.
pub async fn check_receipts(world: &World) -> Result<Vec<ReceiptCheck>, StepError> {
    let mut checks = Vec::new();
    for (receipt, facts) in receipts(world).await? {
        let (found, answered) = match compare(world, &receipt, &facts).await {
            Ok(found) => (found, true),
            Err(why) => (Found { difference: Some(why), ..Found::default() }, false),
        };
        checks.push(ReceiptCheck {
            report: receipt.report,
            key: receipt.key,
            version: receipt.version,
            digest: receipt.digest,
            difference: found.difference,
            answered,
            erased_names: found.erased_names,
            lost_names: found.lost_names,
            hold_lost: found.hold_lost,
        });
    }
    Ok(checks)
}

/// The latest receipt of each object version, and what of it is compared.
pub(crate) async fn receipts(world: &World) -> Result<Vec<(Receipt, ReceiptFacts)>, StepError> {
    let cases = holds::cases(&world.store).await?;
    let receipts = ledger_reads::latest_receipts(&world.store).await?;
    let facts = receipts.into_iter().map(|receipt| {
        let held = cases.hold(&HeldObject { key: receipt.key.clone(), version: receipt.version.clone() });
        let facts = ReceiptFacts {
            key: receipt.key.clone(),
            version: receipt.version.clone(),
            subject: receipt.subject.word().to_owned(),
            digest: receipt.digest,
            size: receipt.size,
            mode: receipt.mode.clone(),
            retain_until: receipt.retain_until,
            held,
            hold_set_again: None,
        };
        (receipt, facts)
    });
    Ok(facts.collect())
}

/// What the archive says of a receipt's object.
///
/// # Errors
/// Why nothing was found out.
pub(crate) async fn look(world: &World, key: &str, version: &str) -> Result<Seen, String> {
    let key = ObjectKey::parse(key).map_err(|error| error.to_string())?;
    match world.vault.read_back(&key, &Version::new(version)).await {
        Ok(back) => Ok(Seen::There {
            digest: back.digest,
            size: back.size,
            mode: back.mode,
            retain_until: back.retain_until,
            legal_hold: back.legal_hold,
            masked: back.masked,
        }),
        Err(error) if error.is_difference() => {
            Ok(Seen::Wrong { code: error.code().to_owned(), message: error.to_string() })
        }
        Err(error) => Err(error.to_string()),
    }
}

/// What surrounds the objects. Nothing is tried for it, so that the service's own rights are told only where the archive
/// knows them without: what was not asked is no answer.
///
/// # Errors
/// When the archive gives no answer.
pub async fn archive_surroundings(world: &World) -> Result<Vec<Surrounding>, StepError> {
    let found = world.vault.examine(world.now(), Depth::Asking).await?;
    let told = found.into_iter().filter(|one| one.aspect != Aspect::Rights || one.standing != Standing::Unknown);
    let surrounding = |one: exhibit_archive::Observation| Surrounding {
        aspect: one.aspect.to_string(),
        standing: one.standing.as_str().to_owned(),
        value: one.value,
        sentence: one.sentence,
    };
    Ok(told.map(surrounding).collect())
}

/// What a receipt's object came to.
#[derive(Default)]
struct Found {
    difference: Option<String>,
    erased_names: u64,
    lost_names: u64,
    hold_lost: bool,
}

/// What is not as the receipt says; an error where that could not be found out.
async fn compare(world: &World, receipt: &Receipt, facts: &ReceiptFacts) -> Result<Found, String> {
    let seen = look(world, &receipt.key, &receipt.version).await?;
    let departures = departures(facts, &seen);
    if !departures.is_empty() {
        let hold_lost = departures.iter().any(|departure| departure.condition == HOLD_LOST);
        let told: Vec<String> = departures.into_iter().map(|departure| departure.detail).collect();
        return Ok(Found { difference: Some(told.join(" ")), hold_lost, ..Found::default() });
    }
    if !receipt.is_of_disclosures() {
        return Ok(Found::default());
    }
    let recovered = disclosures::recover_disclosures(world, receipt).await.map_err(|error| error.to_string())?;
    let more = recovered.differences.len().saturating_sub(1);
    let difference = recovered.differences.into_iter().next().map(|first| match more {
        0 => first,
        more => format!("{first}; and {more} more"),
    });
    let (erased_names, lost_names) = (recovered.erased.len() as u64, recovered.lost.len() as u64);
    Ok(Found { difference, erased_names, lost_names, hold_lost: false })
}
