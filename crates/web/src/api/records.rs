//! `GET /api/v1/receipts`, `/periods`, `/holds`, `/attestations` and `/waivers`: records, passed on as they are.

use axum::{extract::State, response::Response};
use exhibit_store::service::{Acts, Page, Reading, RecordRow};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    parameters::{Asked, entry_id, limit, position},
    shapes::{Entry, Listed},
};
use crate::{
    answer,
    problem::{Problem, ProblemDocument},
    service::Service,
    who::Caller,
};

/// Which receipts to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Receipts {
    /// For this report.
    #[param(
        pattern = r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
        example = "01997a40-7c00-7000-8000-000000000412"
    )]
    report: Option<String>,
    /// As of a checkpoint of this size: nothing recorded later is listed.
    #[param(minimum = 0, maximum = 9007199254740991_i64)]
    as_of: Option<u64>,
    /// Where the page before ended: its `next`.
    #[param(minimum = 0, maximum = 9007199254740991_i64)]
    before: Option<u64>,
    /// The page's size.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// Lists the archive's receipts, newest first: proof that an object version is in the write-once store, as read back.
#[utoipa::path(get, path = "/api/v1/receipts", tag = "reports", params(Receipts),
    responses(
        (status = 200, description = "A page of receipts", body = Listed<Entry>),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn receipts(
    State(service): State<Service>,
    caller: Caller,
    Asked(which): Asked<Receipts>,
) -> Result<Response, Problem> {
    let as_of = position("as_of", which.as_of)?;
    let report = which.report.as_deref().map(|text| entry_id("report", text)).transpose()?;
    let (before, limit) = (position("before", which.before)?, limit(which.limit)?);
    let mut reading = service.store.reading(&caller.scope).await?;
    let page = reading.receipts(report, as_of, before, limit).await?;
    passed_on(reading, page).await
}

/// Which acts of people to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct WhichActs {
    /// As of a checkpoint of this size: nothing recorded later is listed.
    #[param(minimum = 0, maximum = 9007199254740991_i64)]
    as_of: Option<u64>,
    /// Where the page before ended: its `next`.
    #[param(minimum = 0, maximum = 9007199254740991_i64)]
    before: Option<u64>,
    /// The page's size.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// Lists the acts of legal holds, newest first: who placed one on which objects and why, who released it, and what was found lost.
/// They are about everything: whoever is limited sees none.
#[utoipa::path(get, path = "/api/v1/holds", tag = "reports", params(WhichActs),
    responses(
        (status = 200, description = "A page of acts", body = Listed<Entry>),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn holds(
    State(service): State<Service>,
    caller: Caller,
    Asked(which): Asked<WhichActs>,
) -> Result<Response, Problem> {
    acts(&service, &caller, which, Acts::Holds).await
}

/// Lists the acts of attestations by two persons, newest first: what one stated, the other confirmed, and what was withdrawn.
/// They are about everything: whoever is limited sees none.
#[utoipa::path(get, path = "/api/v1/attestations", tag = "reports", params(WhichActs),
    responses(
        (status = 200, description = "A page of acts", body = Listed<Entry>),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn attestations(
    State(service): State<Service>,
    caller: Caller,
    Asked(which): Asked<WhichActs>,
) -> Result<Response, Problem> {
    acts(&service, &caller, which, Acts::Attestations).await
}

/// Lists the acts of waivers, newest first: who asked that a finding may stay open until when and why, who approved it, and
/// what was withdrawn. They are about everything: whoever is limited sees none.
#[utoipa::path(get, path = "/api/v1/waivers", tag = "reports", params(WhichActs),
    responses(
        (status = 200, description = "A page of acts", body = Listed<Entry>),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn waivers(
    State(service): State<Service>,
    caller: Caller,
    Asked(which): Asked<WhichActs>,
) -> Result<Response, Problem> {
    acts(&service, &caller, which, Acts::Waivers).await
}

/// Which periods to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Periods {
    /// Where the page before ended: its `next`.
    #[param(minimum = 0, maximum = 9007199254740991_i64)]
    before: Option<u64>,
    /// The page's size.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// Lists the periods that are frozen, newest first.
#[utoipa::path(get, path = "/api/v1/periods", tag = "reports", params(Periods),
    responses(
        (status = 200, description = "A page of periods", body = Listed<Entry>),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn periods(
    State(service): State<Service>,
    caller: Caller,
    Asked(which): Asked<Periods>,
) -> Result<Response, Problem> {
    let (before, limit) = (position("before", which.before)?, limit(which.limit)?);
    let mut reading = service.store.reading(&caller.scope).await?;
    let page = reading.periods(before, limit).await?;
    passed_on(reading, page).await
}

/// A page of what people did.
async fn acts(service: &Service, caller: &Caller, which: WhichActs, acts: Acts) -> Result<Response, Problem> {
    let (as_of, before) = (position("as_of", which.as_of)?, position("before", which.before)?);
    let limit = limit(which.limit)?;
    let mut reading = service.store.reading(&caller.scope).await?;
    let page = reading.acts(acts, as_of, before, limit).await?;
    passed_on(reading, page).await
}

/// Ends the reading, and answers with its records as they are.
async fn passed_on(reading: Reading, page: Page<RecordRow>) -> Result<Response, Problem> {
    reading.close().await?;
    let page = Listed::of(page, Entry::from);
    answer::json(&page, page.items.len())
}
