//! How the checks of a period stand, for one scope: the report's own rules over the entries that the scope may see.
//!
//! A fold goes on where it stopped, so that only what was recorded since is read again. Of the ledger it is shown what
//! tells of the period: the rest would change nothing of what is answered here.

use std::{
    collections::{BTreeSet, HashMap},
    ops::Range,
    sync::{Arc, PoisonError},
};

use exhibit_evidence::{Body, Digest, Envelope, Finding, Period, Timestamp, record::RecordError};
use exhibit_report::{Catalog, Fold, Status, slots::SlotView};
use exhibit_store::{
    Store, StoredEntry,
    service::{NotedBy, Reading, Scope},
};
use tokio::sync::Mutex;

use crate::{
    problem::{Kind, Problem},
    service::Inner,
};

/// How many folds are kept.
const MOST: usize = 8;
/// Positions among which is looked for what tells of the period, at a time.
const STRETCH: u64 = 65_536;
/// Entries read at once.
const BATCH: usize = 500;

type Key = (Scope, Period);

/// Folds that were begun, each with when it was last asked for.
#[derive(Default)]
pub(crate) struct Folds {
    kept: std::sync::Mutex<(u64, HashMap<String, Kept>)>,
}

struct Kept {
    asked: u64,
    followed: Arc<Mutex<Followed>>,
}

/// A fold, and up to which position the ledger was read for it.
struct Followed {
    fold: Fold,
    next: u64,
    /// Who noted findings before the period: of them earlier assessments were read too.
    noted: BTreeSet<NotedBy>,
}

impl Folds {
    fn of(&self, (scope, period): &Key, catalog: &Catalog) -> Arc<Mutex<Followed>> {
        // Scopes are equal when what they say is.
        let key = format!("{scope:?}{period:?}");
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (asked, folds) = &mut *kept;
        *asked += 1;
        if folds.len() >= MOST && !folds.contains_key(&key) {
            let oldest = folds.iter().min_by_key(|(_, kept)| kept.asked).map(|(key, _)| key.clone());
            oldest.and_then(|oldest| folds.remove(&oldest));
        }
        let kept = folds.entry(key).or_insert_with(|| {
            let fold = Fold::new(period.clone(), seen(catalog, scope));
            Kept { asked: *asked, followed: Arc::new(Mutex::new(Followed { fold, next: 0, noted: BTreeSet::new() })) }
        });
        kept.asked = *asked;
        kept.followed.clone()
    }
}

/// How a period stands for a reader.
pub(crate) struct Standing {
    /// By the report's own rules.
    pub(crate) status: Status,
    /// Every slot of the period.
    pub(crate) slots: Vec<SlotView>,
    /// The ledger's size that this speaks of.
    pub(crate) size: u64,
    /// Whether the period was frozen.
    pub(crate) frozen: bool,
}

/// How the period stands, as far as the scope sees, and the ledger's size that this speaks of.
pub(crate) async fn status(service: &Inner, scope: &Scope, period: &Period) -> Result<(Status, u64), Problem> {
    let standing = standing(service, scope, period).await?;
    Ok((standing.status, standing.size))
}

