//! `GET /api/v1/runs`: what was performed.

use axum::{extract::State, response::Response};
use exhibit_store::service::{RunRow, TimeQuery};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    parameters::{Asked, instant, limit, position},
    shapes::Listed,
    slots::words,
};
use crate::{
    answer,
    problem::{Problem, ProblemDocument},
    service::Service,
    who::Caller,
};

/// Which runs to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Of this job.
    #[param(example = "ci")]
    job: Option<String>,
    /// For one of these reasons, with commas between: scheduled, catch-up, on-demand, pushed.
    #[param(
        example = "catch-up",
        pattern = "^(scheduled|catch-up|on-demand|pushed)(,(scheduled|catch-up|on-demand|pushed))*$"
    )]
    trigger: Option<String>,
    /// Begun at this instant or later.
    #[param(format = "date-time", example = "2026-10-01T00:00:00Z")]
    started_from: Option<String>,
    /// Begun before this instant.
    #[param(format = "date-time", example = "2027-01-01T00:00:00Z")]
    started_to: Option<String>,
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

/// One performance that gave evidence.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Run {
    /// Position of its evidence.
    #[schema(example = 412)]
    seq: u64,
    /// Its evidence.
    #[schema(format = "uuid", example = "01997a40-7c00-7000-8000-000000000412")]
    evidence: String,
    /// The job.
    #[schema(example = "ci")]
    job: String,
    /// The collector.
    #[schema(example = "ci_secrets")]
    collector: String,
    /// scheduled, catch-up or on-demand; pushed where another system handed the evidence in.
    #[schema(example = "scheduled")]
    trigger: String,
    /// The slot it filled; null on demand.
    #[schema(required = true, format = "date-time", example = "2026-10-08T04:00:00.000000Z")]
    scheduled_for: Option<String>,
    /// When it began.
    #[schema(format = "date-time", example = "2026-10-08T04:00:00.100000Z")]
    started_at: String,
    /// When it ended.
    #[schema(format = "date-time", example = "2026-10-08T04:00:01.900000Z")]
    finished_at: String,
    /// How many things could not be found out.
    #[schema(example = 0)]
    problems: u64,
    /// Whether the collector's self-test passed; null where none was run, because the evidence was pushed.
    #[schema(required = true, example = true)]
    self_test_passed: Option<bool>,
}

impl From<RunRow> for Run {
    fn from(row: RunRow) -> Self {
        Self {
            seq: row.seq,
            evidence: row.evidence.to_string(),
            job: row.job,
            collector: row.collector,
            trigger: row.trigger,
            scheduled_for: row.scheduled_for.map(|at| at.to_string()),
            started_at: row.started_at.to_string(),
            finished_at: row.finished_at.to_string(),
            problems: row.problems,
            self_test_passed: row.self_test_passed,
        }
    }
}

/// Lists performances that gave evidence, newest first. One that gave none stands among the slots as errored.
#[utoipa::path(get, path = "/api/v1/runs", tag = "runs", params(Which),
    responses(
        (status = 200, description = "A page of runs", body = Listed<Run>),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn list(
    State(service): State<Service>,
    caller: Caller,
    Asked(which): Asked<Which>,
) -> Result<Response, Problem> {
    let query = TimeQuery {
        states: words("trigger", which.trigger.as_deref(), &["scheduled", "catch-up", "on-demand", "pushed"])?,
        job: which.job,
        from: instant("started_from", which.started_from.as_deref())?,
        to: instant("started_to", which.started_to.as_deref())?,
        as_of: position("as_of", which.as_of)?,
        before: position("before", which.before)?,
        limit: limit(which.limit)?,
    };
    let mut reading = service.store.reading(&caller.scope).await?;
    let page = reading.runs(&query).await?;
    reading.close().await?;
    let page = Listed::of(page, Run::from);
    answer::json(&page, page.items.len())
}
