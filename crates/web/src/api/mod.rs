//! One file an endpoint.

mod description;
mod evidence;
mod health;
mod parameters;

use utoipa::OpenApi as _;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{openapi::Described, service::Service};

/// All routes, each with its part of the description.
pub(crate) fn routes() -> OpenApiRouter<Service> {
    OpenApiRouter::with_openapi(Described::openapi())
        .routes(routes!(health::alive))
        .routes(routes!(health::ready))
        .routes(routes!(description::openapi))
        .routes(routes!(evidence::list))
}
