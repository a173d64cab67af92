//! What Prometheus asks for.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::{Registry, Unit},
};

/// Bounds of the histogram of durations, in seconds.
const BOUNDS: [f64; 9] = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

/// Counters of this process.
pub(crate) struct Metrics {
    registry: Registry,
    answered: Family<Answered, Counter>,
    duration: Family<Route, Histogram>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("exhibit");
        let answered = Family::default();
        registry.register("http_requests", "Requests answered, by route and status", answered.clone());
        let duration = Family::new_with_constructor((|| Histogram::new(BOUNDS)) as fn() -> Histogram);
        registry.register_with_unit(
            "http_request_duration",
            "Time until the answer's head, by route",
            Unit::Seconds,
            duration.clone(),
        );
        Self { registry, answered, duration }
    }

    /// Counts one answer. Only routes that exist become labels, so that nobody can make their number grow.
    pub(crate) fn answered(&self, method: &Method, route: &str, status: StatusCode, took: Duration) {
        let route = if route.is_empty() { "none" } else { route }.to_owned();
        let method = match *method {
            Method::GET | Method::HEAD | Method::POST => method.to_string(),
            _ => "other".to_owned(),
        };
        self.duration.get_or_create(&Route { route: route.clone() }).observe(took.as_secs_f64());
        self.answered.get_or_create(&Answered { method, route, status: status.as_u16() }).inc();
    }

    /// All of it, as OpenMetrics text.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a string can't fail.
        encode(&mut text, &self.registry).expect("a string takes any text");
        text
    }
}
