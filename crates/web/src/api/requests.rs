//! `POST /api/v1/runs`: asks for a run. A row is inserted, and whoever works finds it; nothing is started here.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use exhibit_evidence::{EntryId, JobId, slot::SchedulePromise};
use exhibit_store::{NewRunRequest, Requested, RunEnd, RunRequest, RunState, StoreError, service::Scope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::parameters::{Named, Strict, entry_id};
use crate::{
    answer,
    problem::{Kind, Problem, ProblemDocument},
    service::Service,
    who::Caller,
};

/// The longest reason, in characters.
const LONGEST_REASON: usize = 500;
/// The longest name of a request, in bytes.
const LONGEST_KEY: usize = 200;

/// What to run.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// The job's authored id.
    #[schema(example = "ci", min_length = 1, max_length = 80)]
    job: String,
    /// Why: it is kept with the request, and stands in the record of the evidence.
    #[schema(example = "Before the rotation of the keys.", min_length = 1, max_length = 500)]
    reason: Option<String>,
}

/// What came of asking.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Asked {
    /// The request; the evidence to come has the same id.
    #[schema(format = "uuid", example = "01997a40-7c00-7000-8000-000000000099")]
    id: String,
    /// Whether it was there already, under the same key.
    #[schema(example = false)]
    already: bool,
}

/// How far a request is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Progress {
    /// The request.
    #[schema(format = "uuid", example = "01997a40-7c00-7000-8000-000000000099")]
    id: String,
    /// The job.
    #[schema(example = "ci")]
    job: String,
    /// Who asked.
    #[schema(example = "grace")]
    person: String,
    /// Why, as they put it; null where nothing was said.
    #[schema(required = true, example = "Before the rotation of the keys.")]
    reason: Option<String>,
    /// When it was asked.
    #[schema(format = "date-time", example = "2026-11-16T08:00:00.000000Z")]
    requested_at: String,
    /// `waiting`, `running`, `performed` or `failed`.
    #[schema(example = "performed")]
    state: &'static str,
    /// Since when it has ended, until when it may run at most, or from when on it is taken up.
    #[schema(format = "date-time", example = "2026-11-16T08:00:03.000000Z")]
    at: String,
    /// How often it was tried.
    #[schema(example = 1)]
    attempts: u32,
    /// The evidence it gave; null where it gave none.
    #[schema(required = true, format = "uuid")]
    evidence: Option<String>,
    /// Why the last attempt failed, if it did.
    #[schema(required = true)]
    error: Option<String>,
}

