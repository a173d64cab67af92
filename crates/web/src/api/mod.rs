//! One file an endpoint.

mod access_log;
mod collectors;
mod controls;
mod description;
mod evidence;
mod health;
mod ledger;
mod parameters;
mod records;
mod reports;
mod requests;
mod shapes;

use utoipa::OpenApi as _;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{openapi::Described, service::Service};

/// All routes, each with its part of the description.
pub(crate) fn routes() -> OpenApiRouter<Service> {
    OpenApiRouter::with_openapi(Described::openapi())
        .routes(routes!(health::alive))
        .routes(routes!(health::ready))
        .routes(routes!(access_log::list))
        .routes(routes!(collectors::list))
        .routes(routes!(collectors::one))
        .routes(routes!(controls::controls))
        .routes(routes!(description::openapi))
        .routes(routes!(evidence::list))
        .routes(routes!(ledger::checkpoint))
        .routes(routes!(ledger::consistency))
        .routes(routes!(ledger::inclusion))
        .routes(routes!(ledger::tile))
        .routes(routes!(records::periods))
        .routes(routes!(records::receipts))
        .routes(routes!(reports::bundle))
        .routes(routes!(reports::list))
        .routes(routes!(reports::one))
        .routes(routes!(requests::ask))
        .routes(routes!(requests::one))
}
