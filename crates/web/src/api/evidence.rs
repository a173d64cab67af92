//! `GET /api/v1/evidence`: what was observed, newest first.

use axum::{extract::State, http::HeaderMap, response::Response};
use exhibit_store::service::{EvidenceQuery, EvidenceRow, JudgedBy};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::{
    checks::narrowed,
    forms::{Form, form, streamed},
    parameters::{Asked, instant, limit, position, word},
    shapes::Listed,
};
use crate::{
    answer,
    problem::{Problem, ProblemDocument},
    service::Service,
    who::Caller,
};

/// Which evidence to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Of this job.
    job: Option<String>,
    /// Of this collector.
    #[param(example = "ci_secrets")]
    collector: Option<String>,
    /// Judged by this check, under any of its names.
    #[param(example = "ci-secrets.plaintext-value")]
    check: Option<String>,
    /// Judged by a check that bears on this requirement of a framework.
    #[param(example = "soc2-2017:CC6.1")]
    control: Option<String>,
    /// That looked at this environment.
    #[param(example = "production")]
    environment: Option<String>,
    /// With an assessment of this verdict: fail, error, vacuous, pass or not-applicable.
    #[param(example = "fail", pattern = "^(fail|error|vacuous|pass|not-applicable)$")]
    outcome: Option<String>,
    /// With a finding of one of these severities, with commas between: critical, high, medium, low, info.
    #[param(
        example = "critical,high",
        pattern = "^(critical|high|medium|low|info)(,(critical|high|medium|low|info))*$"
    )]
    severity: Option<String>,
    /// Observed at or after this instant.
    #[param(format = "date-time", example = "2026-10-01T00:00:00Z")]
    observed_from: Option<String>,
    /// Observed before this instant.
    #[param(format = "date-time", example = "2027-01-01T00:00:00Z")]
    observed_to: Option<String>,
    /// Recorded at or after this instant.
    #[param(format = "date-time", example = "2027-01-01T00:00:00Z")]
    recorded_from: Option<String>,
    /// Recorded before this instant.
    #[param(format = "date-time", example = "2027-01-01T00:00:00Z")]
    recorded_to: Option<String>,
    /// As of a checkpoint of this size: nothing recorded later is listed.
    #[param(minimum = 0, maximum = 9007199254740991_i64)]
    as_of: Option<u64>,
    /// Where the page before ended: its `next`.
    #[param(minimum = 0, maximum = 9007199254740991_i64)]
    before: Option<u64>,
    /// The page's size.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// With the exact records.
    records: Option<bool>,
    /// json for a page; ndjson or csv for all of it, earliest first. Else what `Accept` names.
    #[param(example = "json", pattern = "^(json|ndjson|csv)$")]
    format: Option<String>,
}

/// A piece of evidence in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Evidence {
    /// Its position in the ledger, from 0.
    #[schema(example = 412)]
    seq: u64,
    /// Its id.
    #[schema(format = "uuid", example = "01997a40-7c00-7000-8000-000000000412")]
    id: String,
    /// When it was recorded.
    #[schema(format = "date-time", example = "2026-10-08T04:00:02.000000Z")]
    recorded_at: String,
    /// The job that asked for it.
    #[schema(example = "ci")]
    job: String,
    /// The collector that observed.
    #[schema(example = "ci_secrets")]
    collector: String,
    /// `scheduled`, `catch-up` or `on-demand`; `pushed` where another system handed it in and Exhibit looked at nothing.
    #[schema(example = "scheduled")]
    trigger: String,
    /// The slot it fills; null on demand.
    #[schema(required = true, format = "date-time", example = "2026-10-08T04:00:00.000000Z")]
    scheduled_for: Option<String>,
    /// When the performance began.
    #[schema(format = "date-time", example = "2026-10-08T04:00:00.100000Z")]
    started_at: String,
    /// When the performance ended.
    #[schema(format = "date-time", example = "2026-10-08T04:00:01.900000Z")]
    finished_at: String,
    /// From when it was true.
    #[schema(format = "date-time", example = "2026-10-08T04:00:00.100000Z")]
    observed_from: String,
    /// Until when it was true: the period it belongs to.
    #[schema(format = "date-time", example = "2026-10-08T04:00:01.800000Z")]
    observed_to: String,
    /// Environments looked at, sorted.
    #[schema(example = json!(["production"]))]
    environments: Vec<String>,
    /// Subjects looked at, as environment/subject, sorted.
    #[schema(example = json!(["production/website"]))]
    subjects: Vec<String>,
    /// How many items exist by the source's own count; null where that was not known for all.
    #[schema(required = true, example = 31)]
    exist: Option<u64>,
    /// How many were examined.
    #[schema(example = 31)]
    examined: u64,
    /// How many things could not be found out.
    #[schema(example = 0)]
    problems: u64,
    /// Whether the collector's self-test passed; null where none was run, because the evidence was pushed.
    #[schema(required = true, example = true)]
    self_test_passed: Option<bool>,
    /// What checks made of it, in the order of the ledger.
    assessments: Vec<Judged>,
    /// The record, where it was asked for: SHA-256(0x00 ‖ these bytes) is its leaf in the tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    record: Option<Box<RawValue>>,
}

