//! `GET /api/v1/evidence`: what was observed, newest first.

use axum::{extract::State, response::Response};
use exhibit_store::service::EvidenceQuery;
use serde::Deserialize;
use utoipa::IntoParams;

use super::parameters::{Asked, instant, limit, word};
use crate::{answer, problem::Problem, service::Service, who::Caller};

/// Which evidence to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Of this collector.
    #[param(example = "ci_secrets")]
    collector: Option<String>,
    /// Of this environment.
    #[param(example = "production")]
    environment: Option<String>,
    /// With an assessment of this verdict.
    #[param(example = "fail")]
    outcome: Option<String>,
    /// Observed at or after this instant.
    #[param(example = "2026-10-01T00:00:00Z")]
    observed_from: Option<String>,
    /// Observed before this instant.
    observed_to: Option<String>,
    /// As of a checkpoint of this size: nothing recorded later is listed.
    #[param(minimum = 0)]
    as_of: Option<u64>,
    /// Where the page before ended: its `next`.
    #[param(minimum = 0)]
    before: Option<u64>,
    /// The page's size.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// Lists evidence.
#[utoipa::path(get, path = "/api/v1/evidence", tag = "evidence", params(Which),
    responses((status = 200, description = "A page of evidence", content_type = "application/json")))]
pub(super) async fn list(
    State(service): State<Service>,
    caller: Caller,
    Asked(which): Asked<Which>,
) -> Result<Response, Problem> {
    let query = EvidenceQuery {
        collectors: which.collector.map(|collector| vec![collector]),
        environment: which.environment,
        outcome: word("outcome", "fail, error, vacuous, pass or not-applicable", which.outcome.as_deref())?,
        observed_from: instant("observed_from", which.observed_from.as_deref())?,
        observed_to: instant("observed_to", which.observed_to.as_deref())?,
        as_of: which.as_of,
        before: which.before,
        limit: limit(which.limit)?,
        ..EvidenceQuery::default()
    };
    let mut reading = service.store.reading(&caller.scope).await?;
    let page = reading.evidence(&query).await?;
    reading.close().await?;
    answer::json(&page, page.items.len())
}
