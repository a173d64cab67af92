//! `GET /api/v1/openapi.json`.

use axum::response::Response;

use crate::{answer, openapi, problem::Problem};

/// This document.
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    tag = "about",
    responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json"))
)]
pub(super) async fn openapi() -> Result<Response, Problem> {
    answer::json(&openapi::document(), 0)
}
