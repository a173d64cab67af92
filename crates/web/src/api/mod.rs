//! One file an endpoint.

mod access_log;
mod checks;
mod collectors;
mod controls;
mod description;
mod evidence;
mod expected;
mod findings;
mod forms;
mod health;
mod ledger;
pub(crate) mod parameters;
mod piece;
mod records;
pub(crate) mod reports;
mod requests;
mod runs;
mod shapes;
mod slots;
mod submissions;

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
        .routes(routes!(evidence::list, submissions::push))
        .routes(routes!(submissions::one))
        .routes(routes!(findings::list))
        .routes(routes!(findings::one))
        .routes(routes!(ledger::checkpoint))
        .routes(routes!(ledger::consistency))
        .routes(routes!(ledger::inclusion))
        .routes(routes!(ledger::tile))
        .routes(routes!(piece::artifact))
        .routes(routes!(piece::one))
        .routes(routes!(records::attestations))
        .routes(routes!(records::holds))
        .routes(routes!(records::periods))
        .routes(routes!(records::receipts))
        .routes(routes!(records::waivers))
        .routes(routes!(reports::bundle))
        .routes(routes!(reports::list))
        .routes(routes!(reports::one))
        .routes(routes!(requests::ask))
        .routes(routes!(requests::one))
        .routes(routes!(runs::list))
        .routes(routes!(slots::list))
        .routes(routes!(slots::schedules))
}
