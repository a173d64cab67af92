//! Decides, from facts alone.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use exhibit_evidence::assessment::{Judgement, SubjectOutcome};
use exhibit_evidence::observation::Subject;
use exhibit_evidence::{
    Condition, ConditionId, Finding, Fingerprint, Observation, Place, Severity, Timestamp, Verdict,
};
use serde::Deserialize as _;
use serde::de::IgnoredAny;

use super::earlier::ABOUT_VULNERABILITIES;
use super::facts::{FORMAT, Facts, History, Judged, Missed, ScanFacts, Seen};
use super::policy::{self, Allowed, Policy};
use super::telling::{agreement, attributes, detail};
use super::verdicts::{Freshness, day, freshness, standing, uncounted};
use super::{Looks, conditions};
use crate::packages::bill::Identity;
use crate::policy::is_place;
use crate::results::Fix;
use crate::words::{capital, plural};
use crate::{Collector as _, JudgeError};

/// The checks, in the manifest's order.
pub(super) const CHECKS: [&str; 8] = [
    "complete-population",
    "fresh-database",
    "known-vulnerabilities",
    "remediation-in-time",
    "known-exploited",
    "denied-packages",
    "pinned-packages",
    "pinned-images",
];

/// Judges an observation.
pub(super) fn judge(
    looks: Looks,
    observation: &Observation,
    table: &toml::Table,
) -> Result<Vec<Judgement>, JudgeError> {
    let policy = policy::policy(table).map_err(JudgeError::Policy)?;
    let facts = Facts::<IgnoredAny>::deserialize(&observation.facts)?;
    if facts.format != FORMAT {
        return Err(JudgeError::Facts(serde::de::Error::custom("a format that this version does not know")));
    }
    let judging = Judging { looks, observation, policy, facts, accepted: looks.accepted_exclusions(table) };
    checks(looks).map(|name| judging.check(name)).collect()
}

/// Images hold no requirements, and lockfiles name no images.
pub(super) fn checks(looks: Looks) -> impl Iterator<Item = &'static str> {
    let other = match looks {
        Looks::Dependencies => "pinned-images",
        Looks::Images => "pinned-packages",
    };
    CHECKS.into_iter().filter(move |name| *name != other)
}

pub(super) struct Judging<'a> {
    pub(super) looks: Looks,
    pub(super) observation: &'a Observation,
    pub(super) policy: Policy,
    pub(super) facts: Facts<IgnoredAny>,
    pub(super) accepted: BTreeSet<String>,
}

/// What is said of one subject by one check.
#[derive(Default)]
pub(super) struct Noted {
    pub(super) findings: Vec<Finding>,
    /// How many are not noted, by why.
    pub(super) apart: BTreeMap<&'static str, u64>,
    /// What keeps it from passing where nothing was found.
    pub(super) objection: Option<(Verdict, String)>,
    /// What is said where it passes.
    pub(super) passes: String,
    /// How several scanners agree.
    pub(super) agreement: String,
}

/// Why a vulnerability is not noted.
enum Excuse {
    /// It is not affected, with a justification.
    NotAffected,
    /// The policy accepts it.
    Allowed,
}

