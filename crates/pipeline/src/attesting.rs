//! The archive and its receipts as a source for the collector that holds one against the other.

use std::future::Future;

use exhibit_collectors::archived::{ArchiveSource, ReceiptFacts, Seen, StoreFacts, Surrounding};
use exhibit_evidence::{CollectorId, hold::HeldObject};
use exhibit_store::EvidenceFilter;
use tokio::runtime::Handle;

use crate::{
    StepError, World,
    archiving::{archive_surroundings, look, receipts},
    holds,
};

/// This world's archive. Collectors block, on threads of their own: each question is asked on the runtime that the caller
/// of the collector is on.
pub(crate) struct OwnArchive<'w> {
    world: &'w World,
    runtime: Handle,
}

impl<'w> OwnArchive<'w> {
    /// The archive of this world, for a thread that is not the runtime's own.
    pub(crate) fn new(world: &'w World, runtime: Handle) -> Self {
        Self { world, runtime }
    }

    fn ask<T>(&self, question: impl Future<Output = T>) -> T {
        self.runtime.block_on(question)
    }
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}

impl ArchiveSource for OwnArchive<'_> {
    fn store(&self) -> StoreFacts {
        let description = self.world.vault.describe();
        StoreFacts { kind: description.kind.to_owned(), regulatory_worm: description.regulatory_worm }
    }

    fn count(&self) -> Result<u64, String> {
        self.ask(self.world.store.receipted_versions()).map_err(told)
    }

    fn receipts(&self) -> Result<Vec<ReceiptFacts>, String> {
        self.ask(facts(self.world)).map_err(told)
    }

    fn look(&self, receipt: &ReceiptFacts) -> Result<Seen, String> {
        self.ask(look(self.world, &receipt.key, &receipt.version))
    }

    fn surroundings(&self) -> Result<Vec<Surrounding>, String> {
        self.ask(archive_surroundings(self.world)).map_err(told)
    }
}

/// The receipts, with the holds that were found gone since the last attestation: mended, but not unseen.
async fn facts(world: &World) -> Result<Vec<ReceiptFacts>, StepError> {
    let attestation = CollectorId::new("worm_archive").map_err(|error| StepError::Ledger(error.to_string()))?;
    let last = EvidenceFilter { collectors: vec![attestation], limit: 1, ..EvidenceFilter::default() };
    let last = world.store.evidence_list(&last).await?.pop().map(|evidence| evidence.recorded_at);
    let cases = holds::cases(&world.store).await?;
    let mut facts: Vec<ReceiptFacts> = receipts(world).await?.into_iter().map(|(_, facts)| facts).collect();
    for facts in &mut facts {
        let object = HeldObject { key: facts.key.clone(), version: facts.version.clone() };
        facts.hold_set_again = cases.set_again(&object).filter(|at| last.is_none_or(|last| *at >= last));
    }
    Ok(facts)
}
