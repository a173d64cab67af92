//! What the ledger tells of the archive: objects by kind, how far the ledger itself lies there, legal holds, and what was
//! erased beside it.

use std::collections::BTreeMap;

use exhibit_evidence::{
    EntryId, Timestamp,
    disclosure::kind_of,
    erasure::Erasure,
    hold::{Case, Cases, HoldScope},
    report::{Archived, Receipt, segment_range},
};

use crate::{
    fold::Fold,
    view::{ArchiveView, ArchivedView, AttestedView, CheckView, ErasureView, HoldView},
};

/// The collector that holds the archive against its receipts.
const ATTESTATION: &str = "worm_archive";

impl Fold {
    pub(crate) fn receipt(&mut self, body: &Receipt) {
        if let Some(report) = body.report.filter(|_| body.is_of_report()) {
            // A retention that was made longer has a new receipt: the last word on a version counts.
            let receipts = self.receipts.entry(report).or_default();
            receipts.retain(|known| (&known.key, &known.version) != (&body.key, &body.version));
            receipts.push(body.clone());
        }
        self.archived.insert((body.key.clone(), body.version.clone()), body.clone());
    }

    pub(crate) fn erased(&mut self, seq: u64, at: Timestamp, body: &Erasure) {
        self.erasures.push(ErasureView {
            seq,
            at,
            kind: kind_of(&body.path).to_owned(),
            digests: body.digests,
            group: body.group.to_string(),
            reason: body.reason.clone(),
            by: body.by.person.pseudonym("person"),
        });
    }

    pub(crate) fn archive(&self, checks: &[CheckView]) -> ArchiveView {
        let mut kinds: BTreeMap<Archived, ArchivedView> = BTreeMap::new();
        for receipt in self.archived.values() {
            let kind = kinds.entry(receipt.subject).or_insert_with(|| ArchivedView {
                kind: receipt.subject.word().to_owned(),
                objects: 0,
                bytes: 0,
                regulatory_worm: true,
                classes: Vec::new(),
                kept_until_at_least: receipt.retain_until,
                read_back_at: receipt.read_back_at,
            });
            kind.objects += 1;
            kind.bytes += receipt.size;
            kind.regulatory_worm &= receipt.regulatory_worm;
            kind.kept_until_at_least = kind.kept_until_at_least.min(receipt.retain_until);
            kind.read_back_at = kind.read_back_at.max(receipt.read_back_at);
            if !kind.classes.contains(&receipt.retention_class) {
                kind.classes.push(receipt.retention_class.clone());
                kind.classes.sort();
            }
        }
        let jobs: Vec<_> = self
            .promises
            .iter()
            .filter(|(_, promises)| promises.iter().any(|promise| promise.collector.as_str() == ATTESTATION))
            .map(|(job, _)| job)
            .collect();
        let attested = checks.iter().filter(|check| jobs.contains(&&check.job)).map(|check| AttestedView {
            check: check.id.clone(),
            title: check.title.clone(),
            current: check.current,
            throughout: check.throughout,
            occurrences: check.occurrences,
            with_deviation: check.with_deviation,
            evidence: check.latest_evidence,
        });
        ArchiveView {
            objects: kinds.into_values().collect(),
            covered: self.covered(),
            attested: attested.collect(),
            holds: self.holds.all().iter().map(hold).collect(),
            erasures: self.erasures.clone(),
        }
    }

    /// Up to which entry the segments in the archive cover the ledger without a gap.
    fn covered(&self) -> u64 {
        let mut ranges: Vec<_> = self.archived.keys().filter_map(|(key, _)| segment_range(key)).collect();
        ranges.sort_by_key(|range| range.start);
        ranges.iter().fold(0, |covered, range| if range.start == covered { range.end } else { covered })
    }
}

fn hold(case: &Case) -> HoldView {
    let pseudonym = |by: &exhibit_evidence::hold::Actor| by.person.pseudonym("person");
    HoldView {
        case: case.id,
        seq: case.seq,
        matter: case.matter.clone(),
        reason: case.reason.clone(),
        scope: scope(&case.scope),
        custodian: case.custodian.pseudonym("custodian"),
        placed_at: case.placed_at,
        placed_by: pseudonym(&case.by),
        approved_by: case.approval.as_ref().map(|act| pseudonym(&act.by)),
        released_at: case.release.as_ref().map(|act| act.at),
        released_by: case.release.as_ref().map(|act| pseudonym(&act.by)),
        held: case.objects.len() as u64,
    }
}

/// A scope in words.
fn scope(scope: &HoldScope) -> String {
    fn list<T: ToString>(what: &str, items: &[T]) -> Option<String> {
        let items: Vec<String> = items.iter().map(T::to_string).collect();
        (!items.is_empty()).then(|| format!("{what} {}", items.join(", ")))
    }
    let everything = scope.keys.iter().any(String::is_empty).then(|| "every object".to_owned());
    let keys: Vec<&String> = scope.keys.iter().filter(|key| !key.is_empty()).collect();
    let parts = [
        everything,
        list("environments", &scope.environments),
        list("periods", &scope.periods),
        list("reports", &scope.reports),
        list("keys that begin with", &keys),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// What an act of a hold changes, in words; `cases` are as they were before it.
pub(crate) fn changed(cases: &Cases, id: EntryId, body: &exhibit_evidence::Hold) -> Option<String> {
    use exhibit_evidence::Hold;
    Some(match body {
        Hold::Place { matter, .. } => format!("Legal hold {id} was placed: {}.", matter.trim_end_matches('.')),
        Hold::ApproveRelease { case, .. } => format!("A first person approved the release of legal hold {case}."),
        Hold::Release { case, .. } => format!("A second person ended legal hold {case}."),
        Hold::Set { case, objects, .. } => {
            let holds = cases.get(*case).map(|case| &case.objects);
            let again = objects.iter().filter(|object| holds.is_some_and(|holds| holds.contains(object))).count();
            match again {
                0 => return None,
                1 => format!("An object was found without legal hold {case}: it was set again and read back."),
                some => format!("{some} objects were found without legal hold {case}: it was set again and read back."),
            }
        }
        Hold::Lift { .. } => return None,
    })
}
