//! Connections that cross a network unencrypted.

use super::facts::ConnectionFacts;
use super::judge::{Case, Noted, Rules, capitalised};
use super::rules::holds_in;
use super::settings::has;
use crate::JudgeError;
use crate::sources::Engine;
use exhibit_evidence::{Place, Severity};
use std::collections::BTreeSet;

pub(super) const UNENCRYPTED: Rules = Rules {
    check: "unique-credentials.unencrypted-connection",
    since: 2,
    looks_at_others: false,
    needs_others: false,
    spares_disposable: true,
    failing: "in connection strings that do not require encryption",
    passing: "no connection string leaves the machine without requiring encryption",
};

/// Words by which a connection string requires encryption; everything else leaves it to chance or switches it off.
const REQUIRED: &[&str] = &[
    "true",
    "1",
    "yes",
    "on",
    "require",
    "required",
    "verify-ca",
    "verify-full",
    "verify_ca",
    "verify_identity",
    "strict",
    "mandatory",
    "cert_required",
];

/// Every connection string that names another machine must require encryption.
pub(super) fn unencrypted(case: &Case<'_>) -> Result<Noted, JudgeError> {
    let mut noted = Noted::default();
    let mut with_connections = BTreeSet::new();
    for (at, view) in case.matrix.views.iter().enumerate() {
        if case.matrix.disposable(at) {
            continue;
        }
        let leaving = view.places.iter().filter(|place| place.loopback == Some(false));
        let leaving: Vec<_> = leaving.collect();
        if leaving.is_empty() {
            continue;
        }
        let environment = case.matrix.id(at);
        with_connections.insert(environment.to_owned());
        let open = leaving.iter().filter(|place| !requires_encryption(place.tls.as_deref()));
        let open: Vec<_> = open.collect();
        let Some(first) = open.first() else { continue };
        if allowed(case, view.names(), environment) {
            noted.allowed += 1;
            continue;
        }
        noted.fail(environment, view.name);
        let whole = capitalised(&case.in_words(at));
        let detail = format!("{whole} crosses the network: the connection string {}.", how(first.tls.as_deref()));
        noted.findings.push(case.finding(UNENCRYPTED, at, Severity::Medium, detail, open.len())?);
    }
    for connection in &case.facts.connections {
        let known = case.matrix.environments.iter().find(|known| known.id.as_str() == connection.environment);
        let Some(environment) = known.filter(|known| !known.disposable) else { continue };
        if connection.loopback != Some(false) {
            continue;
        }
        with_connections.insert(connection.environment.clone());
        // One that also carries a password somewhere is noted already.
        let noted_already =
            noted.failed.get(&connection.environment).is_some_and(|names| names.contains(&connection.name));
        if requires_encryption(connection.tls.as_deref()) || noted_already {
            continue;
        }
        if allowed(case, [connection.name.as_str()].into_iter(), environment.id.as_str()) {
            noted.allowed += 1;
            continue;
        }
        noted.fail(environment.id.as_str(), &connection.name);
        let place = Place {
            file: Some(connection.file.clone()),
            line: Some(connection.line).filter(|line| *line > 0),
            key: Some(connection.key.clone()),
            ..Place::default()
        };
        let detail = without_password(connection);
        let name = &connection.name;
        let finding = case.finding_at(UNENCRYPTED, &environment.id, name, place, Severity::Low, detail)?;
        noted.findings.push(finding);
    }
    for environment in &case.matrix.environments {
        if !with_connections.contains(environment.id.as_str()) {
            let reason = "no connection string there leads to another machine";
            noted.absent.insert(environment.id.to_string(), reason.to_owned());
        }
    }
    Ok(noted)
}

fn without_password(connection: &ConnectionFacts) -> String {
    let place = match connection.line {
        0 => connection.file.clone(),
        line => format!("{}:{line}", connection.file),
    };
    format!(
        "`{}` ({}, {}, {place}) leads to another machine: the connection string {}. It holds no password.",
        connection.name,
        connection.engine.as_str(),
        connection.environment,
        how(connection.tls.as_deref())
    )
}

fn allowed<'n>(case: &Case<'_>, mut names: impl Iterator<Item = &'n str>, environment: &str) -> bool {
    let mut rules = case.policy.allow_unencrypted.iter().filter(|rule| holds_in(&rule.environments, environment));
    let rules: Vec<_> = rules.by_ref().collect();
    names.any(|name| rules.iter().any(|rule| has(&rule.names, name)))
}

/// Whether what a connection string states makes its client refuse an unencrypted connection.
fn requires_encryption(tls: Option<&str>) -> bool {
    match tls.map(|stated| stated.split_once('=').unwrap_or((stated, ""))) {
        None => false,
        // The scheme itself.
        Some((_, "")) => true,
        Some((_, mode)) => REQUIRED.iter().any(|known| known.eq_ignore_ascii_case(mode)),
    }
}

fn how(tls: Option<&str>) -> String {
    match tls {
        None => "says nothing about encryption".to_owned(),
        Some(stated) => format!("says `{stated}`, which does not require encryption"),
    }
}

/// Whether a connection string of this system without a password is worth a look: databases and brokers.
pub(super) fn is_database(engine: Engine) -> bool {
    !matches!(engine, Engine::Http | Engine::Smtp | Engine::Ldap)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_requires_encryption() {
        for stated in ["tls", "sslmode=require", "ssl-mode=REQUIRED", "ssl=true", "encrypt=strict", "sslmode=verify-full"] {
            assert!(requires_encryption(Some(stated)), "{stated}");
        }
        for stated in ["sslmode=prefer", "sslmode=disable", "ssl=false", "ssl-mode=PREFERRED", "tls=stated", "tls=skip-verify"] {
            assert!(!requires_encryption(Some(stated)), "{stated}");
        }
        assert!(!requires_encryption(None));
    }
}
