//! The archive and its receipts as a source for the collector that holds one against the other.

use std::future::Future;

use exhibit_collectors::archived::{ArchiveSource, ReceiptFacts, Seen, StoreFacts, Surrounding};
use tokio::runtime::Handle;

use crate::{
    World,
    archiving::{archive_surroundings, look, receipts},
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
        let receipts = self.ask(receipts(self.world)).map_err(told)?;
        Ok(receipts.into_iter().map(|(_, facts)| facts).collect())
    }

    fn look(&self, receipt: &ReceiptFacts) -> Result<Seen, String> {
        self.ask(look(self.world, &receipt.key, &receipt.version))
    }

    fn surroundings(&self) -> Result<Vec<Surrounding>, String> {
        self.ask(archive_surroundings(self.world)).map_err(told)
    }
}
