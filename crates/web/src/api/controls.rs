//! `GET /api/v1/controls`: how the controls stand over a period, by audit item and by framework.

use axum::{extract::State, response::Response};
use exhibit_evidence::{Outcome, Period, Timestamp};
use exhibit_report::{
    Status,
    view::{AuditItemView, CheckView, FrameworkView, SeverityCount},
};
use exhibit_store::service::Scope;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::parameters::{Asked, period};
use crate::{
    answer,
    problem::{Problem, ProblemDocument},
    service::Service,
    status::status,
    who::Caller,
};

/// Over which period, and for which framework.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// The period; the current one where none is named.
    #[param(example = "2026-Q4", pattern = r"^(19[7-9][0-9]|[2-8][0-9]{3})-Q[1-4]$")]
    period: Option<String>,
    /// Only the requirements of this framework.
    #[param(example = "soc2-2017")]
    framework: Option<String>,
}

/// How the controls stand.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Controls {
    /// The period, half-open.
    #[schema(value_type = Object, example = json!({"id": "2026-Q4", "start": "2026-09-30T22:00:00.000000Z",
        "end": "2026-12-31T23:00:00.000000Z", "time_zone": "Europe/Berlin", "tzdata": "2026b"}))]
    period: Period,
    /// As of when: when the last entry was recorded.
    #[schema(value_type = String, format = "date-time", example = "2026-11-16T08:00:03.000000Z")]
    as_of: Timestamp,
    /// The ledger's size that this speaks of.
    #[schema(example = 412)]
    size: u64,
    /// The five quarterly audit items, always all of them; `current` is null where no job collects for an item.
    #[schema(value_type = Vec<Object>, min_items = 5, max_items = 5)]
    audit_items: Vec<AuditItemView>,
    /// Each framework's requirements with the checks that support them. One check never proves a requirement.
    #[schema(value_type = Vec<Object>, example = json!([{"id": "soc2-2017", "title": "SOC 2", "source": "AICPA",
        "requirements": [{"id": "CC6.1", "title": "Logical access", "support": [
            {"check": "ci-secrets.plaintext-value", "strength": "partial", "current": "fail"}]}]}]))]
    frameworks: Vec<FrameworkView>,
    /// Check by check and job by job: the latest outcome, the worst over all subjects.
    checks: Vec<Check>,
    /// Open findings by severity, worst first.
    #[schema(value_type = Vec<Object>, example = json!([{"severity": "high", "count": 2}]))]
    open_findings: Vec<SeverityCount>,
    /// Promised slots, and what came of them.
    slots: Slots,
    /// What this version could not read or does not know.
    limits: Vec<String>,
}

/// A check as it stands.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Check {
    /// Its permanent id.
    #[schema(example = "ci-secrets.plaintext-value")]
    id: String,
    /// Its title.
    title: String,
    /// The job whose evidence it judges.
    #[schema(example = "ci")]
    job: String,
    /// The outcome as it stands, the worst over its subjects; stale and missing included.
    #[schema(value_type = String, example = "fail")]
    current: Outcome,
    /// The worst outcome over the whole period.
    #[schema(value_type = String, example = "fail")]
    throughout: Outcome,
    /// How often it was assessed.
    #[schema(example = 4)]
    occurrences: u64,
    /// Of these, with a deviation.
    #[schema(example = 1)]
    with_deviation: u64,
    /// Of these, without an answer: it could not be found out, or nothing was examined.
    #[schema(example = 0)]
    without_answer: u64,
    /// Slots promised and not performed.
    #[schema(example = 0)]
    not_performed: u64,
    /// Of the occurrences, those whose evidence another system pushed: Exhibit judged it and did not observe it.
    #[schema(example = 0)]
    pushed: u64,
    /// The latest evidence; null where there is none.
    #[schema(required = true, format = "uuid")]
    latest_evidence: Option<String>,
}

/// Promised slots, and what came of them.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Slots {
    /// Promised up to now.
    #[schema(example = 7)]
    expected: u64,
    /// Performed in time.
    #[schema(example = 6)]
    performed: u64,
    /// Performed late.
    #[schema(example = 0)]
    late: u64,
    /// Not performed.
    #[schema(example = 1)]
    missed: u64,
    /// Tried, and could not be performed.
    #[schema(example = 0)]
    errored: u64,
}

/// How the controls stand over a period, as far as the token sees. The rules are those of the report.
#[utoipa::path(get, path = "/api/v1/controls", tag = "evidence", params(Which),
    responses(
        (status = 200, description = "How they stand", body = Controls),
        (status = "default", description = "A problem", body = ProblemDocument, content_type = "application/problem+json"),
    ))]
pub(super) async fn controls(
    State(service): State<Service>,
    caller: Caller,
    Asked(which): Asked<Which>,
) -> Result<Response, Problem> {
    let all = service.known();
    let current = all.calendar.period_of(service.now());
    let period = period("period", which.period.as_deref())?.map_or(current, |id| all.calendar.period(id));
    if service.checks() && !sees(&caller.scope, &period) {
        return Err(Problem::not_found("period", period.id));
    }
    let known = |id: &String| all.catalog.frameworks.iter().any(|framework| framework.id == *id);
    if let Some(unknown) = which.framework.as_ref().filter(|id| !known(id)) {
        return Err(Problem::not_found("framework", unknown));
    }
    let (status, size) = status(&service, &caller.scope, &period).await?;
    let controls = of(status, size, period, which.framework.as_deref());
    answer::json(&controls, controls.checks.len())
}

/// Whether the scope reaches into the period.
fn sees(scope: &Scope, period: &Period) -> bool {
    scope.periods.as_ref().is_none_or(|periods| periods.iter().any(|limit| limit.name == period.id.to_string()))
}

fn of(status: Status, size: u64, period: Period, framework: Option<&str>) -> Controls {
    let check = |view: CheckView| Check {
        id: view.id.to_string(),
        title: view.title,
        job: view.job.to_string(),
        current: view.current,
        throughout: view.throughout,
        occurrences: view.occurrences,
        with_deviation: view.with_deviation,
        without_answer: view.without_answer,
        not_performed: view.not_performed,
        pushed: view.pushed,
        latest_evidence: view.latest_evidence.map(|id| id.to_string()),
    };
    let totals = status.totals;
    let mut frameworks = status.frameworks;
    frameworks.retain(|one| framework.is_none_or(|wanted| one.id == wanted));
    Controls {
        period,
        as_of: status.as_of,
        size,
        audit_items: status.audit_items,
        frameworks,
        checks: status.checks.into_iter().map(check).collect(),
        open_findings: totals.severities,
        slots: Slots {
            expected: totals.expected,
            performed: totals.performed,
            late: totals.late,
            missed: totals.missed,
            errored: totals.errored,
        },
        limits: status.limits,
    }
}
