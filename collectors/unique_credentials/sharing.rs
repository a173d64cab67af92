//! Values that are shared: across environments, within one, or nearly.

use super::judge::{Case, Noted, Rules, capitalised, is_grave};
use super::matrix::same_credential;
use super::settings::has;
use crate::JudgeError;
use exhibit_evidence::Severity;

/// How many others a finding's sentence names; the rest is counted.
const NAMED: usize = 5;

pub(super) const ACROSS: Rules = Rules {
    check: "unique-credentials.shared-across-environments",
    since: 1,
    looks_at_others: true,
    needs_others: true,
    spares_disposable: false,
    failing: "also used in another environment",
    passing: "none also used in another environment",
};

pub(super) const WITHIN: Rules = Rules {
    check: "unique-credentials.reused-within-environment",
    since: 1,
    looks_at_others: false,
    needs_others: false,
    spares_disposable: false,
    failing: "with a value that serves under another name too",
    passing: "no value serves under two names",
};

pub(super) const NEAR: Rules = Rules {
    check: "unique-credentials.nearly-equal",
    since: 1,
    looks_at_others: true,
    needs_others: false,
    spares_disposable: false,
    failing: "differing only trivially from another",
    passing: "none differing only trivially from another",
};

/// The same value in two environments, whatever its names. Two disposable ones may share.
pub(super) fn across(case: &Case<'_>) -> Result<Noted, JudgeError> {
    let matrix = &case.matrix;
    pairs(
        case,
        ACROSS,
        |at| matrix.equals(at).collect(),
        |at, other| {
            matrix.views[at].environment != matrix.views[other].environment
                && !(matrix.disposable(at) && matrix.disposable(other))
        },
    )
}

/// The same value under two names of one environment, unless both are one credential.
pub(super) fn within(case: &Case<'_>) -> Result<Noted, JudgeError> {
    let matrix = &case.matrix;
    pairs(
        case,
        WITHIN,
        |at| matrix.equals(at).collect(),
        |at, other| {
            let (one, two) = (&matrix.views[at], &matrix.views[other]);
            one.environment == two.environment && !same_credential(&case.policy, one, two)
        },
    )
}

/// Values that are equal but for case, trailing digits, punctuation or an environment's name.
pub(super) fn near(case: &Case<'_>) -> Result<Noted, JudgeError> {
    let matrix = &case.matrix;
    pairs(
        case,
        NEAR,
        |at| matrix.near_misses(at).collect(),
        |at, other| !(matrix.disposable(at) && matrix.disposable(other)),
    )
}

/// One finding for each credential that has partners after it, so that a group of n gives n − 1 findings
/// whose identities do not depend on one another.
fn pairs(
    case: &Case<'_>,
    rules: Rules,
    partners: impl Fn(usize) -> Vec<usize>,
    counts: impl Fn(usize, usize) -> bool,
) -> Result<Noted, JudgeError> {
    let matrix = &case.matrix;
    let mut noted = Noted::default();
    // Of a large group each is named by all before it.
    let mut failed = vec![false; matrix.views.len()];
    for at in 0..matrix.views.len() {
        if matrix.leader(at) != at {
            continue;
        }
        let mut leaders: Vec<usize> = partners(at).into_iter().map(|other| matrix.leader(other)).collect();
        leaders.sort_unstable();
        leaders.dedup();
        let mut others = Vec::new();
        for other in leaders.into_iter().filter(|other| *other > at && counts(at, *other)) {
            if allowed(case, at, other) {
                noted.allowed += 1;
            } else {
                others.push(other);
            }
        }
        if others.is_empty() {
            continue;
        }
        failed[at] = true;
        others.iter().for_each(|other| failed[*other] = true);
        let severity = severity(case, rules, at, &others);
        let how = if rules.check == NEAR.check { "nearly the same value as" } else { "the same value as" };
        let subject = capitalised(&case.in_words(at));
        let detail = format!("{subject} holds {how} {}.", list(case, &others));
        let mut finding = case.finding(rules, at, severity, detail, others.len())?;
        let ids = others.iter().take(NAMED);
        let ids = ids.map(|other| format!("{}/{}", matrix.id(*other), matrix.views[*other].name));
        finding.attributes.insert("same_as".to_owned(), ids.collect::<Vec<_>>().join(" "));
        noted.findings.push(finding);
    }
    for (at, view) in matrix.views.iter().enumerate().filter(|(at, _)| failed[*at]) {
        noted.fail(matrix.id(at), view.name);
    }
    Ok(noted)
}

fn list(case: &Case<'_>, others: &[usize]) -> String {
    let mut words: Vec<String> = others.iter().take(NAMED).map(|other| case.in_words(*other)).collect();
    if others.len() > NAMED {
        words.push(format!("{} more", others.len() - NAMED));
    }
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// Critical: a database, a broker or an encryption key, shared among environments that matter.
fn severity(case: &Case<'_>, rules: Rules, at: usize, others: &[usize]) -> Severity {
    let matrix = &case.matrix;
    let disposable = |at: usize| matrix.disposable(at);
    let across = others.iter().any(|other| matrix.views[*other].environment != matrix.views[at].environment);
    let involves_disposable = disposable(at) || others.iter().all(|other| disposable(*other));
    let grave = |at: usize| is_grave(&matrix.views[at]);
    let grave = grave(at) || others.iter().any(|other| grave(*other));
    match rules.check {
        check if check == ACROSS.check => match (involves_disposable, grave) {
            (false, true) => Severity::Critical,
            (false, false) | (true, true) => Severity::High,
            (true, false) => Severity::Medium,
        },
        check if check == WITHIN.check => match (disposable(at), grave) {
            (true, _) => Severity::Low,
            (false, true) => Severity::High,
            (false, false) => Severity::Medium,
        },
        _ if involves_disposable => Severity::Low,
        _ if across => Severity::High,
        _ => Severity::Medium,
    }
}

/// Whether the policy lets these two share a value.
pub(super) fn allowed(case: &Case<'_>, at: usize, other: usize) -> bool {
    let matrix = &case.matrix;
    case.policy.allow_shared.iter().any(|allowed| {
        let covers = |at: usize| {
            let named = matrix.views[at].names().any(|name| has(&allowed.names, name));
            let here = allowed.environments.is_empty()
                || allowed.environments.iter().any(|known| known.as_str() == matrix.id(at));
            named && here
        };
        covers(at) && covers(other)
    })
}
