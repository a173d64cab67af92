//! `GET /api/v1/findings` and one of them with its history.

use axum::{extract::State, http::HeaderMap, response::Response};
use exhibit_evidence::Fingerprint;
use exhibit_store::service::{FindingHistory, FindingQuery, FindingRow, FindingState, Observed};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{
    checks::narrowed,
    evidence::severities,
    forms::{Form, form, streamed},
    parameters::{Asked, Named, instant, limit, position},
};
use crate::{
    answer,
    problem::{Problem, ProblemDocument},
    service::Service,
    who::Caller,
};

/// Which findings to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// By this check, under any of its names.
    #[param(example = "ci-secrets.plaintext-value")]
    check: Option<String>,
    /// By a check that bears on this requirement of a framework.
    #[param(example = "soc2-2017:CC6.1")]
    control: Option<String>,
    /// In this environment.
    #[param(example = "production")]
    environment: Option<String>,
    /// In this subject.
    subject: Option<String>,
    /// Of this kind.
    condition: Option<String>,
    /// Of one of these severities when last observed, with commas between: critical, high, medium, low, info.
    #[param(
        example = "critical,high",
        pattern = "^(critical|high|medium|low|info)(,(critical|high|medium|low|info))*$"
    )]
    severity: Option<String>,
    /// open or gone.
    #[param(example = "open", pattern = "^(open|gone)$")]
    state: Option<String>,
    /// Observed at or after this instant.
    #[param(format = "date-time", example = "2026-10-01T00:00:00Z")]
    observed_from: Option<String>,
    /// Observed before this instant: what came later is left out.
    #[param(format = "date-time", example = "2027-01-01T00:00:00Z")]
    observed_to: Option<String>,
    /// As of a checkpoint of this size.
    #[param(minimum = 0, maximum = 9007199254740991_i64)]
    as_of: Option<u64>,
    /// Where the page before ended: its `next`.
    #[param(
        pattern = r"^sha256:[0-9a-f]{64}$",
        example = "sha256:6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    )]
    after: Option<String>,
    /// The page's size.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// json for a page; ndjson or csv for all of it. Else what `Accept` names.
    #[param(example = "json", pattern = "^(json|ndjson|csv)$")]
    format: Option<String>,
}

/// Findings, by fingerprint.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FindingPage {
    /// What is on it.
    items: Vec<Finding>,
    /// What to pass as `after` for the next page; null on the last one.
    #[schema(required = true, example = json!(null))]
    next: Option<String>,
}

/// A finding as it stands.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Finding {
    /// Its identity across runs and quarters.
    #[schema(example = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    fingerprint: String,
    /// The check that noted it last.
    #[schema(example = "ci-secrets.plaintext-value")]
    check: String,
    /// Its kind.
    #[schema(example = "plaintext-in-ci")]
    condition: String,
    /// The environment it is in.
    #[schema(example = "production")]
    environment: String,
    /// The subject it is in.
    #[schema(example = "website")]
    subject: String,
    /// How bad it was when last observed.
    #[schema(example = "high")]
    severity: String,
    /// open, until a look that passed or failed found its scope without it; then gone.
    #[schema(example = "open")]
    state: FoundState,
    /// How many instances were last observed.
    #[schema(example = 1)]
    instances: u64,
    /// The most instances that were ever observed at once: fewer now is partially remediated.
    #[schema(example = 3)]
    most_instances: u64,
    /// How often it was observed.
    #[schema(example = 12)]
    observations: u64,
    /// When it was first observed.
    #[schema(format = "date-time", example = "2026-10-01T04:00:01.000000Z")]
    first_observed_to: String,
    /// When it was last observed.
    #[schema(format = "date-time", example = "2026-10-08T04:00:01.000000Z")]
    last_observed_to: String,
    /// When the job that noted it last judged its scope last with a verdict of pass or fail, then or since; null where it did not.
    #[schema(required = true, format = "date-time", example = "2026-10-08T04:00:01.000000Z")]
    scope_judged_to: Option<String>,
    /// Position of the assessment that noted it last.
    #[schema(example = 413)]
    last_seq: u64,
}

/// Whether a finding is still there.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum FoundState {
    Open,
    Gone,
}

/// A finding with its history.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Told {
    /// As it stands.
    finding: Finding,
    /// Each time it was observed, earliest first.
    history: Vec<Seen>,
    /// What the last assessment that the token may see whole says of it: place, detail, attributes. Null where its list
    /// was moved to an artifact, or lies outside of the scope.
    #[schema(required = true, value_type = Option<Object>)]
    last: Option<Value>,
    /// What that assessment says of its kind: title, risk, recommendation.
    #[schema(required = true, value_type = Option<Object>)]
    about: Option<Value>,
}

