//! Who receives a secret, held against who may.

use super::judge::{Case, Noted, Rules, capitalised, is_grave};
use super::rules::{RecipientRule, holds_in};
use super::settings::has;
use crate::JudgeError;
use exhibit_evidence::Severity;
use std::collections::BTreeSet;

pub(super) const RECIPIENTS: Rules = Rules {
    check: "unique-credentials.recipients",
    since: 1,
    looks_at_others: false,
    needs_others: false,
    spares_disposable: true,
    failing: "handed to services that the policy does not list",
    passing: "none handed to a service that the policy does not list",
};

/// How many recipients a finding's sentence names; the rest is counted.
const NAMED: usize = 5;

/// Every recipient of a secret that the policy has a rule for must be among the services that the rule lists.
pub(super) fn recipients(case: &Case<'_>) -> Result<Noted, JudgeError> {
    let mut noted = Noted::default();
    if case.policy.recipients.is_empty() {
        noted.switched_off = Some("the policy does not say who may receive which secret".to_owned());
        return Ok(noted);
    }
    let mut ruled = BTreeSet::new();
    for (at, view) in case.matrix.views.iter().enumerate() {
        let environment = case.matrix.id(at);
        if case.matrix.disposable(at) || !view.has_value() {
            continue;
        }
        let rules = case.policy.recipients.iter().filter(|rule| {
            holds_in(&rule.environments, environment) && view.names().any(|name| has(&rule.names, name))
        });
        let rules: Vec<&RecipientRule> = rules.collect();
        if rules.is_empty() {
            continue;
        }
        ruled.insert(environment);
        let may = |service: &str| rules.iter().flat_map(|rule| &rule.services).any(|listed| is_service(listed, service));
        let mut others: BTreeSet<&str> = BTreeSet::new();
        for place in &view.places {
            if place.recipients.is_empty() && !knows_recipients(&place.origin) {
                let reason = format!("no source knows which services receive `{}`", view.name);
                noted.errors.entry(environment.to_owned()).or_insert(reason);
            }
            others.extend(place.recipients.iter().map(String::as_str).filter(|service| !may(service)));
        }
        if others.is_empty() {
            continue;
        }
        noted.fail(environment, view.name);
        let severity = if is_grave(view) { Severity::High } else { Severity::Medium };
        let detail = format!(
            "{} is handed to {}, which the policy does not list as a recipient.",
            capitalised(&case.in_words(at)),
            listed(&others)
        );
        noted.findings.push(case.finding(RECIPIENTS, at, severity, detail, others.len())?);
    }
    for environment in &case.matrix.environments {
        if !ruled.contains(environment.id.as_str()) {
            let reason = "no secret that the policy has recipients for is configured there";
            noted.absent.insert(environment.id.to_string(), reason.to_owned());
        }
    }
    Ok(noted)
}

/// Sources that know who receives a value. A file of variables is handed to whoever starts a service with it.
fn knows_recipients(origin: &str) -> bool {
    origin.starts_with("compose-") || origin.starts_with("kubernetes-")
}

/// `api` lists a workload `Deployment/api` too; `Deployment/api` lists no other kind.
fn is_service(listed: &str, service: &str) -> bool {
    listed == service || service.rsplit_once('/').is_some_and(|(_, name)| name == listed)
}

fn listed(services: &BTreeSet<&str>) -> String {
    let mut words: Vec<String> = services.iter().take(NAMED).map(|service| format!("`{service}`")).collect();
    if services.len() > NAMED {
        words.push(format!("{} more", services.len() - NAMED));
    }
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => words.concat(),
    }
}
