//! From a report to WORM storage: intent, put, read back, receipt. What was not read back is not archived.

use exhibit_archive::{ObjectKey, PutOptions, Version, retention};
use exhibit_evidence::{
    Digest, EntryId,
    report::{Receipt, ReportFile},
};
use exhibit_store::{Append, ArchiveIntent, NewEntry};

use crate::{
    StepError, World,
    issuing::bundle_key,
    ledger_reads::{self, Kept},
    turn,
};

/// Puts every report's bundle that has no receipt yet, reads it back, and records the receipt. Tells how many.
///
/// # Errors
/// When the archive refuses, or gives back something else than was put; the next run tries again.
pub async fn archive_pending(world: &World) -> Result<u64, StepError> {
    let _turn = turn::take(world).await?;
    let mut archived = 0;
    for kept in ledger_reads::reports(&world.store).await? {
        if kept.receipts.is_empty() {
            archive(world, &kept).await?;
            archived += 1;
        }
    }
    finish_intents(world).await?;
    Ok(archived)
}

async fn archive(world: &World, kept: &Kept) -> Result<(), StepError> {
    let bundle = bundle_of(kept)?;
    let name = bundle_key(&kept.report);
    let intent = ArchiveIntent {
        key: name.clone(),
        digest: bundle.digest,
        size: bundle.size,
        subject: format!("report:{}", kept.id),
    };
    world.store.record_intent(&intent, world.now()).await?;

    let bytes = world.store.artifact(bundle.digest).await?.bytes;
    let key = ObjectKey::parse(&name).map_err(|error| StepError::Ledger(error.to_string()))?;
    let put_at = world.now();
    let options = PutOptions {
        put_at,
        retain_until: retention::retain_until(put_at, world.plan.retention_years),
        media_type: "application/x-tar".to_owned(),
    };
    let put = world.vault.put_once(&key, &bytes, &options).await?;
    let back = world.vault.read_back(&key, &put.version).await?;
    let read_back_at = world.now();
    if back.digest != bundle.digest || back.size != bundle.size {
        let (expected, found) = (bundle.digest.to_string(), back.digest.to_string());
        return Err(StepError::NotArchived { key: name, expected, found });
    }
    if back.retain_until < options.retain_until {
        let (expected, found) = (options.retain_until.human(), back.retain_until.human());
        let (expected, found) = (format!("kept until {expected}"), format!("kept until {found}"));
        return Err(StepError::NotArchived { key: name, expected, found });
    }
    let description = world.vault.describe();
    let receipt = Receipt {
        report: kept.id,
        store: description.kind.to_owned(),
        regulatory_worm: description.regulatory_worm,
        key: name,
        version: back.version.to_string(),
        digest: back.digest,
        size: back.size,
        mode: back.mode,
        retain_until: back.retain_until,
        legal_hold: back.legal_hold,
        put_at: back.put_at,
        read_back_at,
    };
    let entry = NewEntry { id: world.entry_id(), body: receipt.into() };
    world.store.append(Append::entries(world.now(), vec![entry])).await?;
    Ok(())
}

fn bundle_of(kept: &Kept) -> Result<&ReportFile, StepError> {
    let bundle = kept.report.files.iter().find(|file| file.name == "bundle");
    bundle.ok_or_else(|| StepError::Ledger(format!("report {} names no bundle", kept.id)))
}

/// Notes which intents have their receipt: also after a crash between the receipt and this note.
async fn finish_intents(world: &World) -> Result<(), StepError> {
    let open = world.store.open_intents().await?;
    if open.is_empty() {
        return Ok(());
    }
    for entry in world.store.entries_of_kind("receipt").await? {
        let envelope = entry.envelope()?;
        if let exhibit_evidence::Body::Receipt(receipt) = &envelope.body
            && open.iter().any(|intent| intent.key == receipt.key)
        {
            world.store.finish_intent(&receipt.key, envelope.id, world.now()).await?;
        }
    }
    Ok(())
}

/// A receipt held against what the archive says now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptCheck {
    /// The report.
    pub report: EntryId,
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

/// A report that was issued, but has no receipt of the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unarchived {
    /// The report.
    pub report: EntryId,
    /// The key that its bundle is to be archived under.
    pub key: String,
}

/// The reports that were issued, but have no receipt yet.
///
/// # Errors
/// When the ledger can't be read.
pub async fn unarchived(world: &World) -> Result<Vec<Unarchived>, StepError> {
    let kept = ledger_reads::reports(&world.store).await?;
    let without = kept.iter().filter(|kept| kept.receipts.is_empty());
    Ok(without.map(|kept| Unarchived { report: kept.id, key: bundle_key(&kept.report) }).collect())
}

/// Reads every receipt's object back and holds it against the receipt.
///
/// # Errors
/// When the ledger can't be read. What the archive can't answer is told receipt by receipt.
pub async fn check_receipts(world: &World) -> Result<Vec<ReceiptCheck>, StepError> {
    let mut checks = Vec::new();
    for kept in ledger_reads::reports(&world.store).await? {
        for receipt in &kept.receipts {
            let (difference, answered) = match difference(world, receipt).await {
                Ok(difference) => (difference, true),
                Err(why) => (Some(why), false),
            };
            checks.push(ReceiptCheck {
                report: kept.id,
                key: receipt.key.clone(),
                version: receipt.version.clone(),
                digest: receipt.digest,
                difference,
                answered,
            });
        }
    }
    Ok(checks)
}

/// What is not as the receipt says; an error where that could not be found out.
async fn difference(world: &World, receipt: &Receipt) -> Result<Option<String>, String> {
    let key = match ObjectKey::parse(&receipt.key) {
        Ok(key) => key,
        Err(error) => return Ok(Some(error.to_string())),
    };
    let back = match world.vault.read_back(&key, &Version::new(receipt.version.clone())).await {
        Ok(back) => back,
        Err(error) if error.is_difference() => return Ok(Some(error.to_string())),
        Err(error) => return Err(error.to_string()),
    };
    if back.digest != receipt.digest {
        return Ok(Some(format!("the bytes are {}, the receipt says {}", back.digest, receipt.digest)));
    }
    if back.retain_until < receipt.retain_until {
        let (now, then) = (back.retain_until, receipt.retain_until);
        return Ok(Some(format!("kept until {}, the receipt says {}", now.human(), then.human())));
    }
    if receipt.legal_hold && !back.legal_hold {
        return Ok(Some("no legal hold, the receipt says there is one".to_owned()));
    }
    Ok((back.mode != receipt.mode).then(|| format!("mode {}, the receipt says {}", back.mode, receipt.mode)))
}
