//! The same login on two hosts of one environment.

use super::judge::{Case, Noted, Rules, capitalised, is_grave};
use super::sharing::allowed;
use crate::JudgeError;
use crate::sources::Engine;
use exhibit_evidence::Severity;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const HOSTS: Rules = Rules {
    check: "unique-credentials.same-login-on-two-hosts",
    since: 2,
    looks_at_others: false,
    needs_others: false,
    spares_disposable: true,
    failing: "also a login on another host",
    passing: "no login is the same on two hosts",
};

/// What makes two connection strings one login: system, user name and password, each by the number of its group.
type Login = (Option<Engine>, Option<u64>, u64);

/// Connection strings with the same user name and password that lead to different hosts.
pub(super) fn two_hosts(case: &Case<'_>) -> Result<Noted, JudgeError> {
    let mut noted = Noted::default();
    for environment in 0..case.matrix.environments.len() {
        if case.matrix.environments[environment].disposable {
            continue;
        }
        for members in logins(case, environment).into_values() {
            let hosts: BTreeSet<u64> = members.iter().map(|(_, host)| *host).collect();
            let Some(&(first, own)) = members.first().filter(|_| hosts.len() > 1) else { continue };
            let elsewhere: Vec<usize> = members.iter().filter(|(_, host)| *host != own).map(|(at, _)| *at).collect();
            let (excused, others): (Vec<usize>, Vec<usize>) =
                elsewhere.into_iter().partition(|other| allowed(case, first, *other));
            noted.allowed += excused.len() as u64;
            let Some(other) = others.first() else { continue };
            let view = &case.matrix.views[first];
            noted.fail(case.matrix.id(first), view.name);
            let whole = capitalised(&case.in_words(first));
            let detail = if *other == first {
                format!("{whole} leads to {} hosts at its {} places, with one login.", hosts.len(), view.places.len())
            } else {
                let other = case.in_words(*other);
                format!("{whole} logs in with the same user name and password as {other}, on another host.")
            };
            let severity = if is_grave(view) { Severity::High } else { Severity::Medium };
            noted.findings.push(case.finding(HOSTS, first, severity, detail, hosts.len() - 1)?);
        }
    }
    Ok(noted)
}

/// The views of an environment by login, each with the hosts that it leads to.
fn logins(case: &Case<'_>, environment: usize) -> BTreeMap<Login, Vec<(usize, u64)>> {
    let mut logins: BTreeMap<Login, Vec<(usize, u64)>> = BTreeMap::new();
    for (at, view) in case.matrix.views_of(environment) {
        for place in &view.places {
            if let (Some(host), Some(value)) = (place.host, place.equal) {
                logins.entry((place.engine, place.account, value)).or_default().push((at, host));
            }
        }
    }
    logins
}
