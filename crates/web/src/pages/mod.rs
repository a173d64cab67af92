//! The reading room: pages for people, one file a page. They hold no script and fetch nothing but their style.

mod attested;
mod collectors;
mod evidence;
mod findings;
mod frame;
mod holding;
mod reports;
mod sign_in;
mod slots;
mod status;
mod style;
mod waived;

use axum::{
    Router,
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use tower_http::csrf::{CsrfLayer, ProtectionError};

use crate::{
    problem::{CHALLENGE, Kind, Problem},
    service::Service,
};

/// All pages. What another site sends to a form is refused: it could act in a reader's name.
pub(crate) fn routes() -> Router<Service> {
    let csrf = CsrfLayer::new().with_rejection_response(|_: ProtectionError| {
        Problem::new(Kind::Forbidden, "a form of another site was sent here").into_response()
    });
    Router::new()
        .route("/sign-in", get(sign_in::form).post(sign_in::enter))
        .route("/sign-out", post(sign_in::leave))
        .route("/style.css", get(style::sheet))
        .route("/", get(status::page))
        .route("/collectors", get(collectors::list))
        .route("/collectors/{id}", get(collectors::one))
        .route("/evidence", get(evidence::list))
        .route("/evidence/{id}", get(evidence::one))
        .route("/evidence/{id}/artifacts/{digest}", get(evidence::artifact))
        .route("/findings", get(findings::list))
        .route("/findings/{fingerprint}", get(findings::one))
        .route("/reports", get(reports::list))
        .route("/reports/{id}", get(reports::one))
        .route("/reports/{id}/{file}", get(reports::file))
        .route("/slots", get(slots::page))
        .layer(csrf)
}

/// An answer of a page's route as a browser shows it: who is not signed in is led to where that is done, and a problem
/// is a page too. Who showed a token is no browser, and is told that it is not good.
pub(crate) fn shown(response: Response, method: &Method, with_token: bool) -> Response {
    let Some(problem) = response.extensions().get::<Problem>().cloned() else { return response };
    if response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind != "application/problem+json") {
        return response;
    }
    let reads = matches!(*method, Method::GET | Method::HEAD);
    let mut shown = if problem.kind == Kind::Unauthenticated && reads && !with_token {
        let mut response = StatusCode::SEE_OTHER.into_response();
        response.headers_mut().insert(header::LOCATION, HeaderValue::from_static("/sign-in"));
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    } else {
        frame::problem(&problem)
    };
    if problem.kind == Kind::Unauthenticated && with_token {
        shown.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(CHALLENGE));
    }
    if let Some(wait) = problem.retry_after {
        shown.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait));
    }
    // So that the access log can say why.
    shown.extensions_mut().insert(problem);
    shown
}
