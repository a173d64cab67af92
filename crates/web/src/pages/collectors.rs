//! `GET /collectors` and `GET /collectors/{id}`: what each collector observes, needs and does not see.

use axum::{
    extract::{Path, State},
    response::Response,
};
use serde_json::json;

use super::{
    attested::{self, Attested},
    frame,
};
use crate::{problem::Problem, service::Service, who::Caller};

/// Attestations on the page, newest first; all of them stand in the API.
const MOST: usize = 200;

pub(super) async fn list(State(service): State<Service>, caller: Caller) -> Result<Response, Problem> {
    let known = service.known();
    let collectors: Vec<_> =
        known.catalog.collectors.iter().filter(|collector| sees(&caller, collector.id.as_str())).collect();
    let data = json!({"here": "collectors", "collectors": collectors});
    frame::page(&service, &caller, "collectors.html", &data, collectors.len())
}

pub(super) async fn one(
    State(service): State<Service>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let known = service.known();
    let collector = known.catalog.collectors.iter().find(|collector| collector.id.as_str() == id);
    let collector = collector.filter(|_| sees(&caller, &id)).ok_or_else(|| Problem::not_found("collector", &id))?;
    let readme = known.pages.get(&id).map(String::as_str).unwrap_or_default();
    let mut attested = Vec::new();
    if id == attested::COLLECTOR {
        let mut reading = service.store.reading(&caller.scope).await?;
        let statements = attested::statements(&mut reading).await?;
        reading.close().await?;
        let now = service.now();
        attested.extend(statements.all().iter().rev().take(MOST).map(|one| Attested::of(one, now)));
    }
    let data = json!({
        "here": "collectors", "collector": collector, "readme": readme, "attested": attested,
        "attests": id == attested::COLLECTOR,
    });
    frame::page(&service, &caller, "collector.html", &data, 1)
}

/// Whether anything of what this collector observes lies within the token's scope.
pub(super) fn sees(caller: &Caller, id: &str) -> bool {
    caller.scope.collectors.as_ref().is_none_or(|seen| seen.iter().any(|one| one == id))
}
