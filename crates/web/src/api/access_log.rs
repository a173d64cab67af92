//! `GET /api/v1/access-log`: who read what, and who was refused.

use axum::{extract::State, response::Response};
use exhibit_store::service::{AccessQuery, AccessRow};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    parameters::{Asked, instant, limit, position},
    shapes::Listed,
};
use crate::{
    answer,
    problem::{Problem, ProblemDocument},
    service::Service,
    who::Caller,
};

/// Which lines to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Of this person.
    #[param(example = "ada")]
    person: Option<String>,
    /// Of this route's template.
    #[param(example = "/api/v1/evidence")]
    route: Option<String>,
    /// Only refusals, or only what was answered.
    refused: Option<bool>,
    /// Answered at or after this instant.
    #[param(format = "date-time", example = "2026-10-01T00:00:00Z")]
    from: Option<String>,
    /// Answered before this instant.
    #[param(format = "date-time")]
    to: Option<String>,
    /// Where the page before ended: its `next`.
    #[param(minimum = 0, maximum = 9007199254740991_i64)]
    before: Option<u64>,
    /// The page's size.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// A line of the access log.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Line {
    /// Order of writing; may have gaps.
    #[schema(example = 17)]
    seq: u64,
    /// When the request was answered.
    #[schema(format = "date-time", example = "2026-11-16T08:00:00.000000Z")]
    at: String,
    /// The request, as its answer names it in `x-request-id`.
    #[schema(format = "uuid", example = "01997a40-7c00-7000-8000-000000000017")]
    request_id: String,
    /// The token that was shown; null where none was known.
    #[schema(required = true, format = "uuid")]
    token_id: Option<String>,
    /// Whose token it was.
    #[schema(required = true, example = "ada")]
    person: Option<String>,
    /// The token's role.
    #[schema(required = true, example = "auditor")]
    role: Option<String>,
    /// Method of the request.
    #[schema(example = "GET")]
    method: String,
    /// The route's template; empty where there is no such route.
    #[schema(example = "/api/v1/evidence")]
    route: String,
    /// What the token was limited to, as JSON.
    #[schema(example = r#"{"environments":["production"]}"#)]
    scope: String,
    /// What was asked; never a token.
    #[schema(example = "/api/v1/evidence?limit=2")]
    query: String,
    /// Status of the answer.
    #[schema(example = 200, minimum = 100, maximum = 599)]
    status: u16,
    /// How many rows were given; null where that was not known when the line was written.
    #[schema(required = true, example = 2)]
    row_count: Option<u64>,
    /// Why it was refused, if it was.
    #[schema(required = true, example = json!(null))]
    refusal: Option<String>,
}

impl From<AccessRow> for Line {
    fn from(row: AccessRow) -> Self {
        let AccessRow { seq, access } = row;
        Self {
            seq,
            at: access.at.to_string(),
            request_id: access.request_id.to_string(),
            token_id: access.token_id.map(|id| id.to_string()),
            person: access.person,
            role: access.role,
            method: access.method,
            route: access.route,
            scope: access.scope,
            query: access.query,
            status: access.status,
            row_count: access.row_count,
            refusal: access.refusal,
        }
    }
}

/// Lists the access log, newest first. Administrators and officers see everybody's lines, others their own.
#[utoipa::path(get, path = "/api/v1/access-log", tag = "about", params(Which),
    responses(
        (status = 200, description = "A page of lines", body = Listed<Line>),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn list(
    State(service): State<Service>,
    caller: Caller,
    Asked(which): Asked<Which>,
) -> Result<Response, Problem> {
    let query = AccessQuery {
        person: which.person,
        route: which.route,
        refused: which.refused,
        from: instant("from", which.from.as_deref())?,
        to: instant("to", which.to.as_deref())?,
        before: position("before", which.before)?,
        limit: limit(which.limit)?,
    };
    let mut reading = service.store.reading(&caller.scope).await?;
    let page = reading.access_log(&query).await?;
    reading.close().await?;
    let page = Listed::of(page, Line::from);
    answer::json(&page, page.items.len())
}
