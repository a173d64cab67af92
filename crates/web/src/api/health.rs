//! `GET /healthz` and `GET /readyz`: for whoever restarts and routes. They tell nothing else.

use axum::{extract::State, http::StatusCode};

use crate::service::Service;

/// Whether the process answers.
#[utoipa::path(get, path = "/healthz", tag = "health", security(()), responses((status = 204, description = "It does")))]
pub(super) async fn alive() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// Whether it can do its work: whether the ledger can be read.
#[utoipa::path(get, path = "/readyz", tag = "health", security(()),
    responses((status = 204, description = "It can"), (status = 503, description = "Not now")))]
pub(super) async fn ready(State(service): State<Service>) -> StatusCode {
    match service.store.head().await {
        Ok(_) => StatusCode::NO_CONTENT,
        Err(error) => {
            tracing::warn!(%error, "not ready");
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}
