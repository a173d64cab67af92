//! What a job's runs noted before, as a source for collectors that tell what became of it.

use std::collections::BTreeMap;

use exhibit_collectors::own::{EarlierFinding, EarlierFindings, Window};
use exhibit_evidence::{Fingerprint, JobId, observation::Subject};
use exhibit_store::{ClosedFinding, OpenFinding};
use tokio::runtime::Handle;

use crate::World;

/// The open findings of one job. Collectors block, on threads of their own: the question is asked on the runtime that the
/// caller of the collector is on.
pub(crate) struct OwnFindings<'w> {
    world: &'w World,
    job: &'w JobId,
    runtime: Handle,
}

impl<'w> OwnFindings<'w> {
    /// What this job's runs noted, for a thread that is not the runtime's own.
    pub(crate) fn new(world: &'w World, job: &'w JobId, runtime: Handle) -> Self {
        Self { world, job, runtime }
    }
}

impl EarlierFindings for OwnFindings<'_> {
    fn open(&self) -> Result<Vec<EarlierFinding>, String> {
        let open = self.runtime.block_on(self.world.store.open_findings(self.job));
        open.map(|open| open.into_iter().map(earlier).collect()).map_err(|error| error.to_string())
    }

    fn closed(&self) -> Result<BTreeMap<Fingerprint, Window>, String> {
        let closed = self.runtime.block_on(self.world.store.closed_findings(self.job));
        closed.map(|closed| closed.into_iter().map(window).collect()).map_err(|error| error.to_string())
    }
}

fn earlier(open: OpenFinding) -> EarlierFinding {
    let OpenFinding { check, finding, first_observed_to, last_observed_to } = open;
    EarlierFinding {
        attributes: finding.attributes,
        check,
        condition: finding.condition,
        fingerprint: finding.fingerprint,
        first_observed: first_observed_to,
        last_observed: last_observed_to,
        place: finding.place,
        subject: Subject { environment: finding.environment, id: finding.subject },
    }
}

fn window(closed: ClosedFinding) -> (Fingerprint, Window) {
    let ClosedFinding { fingerprint, first_observed_to, last_observed_to } = closed;
    (fingerprint, Window { first_observed: first_observed_to, last_observed: last_observed_to })
}
