//! All routes, and what stands around them.

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::get,
};
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::CompressionLayer,
    limit::RequestBodyLimitLayer,
    set_header::SetResponseHeaderLayer,
    timeout::{RequestBodyDeadlineLayer, TimeoutLayer},
};

use crate::{
    api,
    gate::gate,
    metrics::older,
    pages,
    problem::{Kind, Problem},
    service::Service,
    vitals,
};

/// What every answer bears, whatever it is.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
];

/// Everything that is served.
pub fn router(service: Service) -> Router {
    let (routes, _) = api::routes().split_for_parts();
    let routes = routes.merge(pages::routes());
    let limits = service.limits;
    let mut router = routes
        .fallback(|| async { Problem::new(Kind::NotFound, "no such route") })
        .method_not_allowed_fallback(|| async { Problem::new(Kind::MethodNotAllowed, "this route has no such method") })
        .layer(CatchPanicLayer::custom(|_| {
            tracing::error!("a handler panicked");
            Problem::new(Kind::Internal, "the request could not be answered").into_response()
        }))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, limits.patience))
        .layer(RequestBodyDeadlineLayer::new(limits.patience))
        .layer(RequestBodyLimitLayer::new(limits.body))
        .layer(from_fn_with_state(service.clone(), gate))
        .layer(CompressionLayer::new());
    for (name, value) in HEADERS {
        router = router.layer(SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value)));
    }
    router.with_state(service)
}

/// What Prometheus asks for, on a listener of its own: it tells which routes are used, and of nobody.
pub fn metrics_router(service: Service) -> Router {
    Router::new().route("/metrics", get(metrics)).with_state(service)
}

async fn metrics(State(service): State<Service>, headers: HeaderMap) -> Response {
    let told = vitals::ask(&service).await;
    let more = vitals::registry(told.as_ref(), service.store.pool_vitals(), service.now());
    let text = service.metrics.text(&more);
    let newer = "application/openmetrics-text";
    let accepts = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    if accepts.is_some_and(|accept| accept.contains(newer)) {
        ([(header::CONTENT_TYPE, format!("{newer}; version=1.0.0; charset=utf-8"))], text).into_response()
    } else {
        ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], older(&text)).into_response()
    }
}
