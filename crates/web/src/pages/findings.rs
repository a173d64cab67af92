//! `GET /findings` and `GET /findings/{fingerprint}`: what is open, and what became of one.

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    extract::{Path, State},
    response::Response,
};
use exhibit_evidence::{Condition, Fingerprint, Place, Severity};
use exhibit_report::view::{DeviationGroup, FindingView};
use serde::Deserialize;
use serde_json::json;

use super::{
    frame,
    status::{about, period_of},
    waived,
};
use crate::{
    api::parameters::{Asked, word},
    problem::Problem,
    service::Service,
    status::standing,
    who::Caller,
};

/// Findings on one page; who wants more narrows the choice, or asks the API.
const MOST: usize = 300;

/// Which findings to show.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    severity: Option<String>,
    environment: Option<String>,
    check: Option<String>,
}

pub(super) async fn list(
    State(service): State<Service>,
    caller: Caller,
    Asked(which): Asked<Which>,
) -> Result<Response, Problem> {
    // A form sends what was left open as an empty text.
    let chosen = |text: Option<String>| text.filter(|text| !text.is_empty());
    let (severity, environment, check) = (chosen(which.severity), chosen(which.environment), chosen(which.check));
    let worst: Option<Severity> = word("severity", "critical, high, medium, low or info", severity.as_deref())?;
    let found = match period_of(&service, &caller) {
        Some(period) => Some((standing(&service, &caller.scope, &period).await?, period)),
        None => None,
    };
    let Some((found, period)) = found else {
        let data = json!({"here": "findings", "standing": null});
        return frame::page(&service, &caller, "findings.html", &data, 0);
    };
    let all = &found.status.deviations;
    let mut severities: BTreeMap<Severity, u64> = BTreeMap::new();
    let mut environments = BTreeSet::new();
    let mut checks = BTreeSet::new();
    for group in all {
        checks.insert(group.check.to_string());
        for finding in &group.findings {
            *severities.entry(finding.severity).or_default() += 1;
            environments.insert(finding.subject.environment.to_string());
        }
    }
    let wanted = |finding: &FindingView| {
        worst.is_none_or(|worst| finding.severity == worst)
            && environment.as_ref().is_none_or(|wanted| finding.subject.environment.as_str() == wanted)
    };
    let mut groups: Vec<DeviationGroup> = Vec::new();
    let (mut matching, mut shown) = (0, 0);
    for group in all.iter().filter(|group| check.as_ref().is_none_or(|wanted| group.check.as_str() == wanted)) {
        let findings: Vec<_> = group.findings.iter().filter(|finding| wanted(finding)).collect();
        matching += findings.len();
        let findings: Vec<_> = findings.into_iter().take(MOST - shown).cloned().collect();
        shown += findings.len();
        if !findings.is_empty() {
            groups.push(DeviationGroup { findings, ..group.clone() });
        }
    }
    let severities: Vec<_> =
        severities.iter().map(|(severity, count)| json!({"severity": severity, "count": count})).collect();
    let data = json!({
        "here": "findings",
        "standing": about(&service, &found).await?,
        "period": period,
        "groups": groups,
        "severities": severities,
        "environments": environments,
        "checks": checks,
        "severity": severity.unwrap_or_default(),
        "environment": environment.unwrap_or_default(),
        "check": check.unwrap_or_default(),
        "matching": matching,
        "shown": shown,
        "all": all.iter().map(|group| group.findings.len()).sum::<usize>(),
    });
    frame::page(&service, &caller, "findings.html", &data, shown)
}

pub(super) async fn one(
    State(service): State<Service>,
    caller: Caller,
    Path(fingerprint): Path<String>,
) -> Result<Response, Problem> {
    let id: Fingerprint =
        serde_json::from_value(json!(fingerprint)).map_err(|_| Problem::not_found("finding", &fingerprint))?;
    let mut reading = service.store.reading(&caller.scope).await?;
    let history = reading.finding(id, None).await?;
    let waivers = waived::of_finding(&waived::exceptions(&mut reading).await?, id, service.now());
    reading.close().await?;
    // What the fold says of it is whole also where the list of findings lies in an artifact.
    let found = match period_of(&service, &caller) {
        Some(period) => Some((standing(&service, &caller.scope, &period).await?, period)),
        None => None,
    };
    let status = found.as_ref().map(|(found, _)| &found.status);
    let open = status.and_then(|status| {
        let groups = status.deviations.iter();
        groups
            .flat_map(|group| group.findings.iter().map(move |one| (group, one)))
            .find(|(_, one)| one.fingerprint == id)
    });
    let followed = status.and_then(|status| status.follow_up.iter().find(|one| one.fingerprint == id));
    let about: Option<Condition> = open
        .map(|(group, _)| group.condition.clone())
        .or_else(|| history.about.clone().and_then(|about| serde_json::from_value(about).ok()));
    let text = |name: &str| history.last.as_ref().and_then(|last| last[name].as_str()).map(str::to_owned);
    let known = service.known();
    let check = history.finding.check.parse().ok().and_then(|check| known.catalog.check(&check));
    let data = json!({
        "here": "findings",
        "finding": history.finding,
        "observed": history.history.iter().rev().take(MOST).collect::<Vec<_>>(),
        "about": about,
        "check": check.map(|(_, check)| check),
        "place": open
            .map(|(_, one)| one.place_text.clone())
            .or_else(|| followed.map(|one| one.place_text.clone()))
            .or_else(|| history.last.as_ref().and_then(place)),
        "detail": open.map(|(_, one)| one.detail.clone()).or_else(|| text("detail")),
        "became": followed.map(|one| one.state),
        "waivers": waivers,
        "waived": open.and_then(|(_, one)| one.waived.clone()),
    });
    frame::page(&service, &caller, "finding.html", &data, 1)
}

/// The place of a finding as its record tells it.
fn place(last: &serde_json::Value) -> Option<String> {
    serde_json::from_value::<Place>(last["place"].clone()).ok().map(|place| place.human())
}
