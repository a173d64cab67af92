//! The archive and its receipts as a source for the collector that holds one against the other.

use std::future::Future;

use exhibit_archive::Depth;
use exhibit_collectors::archived::{ArchiveSource, ReceiptFacts, Seen, StoreFacts, Surrounding};
use exhibit_evidence::hold::HeldObject;
use tokio::runtime::Handle;

use crate::{
    StepError, World,
    archiving::{Looked, look},
    holds, ledger_reads,
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
        self.ask(receipts(self.world)).map_err(told)
    }

    fn look(&self, receipt: &ReceiptFacts) -> Result<Seen, String> {
        match self.ask(look(self.world, &receipt.key, &receipt.version)) {
            Looked::There(back) => Ok(Seen::There {
                digest: back.digest,
                size: back.size,
                mode: back.mode,
                retain_until: back.retain_until,
                legal_hold: back.legal_hold,
                masked: back.masked,
            }),
            Looked::Wrong(error) => Ok(Seen::Wrong { code: error.code().to_owned(), message: error.to_string() }),
            Looked::Unanswered(why) => Err(why),
        }
    }

    fn surroundings(&self) -> Result<Vec<Surrounding>, String> {
        let found = self.ask(self.world.vault.examine(self.world.now(), Depth::Asking)).map_err(told)?;
        let surrounding = |one: exhibit_archive::Observation| Surrounding {
            aspect: one.aspect.to_string(),
            standing: one.standing.as_str().to_owned(),
            value: one.value,
            sentence: one.sentence,
        };
        Ok(found.into_iter().map(surrounding).collect())
    }
}

async fn receipts(world: &World) -> Result<Vec<ReceiptFacts>, StepError> {
    let cases = holds::cases(&world.store).await?;
    let receipts = ledger_reads::latest_receipts(&world.store).await?;
    let facts = receipts.into_iter().map(|receipt| {
        let held = cases.hold(&HeldObject { key: receipt.key.clone(), version: receipt.version.clone() });
        ReceiptFacts {
            key: receipt.key,
            version: receipt.version,
            subject: receipt.subject.word().to_owned(),
            digest: receipt.digest,
            size: receipt.size,
            mode: receipt.mode,
            retain_until: receipt.retain_until,
            held,
        }
    });
    Ok(facts.collect())
}
