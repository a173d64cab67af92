//! What the policies of collectors that search for secrets have in common: severities by rule, and allowed places.

use exhibit_evidence::{Severity, SubjectId, Timestamp};
use globset::{GlobBuilder, GlobMatcher};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::SettingProblem;

/// The severity of what a rule finds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleSeverity {
    /// A rule's id, or all that begin with it: `generic.*`.
    pub(crate) rule: String,
    /// `critical`, `high`, `medium`, `low` or `info`.
    pub(crate) severity: Severity,
}

/// A place where something may stand, for a reason and for a time.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Allowance {
    /// The subject, by the name that its collector gives it; without it, in all of them.
    #[serde(rename = "subject", alias = "log", alias = "repository", alias = "bundle")]
    pub(crate) subject: Option<SubjectId>,
    /// The place as findings tell it, or a pattern of places.
    pub(crate) place: String,
    /// The rule, or all that begin with it: `generic.*`; without it, all of them.
    pub(crate) rule: Option<String>,
    /// Why.
    pub(crate) reason: String,
    /// The last day on which it holds, `2027-03-31`.
    pub(crate) until: String,
}

impl Allowance {
    /// Whether it speaks of this, on whatever day.
    fn covers(&self, subject: &SubjectId, place: &str, rule: &str) -> bool {
        self.subject.as_ref().is_none_or(|own| own == subject)
            && self.rule.as_ref().is_none_or(|own| is_rule(own, rule))
            && is_place(&self.place, place)
    }

    /// Whether it holds at this instant.
    fn holds(&self, at: Timestamp) -> bool {
        holds_until(&self.until, at)
    }
}

/// Whether what holds up to a last day, `2027-03-31`, does so at this instant. Days are those of UTC.
pub(crate) fn holds_until(day: &str, at: Timestamp) -> bool {
    at.to_string().get(..10).is_some_and(|today| today <= day)
}

/// What is wrong with the reason and the last day of something that a policy accepts, at `key`.
pub(crate) fn terms(key: &str, reason: &str, until: &str) -> Option<SettingProblem> {
    if reason.trim().is_empty() {
        return Some(SettingProblem::new(&format!("{key}.reason"), "expected a reason in words"));
    }
    let is_day = until.len() == 10 && format!("{until}T00:00:00.000000Z").parse::<Timestamp>().is_ok();
    let expected = "expected the last day on which it holds, such as `2027-03-31`";
    (!is_day).then(|| SettingProblem::new(&format!("{key}.until"), expected))
}

/// Whether something is allowed here at this instant; else the allowance that has expired, if one did.
pub(crate) fn allowance<'p>(
    allowances: &'p [Allowance],
    subject: &SubjectId,
    place: &str,
    rule: &str,
    at: Timestamp,
) -> Result<(), Option<&'p Allowance>> {
    let covering = || allowances.iter().filter(|one| one.covers(subject, place, rule));
    if covering().any(|one| one.holds(at)) { Ok(()) } else { Err(covering().next()) }
}

/// The severity that the policy gives to a rule, if it names it.
pub(crate) fn severity(severities: &[RuleSeverity], rule: &str) -> Option<Severity> {
    severities.iter().find(|one| is_rule(&one.rule, rule)).map(|one| one.severity)
}

/// A rule's own severity, as findings have it.
pub(crate) fn graded(own: exhibit_detect::Severity) -> Severity {
    match own {
        exhibit_detect::Severity::Critical => Severity::Critical,
        exhibit_detect::Severity::High => Severity::High,
        exhibit_detect::Severity::Medium => Severity::Medium,
        exhibit_detect::Severity::Low => Severity::Low,
    }
}

/// Whether `pattern`, an id or the beginning of ids with `*` behind it, means this rule.
pub(crate) fn is_rule(pattern: &str, rule: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => rule.starts_with(beginning),
        None => pattern == rule,
    }
}

/// Whether `pattern`, a place or a pattern of places, means this one.
pub(crate) fn is_place(pattern: &str, place: &str) -> bool {
    pattern == place || glob(pattern).is_some_and(|glob| glob.is_match(place))
}

/// A pattern of paths: `*` within a name, `**` over folders.
pub(crate) fn glob(pattern: &str) -> Option<GlobMatcher> {
    GlobBuilder::new(pattern).literal_separator(true).build().ok().map(|glob| glob.compile_matcher())
}

/// What is not understood in allowances, by key.
pub(crate) fn misread(allowances: &[Allowance]) -> Option<SettingProblem> {
    allowances.iter().enumerate().find_map(|(index, allowance)| {
        let key = format!("policy.allow.{index}");
        if glob(&allowance.place).is_none() {
            let expected = "expected a place as findings tell it, or a pattern of places";
            return Some(SettingProblem::new(&format!("{key}.place"), expected));
        }
        terms(&key, &allowance.reason, &allowance.until)
    })
}

/// Refuses a list at `key` that holds anything but these words.
pub(crate) fn known_words(key: &str, list: &[String], known: &[&str]) -> Result<(), SettingProblem> {
    match list.iter().position(|word| !known.contains(&word.as_str())) {
        Some(index) => {
            Err(SettingProblem::new(&format!("{key}.{index}"), format!("expected one of {}", known.join(", "))))
        }
        None => Ok(()),
    }
}

/// Reads a table of settings that stands at `key`.
pub(crate) fn read<T: DeserializeOwned>(key: &str, table: &toml::Table) -> Result<T, SettingProblem> {
    T::deserialize(toml::Value::Table(table.clone())).map_err(|error| SettingProblem::unread(key, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowance_holds_to_the_end_of_its_day() {
        let text = "log = 'api'\nplace = 'logs/*.log'\nrule = 'generic.*'\nreason = 'x'\nuntil = '2026-11-20'";
        let list = [toml::from_str::<Allowance>(text).expect("TOML")];
        let at = |text: &str| text.parse::<Timestamp>().expect("an instant");
        let id = |text: &str| SubjectId::new(text).expect("an id");
        let (day, later) = (at("2026-11-20T23:59:59.000000Z"), at("2026-11-21T00:00:00.000000Z"));
        assert_eq!(misread(&list), None);
        for (subject, place, rule, allowed) in [
            ("api", "logs/a.log", "generic.password", true),
            ("worker", "logs/a.log", "generic.password", false),
            ("api", "logs/deep/a.log", "generic.password", false),
            ("api", "logs/a.log", "github.pat", false),
        ] {
            assert_eq!(allowance(&list, &id(subject), place, rule, day).is_ok(), allowed, "{subject} {place} {rule}");
        }
        let expired = allowance(&list, &id("api"), "logs/a.log", "generic.password", later).expect_err("it ended");
        assert_eq!(expired.map(|one| one.until.as_str()), Some("2026-11-20"));
    }
}