/// One time that a finding was observed.
#[derive(Debug, Serialize, ToSchema)]
struct Seen {
    /// Position of the assessment.
    #[schema(example = 413)]
    seq: u64,
    /// The assessment; null where the token may not see it whole.
    #[schema(required = true, format = "uuid", example = "01997a40-7c00-7000-8000-000000000413")]
    assessment: Option<String>,
    /// Until when the evidence was true.
    #[schema(format = "date-time", example = "2026-10-08T04:00:01.000000Z")]
    observed_to: String,
    /// How bad it was.
    #[schema(example = "high")]
    severity: String,
    /// How many instances there were.
    #[schema(example = 1)]
    instances: u64,
}

impl From<FindingRow> for Finding {
    fn from(row: FindingRow) -> Self {
        Self {
            fingerprint: row.fingerprint.to_string(),
            check: row.check,
            condition: row.condition,
            environment: row.environment,
            subject: row.subject,
            severity: row.severity,
            state: match row.state {
                FindingState::Open => FoundState::Open,
                FindingState::Gone => FoundState::Gone,
            },
            instances: row.instances,
            most_instances: row.most_instances,
            observations: row.observations,
            first_observed_to: row.first_observed_to.to_string(),
            last_observed_to: row.last_observed_to.to_string(),
            scope_judged_to: row.scope_judged_to.map(|at| at.to_string()),
            last_seq: row.last_seq,
        }
    }
}

impl From<Observed> for Seen {
    fn from(row: Observed) -> Self {
        let Observed { seq, assessment, observed_to, severity, instances, .. } = row;
        let assessment = assessment.map(|id| id.to_string());
        Self { seq, assessment, observed_to: observed_to.to_string(), severity, instances }
    }
}

fn fingerprint(name: &str, text: &str) -> Result<Fingerprint, Problem> {
    text.parse().map(Fingerprint).map_err(|error| Problem::invalid(format!("{name}: {error}")))
}

/// Lists findings by fingerprint, which never changes; as NDJSON or CSV all of them. Whose token is limited to periods is
/// told what was so within them.
#[utoipa::path(get, path = "/api/v1/findings", tag = "findings", params(Which),
    responses(
        (status = 200, description = "A page of findings, or all of them", content(
            (FindingPage = "application/json"), (String = "application/x-ndjson"), (String = "text/csv"))),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn list(
    State(service): State<Service>,
    caller: Caller,
    headers: HeaderMap,
    Asked(which): Asked<Which>,
) -> Result<Response, Problem> {
    let form = form(which.format.as_deref(), &headers)?;
    let state = match which.state.as_deref() {
        None => None,
        Some("open") => Some(FindingState::Open),
        Some("gone") => Some(FindingState::Gone),
        Some(_) => return Err(Problem::invalid("state: expected open or gone")),
    };
    let query = FindingQuery {
        checks: narrowed(&service.known().catalog, which.check.as_deref(), which.control.as_deref())?,
        environment: which.environment,
        subject: which.subject,
        condition: which.condition,
        severities: severities(which.severity.as_deref())?,
        state,
        observed_from: instant("observed_from", which.observed_from.as_deref())?,
        observed_to: instant("observed_to", which.observed_to.as_deref())?,
        as_of: position("as_of", which.as_of)?,
        after: which.after.map(|text| fingerprint("after", &text)).transpose()?,
        limit: limit(which.limit)?,
    };
    if let Form::Stream(format) = form {
        let export = service.store.export_findings(&caller.scope, &query, format).await?;
        return Ok(streamed(export, format));
    }
    let mut reading = service.store.reading(&caller.scope).await?;
    let page = reading.findings(&query).await?;
    reading.close().await?;
    let items: Vec<Finding> = page.items.into_iter().map(Finding::from).collect();
    let rows = items.len();
    answer::json(&FindingPage { items, next: page.next.map(|next| next.to_string()) }, rows)
}

/// As of when.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AsOf {
    /// As of a checkpoint of this size: nothing recorded later is told.
    #[param(minimum = 0, maximum = 9007199254740991_i64)]
    as_of: Option<u64>,
}

/// Shows one finding, each time that it was observed, and what was last said of it.
#[utoipa::path(get, path = "/api/v1/findings/{fingerprint}", tag = "findings",
    params(("fingerprint" = String, Path, description = "Its fingerprint, sha256:<hex>", pattern = r"^sha256:[0-9a-f]{64}$"), AsOf),
    responses(
        (status = 200, description = "The finding", body = Told),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn one(
    State(service): State<Service>,
    caller: Caller,
    Named(text): Named<String>,
    Asked(AsOf { as_of }): Asked<AsOf>,
) -> Result<Response, Problem> {
    let id = fingerprint("fingerprint", &text)?;
    let as_of = position("as_of", as_of)?;
    let mut reading = service.store.reading(&caller.scope).await?;
    let FindingHistory { finding, history, last, about } = reading.finding(id, as_of).await?;
    reading.close().await?;
    let history: Vec<Seen> = history.into_iter().map(Seen::from).collect();
    let rows = history.len();
    answer::json(&Told { finding: finding.into(), history, last, about }, rows)
}
