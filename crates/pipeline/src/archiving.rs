//! To WORM storage: intent, put, read back, receipt. What was not read back is not archived.
//!
//! Every object goes the same way ([`object`]), and one that fails blocks no other: what went wrong first is told at the
//! end, and the next run tries again.

mod checks;
mod object;
mod segments;

use std::ops::Range;

use exhibit_evidence::{
    EntryId,
    report::{Archived, Receipt, ReportFile, disclosures_range},
};
use exhibit_store::{ArchiveIntent, NewArtifact, Packed, Store};

pub use checks::{ReceiptCheck, archive_surroundings, check_receipts};
pub(crate) use checks::{look, receipts};
use object::{Object, archive};
use segments::Until;
pub(crate) use segments::{artifact_key, cites};

use crate::{
    StepError, World, disclosures, holds,
    ledger_reads::{self, Kept},
    retaining, turn,
};

/// Archives what is to be in the archive and has no receipt yet: reports' bundles, the disclosable values of the entries
/// that they speak of, the segments of finished days with the raw artifacts that they cite. Then sets and lifts legal
/// holds, and makes retentions longer where the configuration says so. Tells how many bundles were archived.
///
/// # Errors
/// When the archive refuses, or gives back something else than was put; the next run tries again. What else there was to
/// do is done before the first error is told.
pub async fn archive_pending(world: &World) -> Result<u64, StepError> {
    archive_while(world, &|| true).await
}

/// Whether to go on with the next object.
pub(crate) type GoOn<'a> = &'a (dyn Fn() -> bool + Send + Sync);

/// Archives what [`archive_pending`] does, and ends early where it is told to: after a long absence there may be hundreds
/// of days to archive. What is left out is there the next time.
pub(crate) async fn archive_while(world: &World, go_on: GoOn<'_>) -> Result<u64, StepError> {
    let _turn = turn::take(world).await?;
    let mut failed = Failed::default();
    let archived = reports(world, &mut failed).await?;
    segments::archive_days(world, Until::Finished, go_on, &mut failed).await?;
    finish_intents(world).await?;
    if !go_on() {
        failed.first()?;
        return Ok(archived);
    }
    failed.note(holds::reconcile(world).await);
    failed.note(retaining::lengthen(world).await);
    failed.first()?;
    Ok(archived)
}

/// Archives what [`archive_pending`] does, and the ledger up to this moment instead of the last finished day: before a
/// machine is taken down, so that the archive alone could give everything back. Tells up to which entry.
///
/// # Errors
/// As [`archive_pending`].
pub async fn archive_to_now(world: &World) -> Result<u64, StepError> {
    let mut failed = Failed::default();
    failed.note(archive_pending(world).await);
    let _turn = turn::take(world).await?;
    let covered = segments::archive_days(world, Until::Now, &|| true, &mut failed).await?;
    finish_intents(world).await?;
    failed.first()?;
    Ok(covered)
}

/// The first thing that went wrong with one object, while the others go on.
#[derive(Default)]
pub(crate) struct Failed(Option<StepError>);

impl Failed {
    /// Takes an outcome; tells what it gave, or nothing.
    pub(crate) fn note<T>(&mut self, outcome: Result<T, StepError>) -> Option<T> {
        match outcome {
            Ok(value) => Some(value),
            Err(error) => {
                tracing::warn!(%error, "an object of the archive has to wait");
                self.0.get_or_insert(error);
                None
            }
        }
    }

    /// The first error, if there was one.
    pub(crate) fn first(self) -> Result<(), StepError> {
        self.0.map_or(Ok(()), Err)
    }
}

async fn reports(world: &World, failed: &mut Failed) -> Result<u64, StepError> {
    let mut archived = 0;
    let reports = ledger_reads::reports(&world.store).await?;
    let mut covered = disclosures_covered(&reports);
    for kept in reports {
        if !kept.is_archived() {
            let bundle = bundle_of(&kept)?;
            let object = Object {
                subject: Archived::Report,
                report: Some(kept.id),
                key: kept.report.bundle_key(),
                digest: bundle.digest,
                size: bundle.size,
                media_type: "application/x-tar".to_owned(),
            };
            world.store.record_intent(&object.intent(format!("report:{}", kept.id)), world.now()).await?;
            archived += u64::from(failed.note(archive(world, object).await).is_some());
        }
        if covered < kept.report.size {
            // Each object begins where the one before it ended: a later one would leave a hole.
            match archive_disclosures(world, kept.id, covered..kept.report.size).await {
                Ok(()) => covered = kept.report.size,
                Err(error) => {
                    failed.note::<()>(Err(error));
                    covered = u64::MAX;
                }
            }
        }
    }
    Ok(archived)
}

/// Up to which entry disclosable values have a receipt. Each object begins where the one before it ended.
fn disclosures_covered(reports: &[Kept]) -> u64 {
    let receipts = reports.iter().flat_map(|kept| &kept.receipts);
    receipts.filter_map(|receipt| disclosures_range(&receipt.key)).map(|range| range.end).max().unwrap_or(0)
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
            let packed = Packed::new(&NewArtifact { media_type: MEDIA_TYPE.to_owned(), bytes: bytes.into() });
            keep_intended(world, key, packed, format!("disclosures-of:{report}")).await?
        }
    };
    let object = Object::intended(intent, Archived::Disclosures, Some(report), MEDIA_TYPE);
    archive(world, object).await
}

/// Keeps the bytes of an object in the database, and then the intent that names them.
async fn keep_intended(
    world: &World,
    key: String,
    packed: Packed,
    subject: String,
) -> Result<ArchiveIntent, StepError> {
    world.store.keep_artifact(&packed, world.now()).await?;
    let intent = ArchiveIntent { key, digest: packed.digest(), size: packed.size(), subject };
    world.store.record_intent(&intent, world.now()).await?;
    Ok(intent)
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
    for (id, receipt) in ledger_reads::receipts(&world.store).await? {
        if open.iter().any(|intent| intent.key == receipt.key) {
            world.store.finish_intent(&receipt.key, id, world.now()).await?;
        }
    }
    Ok(())
}

/// An object that ought to be in the archive, but has no receipt of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unarchived {
    /// The report that it belongs to; none for a segment or an artifact.
    pub report: Option<EntryId>,
    /// The key that it is to be archived under.
    pub key: String,
}

/// The reports that were issued, and the objects that were intended, but have no receipt yet.
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
    let mut without: Vec<Unarchived> = Vec::new();
    for kept in &reports {
        let report = Some(kept.id);
        if !kept.is_archived() {
            without.push(Unarchived { report, key: kept.report.bundle_key() });
        }
        if covered < kept.report.size {
            without.push(Unarchived { report, key: disclosures::object_key(&(covered..kept.report.size)) });
            covered = kept.report.size;
        }
    }
    let receipts = ledger_reads::receipts(store).await?;
    let has_receipt = |key: &str| receipts.iter().any(|(_, receipt): &(EntryId, Receipt)| receipt.key == key);
    for intent in store.open_intents().await? {
        if !without.iter().any(|one| one.key == intent.key) && !has_receipt(&intent.key) {
            without.push(Unarchived { report: None, key: intent.key });
        }
    }
    Ok(without)
}
