//! The API's own description: OpenAPI 3.1.

use utoipa::{
    Modify, OpenApi,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};

use crate::api;

/// What is said of the API as a whole; the routes bring their own parts.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Exhibit evidence API",
        description = "Evidence that controls operate, with the proofs by which anybody can check it. Nothing is answered \
                       without a token but health; what a token may see is limited by its role and scope, and every read \
                       is on record.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    modifiers(&Token),
    security(("token" = [])),
)]
pub(crate) struct Described;

struct Token;

impl Modify for Token {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("exh_…")
            .description(Some("A token of `exhibit token create`."))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// The whole document.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = api::routes().split_for_parts().1;
    // OpenAPI knows no parameter that takes the rest of the path: it is written as any other.
    let paths = std::mem::take(&mut document.paths.paths);
    document.paths.paths = paths.into_iter().map(|(path, item)| (path.replace("{*", "{"), item)).collect();
    document
}
