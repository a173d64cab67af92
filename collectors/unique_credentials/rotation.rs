//! How old credentials are, and whether they were replaced after an incident.

use super::facts::CredentialFacts;
use super::judge::{Case, Noted, Rules, capitalised, counted, is_grave};
use super::matrix::View;
use super::rules::{Incident, holds_in};
use super::settings::has;
use crate::JudgeError;
use exhibit_evidence::{Severity, Timestamp};
use std::collections::BTreeMap;

pub(super) const ROTATION: Rules = Rules {
    check: "unique-credentials.rotation",
    since: 2,
    looks_at_others: false,
    needs_others: false,
    spares_disposable: true,
    failing: "not replaced in time",
    passing: "all replaced in time",
};

/// Times a rotation may take before it counts as forgotten.
const FORGOTTEN: i64 = 3;

/// Holds the time since when each value is in place against the policy.
pub(super) fn rotation(case: &Case<'_>) -> Result<Noted, JudgeError> {
    let mut noted = Noted::default();
    if let Some(reason) = &case.policy.rotation.not_judged {
        noted.switched_off = Some(format!("the policy does not ask for it: {}", reason.trim()));
        return Ok(noted);
    }
    let mut unknown: BTreeMap<&str, usize> = BTreeMap::new();
    for (leader, members) in credentials(case) {
        let view = &case.matrix.views[leader];
        let environment = case.matrix.id(leader);
        let mut worst: Option<(Severity, String)> = None;
        let mut late = 0;
        for set in values(case, environment, &members) {
            let Some(set) = set else {
                *unknown.entry(environment).or_default() += 1;
                continue;
            };
            if let Some(found) = overdue(case, view, environment, set) {
                late += 1;
                if worst.as_ref().is_none_or(|known| found.0 < known.0) {
                    worst = Some(found);
                }
            }
        }
        if let Some((severity, words)) = worst {
            noted.fail(environment, view.name);
            let detail = format!("{} {words}.", capitalised(&case.in_words(leader)));
            noted.findings.push(case.finding(ROTATION, leader, severity, detail, late)?);
        }
    }
    for (environment, number) in unknown {
        let have = if number == 1 { "has its value" } else { "have their values" };
        let reason = format!(
            "no source knows since when {} {have}; a store of secrets that keeps versions would, or rotations that the policy attests",
            counted(number)
        );
        noted.errors.insert(environment.to_owned(), reason);
    }
    Ok(noted)
}

/// The credentials of environments that matter: each leader with the views that it speaks for.
fn credentials<'c>(case: &'c Case<'_>) -> BTreeMap<usize, Vec<&'c View<'c>>> {
    let mut groups: BTreeMap<usize, Vec<&View<'_>>> = BTreeMap::new();
    for (at, view) in case.matrix.views.iter().enumerate() {
        if view.has_value() && !case.matrix.disposable(at) {
            groups.entry(case.matrix.leader(at)).or_default().push(view);
        }
    }
    groups
}

/// For each value that a credential has at its places: since when it is in use, where anything knows. A value
/// that lies at several places is as old as it is at the oldest of them.
fn values(case: &Case<'_>, environment: &str, views: &[&View<'_>]) -> Vec<Option<Timestamp>> {
    let mut times: BTreeMap<(u64, usize), Option<Timestamp>> = BTreeMap::new();
    let places = views.iter().flat_map(|view| view.places.iter().map(move |place| (view, place)));
    for (number, (view, place)) in places.filter(|(_, place)| place.length > 0).enumerate() {
        // Without a group a value stands alone.
        let value = place.equal.map_or((0, number), |group| (group, 0));
        let known = place.since.or_else(|| attested(case, environment, view, place));
        let time = times.entry(value).or_default();
        *time = match (*time, known) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }
    times.into_values().collect()
}

/// The latest rotation that somebody attests for this name. Only what no source knows is taken on somebody's word.
fn attested(case: &Case<'_>, environment: &str, view: &View<'_>, place: &CredentialFacts) -> Option<Timestamp> {
    let names = || view.names().chain(place.through.iter().map(String::as_str));
    let attested = case.policy.rotation.attested.iter();
    attested
        .filter(|one| holds_in(&one.environments, environment) && names().any(|name| has(&one.names, name)))
        .map(|one| one.at)
        .filter(|at| *at <= case.observation.observed_to)
        .max()
}

/// How a value that is in place since `set` is overdue, if it is.
fn overdue(case: &Case<'_>, view: &View<'_>, environment: &str, set: Timestamp) -> Option<(Severity, String)> {
    let touches = |incident: &&Incident| {
        let named = incident.names.is_empty() || view.names().any(|name| has(&incident.names, name));
        named && holds_in(&incident.environments, environment)
    };
    let now = case.observation.observed_to;
    let policy = &case.policy.rotation;
    let incidents = policy.incidents.iter().filter(touches).filter(|one| one.at <= now);
    if let Some(incident) = incidents.filter(|one| set <= one.at).min_by_key(|one| one.at) {
        let severity = if is_grave(view) { Severity::Critical } else { Severity::High };
        let words = format!(
            "is unchanged since {}, before the incident {} of {}",
            set.human(),
            incident.reference.trim(),
            incident.at.human()
        );
        return Some((severity, words));
    }
    let rule = view.names().find_map(|name| case.policy.key(name)).and_then(|rule| rule.rotated_within_days);
    let within = i64::try_from(rule.unwrap_or(policy.within_days)).unwrap_or(i64::MAX);
    let age = now.since(set).num_days();
    (now.since(set) > chrono::TimeDelta::days(within.min(1_000_000))).then(|| {
        let severity = if age > within.saturating_mul(FORGOTTEN) { Severity::High } else { Severity::Medium };
        let words = format!("is unchanged since {}, {age} days; expected a new value within {within}", set.human());
        (severity, words)
    })
}