/// The same, with the period's slots.
pub(crate) async fn standing(service: &Inner, scope: &Scope, period: &Period) -> Result<Standing, Problem> {
    // Whose lines of the access log may be seen has no part in it.
    let nobody = || exhibit_store::service::AccessSight::None;
    let scope = Scope { access: nobody(), requests: nobody(), ..scope.clone() };
    let known = service.known();
    let followed = known.folds.of(&(scope.clone(), period.clone()), &known.catalog);
    let mut followed = followed.lock().await;
    let recorded = last_recorded(&service.store).await?;
    let mut reading = service.store.reading(&scope).await?;
    let size = reading.size();
    let noted = noted(&service.store, period, followed.next..size, &known.catalog).await?;
    if !noted.is_subset(&followed.noted) {
        if followed.next > 0 {
            // A finding of before the period was recorded since, and what was left out tells of it.
            followed.fold = Fold::new(period.clone(), seen(&known.catalog, &scope));
            followed.next = 0;
        }
        followed.noted.extend(noted);
    }
    while followed.next < size {
        let until = (followed.next + STRETCH).min(size);
        let lines: Vec<NotedBy> = followed.noted.iter().cloned().collect();
        let positions = service.store.telling(followed.next..until, period, &lines).await?;
        for positions in positions.chunks(BATCH) {
            for entry in reading.entries_at(positions).await? {
                take(&mut reading, &mut followed.fold, &entry).await?;
                // An answer that is broken off here goes on behind this entry.
                followed.next = entry.seq + 1;
            }
        }
        followed.next = until;
    }
    reading.close().await?;
    if let Some(recorded) = recorded {
        followed.fold.skip_to(recorded);
    }
    let fold = &followed.fold;
    Ok(Standing { status: fold.status(), slots: fold.slots(service.now()), size, frozen: fold.is_frozen() })
}

/// Who noted findings before the period within a range of the ledger, under each name that the checks have had.
async fn noted(
    store: &Store,
    period: &Period,
    range: Range<u64>,
    catalog: &Catalog,
) -> Result<BTreeSet<NotedBy>, Problem> {
    let mut noted = store.noted_before(period.start, range).await?;
    let known: Vec<Vec<String>> = catalog
        .checks()
        .map(|(_, check)| check.aliases.iter().chain([&check.id]).map(ToString::to_string).collect())
        .collect();
    for (job, check) in noted.clone() {
        let names = known.iter().find(|names| names.contains(&check)).into_iter().flatten();
        noted.extend(names.map(|name| (job.clone(), name.clone())));
    }
    Ok(noted)
}

async fn last_recorded(store: &Store) -> Result<Option<Timestamp>, Problem> {
    Ok(store.head().await?.last_recorded_at)
}

async fn take(reading: &mut Reading, fold: &mut Fold, entry: &StoredEntry) -> Result<(), Problem> {
    let unreadable = |error: String| {
        tracing::error!(seq = entry.seq, error, "an entry can't be read");
        Problem::new(Kind::Internal, "an entry of the ledger can't be read")
    };
    match entry.examined()? {
        Ok(envelope) => {
            let findings = findings(reading, &envelope).await?;
            fold.add(&envelope, Digest::of(entry.text.as_bytes()), findings.as_deref());
            Ok(())
        }
        Err(RecordError::Kind(_)) => {
            #[derive(serde::Deserialize)]
            struct When {
                recorded_at: Timestamp,
            }
            let when: When = serde_json::from_str(&entry.text).map_err(|error| unreadable(error.to_string()))?;
            fold.add_unreadable(when.recorded_at);
            Ok(())
        }
        Err(error) => Err(unreadable(error.to_string())),
    }
}

/// The findings of an assessment whose list was moved to an artifact.
async fn findings(reading: &mut Reading, envelope: &Envelope) -> Result<Option<Vec<Finding>>, Problem> {
    let Body::Assessment(assessment) = &envelope.body else { return Ok(None) };
    let Some(digest) = assessment.findings_artifact else { return Ok(None) };
    let bytes = reading.artifact(envelope.id, digest).await?.bytes;
    serde_json::from_slice(&bytes).map(Some).map_err(|error| {
        tracing::error!(%digest, %error, "findings can't be read");
        Problem::new(Kind::Internal, "findings of the ledger can't be read")
    })
}

/// The catalog as far as the scope sees: no check outside of it is held to be missing.
fn seen(catalog: &Catalog, scope: &Scope) -> Catalog {
    let Some(checks) = &scope.checks else { return catalog.clone() };
    let checks: BTreeSet<&str> = checks.iter().map(String::as_str).collect();
    let mut seen = catalog.clone();
    for collector in &mut seen.collectors {
        collector.checks.retain(|check| checks.contains(check.id.as_str()));
    }
    seen
}
