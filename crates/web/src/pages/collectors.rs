//! `GET /collectors`: what each collector observes, needs and does not see.

use axum::{extract::State, response::Response};
use serde_json::json;

use super::frame;
use crate::{problem::Problem, service::Service, who::Caller};

pub(super) async fn page(State(service): State<Service>, caller: Caller) -> Result<Response, Problem> {
    let seen = |id: &str| caller.scope.collectors.as_ref().is_none_or(|seen| seen.iter().any(|one| one == id));
    let known = service.known();
    let collectors: Vec<_> = known.catalog.collectors.iter().filter(|collector| seen(collector.id.as_str())).collect();
    let data = json!({"here": "collectors", "collectors": collectors});
    frame::page(&service, &caller, "collectors.html", &data, collectors.len())
}