/// A check's word on a piece of evidence.
#[derive(Debug, Serialize, ToSchema)]
struct Judged {
    /// The assessment.
    #[schema(format = "uuid", example = "01997a40-7c00-7000-8000-000000000413")]
    id: String,
    /// The check.
    #[schema(example = "ci-secrets.plaintext-value")]
    check: String,
    /// Its verdict.
    #[schema(example = "fail")]
    verdict: String,
    /// How many findings it noted.
    #[schema(example = 2)]
    findings: u64,
}

impl From<EvidenceRow> for Evidence {
    fn from(row: EvidenceRow) -> Self {
        let judged =
            |JudgedBy { id, check, verdict, findings }| Judged { id: id.to_string(), check, verdict, findings };
        Self {
            seq: row.seq,
            id: row.id.to_string(),
            recorded_at: row.recorded_at.to_string(),
            job: row.job,
            collector: row.collector,
            trigger: row.trigger,
            scheduled_for: row.scheduled_for.map(|at| at.to_string()),
            started_at: row.started_at.to_string(),
            finished_at: row.finished_at.to_string(),
            observed_from: row.observed_from.to_string(),
            observed_to: row.observed_to.to_string(),
            environments: row.environments,
            subjects: row.subjects,
            exist: row.exist,
            examined: row.examined,
            problems: row.problems,
            self_test_passed: row.self_test_passed,
            assessments: row.assessments.into_iter().map(judged).collect(),
            record: row.record,
        }
    }
}

/// Lists evidence, newest first: a page whose `next` stays good while the ledger grows. As NDJSON or CSV all of it,
/// earliest first; a line of NDJSON is `{"record":…,"seq":…}` with the record's exact bytes. Evidence about several
/// environments is seen by who may see all of them.
#[utoipa::path(get, path = "/api/v1/evidence", tag = "evidence", params(Which),
    responses(
        (status = 200, description = "A page of evidence, or all of it", content(
            (Listed<Evidence> = "application/json"), (String = "application/x-ndjson"), (String = "text/csv"))),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn list(
    State(service): State<Service>,
    caller: Caller,
    headers: HeaderMap,
    Asked(which): Asked<Which>,
) -> Result<Response, Problem> {
    let form = form(which.format.as_deref(), &headers)?;
    let query = EvidenceQuery {
        checks: narrowed(&service.known().catalog, which.check.as_deref(), which.control.as_deref())?,
        job: which.job,
        collectors: which.collector.map(|collector| vec![collector]),
        environment: which.environment,
        outcome: word("outcome", "fail, error, vacuous, pass or not-applicable", which.outcome.as_deref())?,
        severities: severities(which.severity.as_deref())?,
        observed_from: instant("observed_from", which.observed_from.as_deref())?,
        observed_to: instant("observed_to", which.observed_to.as_deref())?,
        recorded_from: instant("recorded_from", which.recorded_from.as_deref())?,
        recorded_to: instant("recorded_to", which.recorded_to.as_deref())?,
        as_of: position("as_of", which.as_of)?,
        before: position("before", which.before)?,
        limit: limit(which.limit)?,
        records: which.records.unwrap_or(false),
    };
    if let Form::Stream(format) = form {
        let export = service.store.export_evidence(&caller.scope, &query, format).await?;
        return Ok(streamed(export, format));
    }
    let mut reading = service.store.reading(&caller.scope).await?;
    let page = reading.evidence(&query).await?;
    reading.close().await?;
    let page = Listed::of(page, Evidence::from);
    answer::json(&page, page.items.len())
}

/// Severities by their words, with commas between.
pub(super) fn severities(asked: Option<&str>) -> Result<Option<Vec<exhibit_evidence::Severity>>, Problem> {
    let one = |text: &str| {
        let severity = word("severity", "critical, high, medium, low or info, with commas between", Some(text))?;
        Ok(severity.into_iter())
    };
    let all = |text: &str| -> Result<Vec<_>, Problem> {
        Ok(text.split(',').map(one).collect::<Result<Vec<_>, Problem>>()?.into_iter().flatten().collect())
    };
    asked.map(all).transpose()
}
