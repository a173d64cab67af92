//! From a report to WORM storage: intent, put, read back, receipt. What was not read back is not archived.

use std::ops::Range;

use exhibit_archive::{ObjectKey, PutOptions, Version, retention};
use exhibit_evidence::{
    Digest, EntryId,
    report::{Receipt, ReportFile},
};
use exhibit_store::{Append, ArchiveIntent, NewArtifact, NewEntry, Store};

use crate::{
    StepError, World, disclosures,
    issuing::bundle_key,
    ledger_reads::{self, Kept},
    turn,
};

/// Puts every report's bundle that has no receipt yet, reads it back, and records the receipt; and so the disclosable
/// values of all entries that the report speaks of, encrypted. Tells how many bundles.
///
/// # Errors
/// When the archive refuses, or gives back something else than was put; the next run tries again.
pub async fn archive_pending(world: &World) -> Result<u64, StepError> {
    let _turn = turn::take(world).await?;
    let mut archived = 0;
    let reports = ledger_reads::reports(&world.store).await?;
    let mut covered = disclosures_covered(&reports);
    for kept in reports {
        if !kept.is_archived() {
            let bundle = bundle_of(&kept)?;
            let object = Object {
                key: bundle_key(&kept.report),
                digest: bundle.digest,
                size: bundle.size,
                subject: format!("report:{}", kept.id),
                media_type: "application/x-tar",
            };
            world.store.record_intent(&object.intent(), world.now()).await?;
            archive(world, kept.id, object).await?;
            archived += 1;
        }
        if covered < kept.report.size {
            archive_disclosures(world, kept.id, covered..kept.report.size).await?;
            covered = kept.report.size;
        }
    }
    finish_intents(world).await?;
    Ok(archived)
}

/// Up to which entry disclosable values have a receipt. Each object begins where the one before it ended.
fn disclosures_covered(reports: &[Kept]) -> u64 {
    let receipts = reports.iter().flat_map(|kept| &kept.receipts);
    receipts.filter_map(|receipt| disclosures::range_of(&receipt.key)).map(|range| range.end).max().unwrap_or(0)
}

/// What is to be archived; its bytes are an artifact.
struct Object {
    key: String,
    digest: Digest,
    size: u64,
    subject: String,
    media_type: &'static str,
}

impl Object {
    fn intent(&self) -> ArchiveIntent {
        let Self { key, digest, size, subject, .. } = self;
        ArchiveIntent { key: key.clone(), digest: *digest, size: *size, subject: subject.clone() }
    }
}

/// Archives the disclosable values of these entries.
///
/// The encrypted bytes are kept in the database before the intent, and the intent names them before the first put: a run
/// after a crash puts the same bytes again, whatever was erased meanwhile, and no nonce is ever used for two texts.
async fn archive_disclosures(world: &World, report: EntryId, range: Range<u64>) -> Result<(), StepError> {
    const MEDIA_TYPE: &str = "application/jsonl";
    let key = disclosures::object_key(&range);
    let open = world.store.open_intents().await?;
    let intent = match open.into_iter().find(|intent| intent.key == key) {
        Some(intent) => intent,
        None => {
            let bytes = disclosures::encrypt(world, &range).await?;
            let artifact = NewArtifact { media_type: MEDIA_TYPE.to_owned(), bytes };
            let size = artifact.bytes.len() as u64;
            let digest = world.store.put_artifact(&artifact, world.now()).await?;
            let intent = ArchiveIntent { key, digest, size, subject: format!("disclosures-of:{report}") };
            world.store.record_intent(&intent, world.now()).await?;
            intent
        }
    };
    let ArchiveIntent { key, digest, size, subject } = intent;
    archive(world, report, Object { key, digest, size, subject, media_type: MEDIA_TYPE }).await
}

/// Puts an object whose intent is recorded, reads it back, and records the receipt.
async fn archive(world: &World, report: EntryId, object: Object) -> Result<(), StepError> {
    let Object { key: name, digest, size, media_type, .. } = object;
    let bytes = world.store.artifact(digest).await?.bytes;
    let key = ObjectKey::parse(&name).map_err(|error| StepError::Ledger(error.to_string()))?;
    let put_at = world.now();
    let options = PutOptions {
        put_at,
        retain_until: retention::retain_until(put_at, world.plan.retention_years),
        media_type: media_type.to_owned(),
    };
    let put = world.vault.put_once(&key, &bytes, &options).await?;
    let back = world.vault.read_back(&key, &put.version).await?;
    let read_back_at = world.now();
    if back.digest != digest || back.size != size {
        let (expected, found) = (digest.to_string(), back.digest.to_string());
        return Err(StepError::NotArchived { key: name, expected, found });
    }
    if back.retain_until < options.retain_until {
        let (expected, found) = (options.retain_until.human(), back.retain_until.human());
        let (expected, found) = (format!("kept until {expected}"), format!("kept until {found}"));
        return Err(StepError::NotArchived { key: name, expected, found });
    }
    let description = world.vault.describe();
    let receipt = Receipt {
        report,
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
    /// The key that its bundle, or the values that belong to it, are to be archived under.
    pub key: String,
}

/// The reports that were issued, but have no receipt yet.
///
/// # Errors
/// When the ledger can't be read.
pub async fn unarchived(world: &World) -> Result<Vec<Unarchived>, StepError> {
    unarchived_of(&world.store).await
}

/// The same, for who has the ledger alone.
///
/// # Errors
/// When the ledger can't be read.
pub async fn unarchived_of(store: &Store) -> Result<Vec<Unarchived>, StepError> {
    let reports = ledger_reads::reports(store).await?;
    let mut covered = disclosures_covered(&reports);
    let mut without = Vec::new();
    for kept in &reports {
        if !kept.is_archived() {
            without.push(Unarchived { report: kept.id, key: bundle_key(&kept.report) });
        }
        if covered < kept.report.size {
            without.push(Unarchived { report: kept.id, key: disclosures::object_key(&(covered..kept.report.size)) });
            covered = kept.report.size;
        }
    }
    Ok(without)
}

/// Reads every receipt's object back and holds it against the receipt. Encrypted disclosures are opened with the keys
/// that there are, and held against the values in the database.
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
    if back.mode != receipt.mode {
        return Ok(Some(format!("mode {}, the receipt says {}", back.mode, receipt.mode)));
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
