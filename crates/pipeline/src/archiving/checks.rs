//! Receipts, held against what the archive says now.

use exhibit_archive::{ObjectKey, ReadBack, VaultError, Version};
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
}

/// Reads every receipt's object back and holds it against the receipt. Encrypted disclosures are opened with the keys
/// that there are, and held against the values in the database.
///
/// # Errors
/// When the ledger can't be read. What the archive can't answer is told receipt by receipt.
pub async fn check_receipts(world: &World) -> Result<Vec<ReceiptCheck>, StepError> {
    let cases = holds::cases(&world.store).await?;
    let mut checks = Vec::new();
    for receipt in ledger_reads::latest_receipts(&world.store).await? {
        let held = cases.hold(&HeldObject { key: receipt.key.clone(), version: receipt.version.clone() });
        let (difference, answered) = match difference(world, &receipt, held).await {
            Ok(difference) => (difference, true),
            Err(why) => (Some(why), false),
        };
        checks.push(ReceiptCheck {
            report: receipt.report,
            key: receipt.key,
            version: receipt.version,
            digest: receipt.digest,
            difference,
            answered,
        });
    }
    Ok(checks)
}

/// What the archive says of a receipt's object.
pub(crate) enum Looked {
    /// It is there.
    There(Box<ReadBack>),
    /// It is not as it should be, so far that the store itself refuses it.
    Wrong(VaultError),
    /// Nothing was found out.
    Unanswered(String),
}

/// Looks at the object of a receipt.
pub(crate) async fn look(world: &World, key: &str, version: &str) -> Looked {
    let key = match ObjectKey::parse(key) {
        Ok(key) => key,
        Err(error) => return Looked::Unanswered(error.to_string()),
    };
    match world.vault.read_back(&key, &Version::new(version)).await {
        Ok(back) => Looked::There(Box::new(back)),
        Err(error) if error.is_difference() => Looked::Wrong(error),
        Err(error) => Looked::Unanswered(error.to_string()),
    }
}

/// What is not as the receipt says; an error where that could not be found out. `held` says whether the archive confirmed
/// a legal hold on it since.
async fn difference(world: &World, receipt: &Receipt, held: bool) -> Result<Option<String>, String> {
    let back = match look(world, &receipt.key, &receipt.version).await {
        Looked::There(back) => back,
        Looked::Wrong(error) => return Ok(Some(error.to_string())),
        Looked::Unanswered(why) => return Err(why),
    };
    if back.digest != receipt.digest {
        return Ok(Some(format!("the bytes are {}, the receipt says {}", back.digest, receipt.digest)));
    }
    if back.retain_until < receipt.retain_until {
        let (now, then) = (back.retain_until, receipt.retain_until);
        return Ok(Some(format!("kept until {}, the receipt says {}", now.human(), then.human())));
    }
    if held && !back.legal_hold {
        return Ok(Some("no legal hold, but an open case set one on it and read it back".to_owned()));
    }
    if back.mode != receipt.mode {
        return Ok(Some(format!("mode {}, the receipt says {}", back.mode, receipt.mode)));
    }
    if back.masked {
        return Ok(Some("a delete marker or a later version hides it from whoever names no version".to_owned()));
    }
    if !receipt.is_of_disclosures() {
        return Ok(None);
    }
    let recovered = disclosures::recover_disclosures(world, receipt).await.map_err(|error| error.to_string())?;
    let more = recovered.differences.len().saturating_sub(1);
    Ok(recovered.differences.into_iter().next().map(|first| match more {
        0 => first,
        more => format!("{first}; and {more} more"),
    }))
}