impl Judging<'_> {
    fn check(&self, name: &'static str) -> Result<Judgement, JudgeError> {
        let (mut findings, mut subjects) = (BTreeMap::<_, Finding>::new(), Vec::new());
        for subject in &self.observation.subjects {
            let target = self.facts.targets.iter().find(|target| target.subject == *subject);
            let mut noted = self.note(name, subject, target)?;
            self.last(name, subject, target, &mut noted)?;
            subjects.push(outcome(subject, &noted));
            for finding in noted.findings {
                findings.entry(finding.fingerprint).or_insert(finding);
            }
        }
        let mut told: BTreeMap<ConditionId, Condition> = BTreeMap::new();
        for finding in findings.values() {
            if !told.contains_key(&finding.condition) {
                let own = finding.condition.as_str().rsplit('.').next().unwrap_or_default();
                told.insert(finding.condition.clone(), conditions::condition(own));
            }
        }
        let check = self.looks.check(name);
        let closings = self.closings(&check, &findings);
        Ok(Judgement { check, closings, conditions: told, findings: findings.into_values().collect(), subjects })
    }

    fn note(&self, name: &'static str, subject: &Subject, target: Option<&Judged>) -> Result<Noted, JudgeError> {
        let neutral =
            |why: &str| Noted { objection: Some((Verdict::NotApplicable, why.to_owned())), ..Noted::default() };
        let manifests = self.facts.manifests.iter().find(|manifests| manifests.subject == *subject);
        match (manifests, name) {
            (Some(manifests), "pinned-images") => return self.images(manifests),
            (Some(_), _) => return Ok(neutral("What is looked at here are references to images, and no packages.")),
            (None, "pinned-images") => {
                return Ok(neutral("What is looked at here is an image, and no file that names one."));
            }
            (None, _) => {}
        }
        let standing = || standing(self.observation, subject, target, &self.accepted);
        let Some(target) = target else { return Ok(Noted { objection: standing(), ..Noted::default() }) };
        match name {
            "complete-population" => {
                Ok(Noted { objection: standing(), passes: self.examined(target), ..Noted::default() })
            }
            "fresh-database" => self.fresh(target),
            "known-vulnerabilities" | "remediation-in-time" | "known-exploited" => {
                let mut noted = self.vulnerabilities(name, target)?;
                let stale = || self.stale(target);
                let list = || (name == "known-exploited").then(|| self.list()).flatten();
                // A check that nothing can fail says nothing.
                let limitless = || {
                    let none = name == "remediation-in-time" && self.policy.days.is_empty();
                    none.then(|| (Verdict::NotApplicable, "The policy sets no time for any severity.".to_owned()))
                };
                noted.objection = list().or_else(limitless).or_else(standing).or_else(stale);
                Ok(noted)
            }
            "denied-packages" => {
                let mut noted = self.denied(target)?;
                let none = "The policy denies no package.".to_owned();
                noted.objection = match self.policy.denied.as_slice() {
                    [] => Some((Verdict::NotApplicable, none)),
                    _ => uncounted(self.observation, subject, Some(target)),
                };
                Ok(noted)
            }
            _ => {
                let mut noted = self.pinned(target)?;
                noted.objection = uncounted(self.observation, subject, Some(target));
                Ok(noted)
            }
        }
    }

    fn examined(&self, target: &Judged) -> String {
        let packages: u64 = target.lockfiles.iter().map(|lockfile| lockfile.packages.len() as u64).sum();
        let unexamined: u64 = target.lockfiles.iter().map(|lockfile| lockfile.unexamined.len() as u64).sum();
        let names: BTreeSet<String> = target.scans.iter().map(ScanFacts::called).collect();
        let names: Vec<String> = names.into_iter().collect();
        let lockfiles = plural(target.lockfiles.len() as u64, "lockfile");
        let place = match (&target.image, &target.commit) {
            (Some(image), _) => match &target.pulled {
                Some(pulled) => format!("image {}", pulled.called()),
                None => format!("image {}", image.manifest.as_ref().unwrap_or(&image.config)),
            },
            (None, Some(commit)) => format!("{lockfiles} at commit {}", commit.get(..12).unwrap_or(commit)),
            (None, None) => lockfiles,
        };
        let examined = packages - unexamined;
        let beside = beside(target);
        format!("{examined} of {} in {place} examined by {}{beside}", plural(packages, "package"), names.join(" and "))
    }

    fn fresh(&self, target: &Judged) -> Result<Noted, JudgeError> {
        let mut noted = Noted::default();
        let mut fresh = Vec::new();
        for scan in &target.scans {
            match freshness(scan, self.observation.observed_to, &self.policy) {
                Freshness::Fresh(told) => fresh.push(told),
                Freshness::Stale(told) => {
                    let place = [scan.name.as_str(), scan.lockfile.as_deref().unwrap_or_default()];
                    let detail = format!("Stale: {told}.");
                    let own = BTreeMap::from([("scanner".to_owned(), scan.name.clone())]);
                    noted.findings.push(self.finding(
                        &target.subject,
                        "fresh-database",
                        conditions::STALE,
                        &place,
                        Severity::High,
                        detail,
                        own,
                    )?);
                }
                Freshness::Unknown(told) => {
                    noted.objection = Some((Verdict::Error, format!("It is not known {told}.")))
                }
            }
        }
        if target.scans.is_empty() {
            noted.objection = Some((Verdict::Error, "No scanner said anything.".to_owned()));
        }
        fresh.dedup();
        noted.passes = fresh.join("; ");
        Ok(noted)
    }

    /// Why nothing can be concluded from what was not reported.
    pub(super) fn stale(&self, target: &Judged) -> Option<(Verdict, String)> {
        target.scans.iter().find_map(|scan| match freshness(scan, self.observation.observed_to, &self.policy) {
            Freshness::Fresh(_) => None,
            Freshness::Stale(told) => Some((Verdict::Error, format!("Stale: {told}."))),
            Freshness::Unknown(told) => Some((Verdict::Error, format!("It is not known {told}."))),
        })
    }

    /// What keeps the list of exploited vulnerabilities from counting.
    fn list(&self) -> Option<(Verdict, String)> {
        let Some(list) = &self.facts.known_exploited else {
            let failed = self.observation.problems.iter().find(|problem| problem.code == "known-exploited-unreadable");
            return Some(failed.map_or_else(
                || (Verdict::NotApplicable, "No list of exploited vulnerabilities is configured.".to_owned()),
                |problem| (Verdict::Error, format!("It could not be found out: {}", problem.message)),
            ));
        };
        let most = i64::from(self.policy.known_exploited_days);
        match list.released {
            None => Some((
                Verdict::Error,
                "The list of exploited vulnerabilities does not say when it was released.".to_owned(),
            )),
            // A day is left to clocks that differ.
            Some(at) if self.observation.observed_to.since(at).num_days() < -1 => Some((
                Verdict::Error,
                format!(
                    "How old the list of exploited vulnerabilities is is not known: it says {}, which is to come.",
                    day(at)
                ),
            )),
            Some(at) if self.observation.observed_to.since(at).num_days() > most => Some((
                Verdict::Error,
                format!(
                    "Stale: the list of exploited vulnerabilities is of {}, and the policy allows {most} days.",
                    day(at)
                ),
            )),
            Some(_) => None,
        }
    }

    fn vulnerabilities(&self, name: &'static str, target: &Judged) -> Result<Noted, JudgeError> {
        let mut noted = Noted::default();
        let mut alone: BTreeMap<String, u64> = BTreeMap::new();
        let at = self.facts.targets.iter().position(|one| one.subject == target.subject);
        let all = at.and_then(|at| self.observation.facts["targets"][at]["vulnerabilities"].as_array());
        for seen in all.into_iter().flatten() {
            let seen = &Seen::deserialize(seen)?;
            if let [who] = seen.seen_by.as_slice()
                && seen.missed_by.values().all(|missed| *missed != Missed::Examined)
            {
                *alone.entry(who.clone()).or_default() += 1;
            }
            match self.excuse(target, seen) {
                Some(Excuse::NotAffected) => {
                    *noted.apart.entry("said to be not affected, with a justification").or_default() += 1
                }
                // No policy accepts what is being exploited.
                Some(Excuse::Allowed) if name != "known-exploited" => {
                    *noted.apart.entry("accepted by the policy").or_default() += 1;
                }
                _ => self.vulnerability(name, target, seen, &mut noted)?,
            }
        }
        if name == ABOUT_VULNERABILITIES[0] {
            noted.agreement = agreement(target, &alone);
        }
        noted.passes = format!("{}, with no deviation", self.examined(target));
        if name == "remediation-in-time" && self.facts.history == History::NotSupplied {
            noted
                .passes
                .push_str("; nobody supplied what was seen before, so that all counts as seen for the first time");
        }
        Ok(noted)
    }

    fn severity(&self, seen: &Seen) -> Severity {
        seen.severity.unwrap_or(self.policy.unknown_severity)
    }

    fn vulnerability(
        &self,
        name: &'static str,
        target: &Judged,
        seen: &Seen,
        noted: &mut Noted,
    ) -> Result<(), JudgeError> {
        let severity = self.severity(seen);
        let at = self.observation.observed_to;
        let first = seen.first_seen.unwrap_or(at);
        let days = at.since(first).num_days();
        let (condition, severity, rest) = match name {
            "known-exploited" if !seen.exploited => return Ok(()),
            "known-exploited" => {
                (conditions::EXPLOITED, Severity::Critical, "; it is known to be exploited".to_owned())
            }
            "remediation-in-time" => match self.policy.days.get(&severity) {
                Some(most) if days > i64::from(*most) => {
                    let rest = format!(
                        "; first seen on {}, {} ago, and the policy allows {most} for {severity}",
                        day(first),
                        plural(days.unsigned_abs(), "day")
                    );
                    (conditions::OVERDUE, severity, rest)
                }
                Some(_) => {
                    *noted.apart.entry("open and within their time").or_default() += 1;
                    return Ok(());
                }
                None => {
                    *noted.apart.entry("of a severity without a time").or_default() += 1;
                    return Ok(());
                }
            },
            _ if severity > self.policy.note_from => {
                *noted.apart.entry("below the severity that is noted").or_default() += 1;
                return Ok(());
            }
            // That nobody tells of a fix is no word that there is none.
            _ if self.policy.only_fixable && matches!(seen.fix, Fix::None | Fix::Refused) => {
                *noted.apart.entry("without a fix").or_default() += 1;
                return Ok(());
            }
            _ => (
                conditions::VULNERABLE,
                severity,
                format!("; first seen on {}{}", day(first), self.due(severity, first)),
            ),
        };
        let rest = match seen.gone_after {
            Some(last) => format!("{rest}; it was gone after {} and is back", day(last)),
            None => rest,
        };
        let detail = format!("{}{rest}{}.", detail(seen), self.remarks(target, seen));
        let unversioned = seen.package.unversioned().purl();
        let place = [seen.advisory.as_str(), unversioned.as_str(), seen.lockfile.as_str()];
        noted.findings.push(self.finding(
            &target.subject,
            name,
            condition,
            &place,
            severity,
            detail,
            attributes(target, seen),
        )?);
        Ok(())
    }

    /// What else is to be known of it.
    fn remarks(&self, target: &Judged, seen: &Seen) -> String {
        let mut text = String::new();
        if seen.severity.is_none() {
            text.push_str(&format!(
                "; no scanner tells its severity, and the policy counts that as {}",
                self.policy.unknown_severity
            ));
        }
        if !seen.in_population {
            text.push_str("; no lockfile that could be read pins it");
        }
        if let Some(why) = &seen.suppressed {
            text.push_str(&format!("; the scanner was told to leave it out ({why}), which the policy does not know"));
        }
        if seen.seen_by.len() == 1 && !seen.missed_by.is_empty() {
            text.push_str(&format!("; only {} reports it", seen.seen_by[0]));
        }
        for (who, missed) in &seen.missed_by {
            text.push_str(&match missed {
                Missed::Examined => format!("; {who} examined the package and does not report it"),
                Missed::NotExamined => format!("; {who} did not examine the package"),
                Missed::NotTold => format!("; {who} does not say whether it examined the package"),
            });
        }
        let expired = self.policy.allow.iter().find(|allowed| covers(allowed, target, seen));
        if let Some(allowed) = expired.filter(|allowed| !allowed.holds(self.observation.observed_to)) {
            text.push_str(&format!("; it was accepted until {}", allowed.until));
        }
        text
    }

    /// Until when the policy has something of this severity mended, by words that stay true once that day has passed.
    fn due(&self, severity: Severity, first: Timestamp) -> String {
        let until = |days: &u32| {
            let last = day(first.plus(TimeDelta::days(i64::from(*days))));
            format!(", to be mended by {last} ({severity}: {})", plural(u64::from(*days), "day"))
        };
        // A longer time is none that anybody keeps.
        self.policy.days.get(&severity).filter(|days| **days <= 36_500).map(until).unwrap_or_default()
    }

    fn excuse(&self, target: &Judged, seen: &Seen) -> Option<Excuse> {
        if seen.vex.as_ref().is_some_and(crate::results::Vex::excuses) {
            return Some(Excuse::NotAffected);
        }
        let at = self.observation.observed_to;
        self.policy
            .allow
            .iter()
            .any(|allowed| covers(allowed, target, seen) && allowed.holds(at))
            .then_some(Excuse::Allowed)
    }

    fn denied(&self, target: &Judged) -> Result<Noted, JudgeError> {
        let mut noted = Noted::default();
        for lockfile in &target.lockfiles {
            // What comes from no registry is denied by its name as much as what does.
            let aside =
                lockfile.aside.iter().filter_map(|apart| Some((lockfile.format.named(&apart.name)?, Some(apart.why))));
            let pinned = lockfile.packages.iter().map(|package| (package.clone(), None));
            for (package, why) in pinned.chain(aside) {
                let purl = package.purl();
                let Some(denied) = self.policy.denied.iter().find(|denied| denied.means(&purl)) else { continue };
                let why = why.map(|why| format!(", {},", why.reason())).unwrap_or_default();
                let detail = format!("{purl}{why} may not be used: {}.", denied.reason.trim_end_matches('.'));
                let unversioned = package.unversioned().purl();
                let place = ["denied", unversioned.as_str(), lockfile.path.as_str()];
                let own = BTreeMap::from([("package".to_owned(), unversioned.clone())]);
                noted.findings.push(self.finding(
                    &target.subject,
                    "denied-packages",
                    conditions::DENIED,
                    &place,
                    Severity::High,
                    detail,
                    own,
                )?);
            }
        }
        noted.passes = format!(
            "nothing that the policy denies ({}) is there, by Exhibit's own reading",
            plural(self.policy.denied.len() as u64, "package")
        );
        Ok(noted)
    }

    fn pinned(&self, target: &Judged) -> Result<Noted, JudgeError> {
        let mut noted = Noted::default();
        for lockfile in &target.lockfiles {
            for one in &lockfile.unpinned {
                let detail =
                    format!("`{}` is asked for without a version, so each build may take another one.", one.name);
                let place = ["unpinned", one.name.as_str(), lockfile.path.as_str()];
                let own = BTreeMap::from([("package".to_owned(), one.name.clone())]);
                let mut finding = self.finding(
                    &target.subject,
                    "pinned-packages",
                    conditions::UNPINNED,
                    &place,
                    Severity::Medium,
                    detail,
                    own,
                )?;
                finding.place.line = Some(one.line);
                noted.findings.push(finding);
            }
            if self.policy.hashes && lockfile.unhashed > 0 {
                let detail = format!("{} pinned without a hash.", plural(lockfile.unhashed, "package"));
                let place = ["without-hash", "", lockfile.path.as_str()];
                let mut finding = self.finding(
                    &target.subject,
                    "pinned-packages",
                    conditions::UNHASHED,
                    &place,
                    Severity::Low,
                    detail,
                    BTreeMap::new(),
                )?;
                finding.instances = lockfile.unhashed;
                noted.findings.push(finding);
            }
        }
        noted.passes = format!(
            "every package of {} is pinned to a version, by Exhibit's own reading",
            plural(target.lockfiles.len() as u64, "lockfile")
        );
        Ok(noted)
    }

    /// A finding at a place of three parts: what, in which package, in which lockfile.
    #[expect(clippy::too_many_arguments, reason = "a finding has that many parts")]
    pub(super) fn finding(
        &self,
        subject: &Subject,
        check: &str,
        condition: &str,
        place: &[&str],
        severity: Severity,
        detail: String,
        attributes: BTreeMap<String, String>,
    ) -> Result<Finding, JudgeError> {
        let fingerprint = Fingerprint::of(&self.looks.check(check), &subject.environment, &subject.id, place)?;
        let file = place.last().filter(|file| !file.is_empty()).map(|file| (*file).to_owned());
        let key = place.get(1).filter(|_| place.len() > 2).filter(|key| !key.is_empty()).map(|key| (*key).to_owned());
        Ok(Finding {
            attributes,
            condition: self.looks.condition(condition),
            detail,
            environment: subject.environment.clone(),
            fingerprint,
            instances: 1,
            place: Place { file, key, rule: Some(place[0].to_owned()), ..Place::default() },
            severity,
            subject: subject.id.clone(),
        })
    }
}

