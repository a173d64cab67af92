//! What the operating test means.

use super::super::judge::{Case, Noted, Rules};
use super::facts::{Answer, Attempt, Outcome, ServerFacts};
use crate::JudgeError;
use exhibit_evidence::{EnvironmentId, Place, Severity};
use std::collections::BTreeMap;

pub(in super::super) const CROSS: Rules = Rules {
    check: "unique-credentials.cross-login",
    since: 2,
    looks_at_others: true,
    needs_others: false,
    spares_disposable: true,
    failing: "let in with another environment's credential",
    passing: "each refused",
};

pub(in super::super) const OPEN: Rules = Rules {
    check: "unique-credentials.open-server",
    since: 2,
    looks_at_others: false,
    needs_others: false,
    spares_disposable: false,
    failing: "open to anybody who reaches them",
    passing: "each asks for a password that is not its system's well-known one",
};

/// Why nothing is said where nobody asked for the test.
const OFF: &str = "the operating test is off: no login was tried";

/// The servers of the observation by environment; none where the test is off.
fn servers<'c>(case: &'c Case<'_>, noted: &mut Noted) -> BTreeMap<&'c str, Vec<&'c ServerFacts>> {
    let mut servers: BTreeMap<&str, Vec<&ServerFacts>> = BTreeMap::new();
    let Some(tested) = &case.facts.operating_test else {
        noted.switched_off = Some(OFF.to_owned());
        return servers;
    };
    for server in tested {
        servers.entry(server.environment.as_str()).or_default().push(server);
    }
    for environment in &case.matrix.environments {
        if !servers.contains_key(environment.id.as_str()) {
            let reason = "the operating test names no server of this environment";
            noted.absent.insert(environment.id.to_string(), reason.to_owned());
        }
    }
    servers
}

/// Another environment's credential must not open a server.
pub(in super::super) fn cross_login(case: &Case<'_>) -> Result<Noted, JudgeError> {
    let mut noted = Noted::default();
    for (environment, servers) in servers(case, &mut noted) {
        let Some(id) = environment_id(case, environment).filter(|id| !is_disposable(case, id)) else { continue };
        let mut examined = 0;
        for server in servers {
            if let Some(reason) = unknown(server) {
                noted.errors.entry(environment.to_owned()).or_insert(reason);
            }
            examined += server.attempts.len();
            for attempt in server.attempts.iter().filter(|one| one.answer.outcome == Outcome::Accepted) {
                noted.fail(environment, &format!("{}/{}", attempt.environment, attempt.name));
                let parts = [server.id.as_str(), attempt.environment.as_str(), attempt.name.as_str()];
                let detail = let_in(server, attempt);
                let place = Place {
                    file: Some(attempt.file.clone()),
                    line: Some(attempt.line).filter(|line| *line > 0),
                    key: Some(attempt.key.clone()),
                    ..Place::default()
                };
                let severity = Severity::Critical;
                let mut finding = case.finding_of(CROSS, id, &parts, place, severity, detail)?;
                attributes(&mut finding.attributes, server, &attempt.answer);
                // Several user names may be tried with one password.
                if noted.findings.iter().all(|known| known.fingerprint != finding.fingerprint) {
                    noted.findings.push(finding);
                }
            }
        }
        if examined == 0 {
            let reason = "no other environment has a credential for its servers' systems";
            noted.absent.insert(environment.to_owned(), reason.to_owned());
        }
        let logins = if examined == 1 { "1 login".to_owned() } else { format!("{examined} logins") };
        noted.examined.insert(environment.to_owned(), format!("{logins} with other environments' credentials"));
    }
    Ok(noted)
}

fn let_in(server: &ServerFacts, attempt: &Attempt) -> String {
    let place = match attempt.line {
        0 => attempt.file.clone(),
        line => format!("{}:{line}", attempt.file),
    };
    format!(
        "`{}` of {} ({place}) logs in to `{}`, the {} server of {}.",
        attempt.name,
        attempt.environment,
        server.id,
        server.system.as_str(),
        server.environment
    )
}

