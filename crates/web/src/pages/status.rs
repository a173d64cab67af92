//! `GET /`: how the five quarterly audit items stand.

use axum::{extract::State, response::Response};
use exhibit_evidence::{Digest, Period};
use exhibit_report::slots::SlotStanding;
use serde_json::json;

use super::frame;
use crate::{
    problem::Problem,
    service::Service,
    status::{self, Standing},
    who::Caller,
};

pub(super) async fn page(State(service): State<Service>, caller: Caller) -> Result<Response, Problem> {
    let Some(period) = period_of(&service, &caller) else {
        return frame::page(&service, &caller, "status.html", &json!({"here": "status", "standing": null}), 0);
    };
    let standing = status::standing(&service, &caller.scope, &period).await?;
    let overdue = standing.slots.iter().filter(|slot| slot.standing == SlotStanding::Overdue).count();
    let status = &standing.status;
    let answered = |word: &str| ["pass", "fail", "not-applicable"].contains(&word);
    let data = json!({
        "here": "status",
        "standing": about(&service, &standing).await?,
        "period": period,
        "overdue": overdue,
        "items": status.audit_items,
        "totals": status.totals,
        "checks": status.checks,
        "deviations": status.deviations,
        "jobs": status.jobs,
        "limits": status.limits,
        "unanswered": status.checks.iter().filter(|check| !answered(check.current.word())).count(),
    });
    frame::page(&service, &caller, "status.html", &data, status.audit_items.len())
}

/// The quarter that is open, or the last one that the token is limited to. None where it names no quarter that is.
pub(super) fn period_of(service: &Service, caller: &Caller) -> Option<Period> {
    let now = service.known().calendar.period_of(service.now());
    let Some(limits) = &caller.scope.periods else { return Some(now) };
    let names: Vec<String> = limits.iter().map(|limit| limit.name.clone()).collect();
    if names.contains(&now.id.to_string()) {
        return Some(now);
    }
    let seen = limits.iter().filter(|limit| limit.from < now.end).max_by_key(|limit| limit.from);
    seen.map(|limit| service.known().calendar.period_of(limit.from))
}

/// What every page tells that shows how a period stands: as of when, and how much of it a signed checkpoint covers.
pub(super) async fn about(service: &Service, standing: &Standing) -> Result<serde_json::Value, Problem> {
    let checkpoint = service.store.latest_checkpoint().await?;
    let covered = checkpoint.as_ref().map(|checkpoint| checkpoint.size.min(standing.size));
    Ok(json!({
        "as_of": standing.status.as_of,
        "size": standing.size,
        "covered": covered,
        "root": checkpoint.map(|checkpoint| Digest(checkpoint.root)),
        "frozen": standing.frozen,
    }))
}
