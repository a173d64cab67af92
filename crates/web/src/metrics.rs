//! What Prometheus asks for.

use std::{collections::BTreeSet, time::Duration};

use axum::http::{Method, StatusCode};
use prometheus_client::{
    encoding::{
        EncodeLabelSet,
        text::{encode_eof, encode_registry},
    },
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

    /// All of it, and what `more` holds, as OpenMetrics text.
    pub(crate) fn text(&self, more: &Registry) -> String {
        let mut text = String::new();
        // Writing into a string can't fail.
        encode_registry(&mut text, &self.registry).expect("a string takes any text");
        encode_registry(&mut text, more).expect("a string takes any text");
        encode_eof(&mut text).expect("a string takes any text");
        text
    }
}

/// The same in the older text format, which every tool reads: there a counter is described under the name of its samples,
/// and neither units nor an end are told.
pub(crate) fn older(text: &str) -> String {
    let counters: BTreeSet<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter")).collect();
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let described = line.strip_prefix("# ").and_then(|line| {
            let (what, rest) = line.split_once(' ')?;
            let (name, rest) = rest.split_once(' ')?;
            Some((what, name, rest))
        });
        match described {
            Some(("UNIT", ..)) => continue,
            Some((what, name, rest)) if counters.contains(name) => {
                out.push_str(&format!("# {what} {name}_total {rest}"))
            }
            None if line == "# EOF" => continue,
            _ => out.push_str(line),
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_format_tells_the_same() {
        let metrics = Metrics::new();
        metrics.answered(&Method::GET, "/a", StatusCode::OK, Duration::from_millis(2));
        let mut more = Registry::with_prefix("exhibit");
        more.register("size", "Its size", prometheus_client::metrics::gauge::Gauge::<i64>::default());
        let newer = metrics.text(&more);
        assert!(newer.ends_with("# EOF\n") && newer.contains("# UNIT "), "{newer}");
        let older = older(&newer);
        assert!(older.contains("# TYPE exhibit_http_requests_total counter\n"), "{older}");
        assert!(older.contains("# HELP exhibit_http_requests_total Requests answered"), "{older}");
        assert!(older.contains("# TYPE exhibit_size gauge\nexhibit_size 0\n"), "{older}");
        assert!(!older.contains("EOF") && !older.contains("UNIT"), "{older}");
        let samples =
            |text: &str| text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(samples(&older), samples(&newer));
    }
}