/// Why a server's refusals would show nothing, or what could not be tried.
fn unknown(server: &ServerFacts) -> Option<String> {
    let id = &server.id;
    let class = &server.without_password.class;
    match server.without_password.outcome {
        Outcome::Unreachable => return Some(format!("the server `{id}` did not answer ({class})")),
        Outcome::Accepted | Outcome::NotAsked => {
            return Some(format!("the server `{id}` asks for no password, so that a login there shows nothing"));
        }
        Outcome::Unclear => {
            return Some(format!("the server `{id}` turned us away before it asked for a password ({class})"));
        }
        Outcome::Refused => {}
    }
    if server.left_out > 0 {
        let left = server.left_out;
        return Some(format!("{left} logins were not tried at `{id}`: the run had used up its attempts"));
    }
    let vague = server.attempts.iter().find(|one| !matches!(one.answer.outcome, Outcome::Accepted | Outcome::Refused));
    if let Some(vague) = vague {
        let class = &vague.answer.class;
        return Some(format!("what `{id}` said to `{}` of {} tells nothing ({class})", vague.name, vague.environment));
    }
    if !server.control || server.attempts.is_empty() {
        return None;
    }
    match &server.own {
        None => Some(format!(
            "{} has no credential of its own for `{id}` that could show that the test would notice a login",
            server.environment
        )),
        Some(own) if own.answer.outcome != Outcome::Accepted => Some(format!(
            "`{id}` does not let in `{}` of its own environment either ({}): a refusal there shows nothing",
            own.name, own.answer.class
        )),
        Some(_) => None,
    }
}

/// A server must ask for a password, and not be content with the well-known one.
pub(in super::super) fn open_server(case: &Case<'_>) -> Result<Noted, JudgeError> {
    let mut noted = Noted::default();
    for (environment, servers) in servers(case, &mut noted) {
        let Some(id) = environment_id(case, environment) else { continue };
        let disposable = is_disposable(case, id);
        for server in &servers {
            let name = server.id.as_str();
            let (what, answer) = match (server.without_password.outcome, &server.well_known) {
                (Outcome::Accepted | Outcome::NotAsked, _) => ("lets in anybody, without a password", &server.without_password),
                (_, Some(answer)) if answer.outcome == Outcome::Accepted => {
                    ("lets in the login that its system is known for", answer)
                }
                (outcome @ (Outcome::Unreachable | Outcome::Unclear), _) => {
                    let class = &server.without_password.class;
                    let how = if outcome == Outcome::Unreachable { "did not answer" } else { "turned us away" };
                    noted.errors.entry(environment.to_owned()).or_insert(format!("the server `{name}` {how} ({class})"));
                    continue;
                }
                (_, None) => {
                    let reason = format!("the well-known login was not tried at `{name}`: no attempts were left");
                    noted.errors.entry(environment.to_owned()).or_insert(reason);
                    continue;
                }
                (_, Some(answer)) if answer.outcome != Outcome::Refused => {
                    let reason = format!("what `{name}` said to the well-known login tells nothing ({})", answer.class);
                    noted.errors.entry(environment.to_owned()).or_insert(reason);
                    continue;
                }
                _ => continue,
            };
            noted.fail(environment, name);
            let severity = if disposable { Severity::Medium } else { Severity::Critical };
            let detail = format!("`{name}`, the {} server of {environment}, {what}.", server.system.as_str());
            let place = Place { key: Some(name.to_owned()), ..Place::default() };
            let mut finding = case.finding_of(OPEN, id, &[name], place, severity, detail)?;
            attributes(&mut finding.attributes, server, answer);
            noted.findings.push(finding);
        }
        let number = servers.len();
        let counted = if number == 1 { "1 server".to_owned() } else { format!("{number} servers") };
        noted.examined.insert(environment.to_owned(), counted);
    }
    Ok(noted)
}

fn attributes(attributes: &mut BTreeMap<String, String>, server: &ServerFacts, answer: &Answer) {
    attributes.insert("engine".to_owned(), server.system.as_str().to_owned());
    attributes.insert("answer".to_owned(), answer.class.clone());
    attributes.insert("encrypted".to_owned(), if server.encrypted { "yes" } else { "no" }.to_owned());
}

fn is_disposable(case: &Case<'_>, id: &EnvironmentId) -> bool {
    case.matrix.environments.iter().any(|known| known.id == *id && known.disposable)
}

fn environment_id<'c>(case: &'c Case<'_>, environment: &str) -> Option<&'c EnvironmentId> {
    case.matrix.environments.iter().map(|known| &known.id).find(|id| id.as_str() == environment)
}
