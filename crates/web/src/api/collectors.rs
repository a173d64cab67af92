//! `GET /api/v1/collectors`: what can be observed, and what it proves and does not.

use axum::{extract::State, response::Response};
use exhibit_evidence::catalog::CollectorManifest;
use serde::Serialize;
use utoipa::ToSchema;

use super::parameters::Named;
use crate::{
    answer,
    problem::{Problem, ProblemDocument},
    service::Service,
};

/// A collector as the list shows it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Collector {
    /// Its permanent id.
    #[schema(example = "ci_secrets")]
    id: String,
    /// Its title.
    title: String,
    /// What it observes.
    summary: String,
    /// Its checks' ids.
    #[schema(example = json!(["ci-secrets.plaintext-value"]))]
    checks: Vec<String>,
}

/// All collectors of this version.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Collectors {
    /// By id.
    items: Vec<Collector>,
}

/// A collector with its documentation.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Documented {
    /// Its manifest: checks with criterion and test, the requirements they support, needed rights, blind spots.
    #[schema(value_type = Object)]
    manifest: CollectorManifest,
    /// Its page, Markdown.
    page: String,
}

/// Lists the collectors of this version, by id.
#[utoipa::path(get, path = "/api/v1/collectors", tag = "about",
    responses(
        (status = 200, description = "All collectors", body = Collectors),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn list(State(service): State<Service>) -> Result<Response, Problem> {
    let shape = |manifest: &CollectorManifest| Collector {
        id: manifest.id.to_string(),
        title: manifest.title.clone(),
        summary: manifest.summary.clone(),
        checks: manifest.checks.iter().map(|check| check.id.to_string()).collect(),
    };
    let mut items: Vec<_> = service.known().catalog.collectors.iter().map(shape).collect();
    items.sort_by(|a, b| a.id.cmp(&b.id));
    answer::json(&Collectors { items }, 0)
}

/// One collector, with its documentation.
#[utoipa::path(get, path = "/api/v1/collectors/{id}", tag = "about",
    params(("id" = String, Path, description = "The collector's id", example = "ci_secrets")),
    responses(
        (status = 200, description = "Manifest and page", body = Documented),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn one(State(service): State<Service>, Named(id): Named<String>) -> Result<Response, Problem> {
    let all = service.known();
    let known = all.catalog.collectors.iter().find(|manifest| manifest.id.as_str() == id);
    let manifest = known.cloned().ok_or_else(|| Problem::not_found("collector", &id))?;
    let page = all.pages.get(&id).cloned().unwrap_or_default();
    answer::json(&Documented { manifest, page }, 0)
}