/// Asks for a run of a job. The same `Idempotency-Key` of the same person again is the same request.
#[utoipa::path(post, path = "/api/v1/runs", tag = "runs", request_body = Wanted,
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 200,
        description = "What you call this request", example = "deploy-2026-11-16")),
    responses(
        (status = 202, description = "It is asked for", body = Asked,
            headers(("location" = String, description = "Where to ask how far it is"))),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn ask(
    State(service): State<Service>,
    caller: Caller,
    headers: HeaderMap,
    Strict(wanted): Strict<Wanted>,
) -> Result<Response, Problem> {
    let unknown = || Problem::not_found("job", service.intake.masked(&wanted.job));
    let job: JobId = wanted.job.parse().map_err(|_| unknown())?;
    let key = key(&service, &headers)?;
    let reason = wanted.reason.as_deref().map(|text| reason(&service, text)).transpose()?;
    // Within the scope alone: whoever may not see a job's evidence can't ask for it either.
    let promise = promise_of(&service, &caller.scope, &job).await?.ok_or_else(unknown)?;
    if promise.pushed {
        let detail = format!("job {job}: its evidence is pushed by another system, so there is nothing to run");
        return Err(Problem::new(Kind::Unprocessable, detail));
    }
    let new = NewRunRequest {
        id: EntryId(service.fresh_id()),
        job,
        person: caller.token.person.clone(),
        credential: Some(caller.token.id),
        key,
        reason,
        at: service.now(),
    };
    let requested = service.store.request_run(&new).await.map_err(|error| match error {
        StoreError::KeyTaken { .. } => Problem::new(Kind::Conflict, "you used this key for another job"),
        other => other.into(),
    })?;
    Ok(asked_for(StatusCode::ACCEPTED, requested, "/api/v1/runs/requests/"))
}

/// The answer to a request: its id, and below `place` how far it is.
pub(super) fn asked_for(status: StatusCode, requested: Requested, place: &str) -> Response {
    let told = Asked { id: requested.id.to_string(), already: requested.already };
    let mut response = (status, axum::Json(told)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(place) = HeaderValue::try_from(format!("{place}{}", requested.id)) {
        headers.insert(header::LOCATION, place);
    }
    response.extensions_mut().insert(answer::Rows(0));
    response
}

/// The promise of this job that is in force, as far as the scope may see it.
pub(super) async fn promise_of(
    service: &Service,
    scope: &Scope,
    job: &JobId,
) -> Result<Option<SchedulePromise>, Problem> {
    let mut reading = service.store.reading(scope).await?;
    let promises = reading.promises(None).await?;
    reading.close().await?;
    Ok(promises.iter().rev().filter_map(|row| promised(row.record.get())).find(|promise| promise.job == *job))
}

/// Why a run is asked for, masked.
fn reason(service: &Service, text: &str) -> Result<String, Problem> {
    match text.chars().count() {
        1..=LONGEST_REASON => Ok(service.intake.masked(text)),
        length => Err(Problem::invalid(format!("reason: expected 1 to {LONGEST_REASON} characters, found {length}"))),
    }
}

/// How far a request is. People see their own; those whose token is not limited see all.
#[utoipa::path(get, path = "/api/v1/runs/requests/{id}", tag = "runs",
    params(("id" = String, Path, pattern = r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$", description = "The request's id",
        example = "01997a40-7c00-7000-8000-000000000099")),
    responses(
        (status = 200, description = "How far it is", body = Progress),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn one(
    State(service): State<Service>,
    caller: Caller,
    Named(id): Named<String>,
) -> Result<Response, Problem> {
    answer::json(&progress(request(&service, &caller, "request", id).await?), 1)
}

/// The request of this id that the caller may see: one for a run, or a `submission`.
pub(super) async fn request(
    service: &Service,
    caller: &Caller,
    what: &'static str,
    id: String,
) -> Result<RunRequest, Problem> {
    let entry = entry_id("id", &id)?;
    let mut reading = service.store.reading(&caller.scope).await?;
    let request = reading.request(entry).await?;
    reading.close().await?;
    match request.pushed == (what == "submission") {
        true => Ok(request),
        false => Err(Problem::not_found(what, id)),
    }
}

fn progress(request: RunRequest) -> Progress {
    let (state, at, evidence) = match &request.state {
        RunState::Waiting(from) => ("waiting", from, None),
        RunState::Running(until) => ("running", until, None),
        RunState::Ended(RunEnd::Evidence(id), at) => ("performed", at, Some(id.to_string())),
        RunState::Ended(RunEnd::Failed(_), at) => ("failed", at, None),
    };
    Progress {
        id: request.id.to_string(),
        job: request.job.to_string(),
        person: request.person,
        reason: request.reason,
        requested_at: request.requested_at.to_string(),
        state,
        at: at.to_string(),
        attempts: request.attempts,
        evidence,
        error: request.last_error,
    }
}

/// The promise that a record of a schedule holds.
pub(super) fn promised(record: &str) -> Option<SchedulePromise> {
    #[derive(Deserialize)]
    struct Envelope {
        body: SchedulePromise,
    }
    serde_json::from_str(record).ok().map(|envelope: Envelope| envelope.body)
}

/// What the asker calls the request. It is kept, and stands in records: a secret is no name.
pub(super) fn key(service: &Service, headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut given = headers.get_all("idempotency-key").iter();
    let Some(first) = given.next() else { return Ok(None) };
    let text = first.to_str().ok().filter(|text| (1..=LONGEST_KEY).contains(&text.len()));
    match (text, given.next()) {
        (Some(text), None) if service.intake.masked(text) != text => {
            Err(Problem::invalid("Idempotency-Key: it looks like a secret; expected a name"))
        }
        (Some(text), None) => Ok(Some(text.to_owned())),
        _ => Err(Problem::invalid(format!("Idempotency-Key: expected one, of 1 to {LONGEST_KEY} ASCII characters"))),
    }
}
