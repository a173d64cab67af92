//! `GET /api/v1/openapi.json`.

use axum::response::Response;

use crate::{
    answer, openapi,
    problem::{Problem, ProblemDocument},
};

/// This document.
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    tag = "about",
    responses(
        (status = 200, description = "OpenAPI 3.1", body = Object, content_type = "application/json"),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn openapi() -> Result<Response, Problem> {
    answer::json(&openapi::document(), 0)
}
