//! What people attested as a source for collectors of what no program can look at.

use exhibit_collectors::attested::{AttestationFacts, AttestationSource};
use exhibit_evidence::{EnvironmentId, Timestamp, attestation::About};
use tokio::runtime::Handle;

use super::statements;
use crate::World;

/// This world's attestations. Collectors block, on threads of their own: each question is asked on the runtime that the
/// caller of the collector is on.
pub(crate) struct OwnAttestations<'w> {
    world: &'w World,
    runtime: Handle,
}

impl<'w> OwnAttestations<'w> {
    /// The attestations of this world, for a thread that is not the runtime's own.
    pub(crate) fn new(world: &'w World, runtime: Handle) -> Self {
        Self { world, runtime }
    }
}

impl AttestationSource for OwnAttestations<'_> {
    fn of_key(
        &self,
        environment: &EnvironmentId,
        key: &str,
        location: &str,
        at: Timestamp,
    ) -> Result<Vec<AttestationFacts>, String> {
        let all = self.runtime.block_on(statements(&self.world.store)).map_err(|error| error.to_string())?;
        let found = all.all().iter().filter(|one| {
            one.about == About::KeyCustody
                && one.environment == *environment
                && one.key == key
                && one.location == location
        });
        Ok(found
            .map(|one| AttestationFacts {
                attestation: one.id,
                standing: one.standing(at),
                made_at: one.made_at,
                confirmed_at: one.confirmation.as_ref().map(|word| word.at),
                until: one.period.end,
            })
            .collect())
    }
}
