//! What a job's runs noted and observed before, as a source for collectors that tell what became of it.

use std::collections::BTreeMap;

use exhibit_collectors::own::{EarlierEvidence, EarlierFinding, EarlierFindings, EarlierPiece, Window};
use exhibit_evidence::{Body, Fingerprint, JobId, observation::Subject};
use exhibit_store::{ClosedFinding, EvidenceFilter, EvidenceSummary, OpenFinding, StoreError};
use serde_json::Value;
use tokio::runtime::Handle;

use crate::World;

/// How many pieces of a job are looked through at a time.
const PAGE: u32 = 200;
/// How many pages are looked through at most: more than two years of a daily job.
const MOST_PAGES: usize = 5;
/// How many pieces about a subject are opened at most.
const MOST_OPENED: usize = 50;

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

impl EarlierEvidence for OwnFindings<'_> {
    fn newest(&self, subject: &Subject, wanted: &dyn Fn(&Value) -> bool) -> Result<Option<EarlierPiece>, String> {
        self.runtime.block_on(self.look_back(subject, wanted))
    }
}

impl OwnFindings<'_> {
    async fn look_back(
        &self,
        subject: &Subject,
        wanted: &dyn Fn(&Value) -> bool,
    ) -> Result<Option<EarlierPiece>, String> {
        let named = format!("{}/{}", subject.environment, subject.id);
        let mut filter = EvidenceFilter { jobs: vec![self.job.clone()], limit: PAGE, ..EvidenceFilter::default() };
        let mut opened = 0;
        for _ in 0..MOST_PAGES {
            let page = self.world.store.evidence_list(&filter).await.map_err(|error| error.to_string())?;
            for summary in page.iter().filter(|summary| summary.subjects.contains(&named)) {
                if opened == MOST_OPENED {
                    return Err(format!("the last {MOST_OPENED} pieces of evidence about it do not tell"));
                }
                opened += 1;
                let piece = self.piece(summary).await?;
                if wanted(&piece.facts) {
                    return Ok(Some(piece));
                }
            }
            match page.last() {
                Some(oldest) if page.len() == PAGE as usize => filter.before_seq = Some(oldest.seq),
                _ => return Ok(None),
            }
        }
        Err(format!("the last {} pieces of the job's evidence do not tell", PAGE as usize * MOST_PAGES))
    }

    /// A piece with its facts, wherever they are kept.
    async fn piece(&self, summary: &EvidenceSummary) -> Result<EarlierPiece, String> {
        let store = &self.world.store;
        let envelope = store.entry(summary.id).await.and_then(|entry| entry.envelope());
        let Body::Evidence(evidence) = envelope.map_err(|error| error.to_string())?.body else {
            return Err(format!("{} is no evidence", summary.id));
        };
        let observation = evidence.observation;
        let facts = match observation.facts_artifact {
            None => observation.facts,
            Some(digest) => {
                let kept = store.artifact(digest).await.map_err(|error| match error {
                    StoreError::NotFound { .. } => "the facts of the last evidence of it are no longer kept".to_owned(),
                    other => other.to_string(),
                })?;
                serde_json::from_slice(&kept.bytes)
                    .map_err(|_| "the facts of the last evidence of it are no JSON".to_owned())?
            }
        };
        let (evidence, observed_to) = (summary.id, observation.observed_to);
        Ok(EarlierPiece { evidence, observed_to, facts, subjects: observation.subjects })
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
