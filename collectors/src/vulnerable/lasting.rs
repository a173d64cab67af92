//! What was noted before and is not noted now: kept open, or closed for what became of it.

use std::collections::{BTreeMap, HashSet};

use exhibit_evidence::assessment::{Closing, Judgement};
use exhibit_evidence::observation::Subject;
use exhibit_evidence::{CheckId, Finding, Fingerprint};

use super::conditions;
use super::facts::{Became, Earlier, Judged};
use super::judge::{Judging, Noted};
use super::verdicts::day;
use crate::JudgeError;

impl Judging<'_> {
    /// Why findings that were open are no longer noted. Where there are more than are told, those come first that are no
    /// remedy: one that is not told counts as mended.
    pub(super) fn closings(
        &self,
        check: &CheckId,
        findings: &BTreeMap<Fingerprint, Finding>,
    ) -> BTreeMap<Fingerprint, Closing> {
        let own = self.facts.earlier.iter().filter(|one| one.check == *check);
        let there = self.facts.there.get(check).into_iter().flatten();
        let became = own.map(|one| (one.became, one.fingerprint));
        let became = became.chain(there.map(|fingerprint| (Became::Present, *fingerprint)));
        let gone = became.filter(|(_, fingerprint)| !findings.contains_key(fingerprint));
        let mut all: Vec<(Closing, Fingerprint)> =
            gone.filter_map(|(became, fingerprint)| Some((closing(became)?, fingerprint))).collect();
        all.sort_by_key(|(closing, fingerprint)| (closing.is_remedy(), *fingerprint));
        all.truncate(Judgement::MOST_CLOSINGS);
        all.into_iter().map(|(closing, fingerprint)| (fingerprint, closing)).collect()
    }

    /// Adds what stays open although it is not seen, and counts what is gone by what became of it.
    pub(super) fn last(
        &self,
        name: &'static str,
        subject: &Subject,
        target: Option<&Judged>,
        noted: &mut Noted,
    ) -> Result<(), JudgeError> {
        let check = self.looks.check(name);
        let there: HashSet<Fingerprint> = noted.findings.iter().map(|finding| finding.fingerprint).collect();
        let own = self.facts.earlier.iter().filter(|one| one.check == check && one.subject == *subject);
        for one in own {
            if there.contains(&one.fingerprint) {
                continue;
            }
            match self.stays(target, one) {
                Some(why) => noted.findings.push(self.kept(name, one, why)?),
                None => {
                    let Some(what) = said(one.became) else { continue };
                    *noted.apart.entry(what).or_default() += 1;
                }
            }
        }
        Ok(())
    }

    /// Why something that is not seen is not known to be gone, if it is not.
    fn stays(&self, target: Option<&Judged>, earlier: &Earlier) -> Option<&'static str> {
        match earlier.became {
            Became::NotExamined => Some("was not examined this time, so it is not known to be gone"),
            // Of what is not reported by what is stale nobody knows whether it is gone.
            Became::Fixed | Became::DatabaseChanged | Became::NoLongerReported
                if !earlier.advisory.is_empty() && target.and_then(|target| self.stale(target)).is_some() =>
            {
                Some("is not reported this time, by a word that is stale, so it is not known to be gone")
            }
            _ => None,
        }
    }

    fn kept(&self, name: &'static str, earlier: &Earlier, why: &str) -> Result<Finding, JudgeError> {
        let own = earlier.condition.as_ref().and_then(|condition| condition.as_str().rsplit('.').next());
        let condition = own.unwrap_or(match name {
            "known-exploited" => conditions::EXPLOITED,
            "remediation-in-time" => conditions::OVERDUE,
            _ => conditions::VULNERABLE,
        });
        let package = earlier.package.as_ref().map(|package| package.purl());
        let key = earlier.place.as_ref().and_then(|place| place.key.as_ref());
        let what = package.as_ref().or(key).map(String::as_str).unwrap_or_default();
        let told = match (earlier.advisory.as_str(), what) {
            ("", "") => "What was noted here".to_owned(),
            ("", what) => format!("What was noted of {what}"),
            (advisory, what) => format!("{advisory} in {what}"),
        };
        let detail = format!("{told}, first seen on {}, {why}.", day(earlier.first_observed));
        let mut all = BTreeMap::new();
        let mut add = |name: &str, value: Option<String>| {
            all.extend(value.filter(|value| !value.is_empty()).map(|value| (name.to_owned(), value)));
        };
        add("advisory", Some(earlier.advisory.clone()));
        add("package", package.clone());
        add("version", earlier.version.clone());
        add("severity", earlier.severity.map(|severity| severity.word().to_owned()));
        all.extend(earlier.attributes.clone());
        let place = [earlier.advisory.as_str(), what, earlier.lockfile.as_str()];
        let severity = earlier.severity.unwrap_or(self.policy.unknown_severity);
        let finding = self.finding(&earlier.subject, name, condition, &place, severity, detail, all)?;
        let place = earlier.place.clone().unwrap_or_else(|| finding.place.clone());
        Ok(Finding { fingerprint: earlier.fingerprint, place, ..finding })
    }
}

/// How a finding that is gone is closed; none where it is not known to be.
fn closing(became: Became) -> Option<Closing> {
    Some(match became {
        Became::Removed => Closing::Removed,
        Became::Fixed => Closing::Fixed,
        Became::Present | Became::LeftOut | Became::DatabaseChanged => Closing::RulesChanged,
        Became::NoLongerReported => Closing::NoLongerReported,
        Became::NotExamined => return None,
    })
}

/// How what is gone is counted, in words; what is there is counted by why it is not noted.
fn said(became: Became) -> Option<&'static str> {
    Some(match became {
        Became::Removed => "noted before and no longer there",
        Became::Fixed => "noted before and changed since",
        Became::LeftOut => "noted before and left out by the settings now",
        Became::DatabaseChanged => "noted before, unchanged, and not reported by this scanner or database",
        Became::NoLongerReported => "noted before, unchanged, and no longer reported",
        Became::Present | Became::NotExamined => return None,
    })
}
