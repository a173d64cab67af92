//! What the steps ask of the ledger: the last word of each job, of the deployment, of periods and reports.

use std::collections::BTreeMap;

use exhibit_evidence::{
    Body, EntryId, JobId, PeriodId, Timestamp,
    deployment::Deployment,
    report::{PeriodFreeze, Receipt, ReportIssued},
    slot::SchedulePromise,
};
use exhibit_store::{Store, StoredEntry};

use crate::StepError;

/// A frozen period: its entry's position, and what it says.
#[derive(Clone, Debug)]
pub(crate) struct Frozen {
    pub seq: u64,
    pub freeze: PeriodFreeze,
}

/// A report that was issued, and its receipts.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub id: EntryId,
    pub report: ReportIssued,
    pub receipts: Vec<Receipt>,
}

impl Kept {
    /// Whether its bundle has a receipt.
    pub(crate) fn is_archived(&self) -> bool {
        self.receipts.iter().any(Receipt::is_of_report)
    }
}

/// The deployment's last word and its first, where there is one.
pub(crate) async fn deployments(store: &Store) -> Result<Option<(Timestamp, Deployment)>, StepError> {
    let mut entries = store.entries_of_kind("deployment").await?;
    let Some(first) = entries.first().map(recorded_at).transpose()? else { return Ok(None) };
    match entries.pop().map(|entry| entry.envelope()).transpose()?.map(|envelope| envelope.body) {
        Some(Body::Deployment(last)) => Ok(Some((first, *last))),
        _ => Err(StepError::Ledger("a deployment entry is of another kind".to_owned())),
    }
}

/// The deployment's last word.
pub(crate) async fn deployment(store: &Store) -> Result<Option<Deployment>, StepError> {
    Ok(deployments(store).await?.map(|(_, last)| last))
}

fn recorded_at(entry: &StoredEntry) -> Result<Timestamp, StepError> {
    Ok(entry.envelope()?.recorded_at)
}

/// Each job's promises, in the order of the ledger.
pub(crate) async fn promises(store: &Store) -> Result<BTreeMap<JobId, Vec<SchedulePromise>>, StepError> {
    let mut promises: BTreeMap<JobId, Vec<SchedulePromise>> = BTreeMap::new();
    for entry in store.entries_of_kind("schedule").await? {
        if let Body::Schedule(promise) = entry.envelope()?.body {
            promises.entry(promise.job.clone()).or_default().push(*promise);
        }
    }
    Ok(promises)
}

/// The frozen periods, by name.
pub(crate) async fn frozen(store: &Store) -> Result<BTreeMap<PeriodId, Frozen>, StepError> {
    let mut frozen = BTreeMap::new();
    for entry in store.entries_of_kind("period").await? {
        if let Body::Period(freeze) = entry.envelope()?.body {
            frozen.insert(freeze.period.id, Frozen { seq: entry.seq, freeze: *freeze });
        }
    }
    Ok(frozen)
}

/// The reports that were issued, in the order of the ledger, with their receipts.
pub(crate) async fn reports(store: &Store) -> Result<Vec<Kept>, StepError> {
    let mut kept = Vec::new();
    for entry in store.entries_of_kind("report").await? {
        let envelope = entry.envelope()?;
        if let Body::Report(report) = envelope.body {
            kept.push(Kept { id: envelope.id, report: *report, receipts: Vec::new() });
        }
    }
    for (_, receipt) in receipts(store).await? {
        if let Some(kept) = kept.iter_mut().find(|kept| Some(kept.id) == receipt.report) {
            kept.receipts.push(receipt);
        }
    }
    Ok(kept)
}

/// Every receipt with its entry's id, in the order of the ledger.
pub(crate) async fn receipts(store: &Store) -> Result<Vec<(EntryId, Receipt)>, StepError> {
    let mut receipts = Vec::new();
    for entry in store.entries_of_kind("receipt").await? {
        let envelope = entry.envelope()?;
        if let Body::Receipt(receipt) = envelope.body {
            receipts.push((envelope.id, *receipt));
        }
    }
    Ok(receipts)
}

/// The latest receipt of each object version, by key: a retention that was made longer has a new one.
pub(crate) async fn latest_receipts(store: &Store) -> Result<Vec<Receipt>, StepError> {
    let mut latest = BTreeMap::new();
    for (_, receipt) in receipts(store).await? {
        latest.insert((receipt.key.clone(), receipt.version.clone()), receipt);
    }
    Ok(latest.into_values().collect())
}