/// What else is to be known of what was counted in an image.
fn beside(target: &Judged) -> String {
    let mut text = String::new();
    for (language, count) in target.held.iter().flat_map(|held| &held.installed) {
        let packages = plural(*count, "package");
        text.push_str(&format!("; not counted: {packages} of {language}, installed without a lockfile"));
    }
    if let Some(bill) = &target.bill {
        let (missing, beyond) = (bill.missing.len(), bill.beyond);
        match &bill.identity {
            Identity::Same { by } => text.push_str(&format!("; the bill of materials names this image by {by}")),
            _ => text.push_str("; the bill of materials does not name this image by a digest that it can be held to"),
        }
        if missing > 0 {
            text.push_str(&format!("; it does not list {missing} of those that are installed"));
        }
        if beyond > 0 {
            text.push_str(&format!("; it lists {beyond} that were not counted in the image itself"));
        }
    }
    text
}

fn covers(allowed: &Allowed, target: &Judged, seen: &Seen) -> bool {
    let unversioned = seen.package.unversioned().purl();
    seen.ids.meets(&crate::results::Ids::new([&allowed.advisory]))
        && allowed.package.as_ref().is_none_or(|package| *package == unversioned || *package == seen.package.purl())
        && allowed.subject.as_ref().is_none_or(|subject| *subject == target.subject.id)
        && allowed.lockfile.as_ref().is_none_or(|pattern| is_place(pattern, &seen.lockfile))
}

fn outcome(subject: &Subject, noted: &Noted) -> SubjectOutcome {
    let apart: String = noted.apart.iter().map(|(why, count)| format!("; {count} {why}")).collect();
    let (verdict, reason) = match (&noted.objection, noted.findings.len()) {
        (objection, count @ 1..) => {
            let unsure = objection.as_ref().map(|(_, why)| format!(" Beside that: {why}")).unwrap_or_default();
            let agreement = &noted.agreement;
            (Verdict::Fail, format!("{} noted{apart}.{agreement}{unsure}", plural(count as u64, "deviation")))
        }
        (Some((verdict, why)), 0) => (*verdict, why.clone()),
        (None, 0) => (Verdict::Pass, format!("{}{apart}.{}", capital(&noted.passes), noted.agreement)),
    };
    SubjectOutcome { reason, subject: subject.clone(), verdict }
}
