//! Names that one environment has and another lacks.

use super::judge::{Case, Noted, Rules};
use super::settings::has;
use crate::JudgeError;
use crate::sources::Engine;
use exhibit_evidence::{Place, Severity};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const MISSING: Rules = Rules {
    check: "unique-credentials.missing-key",
    looks_at_others: true,
    needs_others: true,
    spares_disposable: true,
    failing: "missing that another environment has, or that the policy requires",
    passing: "none that another environment has is missing",
};

/// Compares the names of all environments that are not disposable.
pub(super) fn missing(case: &Case<'_>) -> Result<Noted, JudgeError> {
    let environments = &case.matrix.environments;
    let compared: Vec<usize> =
        (0..environments.len()).filter(|at| !environments[*at].disposable && is_readable(case, *at)).collect();
    let present: BTreeMap<usize, BTreeSet<String>> = compared.iter().map(|at| (*at, names(case, *at))).collect();
    let systems = Systems::new(case);
    let mut noted = Noted::default();
    for name in expected(case, &present) {
        let holders: Vec<usize> = compared.iter().copied().filter(|at| present[at].contains(&name)).collect();
        for at in compared.iter().filter(|at| !present[*at].contains(&name)) {
            let environment = &environments[*at].id;
            let required = has(&case.policy.required, &name);
            if !required && systems.has_other_form(*at, &name) {
                continue;
            }
            if is_allowed(case, &name, environment.as_str()) {
                noted.allowed += 1;
                continue;
            }
            let severity = if required { Severity::High } else { Severity::Medium };
            let detail = match holders.first() {
                Some(_) => {
                    let ids = holders.iter().map(|at| environments[*at].id.as_str());
                    let ids: Vec<&str> = ids.collect();
                    format!("`{name}` is set in {} and absent or empty in {environment}.", ids.join(", "))
                }
                None => format!("`{name}` is required and absent or empty in {environment}."),
            };
            let place = Place { key: Some(name.clone()), ..Place::default() };
            noted.fail(environment.as_str(), &name);
            let finding = case.finding_at(MISSING, environment, &name, place, severity, detail)?;
            noted.findings.push(finding);
        }
    }
    Ok(noted)
}

/// An environment without any source, or whose source could not be read, lacks nothing that we
/// know of; its verdict is an error.
fn is_readable(case: &Case<'_>, at: usize) -> bool {
    let id = case.matrix.environments[at].id.as_str();
    let mut sources = case.facts.sources.iter().filter(|source| source.environment == id);
    let first = sources.next();
    first.is_some_and(|source| source.read) && sources.all(|source| source.read)
}

/// Every name that holds a value in an environment, or may do so unseen.
fn names(case: &Case<'_>, at: usize) -> BTreeSet<String> {
    let id = case.matrix.environments[at].id.as_str();
    let views = case.matrix.views.iter().filter(|view| view.environment == at && view.has_value());
    let seen = views.flat_map(|view| view.names().map(str::to_ascii_uppercase).collect::<Vec<_>>());
    let unseen = case.facts.unseen.iter().filter(|unseen| unseen.environment == id);
    seen.chain(unseen.map(|unseen| unseen.name.to_ascii_uppercase())).collect()
}

/// The names that every environment should have: those that any has, and those that are required.
/// A name that was made up for a place without one (`postgres-auth.password`) is nobody's promise.
fn expected(case: &Case<'_>, present: &BTreeMap<usize, BTreeSet<String>>) -> BTreeSet<String> {
    let is_variable =
        |name: &&String| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    let any = present.values().flatten().filter(is_variable).cloned();
    any.chain(case.policy.required.iter().map(|name| name.to_ascii_uppercase())).collect()
}

/// The systems that names open, and those that each environment holds a credential for.
struct Systems {
    of_name: BTreeMap<String, Engine>,
    held: BTreeSet<(usize, Engine)>,
}

impl Systems {
    fn new(case: &Case<'_>) -> Self {
        let mut systems = Self { of_name: BTreeMap::new(), held: BTreeSet::new() };
        for view in case.matrix.views.iter().filter(|view| view.has_value()) {
            if let Some(engine) = view.engine() {
                systems.held.insert((view.environment, engine));
                for name in view.names() {
                    systems.of_name.entry(name.to_ascii_uppercase()).or_insert(engine);
                }
            }
        }
        systems
    }

    /// Whether the environment holds a credential of the same system under another name: one has
    /// `REDIS_PASSWORD`, the other a `REDIS_URL` with the password in it.
    fn has_other_form(&self, environment: usize, name: &str) -> bool {
        self.of_name.get(name).is_some_and(|engine| self.held.contains(&(environment, *engine)))
    }
}

fn is_allowed(case: &Case<'_>, name: &str, environment: &str) -> bool {
    let policy = &case.policy;
    let excepted = policy.allow_missing.iter().any(|allowed| {
        allowed.name.eq_ignore_ascii_case(name)
            && allowed.environments.iter().any(|known| known.as_str() == environment)
    });
    excepted || has(&policy.optional, name)
}
