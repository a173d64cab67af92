//! `GET /api/v1/slots` and `GET /api/v1/schedules`: what was performed of what was promised.

use axum::{extract::State, response::Response};
use exhibit_store::service::{SlotRow, TimeQuery};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    parameters::{Asked, instant, limit, position},
    shapes::{Entry, Listed},
};
use crate::{
    answer,
    problem::{Problem, ProblemDocument},
    service::Service,
    who::Caller,
};

/// Which slots to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Of this job.
    #[param(example = "ci")]
    job: Option<String>,
    /// In one of these states, with commas between: performed, late, missed, errored.
    #[param(example = "missed,late", pattern = "^(performed|late|missed|errored)(,(performed|late|missed|errored))*$")]
    state: Option<String>,
    /// Promised for this instant or later.
    #[param(format = "date-time", example = "2026-10-01T00:00:00Z")]
    scheduled_from: Option<String>,
    /// Promised for before this instant.
    #[param(format = "date-time", example = "2027-01-01T00:00:00Z")]
    scheduled_to: Option<String>,
    /// As of a checkpoint of this size: nothing recorded later is listed.
    #[param(minimum = 0, maximum = 9007199254740991_i64)]
    as_of: Option<u64>,
    /// Where the page before ended: its `next`.
    #[param(minimum = 0, maximum = 9007199254740991_i64)]
    before: Option<u64>,
    /// The page's size.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// How a slot ended.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SlotEnd {
    /// Position of the closing entry.
    #[schema(example = 414)]
    seq: u64,
    /// The closing entry.
    #[schema(format = "uuid", example = "01997a40-7c00-7000-8000-000000000414")]
    id: String,
    /// When it was recorded.
    #[schema(format = "date-time", example = "2026-10-08T04:00:02.000000Z")]
    recorded_at: String,
    /// The job.
    #[schema(example = "ci")]
    job: String,
    /// The time that the schedule promised.
    #[schema(format = "date-time", example = "2026-10-08T04:00:00.000000Z")]
    scheduled_for: String,
    /// performed, late, missed or errored.
    #[schema(example = "performed")]
    state: String,
    /// How often it was tried.
    #[schema(example = 1)]
    attempts: u64,
    /// When the recorded performance began; null where there was none.
    #[schema(required = true, format = "date-time", example = "2026-10-08T04:00:00.100000Z")]
    started_at: Option<String>,
    /// When it ended.
    #[schema(required = true, format = "date-time", example = "2026-10-08T04:00:01.900000Z")]
    finished_at: Option<String>,
    /// The evidence it gave; null where there is none.
    #[schema(required = true, format = "uuid", example = "01997a40-7c00-7000-8000-000000000412")]
    evidence: Option<String>,
}

impl From<SlotRow> for SlotEnd {
    fn from(row: SlotRow) -> Self {
        Self {
            seq: row.seq,
            id: row.id.to_string(),
            recorded_at: row.recorded_at.to_string(),
            job: row.job,
            scheduled_for: row.scheduled_for.to_string(),
            state: row.state,
            attempts: row.attempts,
            started_at: row.started_at.map(|at| at.to_string()),
            finished_at: row.finished_at.map(|at| at.to_string()),
            evidence: row.evidence.map(|id| id.to_string()),
        }
    }
}

/// Lists how promised slots ended, newest entry first; those that nobody filled too.
#[utoipa::path(get, path = "/api/v1/slots", tag = "slots", params(Which),
    responses(
        (status = 200, description = "A page of slots", body = Listed<SlotEnd>),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn list(
    State(service): State<Service>,
    caller: Caller,
    Asked(which): Asked<Which>,
) -> Result<Response, Problem> {
    let query = TimeQuery {
        states: words("state", which.state.as_deref(), &["performed", "late", "missed", "errored"])?,
        job: which.job,
        from: instant("scheduled_from", which.scheduled_from.as_deref())?,
        to: instant("scheduled_to", which.scheduled_to.as_deref())?,
        as_of: position("as_of", which.as_of)?,
        before: position("before", which.before)?,
        limit: limit(which.limit)?,
    };
    let mut reading = service.store.reading(&caller.scope).await?;
    let page = reading.slots(&query).await?;
    reading.close().await?;
    let page = Listed::of(page, SlotEnd::from);
    answer::json(&page, page.items.len())
}

/// Words with commas between, each one of those that are known.
pub(super) fn words(name: &str, asked: Option<&str>, known: &[&str]) -> Result<Option<Vec<String>>, Problem> {
    let Some(asked) = asked else { return Ok(None) };
    let all: Vec<String> = asked.split(',').map(str::to_owned).collect();
    match all.iter().all(|word| known.contains(&word.as_str())) {
        true => Ok(Some(all)),
        false => Err(Problem::invalid(format!("{name}: expected some of {}, with commas between", known.join(", ")))),
    }
}

/// As of when.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AsOf {
    /// As of a checkpoint of this size: nothing recorded later is listed.
    #[param(minimum = 0, maximum = 9007199254740991_i64)]
    as_of: Option<u64>,
}

/// Promises of schedules.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Schedules {
    /// Each change of each job's promise, earliest first.
    items: Vec<Entry>,
}

/// Lists what schedules promise, and since when: what should have been performed derives from these records alone.
#[utoipa::path(get, path = "/api/v1/schedules", tag = "slots", params(AsOf),
    responses(
        (status = 200, description = "All promises", body = Schedules),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn schedules(
    State(service): State<Service>,
    caller: Caller,
    Asked(AsOf { as_of }): Asked<AsOf>,
) -> Result<Response, Problem> {
    let as_of = position("as_of", as_of)?;
    let mut reading = service.store.reading(&caller.scope).await?;
    let items = reading.promises(as_of).await?;
    reading.close().await?;
    let items: Vec<Entry> = items.into_iter().map(Entry::from).collect();
    let rows = items.len();
    answer::json(&Schedules { items }, rows)
}
