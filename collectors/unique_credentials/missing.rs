//! Names that one environment has and another lacks.

use super::judge::{Case, Noted, Rules};
use super::settings::has;
use crate::JudgeError;
use crate::sources::Engine;
use exhibit_evidence::{Place, Severity};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const MISSING: Rules = Rules {
    check: "unique-credentials.missing-key",
    since: 1,
    looks_at_others: true,
    needs_others: true,
    spares_disposable: true,
    failing: "missing that another environment has, or that the policy requires",
    passing: "none that another environment has is missing",
};

pub(super) const EXTRA: Rules = Rules {
    check: "unique-credentials.extra-key",
    since: 2,
    looks_at_others: false,
    needs_others: false,
    spares_disposable: true,
    failing: "not declared in the example file",
    passing: "all declared in the example file",
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
    unlike_examples(case, &present, &systems, &mut noted)?;
    Ok(noted)
}

/// Names that an example file declares and an environment does not have at all.
fn unlike_examples(
    case: &Case<'_>,
    present: &BTreeMap<usize, BTreeSet<String>>,
    systems: &Systems,
    noted: &mut Noted,
) -> Result<(), JudgeError> {
    let environments = &case.matrix.environments;
    noted.compared = !case.facts.examples.is_empty();
    unread_examples(case, noted);
    for example in &case.facts.examples {
        for at in present.keys() {
            let environment = &environments[*at].id;
            let absent = example.absent.iter().filter(|absent| absent.environment == environment.as_str());
            for name in absent.flat_map(|absent| &absent.names) {
                let name = name.to_ascii_uppercase();
                let noted_already = noted.failed.get(environment.as_str()).is_some_and(|names| names.contains(&name));
                if noted_already || present[at].contains(&name) || systems.has_other_form(*at, &name) {
                    continue;
                }
                if is_allowed(case, &name, environment.as_str()) {
                    noted.allowed += 1;
                    continue;
                }
                noted.fail(environment.as_str(), &name);
                let detail = format!("`{name}` is declared in {} and not set in {environment}.", example.label);
                let place = Place { key: Some(name.clone()), ..Place::default() };
                noted.findings.push(case.finding_at(MISSING, environment, &name, place, Severity::Medium, detail)?);
            }
        }
    }
    Ok(())
}

/// An example that could not be read leaves the question open for every environment.
fn unread_examples(case: &Case<'_>, noted: &mut Noted) {
    let Some(problem) = case.facts.examples.iter().find_map(|example| example.problem.as_ref()) else { return };
    for environment in &case.matrix.environments {
        noted.errors.insert(environment.id.to_string(), problem.clone());
    }
}

/// Credentials under names that no example file declares.
pub(super) fn extra(case: &Case<'_>) -> Result<Noted, JudgeError> {
    let mut noted = Noted::default();
    if case.facts.examples.is_empty() {
        noted.switched_off = Some("no example file says which names there should be".to_owned());
        return Ok(noted);
    }
    unread_examples(case, &mut noted);
    let declared: BTreeSet<String> =
        case.facts.examples.iter().flat_map(|example| &example.names).map(|name| name.to_ascii_uppercase()).collect();
    let label = case.facts.examples.iter().map(|example| example.label.as_str()).collect::<Vec<_>>().join(", ");
    for (at, view) in case.matrix.views.iter().enumerate() {
        let concerned = !case.matrix.disposable(at) && view.has_value() && is_variable(view.name);
        if !concerned || !noted.errors.is_empty() {
            continue;
        }
        let through = view.places.iter().flat_map(|place| &place.through).map(String::as_str);
        if view.names().chain(through).any(|name| declared.contains(&name.to_ascii_uppercase())) {
            continue;
        }
        noted.fail(case.matrix.id(at), view.name);
        let whole = super::judge::capitalised(&case.in_words(at));
        let detail = format!("{whole} is not declared in {label}.");
        noted.findings.push(case.finding(EXTRA, at, Severity::Low, detail, view.places.len())?);
    }
    Ok(noted)
}

/// A name that was made up for a place without one (`postgres-auth.password`) is nobody's promise.
fn is_variable(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
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
    let views = case.matrix.views_of(at).filter(|(_, view)| view.has_value());
    let seen = views.flat_map(|(_, view)| view.names().map(str::to_ascii_uppercase).collect::<Vec<_>>());
    let unseen = case.facts.unseen.iter().filter(|unseen| unseen.environment == id);
    seen.chain(unseen.map(|unseen| unseen.name.to_ascii_uppercase())).collect()
}

/// The names that every environment should have: those that any has, and those that are required.
fn expected(case: &Case<'_>, present: &BTreeMap<usize, BTreeSet<String>>) -> BTreeSet<String> {
    let any = present.values().flatten().filter(|name| is_variable(name)).cloned();
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
