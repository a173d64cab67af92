//! What two persons agreed may stay open for a time: shown with the finding that it is about. It changes no count.

use exhibit_evidence::{
    Body, EntryId, Fingerprint, Severity, Timestamp,
    waiver::{Exception, Exceptions, Standing, Word},
};
use exhibit_store::service::{Acts, Reading};
use serde::Serialize;

use super::{
    attested::{Said, acts},
    reports::said,
};
use crate::problem::Problem;

/// A waiver as a page shows it.
#[derive(Debug, Serialize)]
pub(super) struct Waived {
    id: EntryId,
    severity: Severity,
    reason: String,
    compensating: Option<String>,
    until: Timestamp,
    standing: Standing,
    asked: Said,
    approved: Option<Said>,
    withdrawn: Option<Said>,
}

impl Waived {
    fn of(exception: &Exception, at: Timestamp) -> Self {
        let word = |word: &Option<Word>| {
            let word = word.as_ref().filter(|word| word.at <= at)?;
            Some(Said::of(word.at, &word.by, word.reason.clone()))
        };
        Self {
            id: exception.id,
            severity: exception.severity,
            reason: exception.reason.clone(),
            compensating: exception.compensating.clone(),
            until: exception.until,
            standing: exception.standing(at),
            asked: Said::of(exception.requested_at, &exception.by, None),
            approved: word(&exception.approval),
            withdrawn: word(&exception.withdrawal),
        }
    }
}

/// Every waiver that this reader may know of.
pub(super) async fn exceptions(reading: &mut Reading) -> Result<Exceptions, Problem> {
    let mut exceptions = Exceptions::default();
    for act in acts(reading, Acts::Waivers).await? {
        if let Body::Waiver(waiver) = said(&act)? {
            exceptions.take(act.id, act.seq, act.recorded_at, &waiver);
        }
    }
    Ok(exceptions)
}

/// Those of one finding, newest first.
pub(super) fn of_finding(exceptions: &Exceptions, finding: Fingerprint, at: Timestamp) -> Vec<Waived> {
    let of_it = exceptions.all().iter().rev().filter(|one| one.finding == finding);
    of_it.map(|one| Waived::of(one, at)).collect()
}
