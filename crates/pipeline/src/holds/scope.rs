//! Which objects a case is about. Where in doubt, it is about them: a hold too many can be lifted, one too few can't be
//! made up for.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use exhibit_evidence::{
    Body, Digest, EntryId, EnvironmentId, Period,
    hold::HoldScope,
    report::{ARTIFACTS, Archived, Receipt, ReportIssued, disclosures_range},
};
use exhibit_ledger::segment;
use exhibit_store::EvidenceFilter;

use crate::{StepError, World, archiving::cites, calendar, checkpointing::checkpoint_key, ledger_reads};

/// How many pieces of evidence are asked for at once.
const PAGE: u32 = 500;
/// How many entries behind a piece of evidence its assessments are looked for in: they are appended with it.
const ASSESSMENTS: u64 = 64;

/// Answers whether objects are in a case's scope, and remembers what it looked up.
pub(super) struct Scoper<'w> {
    world: &'w World,
    reports: BTreeMap<EntryId, ReportIssued>,
    /// The artifacts that entries in a case's scope cite, by case.
    cited: BTreeMap<EntryId, BTreeSet<Digest>>,
    /// The entries of each segment, by the key of the checkpoint that closes it.
    segments: Option<BTreeMap<String, Range<u64>>>,
}

impl<'w> Scoper<'w> {
    pub(super) async fn new(world: &'w World) -> Result<Self, StepError> {
        let reports = ledger_reads::reports(&world.store).await?;
        let reports = reports.into_iter().map(|kept| (kept.id, kept.report)).collect();
        Ok(Self { world, reports, cited: BTreeMap::new(), segments: None })
    }

    /// Whether this object is in the scope of a case.
    pub(super) async fn covers(
        &mut self,
        case: EntryId,
        scope: &HoldScope,
        receipt: &Receipt,
    ) -> Result<bool, StepError> {
        if scope.keys.iter().any(|start| receipt.key.starts_with(start.as_str())) {
            return Ok(true);
        }
        let report = receipt.report.and_then(|id| self.reports.get_key_value(&id));
        if let Some((id, report)) = report
            && (scope.reports.contains(id) || scope.periods.contains(&report.period.id))
        {
            return Ok(true);
        }
        if scope.environments.is_empty() && scope.periods.is_empty() {
            return Ok(false);
        }
        let range = match receipt.subject {
            Archived::Report => report.map(|(_, report)| report.from_size..report.size),
            Archived::Disclosures => disclosures_range(&receipt.key),
            Archived::Segment => segment::range_of(&receipt.key),
            Archived::Checkpoint => self.closed_by(&receipt.key).await?,
            Archived::Artifact => {
                let digest = receipt.key.strip_prefix(ARTIFACTS).and_then(|hex| format!("sha256:{hex}").parse().ok());
                let Some(digest) = digest else { return Ok(true) };
                return Ok(self.cited(case, scope).await?.contains(&digest));
            }
        };
        // A range that can't be told might be anything.
        let Some(range) = range else { return Ok(true) };
        for filter in self.filters(scope, Some(&range)).await? {
            if !self.world.store.evidence_list(&EvidenceFilter { limit: 1, ..filter }).await?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The entries of the segment that a checkpoint closes.
    async fn closed_by(&mut self, key: &str) -> Result<Option<Range<u64>>, StepError> {
        let segments = match &self.segments {
            Some(segments) => segments,
            None => {
                let receipts = ledger_reads::receipts(&self.world.store).await?;
                let ranges = receipts.iter().filter_map(|(_, receipt)| segment::range_of(&receipt.key));
                self.segments.insert(ranges.map(|range| (checkpoint_key(range.end), range)).collect())
            }
        };
        Ok(segments.get(key).cloned())
    }

    /// What asks for the evidence in a scope.
    async fn filters(&self, scope: &HoldScope, range: Option<&Range<u64>>) -> Result<Vec<EvidenceFilter>, StepError> {
        let within = EvidenceFilter {
            from_seq: range.map(|range| range.start),
            before_seq: range.map(|range| range.end),
            oldest_first: true,
            ..EvidenceFilter::default()
        };
        let mut filters = Vec::new();
        if !scope.environments.is_empty() {
            let environments: Vec<EnvironmentId> = scope.environments.clone();
            filters.push(EvidenceFilter { environments, ..within.clone() });
        }
        for period in &scope.periods {
            let Period { start, end, .. } = calendar::period(self.world, *period).await?;
            filters.push(EvidenceFilter { from: Some(start), to: Some(end), ..within.clone() });
        }
        Ok(filters)
    }

    async fn cited(&mut self, case: EntryId, scope: &HoldScope) -> Result<&BTreeSet<Digest>, StepError> {
        if !self.cited.contains_key(&case) {
            let mut cited = BTreeSet::new();
            for filter in self.filters(scope, None).await? {
                self.gather(filter, &mut cited).await?;
            }
            self.cited.insert(case, cited);
        }
        Ok(&self.cited[&case])
    }

    async fn gather(&self, filter: EvidenceFilter, cited: &mut BTreeSet<Digest>) -> Result<(), StepError> {
        let store = &self.world.store;
        // What stands last has fewer entries behind it.
        let size = store.head().await?.size();
        let mut from_seq = 0;
        loop {
            let page = EvidenceFilter { from_seq: Some(from_seq), limit: PAGE, ..filter.clone() };
            let found = store.evidence_list(&page).await?;
            for summary in &found {
                for entry in store.entries(summary.seq..size.min(summary.seq + ASSESSMENTS)).all().await? {
                    let envelope = entry.envelope()?;
                    let of_it = match &envelope.body {
                        Body::Evidence(_) => envelope.id == summary.id,
                        Body::Assessment(assessment) => assessment.evidence == summary.id,
                        _ => false,
                    };
                    if of_it {
                        cited.extend(cites(&envelope.body));
                    }
                }
            }
            match found.last() {
                Some(last) if found.len() == PAGE as usize => from_seq = last.seq + 1,
                _ => return Ok(()),
            }
        }
    }
}
