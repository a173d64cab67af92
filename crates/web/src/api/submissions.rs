//! `POST /api/v1/evidence`: takes evidence in that another system observed. A row is inserted, and whoever works judges and
//! seals it; what is kept of it was masked before it came to the database.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use exhibit_evidence::{EntryId, JobId};
use exhibit_store::{NewRunRequest, NewSubmission, RunEnd, RunRequest, RunState, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    parameters::{Named, Strict},
    requests::{Asked, asked_for, key, promise_of, request},
};
use crate::{
    answer,
    intake::{NotTaken, Offer},
    problem::{Kind, Problem, ProblemDocument},
    service::Service,
    who::Caller,
};

/// Evidence that another system observed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Pushed {
    /// The job's authored id: one whose evidence is pushed.
    #[schema(example = "partner-credentials", min_length = 1, max_length = 80)]
    job: String,
    /// Where it was observed, in your words.
    #[schema(example = "scanner-3", min_length = 1, max_length = 200)]
    host: Option<String>,
    /// What was observed: an observation in the form that records have (FORMAT.md), without artifacts. `facts` have the
    /// form of the job's collector; its judge judges them.
    #[schema(value_type = Object, example = json!({
        "observed_from": "2026-11-16T04:00:10.000000Z",
        "observed_to": "2026-11-16T04:00:12.000000Z",
        "subjects": [{"environment": "production", "id": "shop"}],
        "population": [{"subject": {"environment": "production", "id": "shop"}, "unit": "credential", "exist": 1,
            "counted_by": "the vault's own list", "examined": 1}],
        "method": {"kind": "all"},
        "tool": {"name": "partner-scan", "version": "4.2"},
        "rights": "lists and reads the vault's path of the shop",
        "blind_spots": ["What is not in the vault."],
        "facts": {"version": 1, "subject": "shop", "sources": [], "credentials": [], "unseen": []}
    }))]
    observation: Value,
}

/// How far a piece that was handed in is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Submission {
    /// The piece; the evidence has the same id.
    #[schema(format = "uuid", example = "01997a40-7c00-7000-8000-000000000099")]
    id: String,
    /// The job.
    #[schema(example = "partner-credentials")]
    job: String,
    /// Who handed it in.
    #[schema(example = "partner-ci")]
    person: String,
    /// What they call it.
    #[schema(required = true, example = "nightly-2026-11-16")]
    key: Option<String>,
    /// When it was received.
    #[schema(format = "date-time", example = "2026-11-16T04:00:15.000000Z")]
    received_at: String,
    /// `waiting`, `sealing`, `sealed` or `failed`.
    #[schema(example = "sealed")]
    state: &'static str,
    /// Since when it is sealed or failed, until when it may take at most, or from when on it is taken up.
    #[schema(format = "date-time", example = "2026-11-16T04:00:16.000000Z")]
    at: String,
    /// The evidence in the ledger; null until it is sealed.
    #[schema(required = true, format = "uuid")]
    evidence: Option<String>,
    /// Why the last attempt failed, if it did.
    #[schema(required = true)]
    error: Option<String>,
}

/// Takes in evidence that another system observed, for a job that is declared as pushed. It is judged and sealed soon, and
/// marked for ever as pushed. The same `Idempotency-Key` of the same person with the same body again is the same piece.
#[utoipa::path(post, path = "/api/v1/evidence", tag = "evidence", request_body = Pushed,
    params(("Idempotency-Key" = String, Header, min_length = 1, max_length = 200,
        description = "What you call this piece: it stands in the record", example = "nightly-2026-11-16")),
    responses(
        (status = 202, description = "It is taken and waits to be sealed", body = Asked,
            headers(("location" = String, description = "Where to ask how far it is"))),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn push(
    State(service): State<Service>,
    caller: Caller,
    headers: HeaderMap,
    Strict(pushed): Strict<Pushed>,
) -> Result<Response, Problem> {
    let received = service.now();
    let unknown = || Problem::not_found("job", service.intake.masked(&pushed.job));
    let job: JobId = pushed.job.parse().map_err(|_| unknown())?;
    let key = key(&service, &headers)?;
    let key = key.ok_or_else(|| Problem::invalid("Idempotency-Key: expected one: it names the piece"))?;
    // Within what the token is limited to: whoever may not see a job's evidence may not bring it either.
    let promise = promise_of(&service, &caller.pushes_for, &job).await?.ok_or_else(unknown)?;
    if !promise.pushed {
        let detail = format!("job {job}: its evidence is collected by Exhibit itself and taken from nobody");
        return Err(Problem::new(Kind::Unprocessable, detail));
    }
    let offer = Offer {
        job: job.clone(),
        key: key.clone(),
        host: pushed.host.clone(),
        observation: pushed.observation.clone(),
        received,
    };
    let intake = service.intake.clone();
    let taken = tokio::task::spawn_blocking(move || intake.admit(offer)).await;
    // A judge that breaks off at what it was given is no fault of the service; its words may quote what it read.
    let taken = taken.unwrap_or_else(|_| Err(NotTaken::Refused("observation: the judge could not read it".to_owned())));
    let content = taken.map_err(|refused| match refused {
        NotTaken::NoJob => unknown(),
        NotTaken::Refused(why) => Problem::new(Kind::Unprocessable, why),
    })?;
    let new = NewRunRequest {
        id: EntryId(service.fresh_id()),
        job,
        person: caller.token.person.clone(),
        credential: Some(caller.token.id),
        key: Some(key),
        reason: None,
        at: received,
    };
    let requested =
        service.store.submit(&NewSubmission { request: new, content }).await.map_err(|error| match error {
            StoreError::KeyTaken { .. } => Problem::new(Kind::Conflict, "you used this key for another job"),
            StoreError::OtherContent(_) => Problem::new(Kind::Conflict, "you used this key for another observation"),
            other => other.into(),
        })?;
    Ok(asked_for(StatusCode::ACCEPTED, requested, "/api/v1/evidence/submissions/"))
}

/// How far a piece that was handed in is. People see their own; those who run the service see all.
#[utoipa::path(get, path = "/api/v1/evidence/submissions/{id}", tag = "evidence",
    params(("id" = String, Path, pattern = r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$", description = "The piece's id",
        example = "01997a40-7c00-7000-8000-000000000099")),
    responses(
        (status = 200, description = "How far it is", body = Submission),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn one(
    State(service): State<Service>,
    caller: Caller,
    Named(id): Named<String>,
) -> Result<Response, Problem> {
    answer::json(&submission(request(&service, &caller, "submission", id).await?), 1)
}

fn submission(request: RunRequest) -> Submission {
    let (state, at, evidence) = match &request.state {
        RunState::Waiting(from) => ("waiting", from, None),
        RunState::Running(until) => ("sealing", until, None),
        RunState::Ended(RunEnd::Evidence(id), at) => ("sealed", at, Some(id.to_string())),
        RunState::Ended(RunEnd::Failed(_), at) => ("failed", at, None),
    };
    Submission {
        id: request.id.to_string(),
        job: request.job.to_string(),
        person: request.person,
        key: request.key,
        received_at: request.requested_at.to_string(),
        state,
        at: at.to_string(),
        evidence,
        error: request.last_error,
    }
}
